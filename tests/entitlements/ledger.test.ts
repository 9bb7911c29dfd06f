import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differences } from '../support/consuming.js';
import {
  askAnalytics,
  type FeatureShop,
  grantAnalytics,
  openFeatureShop,
  unitsUsed,
  useAnalytics,
} from '../support/meters.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let second: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  second = await startTestServer({ beside: server });
});
afterAll(async () => {
  await second.stop();
  await server.stop();
});

const HOUR = 3_600_000;

async function lines(shop: FeatureShop): Promise<{ kind: string; amount: number; actor: string }[]> {
  const rows = await server.sql`select kind, amount::int as amount, actor from usage_ledger
    where tenant_id = ${shop.tenantId} order by created_at, grant_id, kind, line`;
  return rows.map(({ kind, amount, actor }) => ({ kind, amount, actor }));
}

async function thresholdsTold(shop: FeatureShop): Promise<object[]> {
  const rows = await server.sql`select event_data from license_event_logs
    where tenant_id = ${shop.tenantId} and event_type = 'quota.threshold_reached' order by id`;
  return rows.map((row) => row.event_data);
}

async function ask(shop: FeatureShop, id: string, times: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let time = 0; time < times; time += 1) answers.push(await askAnalytics(server, shop.admin, id));
  return answers;
}

const codes = (answers: readonly Answer[]) => answers.map((answer) => answer.code ?? 'granted');

describe('the ledger', () => {
  test('has a line for each grant and each return, with who asked', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 5);

    await askAnalytics(server, shop.admin, id);
    await server.graphql(useAnalytics, { id: '00000000-0000-7000-8000-000000000000' }, shop.admin);

    expect(await lines(shop)).toEqual([
      { kind: 'GRANT', amount: 1, actor: 'tester' },
      { kind: 'GRANT', amount: 1, actor: 'tester' },
      { kind: 'REFUND', amount: -1, actor: 'tester' },
    ]);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1 });
  });

  test('adds up to the counters when 300 callers of two servers draw from three licenses', async () => {
    const shop = await openFeatureShop(server);
    await grantAnalytics(server, shop, 90);
    await grantAnalytics(server, shop, 60);
    const { id } = await grantAnalytics(server, shop, 50);
    const callers = Array.from({ length: 300 }, (_, index) => (index % 2 === 0 ? server : second));

    const answers = await Promise.all(callers.map((on) => askAnalytics(on, shop.admin, id)));

    expect(answers.filter((answer) => answer.code === undefined)).toHaveLength(200);
    expect(await differences(server, shop.tenantId)).toBe(0);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 200 });
  });

  test('is written for many callers at once', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 1000);
    await askAnalytics(server, shop.admin, id);
    server.statements.length = 0;

    await Promise.all(Array.from({ length: 200 }, () => askAnalytics(server, shop.admin, id)));

    const flushes = server.statements.filter((text) => text.includes('insert into "usage_ledger"'));
    expect(flushes.length).toBeLessThan(100);
    expect(await server.count('usage_ledger', `tenant_id = '${shop.tenantId}'`)).toBe(201);
  });
});

test('a flush that cannot write its lines grants nobody, and the next one grants', async () => {
  const shop = await openFeatureShop(server);
  const { id } = await grantAnalytics(server, shop, 50);
  await askAnalytics(server, shop.admin, id);

  await server.sql`alter table usage_ledger add constraint broken_for_the_test check (amount > 1) not valid`;
  const refused = await Promise.all(Array.from({ length: 20 }, () => askAnalytics(server, shop.admin, id)));
  await server.sql`alter table usage_ledger drop constraint broken_for_the_test`;
  const answer = await askAnalytics(server, shop.admin, id);

  expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['INTERNAL_SERVER_ERROR']));
  expect(answer.errors).toEqual([]);
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 2 });
  expect(await differences(server, shop.tenantId)).toBe(0);
});

describe('thresholds', () => {
  test('are told once at 80, 90 and 100 % of a window, and again in the next', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 10, { limitPeriod: 'HOUR' });
    const told = (percent: number, used: number, windowEndsAt: string) => ({
      featureId: 'analytics_advanced',
      thresholdPercent: percent,
      limit: 10,
      used,
      windowEndsAt,
    });

    await ask(shop, id, 11);
    const first = await thresholdsTold(shop);
    server.pass(HOUR);
    await ask(shop, id, 8);

    expect(first).toEqual([
      told(80, 8, '2026-03-01T13:00:00.000Z'),
      told(90, 9, '2026-03-01T13:00:00.000Z'),
      told(100, 10, '2026-03-01T13:00:00.000Z'),
    ]);
    expect((await thresholdsTold(shop)).slice(3)).toEqual([told(80, 8, '2026-03-01T14:00:00.000Z')]);
    server.pass(-HOUR);
  });

  test('are told once when units return and are drawn again', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 5);
    await ask(shop, id, 3);
    const missing = '00000000-0000-7000-8000-000000000000';

    await askAnalytics(server, shop.admin, missing);
    await askAnalytics(server, shop.admin, missing);
    await ask(shop, id, 1);

    expect((await thresholdsTold(shop)).map((data) => Reflect.get(data, 'thresholdPercent'))).toEqual([80]);
  });
});

