import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TenantId } from '../../src/core/id.js';
import type { Work } from '../../src/core/work.js';
import type { Line } from '../../src/entitlements/model/ledger.js';
import { chargeNeeds, refundLines } from '../../src/entitlements/service/chargeNeeds.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { mutation } from '../support/acts.js';
import {
  askAnalytics,
  type FeatureShop,
  grantAnalytics,
  openFeatureShop,
  unitsUsed,
} from '../support/meters.js';
import { modes } from '../support/modes.js';
import { type Answer, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;

const advanced = 'analytics_advanced';
const HOUR = 3_600_000;

function act(shop: FeatureShop, name: string, input: object): Promise<Answer> {
  return server.graphql(
    mutation(name, 'license { id features { featureId enabled limitValue } }'),
    { input },
    shop.admin,
  );
}

async function codes(shop: FeatureShop, id: string, times: number): Promise<string[]> {
  const told: string[] = [];
  for (let time = 0; time < times; time += 1) {
    told.push((await askAnalytics(server, shop.admin, id)).code ?? 'granted');
  }
  return told;
}

async function eventsOf(shop: FeatureShop, type: string): Promise<Record<string, unknown>[]> {
  const rows = await server.sql`select event_data from license_event_logs
    where tenant_id = ${shop.tenantId} and event_type = ${type} order by id`;
  return rows.map((row) => row.event_data);
}

/** Charges and refunds as an operation does that goes on while others act. */
async function within<Result>(shop: FeatureShop, run: (work: Work) => Promise<Result>): Promise<Result> {
  const actor = {
    kind: 'user',
    subject: 'tester',
    tenantId: shop.tenantId as TenantId,
    permissions: new Set<string>(),
    expiresAt: START,
  } as const;
  const { work, session } = await openWork(server.machinery, { actor, requestId: 'r', address: undefined });
  return run(work).finally(session.commit);
}
const chargeAs = (shop: FeatureShop, amount: number) =>
  within(shop, (work) => chargeNeeds(work, [{ feature: advanced, amount }]));
const giveBack = (shop: FeatureShop, lines: readonly Line[]) =>
  within(shop, (work) => refundLines(work, lines));

const feature = { featureId: advanced, featureName: 'Advanced', limitValue: 3 };

describe.each(modes)('on a server %s', (_mode, options) => {
  beforeAll(async () => {
    server = await startTestServer(options);
  });
  afterAll(() => server.stop());

  describe('grantFeature', () => {
    test('adds a feature, and another limit keeps what was used', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 1, { featureId: 'other' });
      const before = await codes(shop, id, 1);

      await act(shop, 'grantFeature', { licenseId: id, feature: { ...feature, limitValue: 1 } });
      const one = await codes(shop, id, 2);
      await act(shop, 'grantFeature', { licenseId: id, feature });

      expect([before, one]).toEqual([['FEATURE_NOT_LICENSED'], ['granted', 'QUOTA_EXCEEDED']]);
      expect(await codes(shop, id, 3)).toEqual(['granted', 'granted', 'QUOTA_EXCEEDED']);
      expect((await eventsOf(shop, 'feature.granted')).map(({ featureId }) => featureId)).toEqual([
        advanced,
        advanced,
      ]);
    });

    test('is refused on a revoked license, and nothing is written', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 1, { featureId: 'other' });
      await act(shop, 'revokeLicense', { licenseId: id, reason: 'x' });

      const answer = await act(shop, 'grantFeature', { licenseId: id, feature });

      expect(answer.code).toBe('LICENSE_REVOKED');
      expect(await eventsOf(shop, 'feature.granted')).toEqual([]);
    });
  });

  describe('revokeFeature', () => {
    test('switches the feature off, twice like once', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 5);
      const input = { licenseId: id, featureId: advanced, reason: 'misuse' };

      const first = await act(shop, 'revokeFeature', input);
      const again = await act(shop, 'revokeFeature', input);

      expect(first.data?.revokeFeature?.license?.features).toEqual([
        { featureId: advanced, enabled: false, limitValue: 5 },
      ]);
      expect(again.data).toEqual(first.data);
      expect(await codes(shop, id, 1)).toEqual(['FEATURE_NOT_LICENSED']);
      expect(await eventsOf(shop, 'feature.revoked')).toEqual([
        {
          featureId: advanced,
          reason: 'misuse',
          before: expect.objectContaining({ enabled: true, limitValue: 5 }),
          after: expect.objectContaining({ enabled: false, limitValue: 5 }),
        },
      ]);
    });

    test('names a feature that the license has', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 5);

      const answer = await act(shop, 'revokeFeature', { licenseId: id, featureId: 'nothing', reason: 'x' });

      expect([answer.code, answer.errors[0]?.message]).toEqual([
        'INVALID_INPUT',
        'input.featureId: the license has no such feature',
      ]);
    });
  });

  describe('topUpQuota', () => {
    test('gives units behind the limit, until they end', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 1, { limitPeriod: 'DAY' });
      const input = { licenseId: id, featureId: advanced, reason: 'launch' };
      await act(shop, 'topUpQuota', { ...input, amount: 2, expiresAt: '2026-03-01T13:00:00Z' });
      await act(shop, 'topUpQuota', { ...input, amount: 1 });

      const used = await codes(shop, id, 2);
      const { entitlements } = await server.ok('{ entitlements { limit used left } }', {}, shop.admin);
      server.pass(HOUR);
      const later = await codes(shop, id, 2);
      server.pass(-HOUR);

      expect(used).toEqual(['granted', 'granted']);
      expect(entitlements).toEqual([{ limit: 4, used: 2, left: 2 }]);
      expect(later).toEqual(['granted', 'QUOTA_EXCEEDED']);
      expect((await eventsOf(shop, 'quota.topped_up')).map(({ amount }) => amount)).toEqual([2, 1]);
    });

    test('is exact under many callers at once', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 20);
      await act(shop, 'topUpQuota', { licenseId: id, featureId: advanced, reason: 'x', amount: 15 });

      const answers = await Promise.all(
        Array.from({ length: 60 }, () => askAnalytics(server, shop.admin, id)),
      );

      expect(answers.filter((answer) => answer.code === undefined)).toHaveLength(35);
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ [advanced]: 35 });
    });

    test.each([
      ['a feature without a limit', { featureId: 'endless', amount: 1 }, 'input.featureId'],
      ['an end that is over', { amount: 1, expiresAt: '2026-03-01T12:00:00Z' }, 'input.expiresAt'],
      ['no units', { amount: 0 }, 'input.amount'],
      ['fewer than none', { amount: -5 }, 'input.amount'],
    ])('refuses %s', async (_what, changes, field) => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 1);
      await act(shop, 'grantFeature', { licenseId: id, feature: { featureId: 'endless', featureName: 'E' } });

      const answer = await act(shop, 'topUpQuota', {
        licenseId: id,
        featureId: advanced,
        reason: 'x',
        ...changes,
      });

      expect([answer.code, answer.errors[0]?.extensions.fields?.map((each) => each.field)]).toEqual([
        'INVALID_INPUT',
        [field],
      ]);
      expect(await server.count('feature_top_ups', `tenant_id = '${shop.tenantId}'`)).toBe(0);
    });
  });

  describe('resetQuota', () => {
    test('begins the running window anew, in counter and ledger, and its thresholds are told again', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 2);
      await codes(shop, id, 3);

      await act(shop, 'resetQuota', { licenseId: id, featureId: advanced, reason: 'goodwill' });

      expect(await unitsUsed(server, shop.tenantId)).toEqual({});
      expect(await codes(shop, id, 3)).toEqual(['granted', 'granted', 'QUOTA_EXCEEDED']);
      const [sum] =
        await server.sql`select sum(amount)::int as sum from usage_ledger where tenant_id = ${shop.tenantId}`;
      expect(sum?.sum).toBe(2);
      expect(await eventsOf(shop, 'quota.threshold_reached')).toHaveLength(6);
      expect(await eventsOf(shop, 'quota.reset')).toEqual([
        {
          featureId: advanced,
          windowStart: '1970-01-01T00:00:00.000Z',
          before: { used: 2 },
          after: { used: 0 },
          reason: 'goodwill',
        },
      ]);
    });

    test('a unit that was drawn before and comes back after it makes no unit out of nothing', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 5);
      await codes(shop, id, 2);
      const missing = '00000000-0000-7000-8000-000000000000';
      const query = `query ($id: ID!) { license(id: $id) { advancedAnalytics { operatingSystems { name } } } }`;

      await Promise.all([
        server.graphql(query, { id: missing }, shop.admin),
        act(shop, 'resetQuota', { licenseId: id, featureId: advanced, reason: 'x' }),
      ]);

      const [row] = await server.sql`select
      (select coalesce(sum(amount), 0)::int from usage_ledger where tenant_id = ${shop.tenantId}) as ledger,
      (select coalesce(sum(used), 0)::int from feature_usage where tenant_id = ${shop.tenantId}) as counters`;
      expect(row?.ledger).toBe(row?.counters);
      expect(row?.counters).toBeLessThanOrEqual(1);
    });

    test('a unit that was drawn before it is not given back out of what others have drawn since', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 5);
      const [early] = await chargeAs(shop, 3);
      await act(shop, 'resetQuota', { licenseId: id, featureId: advanced, reason: 'x' });
      await codes(shop, id, 4);

      await giveBack(shop, early?.lines ?? []);

      expect(await unitsUsed(server, shop.tenantId)).toEqual({ [advanced]: 4 });
    });
  });
});
