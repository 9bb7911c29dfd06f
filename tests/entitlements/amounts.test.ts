import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mutation, refused } from '../support/acts.js';
import { consume, differences } from '../support/consuming.js';
import { grantToTenant } from '../support/fixtures.js';
import {
  entitlementOf,
  eventCount,
  type FeatureShop,
  openFeatureShop,
  unitsUsed,
} from '../support/meters.js';
import { type Answer, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: FeatureShop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
});
afterAll(() => server.stop());

const MOST = Number.MAX_SAFE_INTEGER;

const grant = (limitValue: number | null, more: object = {}) =>
  grantToTenant(server, shop, [{ featureId: 'calls', limitValue, ...more }]);
const used = async () => (await unitsUsed(server, shop.tenantId)).calls ?? 0;

/** What stands on the limit, as the last verdict of an answer tells it. */
function told(answer: Answer): unknown {
  const verdicts: unknown = answer.data?.consumeFeatures?.verdicts;
  const last = Array.isArray(verdicts) ? (verdicts.at(-1) as Json | undefined) : undefined;
  return { outcome: last?.code ?? 'granted', message: last?.message, used: last?.used, left: last?.left };
}
const granted = (used: number, left: number | null) => ({ outcome: 'granted', message: null, used, left });
const exceeded = (used: number, limit: number, left: number) => ({
  outcome: 'QUOTA_EXCEEDED',
  message: `Feature quota exceeded: ${used}/${limit}`,
  used,
  left,
});

const draw = (amount: number): Promise<Answer> =>
  consume(server, shop.admin, [{ featureId: 'calls', amount }]);

describe('a limit', () => {
  test.each([1, 2 ** 31 - 1, 2 ** 31, MOST])('of %d gives its last unit, and not one more', async (limit) => {
    await grant(limit);
    if (limit > 1) await draw(limit - 1);

    const last = await draw(1);
    const beyond = await draw(1);

    expect(told(last)).toEqual(granted(limit, 0));
    expect(told(beyond)).toEqual(exceeded(limit, limit, 0));
    expect([await used(), await differences(server, shop.tenantId)]).toEqual([limit, 0]);
    expect(await entitlementOf(server, shop.admin, 'calls')).toMatchObject({ limit, used: limit, left: 0 });
  });

  test.each([1, 2 ** 31 - 1, 2 ** 31, MOST - 1])(
    'of %d gives all of it at once, and nothing of one unit more',
    async (limit) => {
      await grant(limit);

      const beyond = await draw(limit + 1);
      const before = await used();
      const whole = await draw(limit);

      expect([told(beyond), before]).toEqual([exceeded(0, limit, limit), 0]);
      expect(told(whole)).toEqual(granted(limit, 0));
    },
  );

  test('of 0 gives none, and licenses what takes none', async () => {
    await grant(0);

    const answers = [await draw(1), await consume(server, shop.admin, [{ featureId: 'calls', amount: 0 }])];

    expect(answers.map(told)).toEqual([
      exceeded(0, 0, 0),
      { outcome: 'granted', message: null, used: null, left: null },
    ]);
    expect(await server.count('usage_ledger', `tenant_id = '${shop.tenantId}'`)).toBe(0);
    expect(await eventCount(server, shop.tenantId, 'quota.threshold_reached')).toBe(0);
  });

  test.each(['none at all', 'one that may be overdrawn'])(
    'that is %s ends where numbers end, exactly',
    async (which) => {
      await grant(which === 'none at all' ? null : 1, which === 'none at all' ? {} : { overage: 'ALLOW' });
      await draw(MOST - 5);

      const beyond = await draw(6);
      const between = await used();
      const last = await draw(5);

      expect([beyond.errors, told(beyond)]).toMatchObject([[], { outcome: 'QUOTA_EXCEEDED' }]);
      expect([between, told(last)]).toMatchObject([MOST - 5, { outcome: 'granted', used: MOST }]);
      expect([await used(), await differences(server, shop.tenantId)]).toEqual([MOST, 0]);
    },
  );
});