describe('past its limit a feature', () => {
  test('is refused unless its license allows overage', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 1);

    expect(codes(await ask(shop, id, 2))).toEqual(['granted', 'QUOTA_EXCEEDED']);
  });

  test.each(['ALLOW', 'WARN'])('is granted and counted under %s', async (overage) => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 2, { overage });

    expect(codes(await ask(shop, id, 4))).toEqual(['granted', 'granted', 'granted', 'granted']);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 4 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('warns in the extensions of the answer under WARN, by as many units as stand past the limit', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 1, { overage: 'WARN' });
    const used = 'advancedAnalytics { operatingSystems { name } }';
    const query = `{ license(id: "${id}") { a: ${used} b: ${used} c: ${used} } }`;
    const send = async () => {
      const { body } = await server.app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { authorization: `Bearer ${await server.token(shop.admin)}` },
        payload: { query },
      });
      return JSON.parse(body).extensions;
    };

    const feature = 'analytics_advanced';
    expect(await send()).toEqual({ featureWarnings: [{ feature, limit: 1, unitsPastLimit: 2 }] });
    expect(await send()).toEqual({ featureWarnings: [{ feature, limit: 1, unitsPastLimit: 3 }] });
  });

  test('uses up the limits of its other licenses first', async () => {
    const shop = await openFeatureShop(server);
    await grantAnalytics(
      server,
      shop,
      1,
      { overage: 'ALLOW' },
      { licenseType: 'SUBSCRIPTION', expiryDate: '2026-06-01T00:00:00Z' },
    );
    const { id } = await grantAnalytics(server, shop, 2);

    await ask(shop, id, 5);

    const rows = await server.sql`select used::int as used from feature_usage
      where tenant_id = ${shop.tenantId} order by license_id`;
    expect(rows.map((row) => row.used)).toEqual([3, 2]);
  });
});

describe('what is remembered of a licensee', () => {
  let one: TestServer;
  let other: TestServer;
  beforeAll(async () => {
    one = await startTestServer({ events: true });
    other = await startTestServer({ events: true, beside: one });
  });
  afterAll(async () => {
    await other.stop();
    await one.stop();
  });

  const revoke = 'mutation ($input: RevokeLicenseInput!) { revokeLicense(input: $input) { license { id } } }';

  const apiAccess = '{ apiAccess { path } }';

  test('is forgotten at once by the server that changes a license, and soon by the others', async () => {
    const shop = await openFeatureShop(one);
    const { id } = await grantAnalytics(one, shop, 100, { featureId: 'api_access' });
    await one.ok(apiAccess, {}, shop.admin);
    await other.ok(apiAccess, {}, shop.admin);

    await one.ok(revoke, { input: { licenseId: id, reason: 'gone' } }, shop.admin);
    const here = await one.graphql(apiAccess, {}, shop.admin);

    expect(here.code).toBe('NO_ACTIVE_LICENSE');
    await expect
      .poll(async () => (await other.graphql(apiAccess, {}, shop.admin)).code)
      .toBe('NO_ACTIVE_LICENSE');
  });

  test('never grants a unit of a license that was revoked on another server before', async () => {
    const shop = await openFeatureShop(one);
    const { id } = await grantAnalytics(one, shop, 100);
    await askAnalytics(other, shop.admin, id);

    await one.ok(revoke, { input: { licenseId: id, reason: 'gone' } }, shop.admin);
    const answer = await askAnalytics(other, shop.admin, id);

    expect(answer.code).toBe('NO_ACTIVE_LICENSE');
    expect(await unitsUsed(one, shop.tenantId)).toEqual({ analytics_advanced: 1 });
  });

  test('ends with the license itself, whether or not anybody says a word', async () => {
    const shop = await openFeatureShop(one);
    await grantAnalytics(
      one,
      shop,
      100,
      { featureId: 'api_access' },
      { licenseType: 'SUBSCRIPTION', expiryDate: '2026-03-01T13:00:00Z' },
    );
    const before = await one.graphql(apiAccess, {}, shop.admin);

    one.pass(HOUR);
    const after = await one.graphql(apiAccess, {}, shop.admin);
    one.pass(-HOUR);

    expect([before.code, after.code]).toEqual([undefined, 'NO_ACTIVE_LICENSE']);
  });

  test('takes in what was granted since', async () => {
    const shop = await openFeatureShop(one);
    const { id } = await grantAnalytics(one, shop, 1);
    const first = [await askAnalytics(other, shop.admin, id), await askAnalytics(other, shop.admin, id)];

    await grantAnalytics(one, shop, 1);

    expect(codes([...first, await askAnalytics(other, shop.admin, id)])).toEqual([
      'granted',
      'QUOTA_EXCEEDED',
      'granted',
    ]);
  });
});

test('tenants whose counters are held by others keep no other tenant waiting', async () => {
  const shops = await Promise.all([1, 2, 3, 4].map(() => openFeatureShop(server)));
  const issued = await Promise.all(shops.map((shop) => grantAnalytics(server, shop, 5)));
  const ask = (index: number): Promise<Answer> => {
    const [shop, license] = [shops[index], issued[index]];
    if (shop === undefined || license === undefined) throw new Error('there is no such shop');
    return askAnalytics(server, shop.admin, license.id);
  };
  for (const index of shops.keys()) await ask(index);
  const holder = await server.sql.reserve();
  await holder`begin`;
  await holder`select 1 from feature_usage where tenant_id = any(${shops.slice(0, 3).map(({ tenantId }) => tenantId)}) for update`;

  const held = [0, 1, 2].map((index) => ask(index));
  let ended = 0;
  for (const answer of held) void answer.then(() => (ended += 1));
  const free = await ask(3);
  const early = ended;
  await holder`rollback`;
  holder.release();

  expect([free.code, early]).toEqual([undefined, 0]);
  expect(codes(await Promise.all(held))).toEqual(['granted', 'granted', 'granted']);
  await expect.poll(() => server.machinery.meter.tenants).toBe(0);
});
