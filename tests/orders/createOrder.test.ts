import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, mutation, refusedFields } from '../support/acts.js';
import { createTemplate, openShop, type Shop } from '../support/fixtures.js';
import { approveOrder, createOrder, licensesOf, payOrder, readOrder } from '../support/orders.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const feature = (featureId: string, more: object = {}) => ({ featureId, featureName: featureId, ...more });
const template = (input: object) => createTemplate(server, shop.admin, shop.productId, input);
const price = (input: object) => ({
  pricing: { basePrice: '0', currency: 'USD', billingCycle: 'ANNUALLY', ...input },
});
const money =
  'lines { kind quantity unitAmount amount } subtotal discountApplied maintenanceAmount tax totalAmount currency';

describe('the price of an order', () => {
  const tiers = [
    { minQuantity: 10, maxQuantity: 49, discountPercentage: '10' },
    { minQuantity: 50, maxQuantity: 99, discountPercentage: '20' },
    { minQuantity: 100, discountPercentage: '30' },
  ];
  const network = {
    maxActivations: 50,
    ...price({ basePrice: '299', perSeatPrice: '29', maintenancePercentage: '20', volumeDiscounts: tiers }),
  };

  test.each([
    ['one year of one', network, {}, ['1749', '0', '0', '0', '1749']],
    ['the edge of a tier', network, { quantity: 9 }, ['15741', '0', '0', '0', '15741']],
    ['the first of a tier', network, { quantity: 10 }, ['17490', '1749', '0', '0', '15741']],
    ['13 months are two years begun', network, { durationMonths: 13 }, ['3498', '0', '0', '0', '3498']],
    [
      'maintenance of a perpetual license, behind the discount',
      { ...network, licenseType: 'PERPETUAL' },
      { quantity: 10 },
      ['17490', '1749', '3148.2', '0', '18889.2'],
    ],
    [
      'thirds, a setup fee and two taxes',
      price({ basePrice: '33.33', billingCycle: 'MONTHLY', setupFee: '49.99' }),
      {
        durationMonths: 3,
        taxes: [
          { name: 'VAT', percentage: '19' },
          { name: 'City', percentage: '0.5' },
        ],
      },
      ['99.99', '0', '0', '29.25', '179.23'],
    ],
    [
      'a currency without a smaller unit',
      price({
        basePrice: '333',
        currency: 'JPY',
        volumeDiscounts: [{ minQuantity: 1, discountPercentage: '12.5' }],
      }),
      { quantity: 3 },
      ['999', '125', '0', '0', '874'],
    ],
    [
      'a currency with three decimals',
      price({ basePrice: '1.235', currency: 'KWD' }),
      { taxes: [{ name: 'VAT', percentage: '5' }] },
      ['1.235', '0', '0', '0.062', '1.297'],
    ],
  ])('%s', async (_what, of, input, [subtotal, discount, maintenance, tax, total]) => {
    const templateId = await template(of);

    const order = await createOrder(server, shop, { templateId, ...input }, money);

    expect(order).toMatchObject({
      subtotal,
      discountApplied: discount,
      maintenanceAmount: maintenance,
      tax,
      totalAmount: total,
    });
  });

  test('is itemised: the lines are what the total is the sum of', async () => {
    const templateId = await template({ ...network, licenseType: 'PERPETUAL' });

    const order = await createOrder(server, shop, { templateId, quantity: 10 }, money);

    expect(order.lines).toEqual([
      { kind: 'LICENSES', quantity: 10, unitAmount: '1749', amount: '17490' },
      { kind: 'DISCOUNT', quantity: 1, unitAmount: '-1749', amount: '-1749' },
      { kind: 'MAINTENANCE', quantity: 1, unitAmount: '3148.2', amount: '3148.2' },
    ]);
  });

  test("is overridden in part by who may, and the rest stays the template's", async () => {
    const templateId = await template(network);

    const order = await createOrder(
      server,
      shop,
      { templateId, quantity: 10, pricingOverride: { basePrice: '100', perSeatPrice: null } },
      money,
    );

    expect(order).toMatchObject({ subtotal: '1000', discountApplied: '100', totalAmount: '900' });
  });

  test('of nothing counts as paid, and is billed to nobody', async () => {
    const templateId = await template(price({}));

    const order = await createOrder(server, shop, { templateId }, 'id totalAmount paymentStatus paidAt');

    expect(order).toMatchObject({ totalAmount: '0', paymentStatus: 'PAID', paidAt: server.now });
    expect(await server.sql`select invoice_id from license_orders where id = ${String(order.id)}`).toEqual([
      { invoice_id: null },
    ]);
  });
});

