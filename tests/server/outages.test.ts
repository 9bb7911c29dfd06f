import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { connect } from '../../src/core/db.js';
import { mutation } from '../support/acts.js';
import { grantToTenant, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';
import { contentOf } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: { LG_DATABASE_POOL: '2' } });
  shop = await openShop(server);
});
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(() => server.stop());

/** Takes a table away until the test ends: the defect is real, whatever the statement. */
async function takeAway(table: string): Promise<void> {
  await server.sql.unsafe(`alter table ${table} rename to taken_away`);
  undo.push(() => server.sql.unsafe(`alter table taken_away rename to ${table}`));
}

interface Failure {
  readonly answer: Answer;
  readonly logged: readonly Record<string, unknown>[];
}

async function failing(run: () => Promise<Answer>): Promise<Failure> {
  const before = server.logged.length;
  const answer = await run();
  const lines = server.logged.slice(before).map((line) => JSON.parse(line));
  return { answer, logged: lines.filter(({ level }) => level === 50) };
}

/** Masked, with the id under which the log has it, once. */
function expectMasked({ answer, logged }: Failure, reason: RegExp): void {
  const [error] = answer.errors;
  expect(answer.errors).toHaveLength(1);
  expect(error?.message).toBe('Something went wrong on our side.');
  expect(error?.extensions).toEqual({
    code: 'INTERNAL_SERVER_ERROR',
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
  expect(JSON.stringify(answer)).not.toMatch(/relation|does not exist|select|insert|taken_away|node_modules/);
  expect(logged.map(({ requestId }) => requestId)).toEqual([error?.extensions.requestId]);
  expect(JSON.stringify(logged)).toMatch(reason);
}

describe('a defect of ours is masked, and logged once under the id that the caller is told', () => {
  test('in a query, whose other fields answer', async () => {
    await takeAway('customers');

    const failure = await failing(() =>
      server.graphql(`{ customer(id: "${shop.customerId}") { id } viewer { subject } }`, {}, shop.admin),
    );

    expectMasked(failure, /relation .*customers.* does not exist/);
    expect(failure.answer.status).toBe(200);
    expect(failure.answer.data).toEqual({ customer: null, viewer: { subject: 'tester' } });
  });

  test('in a mutation, which leaves nothing behind', async () => {
    const before = await contentOf(server);
    await takeAway('license_event_logs');

    const failure = await failing(() =>
      server.graphql(mutation('createReseller', 'reseller { id }'), { input: { name: 'Blue' } }, shop.admin),
    );

    await undo.pop()?.();
    expectMasked(failure, /license_event_logs/);
    expect(failure.answer.data).toEqual({ createReseller: null });
    expect(await contentOf(server)).toBe(before);
  });

  test('in the payload of a mutation that is done', async () => {
    const { id } = await issueLicense(server, shop);
    await takeAway('customers');

    const failure = await failing(() =>
      server.graphql(
        mutation('suspendLicense', 'license { id customer { id } }'),
        { input: { licenseId: id, reason: 'Unpaid' } },
        shop.admin,
      ),
    );

    expectMasked(failure, /customers/);
    expect(failure.answer.data?.suspendLicense).toEqual({ license: { id, customer: null } });
  });

  test('while it is asked what an operation needs, before any resolver', async () => {
    const { id } = await issueLicense(server, shop);
    await grantToTenant(server, shop, [{ featureId: 'analytics_advanced', limitValue: 5 }]);
    await takeAway('feature_usage');

    const failure = await failing(() =>
      server.graphql(
        `{ license(id: "${id}") { advancedAnalytics { operatingSystems { name } } } }`,
        {},
        shop.admin,
      ),
    );

    expectMasked(failure, /feature_usage/);
    expect([failure.answer.status, failure.answer.data]).toEqual([500, null]);
  });

  test('while it is asked who the caller is, before there is an operation', async () => {
    const stranger = await server.tenant();
    await takeAway('tenants');

    const failure = await failing(() => server.graphql('{ viewer { subject } }', {}, stranger));

    await undo.pop()?.();
    expectMasked(failure, /tenants/);
    expect(failure.answer.status).toBe(500);
    expect((await server.ok('{ viewer { subject } }', {}, stranger)).viewer).toEqual({ subject: 'tester' });
  });

  test('for two fields of one query with one id, each logged', async () => {
    await takeAway('customers');
    const query = `{ a: customer(id: "${shop.customerId}") { id } b: viewer { subject }
      c: license(id: "${shop.customerId}") { id } d: reseller(id: "${shop.customerId}") { id } }`;

    const { answer } = await failing(() => server.graphql(query, {}, shop.admin));

    const ids = new Set(answer.errors.map(({ extensions }) => extensions.requestId));
    expect(answer.errors.map(({ extensions }) => extensions.code)).not.toContain(undefined);
    expect(ids.size).toBe(1);
    expect(answer.data?.b).toEqual({ subject: 'tester' });
  });
});

test('a failure holds no connection: after many, two are enough again', async () => {
  const fail = 'query ($id: ID!) { customer(id: $id) { id } }';
  await takeAway('customers');

  for (let times = 0; times < 10; times += 1) {
    await server.graphql(fail, { id: shop.customerId }, shop.admin);
    await server.graphql(
      mutation('createCustomer', 'customer { id }'),
      { input: { name: 'Ada' } },
      shop.admin,
    );
  }
  await undo.pop()?.();

  const answers = await Promise.all(
    Array.from({ length: 10 }, () => server.graphql(fail, { id: shop.customerId }, shop.admin)),
  );
  expect(answers.map(({ data }) => data?.customer)).toEqual(Array(10).fill({ id: shop.customerId }));
});

describe('a database that goes away', () => {
  async function close(): Promise<void> {
    const [row] = await server.sql`select current_database() as name`;
    const elsewhere = connect(inject('adminUrl'), { max: 1 });
    const allow = (word: boolean) =>
      elsewhere.unsafe(`alter database ${String(row?.name)} with allow_connections ${word}`);
    await allow(false);
    undo.push(async () => {
      await allow(true);
      await elsewhere.end();
    });
    await server.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'licensegraph %'`;
  }

  test('is told to whoever asks for readiness, while the process itself is well', async () => {
    await close();

    const ready = await server.app.inject('/readyz');
    const alive = await server.app.inject('/healthz');

    expect([ready.statusCode, ready.json()]).toEqual([503, { status: 'the database does not answer' }]);
    expect(alive.statusCode).toBe(200);
  });

  test('is an error of ours to callers, and forgotten when it is back', async () => {
    await close();

    const failure = await failing(() => server.graphql('{ licenses { totalCount } }', {}, shop.admin));
    await undo.pop()?.();

    expectMasked(failure, /not currently accepting connections|CONNECTION/i);
    // What a probe was told holds for a second.
    server.pass(1_000);
    const [ready, again] = [
      await server.app.inject('/readyz'),
      await server.graphql('{ viewer { tenant { id } } }', {}, shop.admin),
    ];
    expect([ready.statusCode, again.errors]).toEqual([200, []]);
  });

  test('in the middle of an act leaves nothing behind', async () => {
    const { id } = await issueLicense(server, shop);
    const input = { licenseId: id, reason: 'Unpaid' };
    const holder = await server.sql.reserve();
    await holder.unsafe(`begin; select from licenses where id = '${id}' for update`);
    const before = await contentOf(server);

    const pending = failing(() =>
      server.graphql(mutation('suspendLicense', 'license { id }'), { input }, shop.admin),
    );
    await expect
      .poll(
        () =>
          server.sql`select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`,
        { interval: 5 },
      )
      .toHaveLength(1);
    const failure = await pending;
    await holder.unsafe('rollback');
    holder.release();

    expectMasked(failure, /terminat|CONNECTION/i);
    expect(await contentOf(server)).toBe(before);
    expect(
      (await server.graphql(mutation('suspendLicense', 'license { status }'), { input }, shop.admin)).errors,
    ).toEqual([]);
  });
});
