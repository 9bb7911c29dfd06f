import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct } from '../support/acts.js';
import {
  activate,
  createCustomer,
  createLicense,
  createTemplate,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';
import { askUpgrade, invoiceOf, payInvoice, yearly } from '../support/upgrades.js';

let server: TestServer;
let shop: Shop;
let dearer: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  dearer = await template({ maxActivations: 10, pricing: yearly('200') });
});
afterAll(() => server.stop());

const template = (input: object) => createTemplate(server, shop.admin, shop.productId, input);
const upgrade = (input: object, as: Claims = shop.admin) => askUpgrade(server, as, input);

describe('what is refused, and changes nothing', () => {
  test('fewer seats than are in use', async () => {
    const small = await template({ maxActivations: 1, pricing: yearly('900') });
    const { id, licenseKey } = await issueLicense(server, shop);
    await activate(server, licenseKey, 'laptop');
    await activate(server, licenseKey, 'desktop');

    const input = { licenseId: id, templateId: small };
    const error = await refusedAct(server, shop.admin, 'upgradeLicense', input, 'SEATS_IN_USE');

    expect(error.extensions).toMatchObject({ currentActivations: 2, maxActivations: 1 });
  });

  test.each([
    [
      'a license without a template',
      'LICENSE_WITHOUT_TEMPLATE',
      async () => (await createLicense(server, shop)).id,
    ],
    ['one that is revoked', 'LICENSE_REVOKED', () => acted('revokeLicense', { reason: 'x' })],
    ['one that is suspended', 'LICENSE_NOT_UPGRADABLE', () => acted('suspendLicense', { reason: 'x' })],
  ] as const)('%s', async (_name, code, make) => {
    const licenseId = await make();

    await refusedAct(server, shop.admin, 'upgradeLicense', { licenseId, templateId: dearer }, code);
  });

  async function acted(act: string, input: object): Promise<string> {
    const { id } = await issueLicense(server, shop);
    await server.ok(mutation(act, '__typename'), { input: { licenseId: id, ...input } }, shop.admin);
    return id;
  }

  test('one of a customer who is switched off; what was agreed on before is still done when it is paid for', async () => {
    const own = await openShop(server);
    const other = await createTemplate(server, own.admin, own.productId, { pricing: yearly('200') });
    const [agreed, late] = [await issueLicense(server, own), await issueLicense(server, own)];
    const answer = await askUpgrade(server, own.admin, { licenseId: agreed.id, templateId: other });
    const off = { customerId: own.customerId, status: 'INACTIVE' };
    await server.ok(mutation('updateCustomer', '__typename'), { input: off }, own.admin);

    const input = { licenseId: late.id, templateId: other, waivePayment: true };
    await refusedAct(server, own.admin, 'upgradeLicense', input, 'CUSTOMER_INACTIVE');
    await payInvoice(server, own.admin, invoiceOf(answer).id, invoiceOf(answer).total);

    const templates =
      await server.sql`select template_id from licenses where id in (${agreed.id}, ${late.id}) order by id`;
    expect(templates.map(({ template_id }) => template_id)).toEqual([other, own.templateId]);
  });

  test('one that has expired, in grace too: it is renewed first', async () => {
    const { id } = await issueLicense(server, shop);
    server.pass(366 * 86_400_000);

    const input = { licenseId: id, templateId: dearer };
    await refusedAct(server, shop.admin, 'upgradeLicense', input, 'LICENSE_NOT_UPGRADABLE');
    server.now = START;
  });

  test('templates that are off, of trials, in another currency, or the same', async () => {
    const { id } = await issueLicense(server, shop);
    const to = async (input: object, code: Parameters<typeof refusedAct>[4]) => {
      const templateId = await template(input);
      await refusedAct(server, shop.admin, 'upgradeLicense', { licenseId: id, templateId }, code);
    };

    await to({ active: false }, 'TEMPLATE_INACTIVE');
    await to({ licenseType: 'TRIAL' }, 'INVALID_INPUT');
    await to({ pricing: yearly('200', { currency: 'EUR' }) }, 'CURRENCY_MISMATCH');
    const same = { licenseId: id, templateId: shop.templateId };
    await refusedAct(server, shop.admin, 'upgradeLicense', same, 'INVALID_INPUT');
  });
});

describe('who may', () => {
  test('a customer its own licenses alone, and it cannot waive what they cost', async () => {
    const { id } = await issueLicense(server, shop);
    const own: Claims = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: shop.customerId,
    };
    const other: Claims = { ...own, customer_id: await createCustomer(server, shop.admin, 'Grace') };
    const input = { licenseId: id, templateId: dearer };

    await refusedAct(server, other, 'upgradeLicense', input, 'LICENSE_NOT_FOUND');
    await refusedAct(server, own, 'upgradeLicense', { ...input, waivePayment: true }, 'FORBIDDEN');
    const granted = { ...own, permissions: ['license.upgrade', 'order.override_price'] };
    await refusedAct(server, granted, 'upgradeLicense', { ...input, waivePayment: true }, 'FORBIDDEN');
    expect((await upgrade(input, own)).upgrade).toMatchObject({ status: 'PENDING', total: '100' });
  });
});
