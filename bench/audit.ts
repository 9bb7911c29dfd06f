/**
 * What the audit trail costs: `npm run bench -- audit`. How long a million events take to be verified, how fast the one
 * sealer is against the writes of one server, and what writing an event adds to the processor's time of a mutation, in 31
 * rounds that take turns.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReseller } from '../src/access/service.js';
import { sealEvents } from '../src/audit/jobs.js';
import { genesis, sealHash } from '../src/audit/model/chain.js';
import { verifyAuditTrail } from '../src/audit/service/verifyAuditTrail.js';
import { connect, drizzleOn } from '../src/core/db.js';
import type { TenantId } from '../src/core/id.js';
import type { Reading, Work } from '../src/core/work.js';
import type { Context } from '../src/graph/context.js';
import { issueLicense } from '../src/licenses/service/issueLicense.js';
import { openShop, type Shop } from '../tests/support/fixtures.js';
import { startTestServer, type TestServer } from '../tests/support/server.js';
import { interval31, median } from './support/figures.js';
import { Load } from './support/load.js';
import { guarded } from './support/marked.js';

const EVENTS = Number(process.env.BENCH_EVENTS ?? 1_000_000);
const ROUNDS = 31;
const MUTATIONS = 150;
const CHUNK = 10_000;
const AT = '2026-03-01T12:00:00Z';
const CONNECTIONS = 8;

/** The goals: the upper end of the interval, times the writes of one server, and a million events within ten seconds. */
const MOST_OF_A_MUTATION = 1.15;
const LEAST_SEALED = 5;
const LEAST_VERIFIED = 100_000;

let server: TestServer;
let address: string;
let shop: Shop;
let load: Load;
let authorization: string;

/** The same act; `quiet` writes no event of it. */
function working(ctx: Context, quiet: boolean): Work {
  const work = ctx.currentWork();
  return quiet ? Object.create(work, { emit: { value: async () => undefined } }) : work;
}

async function issue(ctx: Context, quiet: boolean): Promise<boolean> {
  await issueLicense(working(ctx, quiet), { customerId: shop.customerId, templateId: shop.templateId });
  return true;
}

const types = 'type Query { a: Int } type Mutation { told: Boolean quiet: Boolean added: Boolean }';
const resolvers = {
  'Query.a': () => 1,
  'Mutation.told': (_: unknown, _args: unknown, ctx: Context) => issue(ctx, false),
  'Mutation.quiet': (_: unknown, _args: unknown, ctx: Context) => issue(ctx, true),
  'Mutation.added': async (_: unknown, _args: unknown, ctx: Context) => {
    await createReseller(ctx.currentWork(), { name: 'Northwind' });
    return true;
  },
};

let office: TestServer;
beforeAll(async () => {
  office = await startTestServer();
  shop = await openShop(office);
  server = await startTestServer({ beside: office, graph: guarded(types, resolvers) });
  address = await server.app.listen({ host: '127.0.0.1', port: 0 });
  authorization = `Bearer ${await office.token(shop.admin)}`;
  load = new Load();
}, 60_000);
afterAll(async () => {
  load?.end();
  await server?.stop();
  await office?.stop();
});

const ask = (field: string, most: number, millis = 60_000) =>
  load.run({
    url: `${address}/graphql`,
    authorization,
    body: JSON.stringify({ query: `mutation { ${field} }` }),
    expected: `${JSON.stringify({ data: { [field]: true } })}\n`,
    connections: CONNECTIONS,
    millis,
    most,
  });

async function processorMicros(field: string): Promise<number> {
  const before = process.cpuUsage();
  const { answers } = await ask(field, MUTATIONS);
  const { user, system } = process.cpuUsage(before);
  server.statements.length = 0;
  return (user + system) / answers.length;
}

/** Numbers all that waits; answers how many events a second. */
async function sealAll(): Promise<{ count: number; perSecond: number }> {
  const sql = connect(office.url, { max: 1, connection: { role: 'lg_worker', TimeZone: 'UTC' } });
  const begun = performance.now();
  let count = 0;
  for (let some = 1; some > 0; count += some)
    some = (await sql.begin((each) => sealEvents(drizzleOn(each, sql.options), server.now))).facts.length;
  await sql.end();
  return { count, perSecond: (count / (performance.now() - begun)) * 1000 };
}

test('writing an event, of the processor time of a mutation', async () => {
  for (const field of ['told', 'quiet', 'told', 'quiet']) await processorMicros(field);
  const [told, quiet]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round % 2 === 0) told.push(await processorMicros('told'));
    quiet.push(await processorMicros('quiet'));
    if (round % 2 === 1) told.push(await processorMicros('told'));
  }

  const { ratio, from, to } = interval31(told.map((micros, index) => micros / (quiet[index] ?? 0)));
  console.table({
    'without its event': { 'us a mutation': median(quiet).toFixed(0) },
    'with it': { 'us a mutation': median(told).toFixed(0) },
    'times as much': { 'us a mutation': ratio.toFixed(3), '95 % from': from.toFixed(3), to: to.toFixed(3) },
  });
  expect(await office.count('unsealed_events')).toBeGreaterThan(0);
  expect(to).toBeLessThanOrEqual(MOST_OF_A_MUTATION);
}, 240_000);

