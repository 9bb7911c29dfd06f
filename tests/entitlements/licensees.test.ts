import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applicationActor } from '../../src/access/model.js';
import type { LicenseId, TenantId } from '../../src/core/id.js';
import { chargeNeeds } from '../../src/entitlements/service/chargeNeeds.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { createCustomer, createLicense, type Issued } from '../support/fixtures.js';
import {
  askAnalytics,
  askExport,
  countersOf,
  entitlementOf,
  type FeatureShop,
  grantAnalytics,
  messagesByPath,
  openFeatureShop,
  unitsUsed,
} from '../support/meters.js';
import { modes } from '../support/modes.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;

const advanced = 'analytics_advanced';
const granted = {};
const notLicensed = { 'license.advancedAnalytics': "Feature 'analytics_advanced' not licensed" };
const exceeded = (used: number, limit: number) => ({
  'license.advancedAnalytics': `Feature quota exceeded: ${used}/${limit}`,
});

/** Whether a caller gets a unit of advanced analytics of a license that it sees. */
async function ask(as: Claims, licenseId: string): Promise<Record<string, string>> {
  const answer = await askAnalytics(server, as, licenseId);
  expect(answer.data?.license?.id).toBe(licenseId);
  return messagesByPath(answer);
}

/** Units used by license, without the window. */
async function usedBy(shop: FeatureShop): Promise<Record<string, number>> {
  const counters = await countersOf(server, shop.tenantId);
  return Object.fromEntries(counters.map((counter) => [counter.licenseId, counter.used]));
}

/** A license with a quota of advanced analytics, or without any feature. */
function license(
  shop: FeatureShop,
  limitValue: number | null | undefined,
  input: object = {},
): Promise<Issued> {
  const features =
    limitValue === undefined ? [] : [{ featureId: advanced, featureName: 'Advanced', limitValue }];
  return createLicense(server, shop, { features, ...input });
}

async function createReseller(shop: FeatureShop): Promise<{ id: string; claims: Claims }> {
  const data = await server.ok(
    'mutation { createReseller(input: { name: "Northwind" }) { reseller { id } } }',
    {},
    shop.admin,
  );
  const id = String(data.createReseller?.reseller?.id);
  return { id, claims: { tenant_id: shop.tenantId, roles: ['reseller'], reseller_id: id } };
}

async function customerOf(shop: FeatureShop): Promise<{ id: string; claims: Claims }> {
  const id = await createCustomer(server, shop.admin);
  return { id, claims: { tenant_id: shop.tenantId, roles: ['customer'], customer_id: id } };
}

