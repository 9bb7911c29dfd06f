import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { actOn } from '../support/acts.js';
import { grantToTenant } from '../support/fixtures.js';
import {
  askAnalytics,
  askExport,
  eventCount,
  type FeatureShop,
  grantAnalytics,
  messagesByPath,
  openFeatureShop,
  refusalsByPath,
  unitsUsed,
} from '../support/meters.js';
import { modes } from '../support/modes.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;

const askAll = `query ($id: ID!) {
  license(id: $id) { id analytics { totalActivations } advancedAnalytics { operatingSystems { name } } }
  apiAccess { path tenantId }
}`;

/** Every marked field of the graph at once: two queried as siblings, one by its type, one mutation. */
async function answers(as: Claims, id: string): Promise<Record<string, string>> {
  const query = await server.graphql(askAll, { id }, as);
  const mutation = await askExport(server, as);
  expect(query.data?.license?.id).toBe(id);
  return { ...messagesByPath(query), ...messagesByPath(mutation) };
}

const everyFeature = ['analytics_dashboard', 'analytics_advanced', 'api_access', 'bulk_export'];
const paths = {
  analytics_dashboard: 'license.analytics',
  analytics_advanced: 'license.advancedAnalytics',
  api_access: 'apiAccess',
  bulk_export: 'exportLicenses',
};

/** A license of the tenant that grants every marked feature, each changed in the same way. */
function grantAll(shop: FeatureShop, change: object = {}, input: object = {}): Promise<{ id: string }> {
  return grantToTenant(
    server,
    shop,
    everyFeature.map((featureId) => ({ featureId, ...change })),
    input,
  );
}

function all(message: (feature: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(paths).map(([feature, path]) => [path, message(feature)]));
}

const notLicensed = all((feature) => `Feature '${feature}' not licensed`);
const noLicense = all(() => 'No active license found for tenant');

