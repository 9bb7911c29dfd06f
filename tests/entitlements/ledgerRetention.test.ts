import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { connect } from '../../src/core/db.js';
import { consume, differences, grantIdOf, refund, verdictsOf } from '../support/consuming.js';
import { grantToTenant } from '../support/fixtures.js';
import { entitlementOf, type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { at, START, startTestServer, type TestServer } from '../support/server.js';

const DAY = 86_400_000;
/** 455 days before the clock of the other tests, which keep 400. */
const LONG_AGO = at('2024-12-01T12:00:00Z');

let server: TestServer;
let shop: FeatureShop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  server.now = LONG_AGO;
  shop = await openFeatureShop(server);
});
afterEach(() => {
  server.now = START;
});
afterAll(async () => {
  await server.stop();
});

const draw = async (amount: number, featureId = 'calls'): Promise<string> =>
  grantIdOf(await consume(server, shop.admin, [{ featureId, amount }]));
const calls = (limitValue: number | null, feature: object = {}) =>
  grantToTenant(server, shop, [{ featureId: 'calls', limitValue, ...feature }]);
const swept = async (days = 400): Promise<number> =>
  Number((await server.jobs.run('ledger.compact', { LG_LEDGER_DAYS: days })).lines);
const linesOf = (tenantId = shop.tenantId): Promise<number> =>
  server.count('usage_ledger', `tenant_id = '${tenantId}'`);

describe('lines of the ledger that are old', () => {
  test('are deleted, their sum stays in their counter, and what is new stays line by line', async () => {
    await calls(10);
    await draw(3);
    await draw(2);
    server.now = START;
    await draw(1);

    const first = await swept();
    const again = await swept();

    expect([first, again]).toEqual([2, 0]);
    const rows =
      await server.sql`select used::int, swept::int from feature_usage where tenant_id = ${shop.tenantId}`;
    expect([...rows]).toEqual([{ used: 6, swept: 5 }]);
    expect(await linesOf()).toBe(1);
    expect(await differences(server, shop.tenantId)).toBe(0);
    expect(await entitlementOf(server, shop.admin, 'calls')).toMatchObject({ limit: 10, used: 6, left: 4 });
    expect(verdictsOf(await consume(server, shop.admin, [{ featureId: 'calls', amount: 5 }]))).toEqual([
      'QUOTA_EXCEEDED',
    ]);
  });

  test('are given back no more, and nothing of what came back is given back twice', async () => {
    await calls(10);
    const [early, other] = [await draw(4), await draw(3)];
    server.now = START;
    const [late] = [await draw(2)];
    const back = async (grantId: string): Promise<unknown> => {
      const { code, data } = await refund(server, shop.admin, { grantId });
      return code ?? data?.refundFeatures?.refunds;
    };

    const before = await back(early);
    await swept();
    const after = [await back(early), await back(other), await back(late), await back(late)];

    expect(before).toEqual([{ featureId: 'calls', units: 4 }]);
    expect(after).toEqual(['GRANT_NOT_FOUND', 'GRANT_NOT_FOUND', [{ featureId: 'calls', units: 2 }], []]);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 3 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('go together with the counter of a window that is over, and with no other', async () => {
    await calls(9, { limitPeriod: 'DAY' });
    await draw(2);
    await grantToTenant(server, shop, [{ featureId: 'yearly', limitValue: 9, limitPeriod: 'YEAR' }]);
    await draw(3, 'yearly');
    server.now = START;
    await draw(1);

    expect(await swept()).toBe(2);

    const rows = await server.sql`select feature_id, window_start, used::int, swept::int from feature_usage
      where tenant_id = ${shop.tenantId} order by feature_id`;
    expect(rows.map((row) => [row.feature_id, row.window_start.toISOString(), row.used, row.swept])).toEqual([
      ['calls', '2026-03-01T12:00:00.000Z', 1, 0],
    ]);
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('that are kept for a short time leave the counter of a window that may still run', async () => {
    await grantToTenant(server, shop, [{ featureId: 'yearly', limitValue: 9, limitPeriod: 'YEAR' }]);
    await draw(3, 'yearly');
    server.pass(300 * DAY);

    const sum = await swept(8);

    expect(sum).toBe(1);
    expect(await entitlementOf(server, shop.admin, 'yearly')).toMatchObject({ limit: 9, used: 3, left: 6 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('are swept in every tenant, in as many batches as it takes', async () => {
    const shops = [shop, await openFeatureShop(server), await openFeatureShop(server)];
    for (const { admin, tenantId, ...rest } of shops) {
      const { id } = await grantToTenant(server, { admin, tenantId, ...rest } as FeatureShop, [
        { featureId: 'calls', limitValue: null },
      ]);
      await consume(server, admin, [{ featureId: 'calls', amount: 1 }]);
      await server.sql`insert into usage_ledger (tenant_id, grant_id, line, kind, license_id, feature_id, window_start, amount, actor, request_id, created_at)
        select ${tenantId}, '0193' || lpad(to_hex(n), 4, '0') || '-0000-7000-8000-000000000000', 0, 'GRANT', ${id}, 'calls', '1970-01-01Z', 2, 'tester', 'r', ${LONG_AGO}
        from generate_series(1, 1100) as n`;
      await server.sql`update feature_usage set used = used + 2200 where tenant_id = ${tenantId}`;
    }
    server.now = START;

    expect(await swept()).toBe(3 * 1101);

    for (const { tenantId } of shops) {
      expect([await linesOf(tenantId), await differences(server, tenantId)]).toEqual([0, 0]);
      expect(await unitsUsed(server, tenantId)).toEqual({ calls: 2201 });
    }
  });

  test('are swept while others draw from the same counters: not a unit is granted twice or lost', async () => {
    await calls(150);
    for (let drawn = 0; drawn < 5; drawn += 1) await Promise.all(Array.from({ length: 10 }, () => draw(1)));
    server.now = START;

    const [sum, ...answers] = await Promise.all([
      swept(),
      ...Array.from({ length: 200 }, () => consume(server, shop.admin, [{ featureId: 'calls', amount: 1 }])),
    ]);
    const left = await swept();

    expect(sum + left).toBe(50);
    expect(answers.flatMap(verdictsOf).filter((word) => word === 'granted')).toHaveLength(100);
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 150 });
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('of a counter that somebody holds are left for the next look, which waits for nobody', async () => {
    await calls(10);
    await draw(1);
    server.now = START;
    const holder = connect(server.adminUrl, { max: 1 });
    await holder`begin`;
    await holder`select 1 from feature_usage where tenant_id = ${shop.tenantId} for update`;

    const meanwhile = await swept();
    await holder.end();

    expect([meanwhile, await swept()]).toEqual([0, 1]);
    expect(await differences(server, shop.tenantId)).toBe(0);
  });
});

test('lines are kept for longer than answers to idempotency keys are replayed', () => {
  expect(() => readConfig({ LG_LEDGER_DAYS: '7' })).toThrow('LG_LEDGER_DAYS');
  expect(readConfig({}).LG_LEDGER_DAYS).toBe(400);
});
