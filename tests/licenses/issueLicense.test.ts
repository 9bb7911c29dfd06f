import { afterAll, beforeAll, expect, test } from 'vitest';
import { activate, issueLicense, openShop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const issue = `mutation ($input: IssueLicenseInput!) { issueLicense(input: $input) {
  licenseKey licenseId customerId templateId tenantId productId productName licenseType licenseModel status issuedTo
  issuedDate expiryDate maxActivations currentActivations } }`;

test('an issued license reports its fifteen facts', async () => {
  const shop = await openShop(server);

  const data = await server.ok(
    issue,
    { input: { customerId: shop.customerId, templateId: shop.templateId } },
    shop.admin,
  );

  expect(data.issueLicense).toEqual({
    licenseKey: expect.stringMatching(/^([0-9A-F]{4}-){4}[0-9A-F]{4}$/),
    licenseId: expect.any(String),
    customerId: shop.customerId,
    templateId: shop.templateId,
    tenantId: shop.admin.tenant_id,
    productId: shop.productId,
    productName: 'Radar',
    licenseType: 'SUBSCRIPTION',
    licenseModel: 'PER_DEVICE',
    status: 'ACTIVE',
    issuedTo: 'Ada Okafor',
    issuedDate: '2026-03-01T12:00:00.000Z',
    expiryDate: '2027-03-01T12:00:00.000Z',
    maxActivations: 5,
    currentActivations: 0,
  });
});

test('a device that activates twice takes one seat', async () => {
  const shop = await openShop(server);
  const { licenseKey } = await issueLicense(server, shop);

  await activate(server, licenseKey, 'device-1');
  const again = await activate(server, licenseKey, 'device-1');

  expect(again.license).toEqual({ status: 'ACTIVE', currentActivations: 1 });
});