test('one sealer against the writes of one server', async () => {
  await sealAll();
  const { answers, millis } = await ask('added', 1e9, 5_000);
  const written = (answers.length / millis) * 1000;
  const sealed = await sealAll();

  console.table({
    'written by one server': { 'events a second': written.toFixed(0) },
    sealed: {
      'events a second': sealed.perSecond.toFixed(0),
      'times as many': (sealed.perSecond / written).toFixed(1),
    },
  });
  expect(sealed.count).toBe(answers.length);
  expect(sealed.perSecond / written).toBeGreaterThanOrEqual(LEAST_SEALED);
}, 60_000);

/** What the sealer would have written in some minutes, and indexes that it takes no part in left out. */
async function fill(tenantId: TenantId): Promise<void> {
  for (const by of ['license', 'subject', 'type', 'actor', 'created_at'])
    await office.sql.unsafe(`drop index ix_license_events_${by}`);
  const about = {
    data: { changed: ['maxActivations'], before: { maxActivations: 5 }, after: { maxActivations: 7 } },
  };
  const cause = { actor_kind: 'user', request_id: 'request' };
  await office.sql`insert into license_event_logs (tenant_id, id, event_type, subject_id, license_id, user_id, event_data, metadata, created_at)
    select ${tenantId}, '019a0000-0000-7000-8000-' || lpad(n::text, 12, '0'), 'license.updated', 'license ' || n, 'license ' || n,
      'tester', ${office.sql.json(about.data)}, ${office.sql.json(cause)}, '2026-03-01T12:00:00Z'
    from generate_series(1, ${EVENTS}) as n`;
  let { hash } = genesis(tenantId);
  for (let from = 1; from <= EVENTS; from += CHUNK) {
    const rows = Array.from({ length: CHUNK }, (_, index) => {
      const n = from + index;
      const id = `019a0000-0000-7000-8000-${String(n).padStart(12, '0')}`;
      hash = sealHash(hash, n, AT, {
        tenantId,
        id,
        type: 'license.updated',
        subjectId: `license ${n}`,
        licenseId: `license ${n}`,
        activationId: null,
        actor: 'tester',
        ...about,
        metadata: cause,
        personalHash: null,
        createdAt: AT,
      });
      return [n, id, hash];
    });
    await office.sql`insert into audit_seals (tenant_id, sequence, event_id, sealed_at, hash)
      select ${tenantId}, (row ->> 0)::bigint, row ->> 1, ${AT}, row ->> 2 from json_array_elements(${JSON.stringify(rows)}::text::json) as row`;
  }
  await office.sql`insert into audit_heads (tenant_id, sequence, hash, pending) values (${tenantId}, ${EVENTS}, ${hash}, 0)`;
  await office.sql`vacuum analyze license_event_logs, audit_seals`;
}

/** Hundredths of a second that a process has had of the processor, as Linux counts them. */
async function ticksOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14).map(Number);
  return (user ?? 0) + (system ?? 0);
}

test('a million events are verified', async () => {
  const tenantId = (await office.tenant()).tenant_id as TenantId;
  await fill(tenantId);
  const sql = connect(office.url, { max: 1, connection: { role: 'lg_worker', TimeZone: 'UTC' } });
  const actor = { kind: 'system', subject: 'bench', tenantId, permissions: new Set<string>() } as const;
  const reading = { db: drizzleOn(sql, sql.options), tenantId, actor } as unknown as Reading;

  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const theirs = await ticksOf(backend?.pid ?? 0);
  const before = process.cpuUsage();
  const begun = performance.now();
  let verified = 0;
  let heap = 0;
  for (let from: number | null = 1; from !== null; ) {
    const report = await verifyAuditTrail(reading, { from }, office.machinery.signing.verify);
    expect(report.broken).toBeNull();
    verified = report.to;
    from = report.continuesAt;
    heap = Math.max(heap, process.memoryUsage().heapUsed);
  }
  const seconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(before);

  console.table({
    verified: {
      'events a second': (verified / seconds).toFixed(0),
      seconds: seconds.toFixed(1),
      'us of the processor each': ((user + system) / verified).toFixed(1),
      'and of the database': (((await ticksOf(backend?.pid ?? 0)) - theirs) * (10_000 / verified)).toFixed(1),
    },
  });
  await sql.end();
  console.log(`heap at the most: ${(heap / 1e6).toFixed(0)} MB`);
  expect(verified).toBe(EVENTS);
  expect(EVENTS / seconds).toBeGreaterThanOrEqual(LEAST_VERIFIED);
}, 300_000);