describe('an order', () => {
  test('has a number without a gap in its tenant and year, an invoice of its lines, and one event', async () => {
    const other = await openShop(server);
    await createOrder(server, other);

    const events = await eventsDuring(server, other.admin.tenant_id, () =>
      createOrder(server, other, { quantity: 2 }),
    );

    const [row] =
      await server.sql`select o.order_number, o.total_amount, i.total, i.number, i.purpose, i.lines = o.lines as same
      from license_orders o join invoices i on i.id = o.invoice_id
      where o.tenant_id = ${other.admin.tenant_id} order by o.id desc limit 1`;
    expect(row).toEqual({
      order_number: 'ORD-2026-000002',
      total_amount: '200.0000',
      total: '200.0000',
      number: 'INV-2026-000002',
      purpose: 'ORDER',
      same: true,
    });
    expect(events.map(({ type }) => type)).toEqual(['invoice.created', 'order.created']);
    expect(events[1]?.data).toMatchObject({
      order_number: 'ORD-2026-000002',
      quantity: 2,
      total_amount: '200.0000',
      status: 'PENDING',
    });
  });

  test('keeps its terms: what changes in template and product afterwards reaches no license of it', async () => {
    const { admin, productId, templateId, customerId } = await openShop(server);
    const own = { admin, productId, templateId, customerId };
    const order = await createOrder(server, own, { quantity: 2 });
    await server.ok(
      'mutation ($input: UpdateTemplateInput!) { updateTemplate(input: $input) { template { version } } }',
      {
        input: {
          templateId,
          maxActivations: 99,
          defaultDuration: 1,
          active: false,
          features: [feature('new')],
        },
      },
      admin,
    );
    await server.ok(
      'mutation ($input: UpdateProductInput!) { updateProduct(input: $input) { product { id } } }',
      { input: { productId, active: false } },
      admin,
    );

    await payOrder(server, own, order);
    const after = await approveOrder(server, own, order);

    expect(after).toMatchObject({ status: 'FULFILLED', paymentStatus: 'PAID' });
    const made = await licensesOf(server, order);
    expect(made).toHaveLength(2);
    expect(made[0]).toMatchObject({
      max_activations: 5,
      template_version: 1,
      features: [],
      issued_to: 'Ada Okafor',
    });
    expect(made[0]?.expiry_date.toISOString?.() ?? made[0]?.expiry_date).toContain('2027-03-01');
  });

  test.each([
    ['durationMonths', { durationMonths: 1 }, '2026-04-01'],
    ['durationOverride', { durationOverride: 10 }, '2026-03-11'],
  ])('%s says how long its licenses last', async (_name, input, end) => {
    const order = await createOrder(server, shop, input);
    await payOrder(server, shop, order);
    await approveOrder(server, shop, order);

    const data = await readOrder(server, shop, order, 'licenses { nodes { expiryDate maintenanceExpiry } }');

    const [license] = JSON.parse(JSON.stringify(data.licenses?.nodes));
    expect(license.expiryDate.slice(0, 10)).toBe(end);
    expect(license.maintenanceExpiry.slice(0, 10)).toBe(end);
  });
});

test('an order takes as many taxes as the tenant sets, and the order of a tenant with the most is billed them all', async () => {
  const own = await openShop(server);
  const taxes = (count: number) =>
    Array.from({ length: count }, (_, place) => ({ name: `Tax ${place}`, percentage: '1' }));
  const set = (count: number) => ({ invoices: { taxes: taxes(count) } });
  const ordered = { customerId: own.customerId, templateId: own.templateId, taxes: taxes(11) };

  expect(await refusedFields(server, own.admin, 'updateTenantSettings', set(11))).toEqual([
    'input.invoices.taxes',
  ]);
  expect(await refusedFields(server, own.admin, 'createOrder', ordered)).toEqual(['input.taxes']);
  await server.ok(mutation('updateTenantSettings', '__typename'), { input: set(10) }, own.admin);
  const lines = 'lines { kind }';
  const both = [
    await createOrder(server, own, {}, lines),
    await createOrder(server, own, { taxes: taxes(10) }, lines),
  ];

  const billed = both.map((order) => JSON.stringify(order.lines).match(/"TAX"/g)?.length);
  expect(billed).toEqual([10, 10]);
});
