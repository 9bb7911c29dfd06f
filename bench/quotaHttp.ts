/**
 * What exact quotas cost through the door: `npm run bench -- quota`. Operations over HTTP, from callers in another process,
 * each with a metered field; against the same server and a field that does one `update … where used < limit` itself.
 */
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../src/core/db.js';
import { grantToTenant } from '../tests/support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../tests/support/meters.js';
import { startTestServer, type TestServer } from '../tests/support/server.js';
import { type Durable, openDurable } from './support/durable.js';
import { line, type Measured, measured, takeTurns } from './support/figures.js';
import { Load } from './support/load.js';
import { guarded } from './support/marked.js';

const ROUNDS = 5;
const ROUND_MILLIS = 2_000;
const FEATURE = 'bench';
/** Of the peer's UPDATEs; the meter has two connections. */
const CONNECTIONS = 20;

let database: Durable;
let office: TestServer;
let server: TestServer;
let shop: FeatureShop;
let peer: postgres.Sql;
let load: Load;
let graphUrl: string;
let authorization: string;
const granted = { metered: 0, updated: 0 };

async function updated(): Promise<number> {
  const rows =
    await peer`update bench_counter set used = used + 1 where id = 1 and used < most returning used`;
  if (rows.length !== 1) throw new Error('a grant was refused');
  return 1;
}

const graph = guarded(
  `type Query { updated: Int metered: Int @requiresFeature(feature: "${FEATURE}", consumeQuota: true) }`,
  { 'Query.metered': () => 1, 'Query.updated': updated },
);

beforeAll(async () => {
  database = await openDurable();
  office = await startTestServer({ beside: database });
  server = await startTestServer({ beside: office, graph, events: true });
  await office.sql`create table bench_counter (id int primary key, used bigint not null, most bigint not null)`;
  await office.sql`insert into bench_counter values (1, 0, 1000000000000)`;
  shop = await openFeatureShop(office);
  await grantToTenant(office, shop, [{ featureId: FEATURE, limitValue: 1e12 }]);
  peer = connect(database.adminUrl, { max: CONNECTIONS });
  graphUrl = `${await server.app.listen({ host: '127.0.0.1', port: 0 })}/graphql`;
  authorization = `Bearer ${await server.token(shop.admin)}`;
  load = new Load();
}, 60_000);

afterAll(async () => {
  load?.end();
  await peer?.end();
  await server?.stop();
  await office?.stop();
  await database?.end();
});

async function round(connections: number, field: keyof typeof granted): Promise<Measured> {
  const before = process.cpuUsage();
  const { answers, millis } = await load.run({
    url: graphUrl,
    authorization,
    body: JSON.stringify({ query: `{ ${field} }` }),
    expected: `${JSON.stringify({ data: { [field]: 1 } })}\n`,
    connections,
    millis: ROUND_MILLIS,
  });
  const { user, system } = process.cpuUsage(before);
  granted[field] += answers.length;
  server.statements.length = 0;
  return { ...measured(answers, millis), cpuMicros: (user + system) / answers.length };
}

test('units of one counter, over HTTP', async () => {
  const table: Record<string, Record<string, string>> = {};
  for (const connections of [64, 512]) {
    const ways = {
      meter: () => round(connections, 'metered'),
      update: () => round(connections, 'updated'),
    };
    const rounds = await takeTurns(ways, ROUNDS);
    table[`${connections} connections: a metered field`] = line(rounds, 'meter', 'meter');
    table[`${connections} connections: a field that UPDATEs, ${CONNECTIONS} connections`] = line(
      rounds,
      'meter',
      'update',
    );
  }
  console.table(table);

  const [counted] = await office.sql`select used::int as used from bench_counter`;
  expect(await unitsUsed(office, shop.tenantId)).toEqual({ [FEATURE]: granted.metered });
  expect(await office.count('usage_ledger')).toBe(granted.metered);
  expect(counted?.used).toBe(granted.updated);
}, 240_000);
