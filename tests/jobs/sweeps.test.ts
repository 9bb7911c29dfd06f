import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connect } from '../../src/core/db.js';
import type { JobResult } from '../../src/core/job.js';
import { mutation } from '../support/acts.js';
import { activate, createLicense, openShop } from '../support/fixtures.js';
import { waitingLocks } from '../support/rowLocks.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

const MINUTE = 60_000;
const DAY = 86_400_000;

let server: TestServer;
const swept = async (name: string): Promise<JobResult> => server.jobs.run(name);
beforeAll(async () => {
  server = await startTestServer({ environment: { LG_RATE_ADDRESS_PER_MINUTE: '10' } });
});
afterEach(async () => {
  server.now = START;
  await server.sql`delete from idempotency_keys`;
  await server.sql`delete from rate_limits`;
});
afterAll(async () => {
  await server.stop();
});

const CREATE = mutation('createReseller', 'reseller { id }');

test('an answer is kept for as long as it is replayed, and deleted when that is over', async () => {
  const admin = await server.tenant();
  const input = { name: 'Blue' };
  const create = () => server.ok(CREATE, { input }, admin, { 'idempotency-key': 'k' });
  const first = await create();
  server.pass(7 * DAY);

  const early = await swept('answer.forget');
  const replayed = await create();
  server.pass(DAY);
  const late = await swept('answer.forget');

  expect([early.answers, late.answers]).toEqual([0, 1]);
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

  const early = await swept('token.forget');
  const before = [await kept(), await server.count('earlier_tokens')];
  server.pass(11 * MINUTE);
  const late = await swept('token.forget');

  expect([early.tokens, late.tokens]).toEqual([0, 2]);
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

  const result = await swept('answer.forget');

  expect(result).toEqual({ answers: 3000 });
  expect(await server.count('idempotency_keys')).toBe(1);
});

test('a window of the rate limits is deleted once it weighs on none', async () => {
  const guess = () => server.graphql('{ validateLicenseKey(licenseKey: "x") { code } }');
  for (let asked = 0; asked < 10; asked += 1) await guess();

  server.pass(MINUTE);
  const early = await swept('rate_window.forget');
  const weighed = await guess();
  server.pass(15 * MINUTE);
  await guess();
  const late = await swept('rate_window.forget');

  expect([early.windows, weighed.code, late.windows]).toEqual([0, 'RATE_LIMITED', 2]);
  expect(await server.count('rate_limits')).toBe(1);
});

test('one run of a sweep works at a time: another waits, and finds nothing left', async () => {
  await server.sql`insert into rate_limits values ('address:old', ${START}::timestamptz - interval '1 day', 1)`;
  const holder = connect(server.adminUrl, { max: 1 });
  await holder`select pg_advisory_lock(746120054, hashtext('rate_window.forget'))`;
  let ended = false;

  const waiting = swept('rate_window.forget').finally(() => {
    ended = true;
  });
  await expect.poll(() => waitingLocks(server, "locktype = 'advisory'"), { interval: 5 }).toBe(1);
  const before = ended;
  await holder.end();

  expect([before, await waiting, await swept('rate_window.forget')]).toEqual([
    false,
    { windows: 1 },
    { windows: 0 },
  ]);
});