describe('several of the largest limits', () => {
  test('add up to the largest number that an answer holds, and are drawn one behind the other', async () => {
    for (const limit of [MOST, MOST, 3]) await grant(limit);

    await draw(MOST - 1);
    const first = await draw(1);
    const second = await draw(10);

    expect(told(first)).toEqual(granted(MOST, MOST));
    expect(told(second)).toEqual(granted(MOST, MOST - 7));
    const rows = await server.sql`select used::text as used from feature_usage
      where tenant_id = ${shop.tenantId} order by license_id`;
    expect(rows.map((row) => row.used)).toEqual([String(MOST), '10']);
  });

  test('stand beside one that is unlimited, which takes all that the others do not have', async () => {
    await grant(2, { expiresAt: '2027-01-01T00:00:00Z' });
    await grant(null);

    expect(told(await draw(MOST))).toEqual(granted(MOST, null));
    const rows = await server.sql`select used::text as used from feature_usage
      where tenant_id = ${shop.tenantId} order by license_id`;
    expect(rows.map((row) => row.used)).toEqual(['2', String(MOST - 2)]);
  });

  test('with top-ups as large go on behind the limit, and one that nobody could count is refused', async () => {
    const { id } = await grant(1);
    const input = (amount: number) => ({ licenseId: id, featureId: 'calls', amount, reason: 'x' });
    const topUp = (amount: number) =>
      server.graphql(mutation('topUpQuota', 'license { id }'), { input: input(amount) }, shop.admin);

    const answers = [await topUp(MOST - 2 ** 31), await topUp(2 ** 31), await topUp(1)];

    expect(answers.map(({ code }) => code)).toEqual([undefined, undefined, 'INVALID_INPUT']);
    expect(told(await draw(5))).toEqual(granted(5, MOST - 4));
    expect(await entitlementOf(server, shop.admin, 'calls')).toMatchObject({
      limit: MOST,
      used: 5,
      left: MOST - 4,
    });
    expect(await server.count('feature_top_ups', `tenant_id = '${shop.tenantId}'`)).toBe(2);
  });
});

describe('no number that counts no units', () => {
  const odd: readonly unknown[] = [-1, 1.5, 2 ** 53, 2 ** 53 + 2, 1e300, -(2 ** 31), 'seven', true, [], {}];

  async function refuses(query: string, input: object): Promise<void> {
    const before = await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`);
    const answer = await server.graphql(query, { input }, shop.admin);
    expect(['INVALID_INPUT', 'BAD_USER_INPUT']).toContain(answer.code);
    expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(before);
  }

  test.each(odd)('%j is a limit', async (limitValue) => {
    const { id } = await grant(5);
    const feature = { featureId: 'calls', featureName: 'Calls', limitValue };
    const before = await entitlementOf(server, shop.admin, 'calls');

    await refuses(mutation('grantFeature', '__typename'), { licenseId: id, feature });
    await refuses(mutation('updateLicense', '__typename'), { licenseId: id, features: [feature] });
    await refuses(mutation('renewLicense', '__typename'), {
      licenseId: id,
      durationMonths: 1,
      upgradeFeatures: [feature],
    });
    await refuses(mutation('createLicense', '__typename'), {
      productId: shop.productId,
      licenseType: 'PERPETUAL',
      licenseModel: 'SITE_LICENSE',
      issuedTo: 'Ada',
      features: [feature],
    });

    expect(await entitlementOf(server, shop.admin, 'calls')).toEqual(before);
    expect(await server.count('licenses', `tenant_id = '${shop.tenantId}'`)).toBe(1);
  });

  test.each([...odd, 0, null])('%j is a top-up', async (amount) => {
    const { id } = await grant(5);

    await refuses(mutation('topUpQuota', '__typename'), {
      licenseId: id,
      featureId: 'calls',
      amount,
      reason: 'x',
    });

    expect(await server.count('feature_top_ups', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });

  test.each([...odd, null])('%j is what a use takes', async (amount) => {
    await grant(null);

    await refuses(mutation('consumeFeatures', '__typename'), { uses: [{ featureId: 'calls', amount }] });
  });

  test('in a document either, where a literal is longer than any number', async () => {
    const { id } = await grant(5);
    const ask = (literal: string) =>
      server.graphql(
        `mutation { topUpQuota(input: { licenseId: "${id}", featureId: "calls", reason: "x", amount: ${literal} }) { __typename } }`,
        {},
        shop.admin,
      );

    for (const literal of ['9007199254740993', '1e3', '-0.5', '99999999999999999999999999', '1.0'])
      expect((await ask(literal)).status, literal).toBe(400);

    expect(await server.count('feature_top_ups', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });

  test('of lines that a refund names gives anything back', async () => {
    await grant(5);
    const grantId = (await draw(2)).data?.consumeFeatures?.grantId;

    for (const lines of [[-1], [7], [2 ** 31 - 1]]) {
      const data = await server.ok(
        mutation('refundFeatures', 'refunds { units }'),
        { input: { grantId, lines } },
        shop.admin,
      );
      expect(data.refundFeatures?.refunds).toEqual([]);
    }
    for (const lines of [[1.5], [2 ** 31], ['0']])
      await refused(server, shop.admin, 'BAD_USER_INPUT', () =>
        server.graphql(mutation('refundFeatures', '__typename'), { input: { grantId, lines } }, shop.admin),
      );
    expect(await used()).toBe(2);
  });
});
