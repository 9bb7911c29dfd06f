/**
 * What features cost that are asked without units: `npm run bench -- quota`. The processor's time of the server for the same
 * query over HTTP, with `@requiresFeature` on some of its fields and without, in 31 rounds that take turns.
 */
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Context } from '../src/graph/context.js';
import { grantToTenant } from '../tests/support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../tests/support/meters.js';
import { startTestServer, type TestServer } from '../tests/support/server.js';
import { interval31, median } from './support/figures.js';
import { Load } from './support/load.js';
import { guarded } from './support/marked.js';

const ROUNDS = 31;
const SLICES = 48;
const QUERIES = 40;
const CONNECTIONS = 8;
const FEATURES = ['reports', 'forecast', 'export'] as const;

const ROWS = Array.from({ length: 10 }, (_, index) => ({
  id: `row-${index}`,
  name: `Row ${index}`,
  status: 'ACTIVE',
  count: index,
  report: { total: index, mean: index / 2, peak: index * 2 },
  forecast: { total: index, mean: index / 2, peak: index * 2 },
  exported: [index, index + 1],
}));

/** Rows that are known already, behind one look at the database, as a page of a product's list has it. */
async function rows(_source: unknown, _args: unknown, ctx: Context): Promise<typeof ROWS> {
  const reading = await ctx.reading();
  await reading.db.execute(
    sql`select id, issued_to from licenses where tenant_id = ${reading.tenantId} limit 10`,
  );
  return ROWS;
}

const plainTypes = `type Query { rows: [Row!]! }
  type Row { id: ID! name: String! status: String! count: Int! report: Figures #reports
    forecast: Figures #forecast
    exported: [Int!] #export
  }
  type Figures { total: Float! mean: Float! peak: Float! }`;
const query = `{ rows { id name status count report { total mean peak } forecast { total mean peak } exported } }`;

const marks = (types: string): string =>
  FEATURES.reduce(
    (text, feature) => text.replace(`#${feature}`, `@requiresFeature(feature: "${feature}")`),
    types,
  );

type Way = 'plain' | 'marked';
let servers: Readonly<Record<Way, TestServer>>;
let addresses: Readonly<Record<Way, string>>;
let shop: FeatureShop;
let load: Load;
let authorization: string;

let office: TestServer;
beforeAll(async () => {
  office = await startTestServer();
  const beside = { beside: office, events: true } as const;
  const resolvers = { 'Query.rows': rows };
  servers = {
    plain: await startTestServer({ ...beside, graph: guarded(plainTypes, resolvers) }),
    marked: await startTestServer({ ...beside, graph: guarded(marks(plainTypes), resolvers) }),
  };
  const listen = (server: TestServer) => server.app.listen({ host: '127.0.0.1', port: 0 });
  addresses = { plain: await listen(servers.plain), marked: await listen(servers.marked) };
  shop = await openFeatureShop(office);
  await grantToTenant(
    office,
    shop,
    FEATURES.map((featureId) => ({ featureId })),
  );
  authorization = `Bearer ${await office.token(shop.admin)}`;
  load = new Load();
}, 60_000);

afterAll(async () => {
  load?.end();
  await servers?.marked.stop();
  await servers?.plain.stop();
  await office?.stop();
});

/** Microseconds of the processor for a slice of a round; callers and database are other processes. */
async function processorMicros(of: Way): Promise<number> {
  const before = process.cpuUsage();
  const { answers } = await load.run({
    url: `${addresses[of]}/graphql`,
    authorization,
    body: JSON.stringify({ query }),
    expected: `${JSON.stringify({ data: { rows: ROWS } })}\n`,
    connections: CONNECTIONS,
    millis: 60_000,
    most: QUERIES,
  });
  const { user, system } = process.cpuUsage(before);
  servers[of].statements.length = 0;
  return ((user + system) / answers.length) * QUERIES;
}

/**
 * Microseconds of the processor a query, each way, in slices that take turns: what else the machine does changes within a
 * second, and meets both so. Each goes first in turn: what one leaves to be collected meets the other.
 */
async function round(): Promise<Record<Way, number>> {
  const micros: Record<Way, number> = { plain: 0, marked: 0 };
  for (let slice = 0; slice < SLICES; slice += 1) {
    const [first, second]: readonly [Way, Way] = slice % 2 === 0 ? ['plain', 'marked'] : ['marked', 'plain'];
    micros[first] += await processorMicros(first);
    micros[second] += await processorMicros(second);
  }
  const queries = SLICES * QUERIES;
  return { plain: micros.plain / queries, marked: micros.marked / queries };
}

test('a query with 30 marked fields of three features, none of them metered', async () => {
  await round();
  const rounds: Record<Way, number>[] = [];
  for (let index = 0; index < ROUNDS; index += 1) rounds.push(await round());

  const { ratio, from, to } = interval31(rounds.map(({ plain, marked }) => marked / plain));
  console.table({
    'without marks': { 'us a query': median(rounds.map(({ plain }) => plain)).toFixed(0) },
    'with marks': { 'us a query': median(rounds.map(({ marked }) => marked)).toFixed(0) },
    'times as much': { 'us a query': ratio.toFixed(3), '95 % from': from.toFixed(3), to: to.toFixed(3) },
  });

  expect(await unitsUsed(office, shop.tenantId)).toEqual({});
}, 480_000);
