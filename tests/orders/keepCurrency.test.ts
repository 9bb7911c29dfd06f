import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct } from '../support/acts.js';
import { createTemplate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { approveOrder, cancelOrder, createOrder, payOrder } from '../support/orders.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const pricing = { basePrice: '100', currency: 'USD', billingCycle: 'ANNUALLY' };
const euros = { ...pricing, currency: 'EUR' };
const newTemplate = () => createTemplate(server, shop.admin, shop.productId, { pricing });
const update = (templateId: string, further: object) =>
  server.graphql(
    mutation('updateTemplate', 'template { pricing { currency basePrice } }'),
    { input: { templateId, ...further } },
    shop.admin,
  );
const refusedChange = (templateId: string) =>
  refusedAct(server, shop.admin, 'updateTemplate', { templateId, pricing: euros }, 'TEMPLATE_IN_USE');

describe('the currency of a template', () => {
  test('changes while nothing goes by it, and once more when what did is over', async () => {
    const templateId = await newTemplate();
    const before = await update(templateId, { pricing: euros });
    const { id: licenseId } = await issueLicense(server, shop, { templateId });
    const order = await createOrder(server, shop, { templateId });
    await server.ok(
      mutation('revokeLicense', '__typename'),
      { input: { licenseId, reason: 'x' } },
      shop.admin,
    );
    await cancelOrder(server, shop, order);

    const after = await update(templateId, { pricing });

    expect(
      [before.data, after.data].map((data) => data?.updateTemplate?.template?.pricing?.currency),
    ).toEqual(['EUR', 'USD']);
  });

  test('stays while licenses were made from it, and its price may change all the same', async () => {
    const templateId = await newTemplate();
    await issueLicense(server, shop, { templateId });

    await refusedChange(templateId);
    const dearer = await update(templateId, { pricing: { ...pricing, basePrice: '120' } });

    expect(dearer.data?.updateTemplate?.template?.pricing).toEqual({ currency: 'USD', basePrice: '120' });
  });

  test('stays while an order of it is not fulfilled, and by its licenses afterwards', async () => {
    const templateId = await newTemplate();
    const order = await createOrder(server, shop, { templateId });

    await refusedChange(templateId);
    await approveOrder(server, shop, order);
    await refusedChange(templateId);
    await payOrder(server, shop, order);
    await refusedChange(templateId);
  });

  test('stays while an upgrade to it waits to be paid', async () => {
    const { id: licenseId } = await issueLicense(server, shop);
    const templateId = await createTemplate(server, shop.admin, shop.productId, {
      pricing: { ...pricing, basePrice: '900' },
    });
    await server.ok(
      mutation('upgradeLicense', '__typename'),
      { input: { licenseId, templateId } },
      shop.admin,
    );

    await refusedChange(templateId);
  });

  test.each([1, 2, 3])(
    'changed and sold at once, nothing is sold in one and renewed in the other (%i)',
    async () => {
      const templateId = await newTemplate();

      const [changed] = await Promise.all([
        update(templateId, { pricing: euros }),
        createOrder(server, shop, { templateId }),
        createOrder(server, shop, { templateId }),
      ]);

      const rows = await server.sql`select currency from license_orders where template_id = ${templateId}`;
      const currency = changed.code === undefined ? 'EUR' : 'USD';
      expect([undefined, 'TEMPLATE_IN_USE']).toContain(changed.code);
      expect(rows.map((row) => row.currency)).toEqual([currency, currency]);
    },
  );
});