describe.each(modes)('on a server %s', (_mode, options) => {
  beforeAll(async () => {
    server = await startTestServer(options);
  });
  afterAll(() => server.stop());

  describe('the conditions of the directive', () => {
    test('what a license grants answers, and metered fields are charged', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAll(shop);

      expect(await answers(shop.admin, id)).toEqual({});
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 1, bulk_export: 1 });
    });

    test.each([
      ['is absent', { featureId: 'something_else' }],
      ['is switched off', { enabled: false }],
      ['is past its own end', { expiresAt: '2026-03-01T11:59:59.999Z' }],
      ['ends at this instant', { expiresAt: '2026-03-01T12:00:00Z' }],
    ])('a feature that %s is not licensed', async (_why, change) => {
      const shop = await openFeatureShop(server);
      const features =
        'featureId' in change ? [change] : everyFeature.map((featureId) => ({ featureId, ...change }));
      const { id } = await grantToTenant(server, shop, features);

      expect(await answers(shop.admin, id)).toEqual(notLicensed);
      expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(0);
      expect(await eventCount(server, shop.tenantId, 'license.exported')).toBe(0);
    });

    test('a feature that ends in a millisecond is licensed', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAll(shop, { expiresAt: '2026-03-01T12:00:00.001Z' });

      expect(await answers(shop.admin, id)).toEqual({});
    });

    test('a limit of 0 licenses what is not metered and no unit of what is', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAll(shop, { limitValue: 0 });

      expect(await answers(shop.admin, id)).toEqual({
        'license.advancedAnalytics': 'Feature quota exceeded: 0/0',
        exportLicenses: 'Feature quota exceeded: 0/0',
      });
      expect(await unitsUsed(server, shop.tenantId)).toEqual({});
      expect(await eventCount(server, shop.tenantId, 'license.exported')).toBe(0);
    });

    test('an exhausted quota says how much was used of how much', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 10);
      for (let use = 0; use < 10; use += 1) await askAnalytics(server, shop.admin, id);

      const answer = await askAnalytics(server, shop.admin, id);

      expect(answer.status).toBe(200);
      expect(answer.data).toEqual({ license: { id, advancedAnalytics: null } });
      expect(answer.errors).toEqual([
        {
          message: 'Feature quota exceeded: 10/10',
          path: ['license', 'advancedAnalytics'],
          locations: expect.any(Array),
          extensions: {
            code: 'QUOTA_EXCEEDED',
            feature: 'analytics_advanced',
            limit: 10,
            used: 10,
            windowEndsAt: null,
          },
        },
      ]);
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 10 });
    });

    test('a refused feature is named in the error', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantToTenant(server, shop, []);

      const { errors } = await askAnalytics(server, shop.admin, id);

      expect(errors[0]?.extensions).toEqual({ code: 'FEATURE_NOT_LICENSED', feature: 'analytics_advanced' });
    });

    test.each([null, 2 ** 31, Number.MAX_SAFE_INTEGER])(
      'a limit of %s is charged like any other',
      async (limit) => {
        const shop = await openFeatureShop(server);
        const { id } = await grantAnalytics(server, shop, limit);
        await askAnalytics(server, shop.admin, id);
        const nearlyAll = (limit ?? Number.MAX_SAFE_INTEGER) - 1;
        await server.sql`update feature_usage set used = ${nearlyAll} where tenant_id = ${shop.tenantId}`;

        const last = await askAnalytics(server, shop.admin, id);
        const beyond = limit === null ? undefined : await askAnalytics(server, shop.admin, id);

        expect(last.errors).toEqual([]);
        expect(beyond?.errors[0]?.message).toBe(
          limit === null ? undefined : `Feature quota exceeded: ${limit}/${limit}`,
        );
        expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: nearlyAll + 1 });
      },
    );
  });

  describe('which licenses grant', () => {
    const yearly = { licenseType: 'SUBSCRIPTION', expiryDate: '2026-03-11T12:00:00Z', gracePeriodDays: 5 };
    const expired = 10 * DAY_MILLIS;

    /** What the marked fields answer when the only license of the tenant went through this. */
    async function answersAfter(
      change: (shop: FeatureShop, id: string) => Promise<unknown>,
      input: object = yearly,
    ) {
      const shop = await openFeatureShop(server);
      const { id } = await grantAll(shop, {}, input);
      try {
        await change(shop, id);
        return await answers(shop.admin, id);
      } finally {
        server.now = START;
      }
    }

    const passing = (millis: number) => async () => server.pass(millis);

    test('one that runs, to the last moment of its grace', async () => {
      expect(await answersAfter(passing(0))).toEqual({});
      expect(await answersAfter(passing(expired))).toEqual({});
      expect(await answersAfter(passing(expired + 5 * DAY_MILLIS - 1))).toEqual({});
    });

    test('none past its grace, and without grace none past its expiry', async () => {
      expect(await answersAfter(passing(expired + 5 * DAY_MILLIS))).toEqual(noLicense);
      expect(await answersAfter(passing(expired), { ...yearly, gracePeriodDays: 0 })).toEqual(noLicense);
      expect(await answersAfter(passing(expired), { ...yearly, gracePeriodDays: null })).toEqual(noLicense);
    });

    test('none that is suspended, until it is reinstated', async () => {
      const suspend = (shop: FeatureShop, licenseId: string) =>
        actOn(server, shop.admin, 'suspendLicense', { licenseId, reason: 'unpaid' });

      expect(await answersAfter(suspend)).toEqual(noLicense);
      const reinstated = await answersAfter(async (shop, licenseId) => {
        await suspend(shop, licenseId);
        await actOn(server, shop.admin, 'reinstateLicense', { licenseId });
      });
      expect(reinstated).toEqual({});
    });

    test('none that is revoked', async () => {
      const revoked = await answersAfter((shop, licenseId) =>
        actOn(server, shop.admin, 'revokeLicense', { licenseId, reason: 'fraud' }),
      );

      expect(revoked).toEqual(noLicense);
    });

    test('none that is switched off, nor in what would be its grace', async () => {
      const switchOff = (shop: FeatureShop, licenseId: string) =>
        actOn(server, shop.admin, 'updateLicense', { licenseId, status: 'INACTIVE' });

      expect(await answersAfter(switchOff)).toEqual(noLicense);
      const inGrace = await answersAfter(async (shop, licenseId) => {
        await switchOff(shop, licenseId);
        server.pass(expired);
      });
      expect(inGrace).toEqual(noLicense);
    });

    test('none that waits for its first activation', async () => {
      const trial = { licenseType: 'TRIAL', licenseModel: 'PER_DEVICE', trialPeriodDays: 14 };

      expect(await answersAfter(async () => undefined, trial)).toEqual(noLicense);
    });

    test('one that was renewed after its grace', async () => {
      const renewed = await answersAfter(async (shop, licenseId) => {
        server.pass(expired + 6 * DAY_MILLIS);
        await actOn(server, shop.admin, 'renewLicense', { licenseId, durationMonths: 1 });
      });

      expect(renewed).toEqual({});
    });
  });

  describe('who may ask', () => {
    test('a caller without a token is refused before licenses are looked at, and charges nothing', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAll(shop);
      server.statements.length = 0;

      const query = await server.graphql(askAll, { id });
      const mutation = await server.graphql('mutation { exportLicenses(input: { format: JSON }) { count } }');

      expect(refusalsByPath(query)).toEqual({ license: 'UNAUTHENTICATED', apiAccess: 'UNAUTHENTICATED' });
      expect(refusalsByPath(mutation)).toEqual({ exportLicenses: 'UNAUTHENTICATED' });
      expect(server.statements).toEqual([]);
      expect(await unitsUsed(server, shop.tenantId)).toEqual({});
    });

    test('a caller without the permission is refused by it, and charges nothing', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAll(shop);
      const reader: Claims = { tenant_id: shop.tenantId, permissions: ['license.read'] };

      const query = await server.graphql(askAll, { id }, reader);
      const mutation = await askExport(server, reader);

      expect(refusalsByPath(query)).toEqual({
        'license.analytics': 'FORBIDDEN',
        'license.advancedAnalytics': 'FORBIDDEN',
        apiAccess: 'FORBIDDEN',
      });
      expect(query.data?.license).toEqual({ id, analytics: null, advancedAnalytics: null });
      expect(refusalsByPath(mutation)).toEqual({ exportLicenses: 'FORBIDDEN' });
      expect(await unitsUsed(server, shop.tenantId)).toEqual({});
    });

    test("another tenant's licenses grant nothing, and its units are not drawn", async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAll(shop);
      const other = await openFeatureShop(server);

      const query = await server.graphql(askAll, { id }, other.admin);

      expect(query.data).toEqual({ license: null, apiAccess: null });
      expect(messagesByPath(query)).toEqual({ apiAccess: 'No active license found for tenant' });
      expect(messagesByPath(await askExport(server, other.admin))).toEqual({
        exportLicenses: 'No active license found for tenant',
      });
      expect(await unitsUsed(server, shop.tenantId)).toEqual({});
    });
  });
});
