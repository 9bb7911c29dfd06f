import type { FastifyInstance, FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import type { Role } from '../../access/permissions.js';
import type { TokenSigner } from '../../access/tokens.js';
import { demoTenants } from '../database/demoData.js';
import { type DemoFacts, demoFacts } from '../database/seed.js';
import type { Machinery } from '../operation/operation.js';
import { refusedByHttp } from './httpErrors.js';

const roles: readonly Role[] = ['admin', 'manager', 'auditor', 'support', 'reseller', 'customer'];

export interface DemoUser {
  readonly role: Role;
  readonly token: string;
}

/** A demo tenant with a token for each of its users, and what they may try them on. */
export interface DemoAccess {
  readonly tenantId: string;
  readonly name: string;
  readonly users: readonly DemoUser[];
  readonly facts: DemoFacts;
}

function claimsOf(role: Role, tenantId: string, facts: DemoFacts): Record<string, unknown> {
  const bound =
    role === 'customer'
      ? { customer_id: facts.customerId }
      : role === 'reseller'
        ? { reseller_id: facts.resellerId }
        : {};
  return { sub: `${role}@${tenantId}.example`, tenant_id: tenantId, roles: [role], ...bound };
}

/** The demo tenants that were seeded, with tokens that live for so many seconds. Needs the worker's pool. */
export async function demoAccess(
  worker: Machinery,
  signer: TokenSigner,
  seconds: number,
): Promise<DemoAccess[]> {
  const seeded: DemoAccess[] = [];
  for (const [index, { id, name }] of demoTenants.entries()) {
    const facts = await demoFacts(worker, id);
    if (facts === undefined) continue;
    const users: DemoUser[] = [];
    for (const role of index === 0 ? roles : roles.slice(0, 1)) {
      users.push({ role, token: await signer.sign(claimsOf(role, id, facts), worker.clock(), seconds) });
    }
    seeded.push({ tenantId: id, name, users, facts });
  }
  return seeded;
}

function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback';
}

/** Whether nobody but this machine reaches the server: every address that it listens on is a loopback one. */
function isPrivate(app: FastifyInstance): boolean {
  const addresses = app.addresses();
  return (
    addresses.length > 0 && addresses.every((bound) => typeof bound === 'object' && isLoopback(bound.address))
  );
}

/** What a proxy on this machine leaves behind: then the caller may be anywhere. */
const proxied = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/**
 * Whether a request names this machine itself as its host. A page of another site that has its name resolve to
 * 127.0.0.1 (DNS rebinding) sends its own name. The port is left open: it differs behind a forwarded one.
 */
export function isAtHome({ headers }: FastifyRequest, app: FastifyInstance): boolean {
  const named = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i.test(headers.host ?? '');
  return named && isPrivate(app) && proxied.every((name) => headers[name] === undefined);
}

/**
 * Whether our own page asks. Another page of this machine, on another port, has another origin; no form and no
 * image can send a header of its own; and a browser lets no script write `Origin` or `Sec-Fetch-Site`.
 */
function isOwnPage({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  return (
    headers['x-licensegraph-page'] === 'graphiql' &&
    headers.origin === `http://${headers.host}` &&
    (site === undefined || site === 'same-origin')
  );
}

/** Hands the demo tokens to our own page, opened on the machine that the server runs on, and to nobody else. */
export function addDemoUsers(app: FastifyInstance, access: () => Promise<readonly DemoAccess[]>): void {
  app.post('/graphiql/demo-users', async (request, reply) => {
    if (!isAtHome(request, app) || !isOwnPage(request)) {
      const { status, body } = refusedByHttp(404, request.id, 'There is nothing at this address.');
      return reply.code(status).send(body);
    }
    return reply.send({ tenants: await access() });
  });
}
