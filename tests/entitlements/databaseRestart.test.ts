import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/server/database/embeddedPostgres.js';
import { migrate } from '../../src/server/database/migrate.js';
import { mutation } from '../support/acts.js';
import { consume, differences, grantedTwice, verdictsOf } from '../support/consuming.js';
import { createLicense, grantToTenant } from '../support/fixtures.js';
import { askAnalytics, type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { Random } from '../support/random.js';
import { keyed } from '../support/replays.js';
import { type Answer, newKeys, startTestServer, type TestServer } from '../support/server.js';

let folder: string;
let database: EmbeddedPostgres;
let servers: readonly [TestServer, TestServer];
let shop: FeatureShop;
let license: string;

/** What is committed outlives its fall if it writes to the disk as in production. */
const start = (durable = true): Promise<EmbeddedPostgres> =>
  startEmbeddedPostgres({ folder, durable, maxConnections: 60 });

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'lg-restart-')));
  database = await start(false);
  await migrate(database.url);
  await database.stop();
  database = await start();
  const { url } = database;
  const beside = { url, adminUrl: url, keys: newKeys() };
  const options = { beside, events: true, environment: { LG_DATABASE_POOL: '4' } };
  servers = [await startTestServer(options), await startTestServer(options)];
  shop = await openFeatureShop(servers[0]);
  await grantToTenant(servers[0], shop, [
    { featureId: 'calls', limitValue: 100_000 },
    { featureId: 'analytics_advanced', limitValue: 100_000 },
  ]);
  license = (await createLicense(servers[0], shop)).id;
});
afterAll(async () => {
  for (const server of servers ?? []) await server.stop();
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** As `pg_ctl stop -m immediate`: no transaction ends, nothing more is written; what it needs it reads from its log. */
async function fall(): Promise<void> {
  const [pid] = (await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGQUIT');
  await database.stop();
}

const random = new Random(42);
const CALLERS = 80;

interface Caller {
  readonly key: string;
  readonly amount: number;
  readonly on: TestServer;
}

function callersOf(round: number): Caller[] {
  return Array.from({ length: CALLERS }, (_, index) => ({
    key: `${round}-${index}`,
    amount: 1 + random.below(9),
    on: servers[index % 2 === 0 ? 0 : 1],
  }));
}

const ask = ({ key, amount, on }: Caller): Promise<Answer> =>
  consume(on, shop.admin, [{ featureId: 'calls', amount }], undefined, keyed(key));
const isAnswered = ({ errors }: Answer): boolean => errors.length === 0;

/** Asks again, as a caller does who was told of an outage, until there is an answer. */
async function untilAnswered(caller: Caller): Promise<Answer> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await ask(caller);
    if (isAnswered(answer)) return answer;
    expect(['INTERNAL_SERVER_ERROR', 'IDEMPOTENCY_KEY_IN_USE']).toContain(answer.code);
    await sleep(50);
  }
  throw new Error('the servers do not serve again');
}

/** The lines of the ledger that queries have written. */
async function queriesCharged(): Promise<number> {
  const [row] = await servers[0].sql`select count(*)::int as count from usage_ledger
    where tenant_id = ${shop.tenantId} and feature_id = 'analytics_advanced' and kind = 'GRANT'`;
  return Number(row?.count);
}

test('PostgreSQL falls twice in mid-flush: nobody is told of a unit that is not in the ledger, nobody waits for ever, and a key is granted once', async () => {
  let drawn = 0;
  let told = 0;
  for (let round = 0; round < 2; round += 1) {
    const callers = callersOf(round);
    const before = new Map<string, Answer>();
    let falling: Promise<void> | undefined;
    let tell = (): void => undefined;
    const fallen = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const asking = callers.map(async (caller, index) => {
      // Some ask while it falls: all who ask at once may be answered by one flush.
      if (index >= CALLERS / 2) await fallen;
      const answer = await ask(caller);
      if (isAnswered(answer)) before.set(caller.key, answer);
      if (before.size < 5 + 20 * round) return;
      falling ??= fall();
      tell();
    });
    const queries = callers.slice(0, 20).map(({ on }) => askAnalytics(on, shop.admin, license));

    const answers = await Promise.all([...queries, ...asking]);
    await falling;
    database = await start();
    const after = await Promise.all(callers.map(untilAnswered));

    told += answers.filter((answer) => answer !== undefined && isAnswered(answer)).length;
    drawn += callers.reduce((sum, { amount }) => sum + amount, 0);
    expect(falling, 'it never fell').toBeDefined();
    expect(before.size).toBeLessThan(CALLERS);
    expect(after.map(verdictsOf)).toEqual(Array(CALLERS).fill(['granted']));
    for (const [index, { key }] of callers.entries())
      if (before.has(key)) expect(after[index]?.data).toEqual(before.get(key)?.data);
    expect((await unitsUsed(servers[0], shop.tenantId)).calls).toBe(drawn);
    expect(await grantedTwice(servers[0], shop.tenantId)).toEqual([]);
    expect(await differences(servers[0], shop.tenantId)).toBe(0);
    expect(await queriesCharged()).toBeGreaterThanOrEqual(told);
  }
});

test('after that each server hears again what the other changes', async () => {
  const [one, two] = servers;
  const own = await openFeatureShop(one);
  const { id } = await grantToTenant(one, own, [{ featureId: 'api_access' }]);
  const path = '{ apiAccess { path } }';
  for (const on of servers) await on.ok(path, {}, own.admin);

  await one.ok(
    mutation('revokeLicense', 'license { id }'),
    { input: { licenseId: id, reason: 'x' } },
    own.admin,
  );

  await expect.poll(async () => (await two.graphql(path, {}, own.admin)).code).toBe('NO_ACTIVE_LICENSE');
});
