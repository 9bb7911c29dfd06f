import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mutation, refusedFields } from '../support/acts.js';
import { consume, differences, verdictsOf } from '../support/consuming.js';
import { grantToTenant } from '../support/fixtures.js';
import { countersOf, entitlementOf, type FeatureShop, openFeatureShop } from '../support/meters.js';
import { at, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let second: TestServer;
let shop: FeatureShop;
beforeAll(async () => {
  server = await startTestServer();
  second = await startTestServer({ beside: server });
});
beforeEach(async () => {
  server.now = START;
  second.now = START;
  shop = await openFeatureShop(server);
});
afterAll(async () => {
  await second.stop();
  await server.stop();
});

const HOUR = 3_600_000;
const calls = (limitValue: number, limitPeriod: string) => [{ featureId: 'calls', limitValue, limitPeriod }];
const draw = async (on: TestServer, amount = 1) =>
  verdictsOf(await consume(on, shop.admin, [{ featureId: 'calls', amount }]))[0];
const windows = async () =>
  (await countersOf(server, shop.tenantId)).map(({ windowStart, used }) => [windowStart, used]);

/** Sets both clocks. */
function setClocks(text: string): void {
  server.now = at(text);
  second.now = at(text);
}

describe('the turn of a window', () => {
  test('is the instant itself: one millisecond before it nothing is left, at it all is', async () => {
    await grantToTenant(server, shop, calls(3, 'HOUR'));

    setClocks('2026-03-01T12:59:59.999Z');
    const before = [await draw(server, 3), await draw(second)];
    setClocks('2026-03-01T13:00:00.000Z');
    const after = [await draw(second, 3), await draw(server)];

    expect([before, after]).toEqual([
      ['granted', 'QUOTA_EXCEEDED'],
      ['granted', 'QUOTA_EXCEEDED'],
    ]);
    expect(await windows()).toEqual([
      ['2026-03-01T12:00:00.000Z', 3],
      ['2026-03-01T13:00:00.000Z', 3],
    ]);
  });

  test('in the middle of a batch gives each window its limit, and none of them a unit more', async () => {
    await grantToTenant(server, shop, calls(20, 'HOUR'));
    setClocks('2026-03-01T12:59:59.999Z');

    const answers = await Promise.all(
      Array.from({ length: 120 }, async (_, index) => {
        if (index === 60) for (const each of [server, second]) each.pass(1);
        return draw(index % 2 === 0 ? server : second);
      }),
    );
    const later = [await draw(server, 20), await draw(second)];

    const granted = answers.filter((answer) => answer === 'granted').length;
    const used = await windows();
    expect(used.every(([, units]) => Number(units) <= 20)).toBe(true);
    expect(used.reduce((sum, [, units]) => sum + Number(units), 0)).toBe(
      granted + (later[0] === 'granted' ? 20 : 0),
    );
    expect(granted).toBeGreaterThanOrEqual(20);
    expect(later[1]).toBe('QUOTA_EXCEEDED');
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('comes a second apart on two servers, and both windows hold their limit on both', async () => {
    await grantToTenant(server, shop, calls(10, 'HOUR'));
    setClocks('2026-03-01T12:59:59.500Z');
    second.pass(1_000);

    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => draw(index % 2 === 0 ? server : second)),
    );
    server.pass(1_000);
    const after = [await draw(server), await draw(second)];

    expect(answers.filter((answer) => answer === 'granted')).toHaveLength(20);
    expect(after).toEqual(['QUOTA_EXCEEDED', 'QUOTA_EXCEEDED']);
    expect(await windows()).toEqual([
      ['2026-03-01T12:00:00.000Z', 10],
      ['2026-03-01T13:00:00.000Z', 10],
    ]);
  });

  test('that a clock goes back over finds the window before as it was left', async () => {
    await grantToTenant(server, shop, calls(2, 'HOUR'));

    const first = await draw(server, 2);
    server.pass(HOUR);
    const next = await draw(server);
    server.pass(-HOUR);

    expect([first, next, await draw(server)]).toEqual(['granted', 'granted', 'QUOTA_EXCEEDED']);
    expect(await windows()).toEqual([
      ['2026-03-01T12:00:00.000Z', 2],
      ['2026-03-01T13:00:00.000Z', 1],
    ]);
  });

  test.each([
    ['a month of the 31st', 'MONTH', '2026-01-31T10:00:00.123Z', '2026-02-28T10:00:00.123Z'],
    ['a leap day', 'YEAR', '2024-02-29T10:00:00Z', '2026-02-28T10:00:00.000Z'],
    ['a day across the change of clocks', 'DAY', '2026-02-10T02:30:00Z', '2026-03-29T02:30:00.000Z'],
    ['an hour with milliseconds', 'HOUR', '2026-02-28T23:59:59.999Z', '2026-03-01T12:59:59.999Z'],
  ])('of %s is told and kept', async (_what, limitPeriod, issuedDate, turn) => {
    server.now = at('2026-06-01T00:00:00Z');
    await grantToTenant(server, shop, calls(1, limitPeriod), { issuedDate });
    server.now = at(turn);
    server.pass(-1);

    const before = [await draw(server), await draw(server)];
    const told = await entitlementOf(server, shop.admin, 'calls');
    server.pass(1);
    const after = [await draw(server), await draw(server)];

    expect([before, after]).toEqual([
      ['granted', 'QUOTA_EXCEEDED'],
      ['granted', 'QUOTA_EXCEEDED'],
    ]);
    expect(told?.windowEndsAt).toBe(turn);
  });
});

describe('an issue date', () => {
  test('of 1970 anchors a window of today', async () => {
    await grantToTenant(server, shop, calls(1, 'MONTH'), { issuedDate: '1970-01-31T00:00:00Z' });

    expect([await draw(server), await draw(server)]).toEqual(['granted', 'QUOTA_EXCEEDED']);
    expect(await windows()).toEqual([['2026-02-28T00:00:00.000Z', 1]]);
  });

  test('in the future, or beyond the years that the system takes, is refused', async () => {
    const input = {
      productId: shop.productId,
      licenseType: 'PERPETUAL',
      licenseModel: 'SITE_LICENSE',
      issuedTo: 'Ada',
    };
    const create = mutation('createLicense', '__typename');

    expect(
      await refusedFields(server, shop.admin, 'createLicense', {
        ...input,
        issuedDate: '2026-03-01T12:00:00.001Z',
      }),
    ).toEqual(['input.issuedDate']);
    for (const issuedDate of [
      '9999-12-31T23:59:59Z',
      '9000-01-01T00:00:00.001Z',
      '1969-12-31T23:59:59Z',
      '2026-02-29T00:00:00Z',
    ]) {
      const answer = await server.graphql(create, { input: { ...input, issuedDate } }, shop.admin);
      expect([issuedDate, answer.code]).toEqual([issuedDate, 'BAD_USER_INPUT']);
    }
    expect(await server.count('licenses', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });

  test('that lies ahead of the clock of another server begins its first window there as well', async () => {
    await grantToTenant(server, shop, calls(3, 'DAY'));
    second.pass(-1_000);

    const answers = [await draw(second, 2), await draw(server), await draw(second)];

    expect(answers).toEqual(['granted', 'granted', 'QUOTA_EXCEEDED']);
    expect(await windows()).toEqual([['2026-03-01T12:00:00.000Z', 3]]);
  });
});

describe('a period that is changed while units are used', () => {
  const change = (licenseId: string, limitValue: number, limitPeriod: string) =>
    server.ok(
      mutation('grantFeature', 'license { id }'),
      {
        input: { licenseId, feature: { featureId: 'calls', featureName: 'Calls', limitValue, limitPeriod } },
      },
      shop.admin,
    );

  test('counts in the window of the new period, and finds the old one as it was when it is set again', async () => {
    const { id } = await grantToTenant(server, shop, calls(5, 'DAY'));
    setClocks('2026-03-01T15:30:00Z');

    const day = await draw(server, 5);
    await change(id, 2, 'HOUR');
    const hour = [await draw(second, 2), await draw(server)];
    await change(id, 5, 'DAY');
    const again = await draw(second);

    expect([day, hour, again]).toEqual(['granted', ['granted', 'QUOTA_EXCEEDED'], 'QUOTA_EXCEEDED']);
    expect(await windows()).toEqual([
      ['2026-03-01T12:00:00.000Z', 5],
      ['2026-03-01T15:00:00.000Z', 2],
    ]);
  });

  test('gives back to the window that was drawn from', async () => {
    const { id } = await grantToTenant(server, shop, calls(5, 'DAY'));
    setClocks('2026-03-01T15:30:00Z');
    const answer = await consume(server, shop.admin, [{ featureId: 'calls', amount: 4 }]);
    await change(id, 2, 'HOUR');
    await draw(server, 2);

    const data = await server.ok(
      mutation('refundFeatures', 'refunds { units }'),
      { input: { grantId: answer.data?.consumeFeatures?.grantId } },
      shop.admin,
    );

    expect(data.refundFeatures?.refunds).toEqual([{ units: 4 }]);
    expect(await windows()).toEqual([['2026-03-01T15:00:00.000Z', 2]]);
    expect(await differences(server, shop.tenantId)).toBe(0);
  });

  test('while 60 callers draw: everybody is answered, and no window gives more than its limit', async () => {
    const { id } = await grantToTenant(server, shop, calls(10, 'DAY'));
    setClocks('2026-03-01T15:30:00Z');
    const callers = Array.from({ length: 60 }, (_, index) => draw(index % 2 === 0 ? server : second));

    const changes = change(id, 8, 'HOUR').then(() => change(id, 10, 'DAY'));
    const answers = await Promise.all(callers);
    await changes;

    expect(answers.filter((each) => each !== 'granted' && each !== 'QUOTA_EXCEEDED')).toEqual([]);
    const used = new Map((await windows()).map(([start, units]) => [start, Number(units)]));
    expect(used.get('2026-03-01T12:00:00.000Z') ?? 0).toBeLessThanOrEqual(10);
    expect(used.get('2026-03-01T15:00:00.000Z') ?? 0).toBeLessThanOrEqual(8);
    expect([...used.values()].reduce((sum, units) => sum + units, 0)).toBe(
      answers.filter((each) => each === 'granted').length,
    );
  });
});