describe.each(modes)('on a server %s', (_mode, options) => {
  beforeAll(async () => {
    server = await startTestServer(options);
  });
  afterAll(() => server.stop());

  describe("a customer's caller", () => {
    test("is granted by its own licenses, and not by another customer's", async () => {
      const shop = await openFeatureShop(server);
      const [ada, bola] = [await customerOf(shop), await customerOf(shop)];
      const own = await license(shop, 2, { customerId: ada.id });
      const others = await license(shop, undefined, { customerId: bola.id });

      expect(await ask(ada.claims, own.id)).toEqual(granted);
      expect(await ask(bola.claims, others.id)).toEqual(notLicensed);
      expect(await usedBy(shop)).toEqual({ [own.id]: 1 });
    });

    test('has no license when all licenses are of other customers', async () => {
      const shop = await openFeatureShop(server);
      const [ada, bola] = [await customerOf(shop), await customerOf(shop)];
      await license(shop, 2, { customerId: ada.id });
      const waiting = { licenseType: 'TRIAL', trialPeriodDays: 14, customerId: bola.id };
      const pending = await license(shop, 5, waiting);

      expect(await ask(bola.claims, pending.id)).toEqual({
        'license.advancedAnalytics': 'No active license found for tenant',
      });
      expect(await usedBy(shop)).toEqual({});
    });

    test('draws from its own and from tenant-wide licenses, the one that expires first in front', async () => {
      const shop = await openFeatureShop(server);
      const ada = await customerOf(shop);
      const late = await license(shop, 1, { customerId: ada.id, expiryDate: '2027-03-01T12:00:00Z' });
      const wide = await license(shop, 1, { expiryDate: '2026-09-01T12:00:00Z' });
      const endless = await license(shop, 1);
      const seen: Record<string, number>[] = [];

      for (let use = 0; use < 3; use += 1) {
        expect(await ask(ada.claims, late.id)).toEqual(granted);
        seen.push(await usedBy(shop));
      }

      expect(seen).toEqual([
        { [wide.id]: 1 },
        { [wide.id]: 1, [late.id]: 1 },
        { [wide.id]: 1, [late.id]: 1, [endless.id]: 1 },
      ]);
      expect(await ask(ada.claims, late.id)).toEqual(exceeded(3, 3));
    });

    test('shares tenant-wide units with staff, unit by unit', async () => {
      const shop = await openFeatureShop(server);
      const ada = await customerOf(shop);
      const own = await license(shop, undefined, { customerId: ada.id });
      const wide = await license(shop, 2);

      expect(await ask(shop.admin, own.id)).toEqual(granted);
      expect(await ask(ada.claims, own.id)).toEqual(granted);
      expect(await ask(shop.admin, own.id)).toEqual(exceeded(2, 2));
      expect(await ask(ada.claims, own.id)).toEqual(exceeded(2, 2));
      expect(await usedBy(shop)).toEqual({ [wide.id]: 2 });
    });

    test('gains the units of a license that was transferred to it', async () => {
      const shop = await openFeatureShop(server);
      const [ada, bola] = [await customerOf(shop), await customerOf(shop)];
      const moved = await license(shop, 3, { customerId: ada.id });
      await ask(ada.claims, moved.id);
      const input = {
        licenseId: moved.id,
        newCustomerId: bola.id,
        newIssuedTo: 'Bola',
        transferReason: 'sold',
      };
      await server.ok(
        'mutation ($input: TransferLicenseInput!) { transferLicense(input: $input) { license { id } } }',
        { input },
        shop.admin,
      );

      expect(await entitlementOf(server, bola.claims, advanced)).toMatchObject({
        limit: 3,
        used: 1,
        left: 2,
      });
      expect(await entitlementOf(server, ada.claims, advanced)).toBeUndefined();
    });
  });

  describe('staff', () => {
    test("is granted by a customer's license what is not metered", async () => {
      const shop = await openFeatureShop(server);
      const ada = await customerOf(shop);
      const features = [{ featureId: 'analytics_dashboard', featureName: 'Dashboard' }];
      const { id } = await license(shop, undefined, { customerId: ada.id, features });

      const data = await server.ok(
        'query ($id: ID!) { license(id: $id) { analytics { totalActivations } } }',
        { id },
        shop.admin,
      );

      expect(data.license?.analytics).toEqual({ totalActivations: 0 });
    });

    test("never draws units from a customer's license, however many it has", async () => {
      const shop = await openFeatureShop(server);
      const ada = await customerOf(shop);
      const theirs = await license(shop, null, { customerId: ada.id });

      expect(await ask(shop.admin, theirs.id)).toEqual(exceeded(0, 0));
      expect(await usedBy(shop)).toEqual({});
    });

    test('draws from tenant-wide licenses only, also where a customer has units left', async () => {
      const shop = await openFeatureShop(server);
      const ada = await customerOf(shop);
      const theirs = await license(shop, 9, { customerId: ada.id, expiryDate: '2026-04-01T00:00:00Z' });
      const wide = await license(shop, 1);

      expect(await ask(shop.admin, theirs.id)).toEqual(granted);
      expect(await ask(shop.admin, theirs.id)).toEqual(exceeded(1, 1));
      expect(await usedBy(shop)).toEqual({ [wide.id]: 1 });
    });

    const dashboard = { featureId: 'analytics_dashboard', featureName: 'Dashboard' };
    test.each([
      ['is switched off', [{ ...dashboard, enabled: false }]],
      [
        'is switched off next to one that is on',
        [
          { ...dashboard, enabled: false },
          { ...dashboard, featureId: 'on' },
        ],
      ],
      ['has ended', [{ ...dashboard, expiresAt: '2026-03-01T12:00:00Z' }]],
      ['has a longer name', [{ ...dashboard, featureId: 'analytics_dashboard_pro' }]],
    ])("is not granted what on a customer's license %s", async (_why, features) => {
      const shop = await openFeatureShop(server);
      const ada = await customerOf(shop);
      const { id } = await license(shop, undefined, { customerId: ada.id, features });

      const answer = await server.graphql(
        'query ($id: ID!) { license(id: $id) { analytics { totalActivations } } }',
        { id },
        shop.admin,
      );

      expect(messagesByPath(answer)).toEqual({
        'license.analytics': "Feature 'analytics_dashboard' not licensed",
      });
    });
  });

  describe("a reseller's caller", () => {
    test('is granted by what it sold, and by nothing that others sold', async () => {
      const shop = await openFeatureShop(server);
      const [north, south] = [await createReseller(shop), await createReseller(shop)];
      const ada = await customerOf(shop);
      const features = [{ featureId: 'analytics_dashboard', featureName: 'Dashboard' }];
      const sold = await license(shop, undefined, { customerId: ada.id, resellerId: north.id, features });
      const plain = await license(shop, undefined, { customerId: ada.id, resellerId: south.id });
      await license(shop, undefined, { features });
      const query = 'query ($id: ID!) { license(id: $id) { id analytics { totalActivations } } }';

      const seller = await server.graphql(query, { id: sold.id }, north.claims);
      const other = await server.graphql(query, { id: plain.id }, south.claims);

      expect(seller.data?.license).toEqual({ id: sold.id, analytics: { totalActivations: 0 } });
      expect(messagesByPath(other)).toEqual({
        'license.analytics': "Feature 'analytics_dashboard' not licensed",
      });
    });

    test('draws from the tenant-wide licenses that it sold, never from a customer, nor from others', async () => {
      const shop = await openFeatureShop(server);
      const north = await createReseller(shop);
      const ada = await customerOf(shop);
      const theirs = await license(shop, null, { customerId: ada.id, resellerId: north.id });
      await license(shop, null);

      expect(await ask(north.claims, theirs.id)).toEqual(exceeded(0, 0));
      const sold = await license(shop, 1, { resellerId: north.id });
      expect(await ask(north.claims, theirs.id)).toEqual(granted);
      expect(await ask(north.claims, theirs.id)).toEqual(exceeded(1, 1));
      expect(await usedBy(shop)).toEqual({ [sold.id]: 1 });
    });

    test('has no license when it sold none that runs', async () => {
      const shop = await openFeatureShop(server);
      const north = await createReseller(shop);
      await license(shop, null);
      const permissions = ['license.export'];

      const answer = await askExport(server, { ...north.claims, permissions });

      expect(messagesByPath(answer)).toEqual({ exportLicenses: 'No active license found for tenant' });
    });
  });

  describe('an application', () => {
    /** An application's charge, as the operation that knows its key would make it. */
    async function charge(shop: FeatureShop, licenseId: string): Promise<string> {
      const actor = applicationActor(shop.tenantId as TenantId, licenseId as LicenseId);
      const caller = { actor, requestId: 'r', address: undefined };
      const { work, session } = await openWork(server.machinery, caller);
      const [charged] = await chargeNeeds(work, [{ feature: advanced, amount: 1 }]).finally(session.commit);
      if (charged === undefined) return 'undecided';
      const { decision } = charged;
      return decision.granted ? 'granted' : decision.refusal.message;
    }

    test('is judged by, and draws from, only the license whose key it shows', async () => {
      const shop = await openFeatureShop(server);
      const shown = await license(shop, 1, { expiryDate: '2027-01-01T00:00:00Z' });
      await license(shop, null, { expiryDate: '2026-06-01T00:00:00Z' });
      const bare = await license(shop, undefined);

      expect(await charge(shop, shown.id)).toBe('granted');
      expect(await charge(shop, shown.id)).toBe('Feature quota exceeded: 1/1');
      expect(await charge(shop, bare.id)).toBe("Feature 'analytics_advanced' not licensed");
      expect(await usedBy(shop)).toEqual({ [shown.id]: 1 });
    });
  });

  describe('several licenses', () => {
    test('a limit that one adds to is used up over all of them before anybody is refused', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 2);
      await grantAnalytics(server, shop, 0);
      await grantAnalytics(server, shop, 3);

      const answers: Record<string, string>[] = [];
      for (let use = 0; use < 6; use += 1) answers.push(await ask(shop.admin, id));

      expect(answers).toEqual([...Array.from({ length: 5 }, () => granted), exceeded(5, 5)]);
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ [advanced]: 5 });
    });

    test('what a suspended license had is neither granted nor counted', async () => {
      const shop = await openFeatureShop(server);
      const first = await license(shop, 1, { expiryDate: '2026-06-01T00:00:00Z' });
      const second = await license(shop, 1);
      await ask(shop.admin, first.id);
      await server.ok(
        'mutation ($id: ID!) { suspendLicense(input: { licenseId: $id, reason: "unpaid" }) { license { id } } }',
        { id: first.id },
        shop.admin,
      );

      expect(await ask(shop.admin, second.id)).toEqual(granted);
      expect(await ask(shop.admin, second.id)).toEqual(exceeded(1, 1));
      expect(await usedBy(shop)).toEqual({ [first.id]: 1, [second.id]: 1 });
    });
  });
});
