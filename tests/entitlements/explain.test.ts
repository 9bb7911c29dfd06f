import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { createCustomer, createTemplate } from '../support/fixtures.js';
import {
  askAnalytics,
  askExport,
  type FeatureShop,
  grantAnalytics,
  openFeatureShop,
} from '../support/meters.js';
import { modes } from '../support/modes.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;

const advanced = 'analytics_advanced';

async function template(
  shop: FeatureShop,
  name: string,
  defaultLimit: number | null,
  included = true,
): Promise<string> {
  const id = await createTemplate(server, shop.admin, shop.productId);
  const features = [{ featureId: advanced, featureName: 'Advanced', included, defaultLimit }];
  const input = { templateId: id, templateName: name, features };
  await server.ok(mutation('updateTemplate', 'template { id }'), { input }, shop.admin);
  return id;
}

async function detailsOf(shop: FeatureShop, as: Claims = shop.admin): Promise<Record<string, unknown>> {
  const holder = as.customer_id === undefined ? {} : { customerId: as.customer_id };
  const { id } = await grantAnalytics(server, shop, 1, { featureId: 'other' }, holder);
  const answer = await askAnalytics(server, as, id);
  return answer.errors[0]?.extensions ?? {};
}

describe.each(modes)('on a server %s', (_mode, options) => {
  beforeAll(async () => {
    server = await startTestServer(options);
  });
  afterAll(() => server.stop());

  describe('a refused feature names', () => {
    test('the license that would have granted it, and why it does not', async () => {
      const shop = await openFeatureShop(server);
      await grantAnalytics(
        server,
        shop,
        5,
        {},
        { licenseType: 'SUBSCRIPTION', expiryDate: '2026-03-01T13:00:00Z' },
      );
      const last = await grantAnalytics(
        server,
        shop,
        5,
        {},
        { licenseType: 'SUBSCRIPTION', expiryDate: '2026-03-01T14:00:00Z' },
      );

      server.pass(3 * 3_600_000);
      const details = await detailsOf(shop);
      server.pass(-3 * 3_600_000);

      expect(details).toEqual({
        code: 'FEATURE_NOT_LICENSED',
        feature: advanced,
        lapsedLicense: { licenseId: last.id, status: 'SUSPENDED', endedAt: '2026-03-01T14:00:00.000Z' },
      });
    });

    test('a license that was revoked, whose features nobody sees else', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 5);
      await server.ok(
        mutation('revokeLicense', 'license { id }'),
        { input: { licenseId: id, reason: 'x' } },
        shop.admin,
      );

      expect(await detailsOf(shop)).toMatchObject({
        lapsedLicense: { licenseId: id, status: 'REVOKED', endedAt: null },
      });
    });

    test('no license whose feature had ended before it did', async () => {
      const shop = await openFeatureShop(server);
      const ended = { expiresAt: '2026-03-01T13:00:00Z' };
      await grantAnalytics(server, shop, 5, ended, {
        licenseType: 'SUBSCRIPTION',
        expiryDate: '2026-03-01T14:00:00Z',
      });

      server.pass(3 * 3_600_000);
      const details = await detailsOf(shop);
      server.pass(-3 * 3_600_000);

      expect(details).toEqual({ code: 'FEATURE_NOT_LICENSED', feature: advanced });
    });

    test('the templates on sale that include it', async () => {
      const shop = await openFeatureShop(server);
      const pro = await template(shop, 'Pro', 5);
      await template(shop, 'Basic', 5, false);

      expect(await detailsOf(shop)).toMatchObject({ upgrades: [{ templateId: pro, templateName: 'Pro' }] });
    });

    test('after a used quota only templates that have more of it', async () => {
      const shop = await openFeatureShop(server);
      const { id } = await grantAnalytics(server, shop, 5, {});
      await template(shop, 'Same', 5);
      const more = await template(shop, 'More', 6);
      const endless = await template(shop, 'Endless', null);
      for (let use = 0; use < 5; use += 1) await askAnalytics(server, shop.admin, id);

      const answer = await askAnalytics(server, shop.admin, id);

      expect(answer.errors[0]?.extensions).toEqual({
        code: 'QUOTA_EXCEEDED',
        feature: advanced,
        limit: 5,
        used: 5,
        windowEndsAt: null,
        upgrades: [
          { templateId: endless, templateName: 'Endless' },
          { templateId: more, templateName: 'More' },
        ],
      });
    });

    test('nothing that the caller may not see', async () => {
      const shop = await openFeatureShop(server);
      const { tenant_id } = shop.admin;
      const [ada, bola] = [
        await createCustomer(server, shop.admin, 'Ada'),
        await createCustomer(server, shop.admin, 'Bola'),
      ];
      const { id } = await grantAnalytics(server, shop, 5, {}, { customerId: bola });
      await server.ok(
        mutation('revokeLicense', 'license { id }'),
        { input: { licenseId: id, reason: 'x' } },
        shop.admin,
      );
      await template(shop, 'Pro', 5);

      const customer = await detailsOf(shop, {
        tenant_id,
        roles: ['customer'],
        customer_id: ada,
      });
      const bare = await detailsOf(shop, {
        tenant_id,
        permissions: ['license.analyze', 'license.read'],
        customer_id: ada,
      });

      expect(customer).not.toHaveProperty('lapsedLicense');
      expect(customer).toHaveProperty('upgrades');
      expect(Object.keys(bare).toSorted()).toEqual(['code', 'feature']);
    });

    test('the same for a mutation', async () => {
      const shop = await openFeatureShop(server);
      const id = await createTemplate(server, shop.admin, shop.productId);
      const features = [{ featureId: 'bulk_export', featureName: 'Export', included: true }];
      await server.ok(
        mutation('updateTemplate', 'template { id }'),
        { input: { templateId: id, features } },
        shop.admin,
      );

      const answer = await askExport(server, shop.admin);

      expect(answer.errors[0]?.extensions).toMatchObject({
        code: 'NO_ACTIVE_LICENSE',
        upgrades: [{ templateId: id }],
      });
    });
  });
});
