import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Role } from '../../src/access/permissions.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import type { Answer, Claims, GraphError, Json, TestServer } from './server.js';

/** An input mutation by its name: `suspendLicense` takes `SuspendLicenseInput`. */
export function mutation(act: string, selection: string): string {
  const input = `${act.charAt(0).toUpperCase()}${act.slice(1)}Input`;
  return `mutation ($input: ${input}!) { ${act}(input: $input) { ${selection} } }`;
}

/**
 * Everything that a tenant has in the tables that acts write: what a refusal has to leave as it was. That it was
 * refused is recorded apart, behind the answer.
 */
export async function tablesOf(server: TestServer, tenantId: string): Promise<unknown> {
  // What earlier questions told is taken down behind their answers.
  await server.machinery.drain.idle();
  await server.machinery.keyUses.drain();
  const all = (table: string, order: string, besides = server.sql`true`) =>
    server.sql`select coalesce(json_agg(t order by ${server.sql(order)}), '[]') as rows
      from ${server.sql(table)} t where tenant_id = ${tenantId} and ${besides}`;
  return Promise.all([
    all('licenses', 'id'),
    all('license_activations', 'id'),
    all(
      'license_event_logs',
      'id',
      server.sql`event_type not like '%.refused' and event_type <> 'incident.raised'`,
    ),
    all('license_templates', 'id'),
    all('billing_products', 'product_id'),
    all('customers', 'id'),
    all('resellers', 'id'),
    all('key_directory', 'hash'),
    all('api_keys', 'id'),
    all('device_blacklist', 'id'),
    all('emergency_codes', 'id'),
    all('license_orders', 'id'),
    all('invoices', 'id'),
    all('payments', 'id'),
    all('number_series', 'series'),
    all('license_pools', 'id'),
    all('pool_allocations', 'license_id'),
    all('bulk_issues', 'id'),
    all('bulk_issue_results', 'id'),
  ]);
}

/** Runs what has to be refused with this code, and holds that it wrote and emitted nothing. */
export async function refused(
  server: TestServer,
  as: Claims,
  code: RefusalCode,
  run: () => Promise<Answer>,
): Promise<GraphError> {
  const before = await tablesOf(server, as.tenant_id);
  const answer = await run();
  expect(answer.errors.map((error) => error.extensions.code)).toEqual([code]);
  expect(await tablesOf(server, as.tenant_id)).toEqual(before);
  const [error] = answer.errors;
  if (error === undefined) throw new Error('nothing was refused');
  return error;
}

/** A refused mutation with this input. */
export function refusedAct(
  server: TestServer,
  as: Claims,
  act: string,
  input: object,
  code: RefusalCode,
): Promise<GraphError> {
  return refused(server, as, code, () => server.graphql(mutation(act, '__typename'), { input }, as));
}

/** The fields that an INVALID_INPUT names. */
export async function refusedFields(
  server: TestServer,
  as: Claims,
  act: string,
  input: object,
): Promise<string[]> {
  const error = await refusedAct(server, as, act, input, 'INVALID_INPUT');
  return (error.extensions.fields ?? []).map((problem) => problem.field);
}

/** The license that an act answers, after it. */
export async function actOn(
  server: TestServer,
  as: Claims,
  act: string,
  input: object,
  selection = 'id status',
): Promise<Json> {
  const data = await server.ok(mutation(act, `license { ${selection} }`), { input }, as);
  const license = data[act]?.license;
  if (license === undefined) throw new Error(`${act} answered no license`);
  return license;
}

export interface LoggedEvent {
  readonly type: string;
  readonly subjectId: string;
  readonly licenseId: string | null;
  readonly actor: string | null;
  /** Without what changed members were and are: tests of the trail look at those. */
  readonly data: Record<string, unknown>;
}

function withoutDifference(data: Record<string, unknown>): Record<string, unknown> {
  if (!Array.isArray(data.changed)) return data;
  const { before: _before, after: _after, ...others } = data;
  return others;
}

/** The events that a run adds to a tenant's trail, in their order; not those that record a refusal. */
export async function eventsDuring(
  server: TestServer,
  tenantId: string,
  run: () => Promise<unknown>,
): Promise<LoggedEvent[]> {
  const before = await server.sql`select id from license_event_logs where tenant_id = ${tenantId}`;
  await run();
  const known = before.map((row) => String(row.id));
  const rows = await server.sql`select event_type, subject_id, license_id, user_id, event_data
    from license_event_logs where tenant_id = ${tenantId} and id <> all(${known}::text[])
      and event_type not like '%.refused' and event_type <> 'incident.raised' order by id`;
  return rows.map((row) => ({
    type: row.event_type,
    subjectId: row.subject_id,
    licenseId: row.license_id,
    actor: row.user_id,
    data: withoutDifference(row.event_data),
  }));
}

/** What the graph answers of one license. */
export async function readLicense(
  server: TestServer,
  as: Claims,
  id: string,
  selection = 'status',
): Promise<Json> {
  const data = await server.ok(`query ($id: ID!) { license(id: $id) { ${selection} } }`, { id }, as);
  if (data.license === undefined) throw new Error('no license was answered');
  return data.license;
}

/** A list in an answer; whoever asks knows what its entries are, as the query selected them. */
export function listIn<Entry>(answer: unknown): readonly Entry[] {
  if (!Array.isArray(answer)) throw new Error('the answer has no list there');
  return answer;
}

/** Somebody in a role; who acts for one party is bound to one, here to a party that has nothing. */
export function inRole({ tenant_id }: Claims, role: Role): Claims {
  if (role === 'customer') return { tenant_id, roles: [role], customer_id: randomUUID() };
  if (role === 'reseller') return { tenant_id, roles: [role], reseller_id: randomUUID() };
  return { tenant_id, roles: [role] };
}
