/**
 * How long a license that was revoked goes on granting on another server: `npm run bench -- quota`. Two server processes on
 * a database that writes to disk; 100 times one revokes, and the other is asked until it refuses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../src/core/clock.js';
import { mutation } from '../tests/support/acts.js';
import { createCustomer, createLicense, openShop, type Shop } from '../tests/support/fixtures.js';
import { Processes, type ServerProcess } from '../tests/support/processes.js';
import { type Claims, startTestServer, type TestServer } from '../tests/support/server.js';
import { type Durable, openDurable } from './support/durable.js';
import { quantile } from './support/figures.js';

const TRIES = 100;
/** What is remembered of a licensee holds so long if every word of its change is lost. */
const BOUND_MILLIS = 2_000;

let database: Durable;
let server: TestServer;
let shop: Shop;
let processes: Processes;

beforeAll(async () => {
  database = await openDurable();
  server = await startTestServer({ beside: database });
  shop = await openShop(server);
  processes = await Processes.open(server);
}, 60_000);

afterAll(async () => {
  await processes?.end();
  await server?.stop();
  await database?.end();
});

async function tokenOf(claims: Claims): Promise<string> {
  const now = instant(Date.now());
  return (await server.tokens.signer?.sign({ sub: 'bench', ...claims }, now, 3_600)) ?? '';
}

/** A customer with one license that grants a feature. */
async function licensed() {
  const customerId = await createCustomer(server, shop.admin);
  const license = await createLicense(server, shop, {
    customerId,
    licenseType: 'PERPETUAL',
    features: [{ featureId: 'analytics_dashboard', featureName: 'Analytics' }],
  });
  const token = await tokenOf({ ...shop.admin, roles: ['customer'], customer_id: customerId });
  return { id: license.id, token };
}

const revoke = mutation('revokeLicense', 'license { status }');
const analytics = 'query ($id: ID!) { license(id: $id) { analytics { __typename } } }';

const codeOf = async (at: ServerProcess, id: string, token: string): Promise<string | undefined> =>
  (await at.graphql(analytics, { id }, token)).code;

test('a license that one server revokes stops granting on another, 100 times of 100', async () => {
  const [revoking, other] = await Promise.all([processes.start(), processes.start()]);
  const admin = await tokenOf(shop.admin);
  const millis: number[] = [];
  const codes = new Set<string | undefined>();

  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const { id, token } = await licensed();
    // Asked before, so that it is remembered there.
    expect(await codeOf(other, id, token)).toBeUndefined();
    const answer = await revoking.graphql(revoke, { input: { licenseId: id, reason: 'bench' } }, admin);
    expect(answer.errors).toEqual([]);
    const revoked = performance.now();
    let code: string | undefined;
    do {
      code = await codeOf(other, id, token);
    } while (code === undefined && performance.now() - revoked < BOUND_MILLIS);
    millis.push(performance.now() - revoked);
    codes.add(code);
    await sleep(5);
  }

  const of = (share: number): string => quantile(millis, share).toFixed(1);
  console.table({ 'refused after, ms': { median: of(0.5), p99: of(0.99), most: of(1), tries: TRIES } });
  expect(codes).toEqual(new Set(['NO_ACTIVE_LICENSE']));
}, 240_000);
