import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connect } from '../../src/core/db.js';
import { type Sweeper, startSweeper } from '../../src/server/events/sweeper.js';
import { mutation } from '../support/acts.js';
import { activate, createLicense, openShop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

let server: TestServer;
let sweeper: Sweeper;
const startOne = (everyMillis = DAY): Sweeper =>
  startSweeper({
    url: server.url,
    clock: () => server.now,
    log: server.machinery.log,
    ledgerDays: 400,
    personalDataDays: 180,
    everyMillis,
  });
beforeAll(async () => {
  server = await startTestServer({ environment: { LG_RATE_ADDRESS_PER_MINUTE: '10' } });
  sweeper = startOne();
});
afterEach(async () => {
  server.now = START;
  await server.sql`delete from idempotency_keys`;
  await server.sql`delete from rate_limits`;
});
afterAll(async () => {
  await sweeper.stop();
  await server.stop();
});

const CREATE = mutation('createReseller', 'reseller { id }');

test('an answer is kept for as long as it is replayed, and deleted when that is over', async () => {
  const admin = await server.tenant();
  const input = { name: 'Blue' };
  const create = () => server.ok(CREATE, { input }, admin, { 'idempotency-key': 'k' });
  const first = await create();
  server.pass(7 * DAY);

  const early = await sweeper.sweep();
  const replayed = await create();
  server.pass(DAY);
  const late = await sweeper.sweep();

  expect([early?.idempotencyKeys, late?.idempotencyKeys]).toEqual([0, 1]);
  expect(replayed).toEqual(first);
  expect(await server.count('idempotency_keys')).toBe(0);
  expect((await create()).createReseller).not.toEqual(first.createReseller);
});

test('a token that was replaced is kept for as long as it serves, and then forgotten with its place in the directory', async () => {
  const shop = await openShop(server);
  const license = await createLicense(server, shop);
  const kept = () =>
    server.count('key_directory', `subject_id = '${license.id}' and kind = 'ACTIVATION_TOKEN'`);
  for (let time = 0; time < 3; time += 1) await activate(server, license.licenseKey, 'd');
  server.pass(DAY);

  const early = await sweeper.sweep();
  const before = [await kept(), await server.count('earlier_tokens')];
  server.pass(11 * MINUTE);
  const late = await sweeper.sweep();

  expect([early?.earlierTokens, late?.earlierTokens]).toEqual([0, 2]);
  expect(before).toEqual([3, 2]);
  expect([await kept(), await server.count('earlier_tokens')]).toEqual([1, 0]);
});

test('the answers of every tenant are swept, in as many batches as it takes', async () => {
  const [one, other] = [await server.tenant(), await server.tenant()];
  for (const { tenant_id } of [one, other]) {
    await server.sql`insert into idempotency_keys (tenant_id, actor, key, response_name, request_hash, payload, created_at)
      select ${tenant_id}, 'user:tester', n::text, 'a', 'h', 'p', ${START}::timestamptz - interval '8 days'
      from generate_series(1, 1500) as n`;
  }
  await server.sql`insert into idempotency_keys (tenant_id, actor, key, response_name, request_hash, payload, created_at)
    values (${one.tenant_id}, 'user:tester', 'new', 'a', 'h', 'p', ${START})`;

  const swept = await sweeper.sweep();

  expect(swept).toEqual({
    idempotencyKeys: 3000,
    rateLimits: 0,
    usageLedger: 0,
    earlierTokens: 0,
    personalData: 0,
  });
  expect(await server.count('idempotency_keys')).toBe(1);
  expect(server.logged.filter((line) => line.includes('"idempotencyKeys":3000'))).toHaveLength(1);
});

test('a window of the rate limits is deleted once it weighs on none', async () => {
  const guess = () => server.graphql('{ validateLicenseKey(licenseKey: "x") { code } }');
  for (let asked = 0; asked < 10; asked += 1) await guess();

  server.pass(MINUTE);
  const early = await sweeper.sweep();
  const weighed = await guess();
  server.pass(15 * MINUTE);
  await guess();
  const late = await sweeper.sweep();

  expect([early?.rateLimits, weighed.code, late?.rateLimits]).toEqual([0, 'RATE_LIMITED', 2]);
  expect(await server.count('rate_limits')).toBe(1);
});

test('one process sweeps at a time: the others leave it alone', async () => {
  const holder = connect(server.adminUrl, { max: 1 });
  await holder`select pg_advisory_lock(7461200521)`;

  const meanwhile = await sweeper.sweep();
  await holder.end();
  const [one, other] = [await sweeper.sweep(), await sweeper.sweep()];

  expect(meanwhile).toBeUndefined();
  expect([one, other]).toEqual(
    Array(2).fill({ idempotencyKeys: 0, rateLimits: 0, usageLedger: 0, earlierTokens: 0, personalData: 0 }),
  );
});

test('it looks by itself, outlives an outage of its tables, and is gone when it is stopped', async () => {
  await server.sql`alter table rate_limits rename to taken_away`;
  const own = startOne(20);
  const failed = (): boolean => server.logged.some((line) => line.includes('the sweeper failed'));
  for (let tries = 0; tries < 500 && !failed(); tries += 1) await sleep(10);
  await server.sql`alter table taken_away rename to rate_limits`;
  await server.sql`insert into rate_limits values ('address:old', ${START}::timestamptz - interval '1 day', 1)`;

  for (let tries = 0; tries < 500 && (await server.count('rate_limits')) > 0; tries += 1) await sleep(10);
  await own.stop();

  expect(failed()).toBe(true);
  expect(await server.count('rate_limits')).toBe(0);
  const [row] = await server.sql`select count(*)::int as open from pg_stat_activity
    where datname = current_database() and usename = 'lg_test_login' and application_name = 'postgres.js'`;
  expect(row?.open).toBe(1);
});
