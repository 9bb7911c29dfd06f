import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { createCustomer, createLicense, grantToTenant } from '../support/fixtures.js';
import {
  askAnalytics,
  countersOf,
  entitlementOf,
  grantAnalytics,
  messagesByPath,
  openFeatureShop,
  refusalsByPath,
} from '../support/meters.js';
import { modes } from '../support/modes.js';
import { at, type Claims, START, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;

const advanced = 'analytics_advanced';
const listed = '{ entitlements { featureId limit used left } }';

describe.each(modes)('on a server %s', (_mode, options) => {
  beforeAll(async () => {
    server = await startTestServer(options);
  });
  afterAll(() => server.stop());

  describe('entitlements', () => {
    test('tell limit, use, what is left, windows, ends and licenses of each feature', async () => {
      const shop = await openFeatureShop(server);
      const term = { licenseType: 'SUBSCRIPTION', issuedDate: '2026-02-15T00:00:00Z' };
      const features = [
        {
          featureId: advanced,
          featureName: 'Advanced',
          limitValue: 5,
          limitType: 'COUNT',
          limitPeriod: 'MONTH',
        },
        { featureId: 'api_access', limitValue: 0, expiresAt: '2026-05-01T00:00:00Z' },
        { featureId: 'bulk_export', enabled: false },
        { featureId: 'vpn', expiresAt: '2026-03-01T12:00:00Z' },
      ];
      const first = await grantToTenant(server, shop, features, {
        ...term,
        expiryDate: '2026-09-01T00:00:00Z',
      });
      const more = [{ featureId: advanced, limitValue: 2, limitPeriod: 'DAY' }];
      const second = await grantToTenant(server, shop, more, { ...term, expiryDate: '2026-06-01T00:00:00Z' });
      for (let use = 0; use < 3; use += 1) await askAnalytics(server, shop.admin, first.id);

      const data = await server.ok(
        '{ entitlements { featureId featureName limit limitType limitPeriod used left windowEndsAt expiresAt licenseIds } }',
        {},
        shop.admin,
      );

      expect(data.entitlements).toEqual([
        {
          featureId: advanced,
          featureName: 'A feature',
          limit: 7,
          limitType: null,
          limitPeriod: 'DAY',
          used: 3,
          left: 4,
          windowEndsAt: '2026-03-02T00:00:00.000Z',
          expiresAt: '2026-09-01T00:00:00.000Z',
          licenseIds: [second.id, first.id],
        },
        {
          featureId: 'api_access',
          featureName: 'A feature',
          limit: 0,
          limitType: null,
          limitPeriod: 'NONE',
          used: 0,
          left: 0,
          windowEndsAt: null,
          expiresAt: '2026-05-01T00:00:00.000Z',
          licenseIds: [first.id],
        },
      ]);
    });

    test('an unlimited feature tells its use and leaves limit and rest open', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, null);
      await grantAnalytics(server, shop, 5);
      await askAnalytics(server, shop.admin, id);

      expect(await entitlementOf(server, shop.admin, advanced)).toMatchObject({
        limit: null,
        used: 1,
        left: null,
      });
    });

    test('two of the largest limits can be answered', async () => {
      const shop = await openFeatureShop(server);
      await grantAnalytics(server, shop, Number.MAX_SAFE_INTEGER);
      await grantAnalytics(server, shop, Number.MAX_SAFE_INTEGER);

      expect(await entitlementOf(server, shop.admin, advanced)).toMatchObject({
        limit: Number.MAX_SAFE_INTEGER,
        used: 0,
        left: Number.MAX_SAFE_INTEGER,
      });
    });

    test('are empty without a license', async () => {
      const shop = await openFeatureShop(server);

      expect(await server.ok(listed, {}, shop.admin)).toEqual({ entitlements: [] });
    });

    test("show a customer's caller its own and the tenant's, and staff the tenant's", async () => {
      const shop = await openFeatureShop(server);
      const [ada, bola] = [
        await createCustomer(server, shop.admin),
        await createCustomer(server, shop.admin),
      ];
      const feature = { featureId: advanced, featureName: 'Advanced' };
      await createLicense(server, shop, { customerId: ada, features: [{ ...feature, limitValue: 1 }] });
      await createLicense(server, shop, { customerId: bola, features: [{ ...feature, limitValue: 10 }] });
      await grantAnalytics(server, shop, 100);
      const claims = (id: string): Claims => ({
        tenant_id: shop.tenantId,
        roles: ['customer'],
        customer_id: id,
      });

      expect(await entitlementOf(server, claims(ada), advanced)).toMatchObject({ limit: 101 });
      expect(await entitlementOf(server, claims(bola), advanced)).toMatchObject({ limit: 110 });
      expect(await entitlementOf(server, shop.admin, advanced)).toMatchObject({ limit: 100 });
    });

    test("show staff and resellers what customers' licenses grant, once and without units", async () => {
      const shop = await openFeatureShop(server);
      const resellerId = await createReseller(server, shop.admin);
      const [ada, bola] = [
        await createCustomer(server, shop.admin),
        await createCustomer(server, shop.admin),
      ];
      const named = { featureName: 'A feature' };
      const vpn = { ...named, featureId: 'vpn' };
      await createLicense(server, shop, {
        customerId: ada,
        resellerId,
        expiryDate: '2026-09-01T00:00:00Z',
        features: [
          { ...vpn, limitValue: 5, limitPeriod: 'DAY' },
          { ...named, featureId: advanced, limitValue: 9 },
          { ...named, featureId: 'off', enabled: false },
          { ...named, featureId: 'over', expiresAt: '2026-03-01T12:00:00Z' },
        ],
      });
      await createLicense(server, shop, {
        customerId: bola,
        expiryDate: '2026-10-01T00:00:00Z',
        features: [
          { ...vpn, expiresAt: '2026-06-01T00:00:00Z' },
          { ...named, featureId: 'endless', expiresAt: null },
        ],
      });
      await createLicense(server, shop, { customerId: bola, features: [{ ...named, featureId: 'endless' }] });
      await grantAnalytics(server, shop, 100);
      const ask = async (as: Claims) =>
        (
          await server.ok(
            '{ entitlements { featureId featureName limit limitType limitPeriod used left windowEndsAt expiresAt licenseIds } }',
            {},
            as,
          )
        ).entitlements;
      const none = { limit: 0, limitType: null, limitPeriod: 'NONE', used: 0, left: 0, windowEndsAt: null };
      const elsewhere = { ...none, ...named, licenseIds: [] };

      const staff = await ask(shop.admin);
      const reseller = await ask({ tenant_id: shop.tenantId, roles: ['reseller'], reseller_id: resellerId });

      expect(staff).toEqual([
        expect.objectContaining({ featureId: advanced, limit: 100, left: 100 }),
        { ...elsewhere, featureId: 'endless', expiresAt: null },
        { ...elsewhere, featureId: 'vpn', expiresAt: '2026-09-01T00:00:00.000Z' },
      ]);
      expect(reseller).toEqual([
        { ...elsewhere, featureId: advanced, expiresAt: '2026-09-01T00:00:00.000Z' },
        { ...elsewhere, featureId: 'vpn', expiresAt: '2026-09-01T00:00:00.000Z' },
      ]);
    });

    test('need a token and the permission to ask', async () => {
      const shop = await openFeatureShop(server);
      await grantAnalytics(server, shop, 1);

      const anonymous = await server.graphql(listed);
      const unpermitted = await server.graphql(
        listed,
        {},
        { tenant_id: shop.tenantId, permissions: ['license.read'] },
      );
      const stranger = await server.graphql(listed, {}, await server.tenant());

      expect(refusalsByPath(anonymous)).toEqual({ entitlements: 'UNAUTHENTICATED' });
      expect(refusalsByPath(unpermitted)).toEqual({ entitlements: 'FORBIDDEN' });
      expect(stranger.data).toEqual({ entitlements: [] });
    });
  });

  describe('a limit that resets', () => {
    /** Uses advanced analytics at an instant; answers the refusal, if there is one. */
    async function useAt(as: Claims, id: string, instant: string): Promise<Record<string, string>> {
      server.now = at(instant);
      try {
        return messagesByPath(await askAnalytics(server, as, id));
      } finally {
        server.now = START;
      }
    }

    test.each([
      [
        'HOUR',
        '2026-02-28T12:00:00Z',
        '2026-02-28T12:00:00Z',
        '2026-02-28T12:59:59.999Z',
        '2026-02-28T13:00:00Z',
      ],
      [
        'DAY',
        '2026-02-28T12:00:00Z',
        '2026-02-28T12:00:00Z',
        '2026-03-01T11:59:59.999Z',
        '2026-03-01T12:00:00Z',
      ],
      [
        'MONTH',
        '2026-01-31T12:00:00Z',
        '2026-02-28T12:00:00Z',
        '2026-03-31T11:59:59.999Z',
        '2026-03-31T12:00:00Z',
      ],
      [
        'YEAR',
        '2024-02-29T12:00:00Z',
        '2026-02-28T12:00:00Z',
        '2027-02-28T11:59:59.999Z',
        '2027-02-28T12:00:00Z',
      ],
    ])('gives fresh units at the turn of its %s', async (limitPeriod, issuedDate, first, before, turn) => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 1, { limitPeriod }, { issuedDate });

      expect(await useAt(shop.admin, id, first)).toEqual({});
      expect(await useAt(shop.admin, id, before)).toEqual({
        'license.advancedAnalytics': 'Feature quota exceeded: 1/1',
      });
      expect(await useAt(shop.admin, id, turn)).toEqual({});
      expect(
        (await countersOf(server, shop.tenantId)).map((counter) => [counter.windowStart, counter.used]),
      ).toEqual([
        [at(first), 1],
        [at(turn), 1],
      ]);
    });

    test('that has no period never gives fresh units', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 1);

      expect(await useAt(shop.admin, id, '2026-03-01T12:00:00Z')).toEqual({});
      expect(await useAt(shop.admin, id, '2036-03-01T12:00:00Z')).toEqual({
        'license.advancedAnalytics': 'Feature quota exceeded: 1/1',
      });
    });

    test('tells when, with the refusal and by asking', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(
        server,
        shop,
        1,
        { limitPeriod: 'DAY' },
        { issuedDate: '2026-02-20T06:00:00Z' },
      );
      await askAnalytics(server, shop.admin, id);

      const refused = await askAnalytics(server, shop.admin, id);

      expect(refused.errors[0]?.extensions.windowEndsAt).toBe('2026-03-02T06:00:00.000Z');
      expect(await entitlementOf(server, shop.admin, advanced)).toMatchObject({
        limitPeriod: 'DAY',
        used: 1,
        left: 0,
        windowEndsAt: '2026-03-02T06:00:00.000Z',
      });
      server.pass(DAY_MILLIS);
      const next = await entitlementOf(server, shop.admin, advanced);
      server.now = START;
      expect(next).toMatchObject({ used: 0, left: 1, windowEndsAt: '2026-03-03T06:00:00.000Z' });
    });
  });

  test('API access tells path, tenant and the quota of calls, and charges none', async () => {
    const shop = await openFeatureShop(server);
    await grantToTenant(server, shop, [{ featureId: 'api_access', limitValue: 10_000, limitPeriod: 'DAY' }]);

    const data = await server.ok(
      '{ apiAccess { path tenantId quota { limit used limitPeriod } } }',
      {},
      shop.admin,
    );

    expect(data.apiAccess).toEqual({
      path: '/graphql',
      tenantId: shop.tenantId,
      quota: { limit: 10_000, used: 0, limitPeriod: 'DAY' },
    });
    expect(await countersOf(server, shop.tenantId)).toEqual([]);
  });
});
