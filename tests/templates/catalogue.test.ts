import { afterAll, beforeAll, test } from 'vitest';
import { refusedAct } from '../support/acts.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const permissions = [
  'product.read',
  'template.read',
  'product.create',
  'product.update',
  'template.create',
  'template.update',
];
const pricing = { basePrice: '0', currency: 'USD', billingCycle: 'ANNUALLY' };
const template = {
  templateName: 'Free',
  licenseType: 'PERPETUAL',
  licenseModel: 'ENTERPRISE',
  pricing,
};

test.each<[string, () => object]>([
  ['createProduct', () => ({ productId: 'MINE', name: 'Mine', version: '1' })],
  ['updateProduct', () => ({ productId: shop.productId, active: false })],
  ['createTemplate', () => ({ ...template, productId: shop.productId })],
  ['updateTemplate', () => ({ templateId: shop.templateId, pricing })],
  ['duplicateTemplate', () => ({ templateId: shop.templateId, newName: 'Mine' })],
])('%s is for nobody who is bound to a part of the tenant, whatever its token grants', async (act, input) => {
  const { tenant_id } = shop.admin;
  const resellerId = await createReseller(server, shop.admin);
  const bound: Claims[] = [
    { tenant_id, permissions, customer_id: shop.customerId },
    { tenant_id, permissions, reseller_id: resellerId },
  ];

  for (const as of bound) await refusedAct(server, as, act, input(), 'FORBIDDEN');
});
