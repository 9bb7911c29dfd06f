import { afterAll, beforeAll, expect, test } from 'vitest';
import { demoTenants } from '../../src/server/database/demoData.js';
import { mutation } from '../support/acts.js';
import { createTemplate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

async function read(id: string, version: number | null, as: Claims = shop.admin): Promise<Json | null> {
  const query = `query ($id: ID!, $version: Int) { template(id: $id, version: $version) {
    id version templateName maxActivations pricing { basePrice } product { id } } }`;
  const { template } = await server.ok(query, { id, version }, as);
  return template ?? null;
}

const change = (input: object) => server.ok(mutation('updateTemplate', '__typename'), { input }, shop.admin);

test('what each version of a template said stays known, and a license leads to its own', async () => {
  const templateId = await createTemplate(server, shop.admin, shop.productId, { templateName: 'First' });
  const { id } = await issueLicense(server, shop, { templateId });
  await change({ templateId, templateName: 'Second', maxActivations: 9 });
  await change({ templateId, active: false });

  const said = await Promise.all([1, 2, 3, 4, null].map((version) => read(templateId, version)));
  const { license } = await server.ok(
    'query ($id: ID!) { license(id: $id) { template { version } templateAsIssued { version templateName active } } }',
    { id },
    shop.admin,
  );

  const product = { id: shop.productId };
  const first = { id: templateId, version: 1, templateName: 'First', maxActivations: 5, product };
  const second = { ...first, version: 2, templateName: 'Second', maxActivations: 9 };
  expect(said).toMatchObject([first, second, { ...second, version: 3 }, null, { ...second, version: 3 }]);
  expect(license).toEqual({
    template: { version: 3 },
    templateAsIssued: { version: 1, templateName: 'First', active: true },
  });
});

test('a version of another tenant does not exist', async () => {
  const other = await openShop(server);

  expect(await read(shop.templateId, 1, other.admin)).toBeNull();
});

test('no role changes or deletes what a version said', async () => {
  const grants = await server.sql`select grantee, privilege_type from information_schema.role_table_grants
    where table_name = 'license_template_versions' and grantee in ('lg_app', 'lg_worker') order by 1, 2`;

  expect(grants.map(({ grantee, privilege_type }) => `${grantee} ${privilege_type}`)).toEqual([
    'lg_app INSERT',
    'lg_app SELECT',
    'lg_worker INSERT',
    'lg_worker SELECT',
  ]);
});

const sold = demoTenants.flatMap(({ products }) =>
  products.flatMap((product) => product.prices.map((pricing) => ({ product, pricing }))),
);

test.each(
  sold.map(({ product, pricing }) => [product.name, pricing.billingCycle, product, pricing] as const),
)('%s, %s, can be sold as the price list has it', async (templateName, _cycle, product, pricing) => {
  const { licenseType, licenseModel, days, activations, graceDays, trialDays, features } = product;
  const input = {
    ...{ templateName, licenseType, licenseModel, features, pricing },
    ...{ defaultDuration: days, maxActivations: activations, gracePeriodDays: graceDays },
    ...{ trialAllowed: trialDays !== null, trialDurationDays: trialDays ?? 30 },
  };

  const id = await createTemplate(server, shop.admin, shop.productId, input);

  expect(await read(id, 1)).toMatchObject({
    maxActivations: activations,
    pricing: { basePrice: pricing.basePrice },
  });
});
