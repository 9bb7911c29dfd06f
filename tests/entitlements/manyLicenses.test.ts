import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CustomerId, TenantId } from '../../src/core/id.js';
import type { Need } from '../../src/entitlements/model/decide.js';
import { licenseeOf } from '../../src/entitlements/queries/grants.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { createCustomer, createLicense } from '../support/fixtures.js';
import {
  askAnalytics,
  type FeatureShop,
  grantAnalytics,
  openFeatureShop,
  unitsUsed,
} from '../support/meters.js';
import { modes } from '../support/modes.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let second: TestServer;

const advanced = 'analytics_advanced';

async function grantMany(shop: FeatureShop, count: number, limit: number): Promise<string> {
  for (let made = 1; made < count; made += 1) await grantAnalytics(server, shop, limit);
  return (await grantAnalytics(server, shop, limit)).id;
}

describe.each(modes)('on a server %s', (_mode, options) => {
  beforeAll(async () => {
    server = await startTestServer(options);
    second = await startTestServer({ ...options, beside: server });
    // No limit in this file is higher: whoever charges one unit too many fails, even if it is returned later.
    await server.sql`alter table feature_usage add constraint never_over check (used <= 3)`;
  });
  afterAll(async () => {
    await second.stop();
    await server.stop();
  });

  describe('of forty licenses that grant units', () => {
    test('one is touched by one unit, and no counter is made for the others', async () => {
      const shop = await openFeatureShop(server);
      const id = await grantMany(shop, 40, 1);

      await askAnalytics(server, shop.admin, id);

      expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(1);
    });

    test('as many counters are made as units spill over, and none by a refusal', async () => {
      const shop = await openFeatureShop(server);
      const id = await grantMany(shop, 4, 2);
      const ask = (alias: number) =>
        `a${alias}: license(id: "${id}") { advancedAnalytics { operatingSystems { name } } }`;
      const askFor = (units: number) =>
        server.graphql(
          `{ ${Array.from({ length: units }, (_, unit) => ask(unit)).join(' ')} }`,
          {},
          shop.admin,
        );

      const refused = await askFor(9);
      const before = await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`);
      const granted = await askFor(5);

      expect(new Set(refused.errors.map((error) => error.message))).toEqual(
        new Set(['Feature quota exceeded: 0/8']),
      );
      expect(before).toBe(0);
      expect(granted.errors).toEqual([]);
      expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(3);
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ [advanced]: 5 });
    });

    test('every unit is granted once to callers on two servers, and nobody waits for another in a circle', async () => {
      const shop = await openFeatureShop(server);
      const id = await grantMany(shop, 12, 3);
      const callers = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? server : second));

      const answers = await Promise.all(callers.map((on) => askAnalytics(on, shop.admin, id)));

      expect(answers.filter((answer) => answer.errors.length === 0)).toHaveLength(36);
      expect(new Set(answers.flatMap((answer) => answer.errors.map((error) => error.message)))).toEqual(
        new Set(['Feature quota exceeded: 36/36']),
      );
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ [advanced]: 36 });
    });
  });

  describe("a customer's caller", () => {
    async function fetched(shop: FeatureShop, customerId: string, needs: readonly Need[]) {
      const actor = {
        kind: 'user',
        subject: 'tester',
        tenantId: shop.tenantId as TenantId,
        customerId: customerId as CustomerId,
        permissions: new Set<string>(),
        expiresAt: START,
      } as const;
      const { work, session } = await openWork(server.machinery, {
        actor,
        requestId: 'r',
        address: undefined,
      });
      const licensee = await licenseeOf(work, needs).finally(session.rollback);
      return {
        licensed: licensee.licensed,
        granted: [...licensee.granted],
        fetched: licensee.drawable.map((grant) => String(grant.licenseId)),
      };
    }

    test('has those licenses fetched of which units are asked, and no other', async () => {
      const shop = await openFeatureShop(server);
      const customerId = await createCustomer(server, shop.admin);
      const feature = (featureId: string, more: object = {}) => ({
        features: [{ featureId, featureName: 'F', ...more }],
      });
      const own = { customerId };
      await createLicense(server, shop, { ...own, ...feature('vpn') });
      await createLicense(server, shop, { ...own, ...feature('api', { enabled: false }) });
      await createLicense(server, shop, {
        ...own,
        ...feature('gone', { expiresAt: '2026-03-01T12:00:00Z' }),
      });
      await createLicense(server, shop, feature('wide'));
      const units = await createLicense(server, shop, { ...own, ...feature(advanced, { limitValue: 1 }) });
      const wideUnits = await createLicense(server, shop, feature(advanced, { limitValue: 1 }));
      const ask = (names: readonly string[], amount = 0) =>
        fetched(
          shop,
          customerId,
          names.map((name) => ({ feature: name, amount })),
        );

      const unmetered = await ask(['vpn', 'wide', 'api', 'gone', advanced]);
      const metered = await ask([advanced, 'api'], 1);

      expect({ ...unmetered, granted: unmetered.granted.toSorted() }).toEqual({
        licensed: true,
        granted: [advanced, 'vpn', 'wide'],
        fetched: [],
      });
      expect({ ...metered, fetched: metered.fetched.toSorted() }).toEqual({
        licensed: true,
        granted: [],
        fetched: [units.id, wideUnits.id].toSorted(),
      });
    });

    test('is licensed by a license that grants none of what is asked, and by no license of another', async () => {
      const shop = await openFeatureShop(server);
      const [ada, bola] = [
        await createCustomer(server, shop.admin),
        await createCustomer(server, shop.admin),
      ];
      await createLicense(server, shop, { customerId: ada });
      const needs = [{ feature: advanced, amount: 1 }];

      expect(await fetched(shop, ada, needs)).toEqual({ licensed: true, granted: [], fetched: [] });
      expect(await fetched(shop, bola, needs)).toEqual({ licensed: false, granted: [], fetched: [] });
    });
  });
});
