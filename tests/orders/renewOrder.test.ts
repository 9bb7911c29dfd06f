import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, mutation, readLicense, refusedAct, refusedFields } from '../support/acts.js';
import { createCustomer, createTemplate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import {
  approveOrder,
  createOrder,
  fulfillOrder,
  payOrder,
  readOrder,
  refundOrder,
} from '../support/orders.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const issued = async (input: object = {}): Promise<string> => (await issueLicense(server, shop, input)).id;
const suspend = (licenseId: string, act = 'suspendLicense') =>
  server.ok(
    `mutation ($input: ${act.charAt(0).toUpperCase()}${act.slice(1)}Input!) { ${act}(input: $input) { __typename } }`,
    { input: { licenseId, ...(act === 'reinstateLicense' ? {} : { reason: 'x' }) } },
    shop.admin,
  );
const expiryOf = async (id: string): Promise<string> =>
  String((await readLicense(server, shop.admin, id, 'expiryDate')).expiryDate).slice(0, 10);

async function renewal(ids: readonly string[], input: object = {}): Promise<Json> {
  const order = await createOrder(server, shop, { renewLicenseIds: ids, ...input });
  await payOrder(server, shop, order);
  return approveOrder(
    server,
    shop,
    order,
    'id status isRenewal quantity renewedLicenses { id } fulfillmentError',
  );
}

describe('an order that renews', () => {
  test('adds its months to the licenses that it names, tells so, and makes none', async () => {
    const ids = [await issued(), await issued()];
    const order = await createOrder(server, shop, { renewLicenseIds: ids, durationMonths: 6 });
    await approveOrder(server, shop, order);

    const events = await eventsDuring(server, shop.admin.tenant_id, () => payOrder(server, shop, order));

    expect(events.map(({ type }) => type)).toEqual([
      'invoice.paid',
      'order.paid',
      'license.renewed',
      'license.renewed',
      'order.fulfilled',
    ]);
    expect(events[2]?.data).toMatchObject({
      by: 'ORDER',
      duration_months: 6,
      invoice_id: events[0]?.subjectId,
    });
    expect([await expiryOf(ids[0] ?? ''), await expiryOf(ids[1] ?? '')]).toEqual([
      '2027-09-01',
      '2027-09-01',
    ]);
    const [row] =
      await server.sql`select count(*)::int as count from licenses where order_id = ${String(order.id)}`;
    expect(row?.count).toBe(0);
  });

  test('is priced for as many as it names, for a year of the template, without its setup fee', async () => {
    const templateId = await createTemplate(server, shop.admin, shop.productId, {
      pricing: { basePrice: '100', currency: 'USD', billingCycle: 'MONTHLY', setupFee: '50' },
    });
    const ids = [await issued({ templateId }), await issued({ templateId })];

    const order = await createOrder(
      server,
      shop,
      { templateId, renewLicenseIds: ids },
      'quantity totalAmount lines { kind amount } renewedLicenses { id } terms { durationMonths }',
    );

    expect(order).toEqual({
      quantity: 2,
      totalAmount: '2400',
      lines: [{ kind: 'LICENSES', amount: '2400' }],
      renewedLicenses: ids.toSorted().map((id) => ({ id })),
      terms: { durationMonths: 12 },
    });
  });

  test('fulfilled twice renews once', async () => {
    const id = await issued();
    const order = await renewal([id], { fulfillmentMethod: 'MANUAL' });

    await Promise.all([fulfillOrder(server, shop, order), fulfillOrder(server, shop, order)]);

    expect(await expiryOf(id)).toBe('2028-03-01');
  });

  test('waits, with its money, while one of them cannot be renewed, and then renews all', async () => {
    const ids = [await issued(), await issued()];
    const order = await createOrder(server, shop, { renewLicenseIds: ids });
    await suspend(ids[0] ?? '');
    await approveOrder(server, shop, order);
    await payOrder(server, shop, order);

    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'APPROVED',
      paymentStatus: 'PAID',
      fulfillmentError: 'LICENSE_NOT_RENEWABLE',
    });
    expect(await expiryOf(ids[1] ?? '')).toBe('2027-03-01');
    await refusedAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }, 'LICENSE_NOT_RENEWABLE');
    await suspend(ids[0] ?? '', 'reinstateLicense');
    expect(await fulfillOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      fulfillmentError: null,
    });
    expect([await expiryOf(ids[0] ?? ''), await expiryOf(ids[1] ?? '')]).toEqual([
      '2028-03-01',
      '2028-03-01',
    ]);
  });

  test('that is paid back has its licenses suspended until somebody reinstates them', async () => {
    const id = await issued();
    const order = await renewal([id]);

    await refundOrder(server, shop, order);

    expect(await readLicense(server, shop.admin, id, 'status suspensionReason')).toEqual({
      status: 'SUSPENDED',
      suspensionReason: 'Order refunded',
    });
  });

  test('that is paid back before it renewed anything leaves them alone', async () => {
    const id = await issued();
    const order = await renewal([id], { fulfillmentMethod: 'MANUAL' });

    await refundOrder(server, shop, order);

    expect(await readLicense(server, shop.admin, id)).toEqual({ status: 'ACTIVE' });
  });
});

describe('the price of a renewal', () => {
  const yearly = { basePrice: '100', currency: 'USD', billingCycle: 'ANNUALLY', setupFee: '50' };

  test.each<readonly [string, object, string]>([
    ['by the year', {}, '100'],
    ['with a price for each seat', { pricing: { ...yearly, perSeatPrice: '10' }, maxActivations: 7 }, '170'],
    [
      'paid once for each term',
      { pricing: { ...yearly, billingCycle: 'ONE_TIME' }, defaultDuration: 182 },
      '200',
    ],
    [
      'of what is perpetual: its maintenance alone',
      { licenseType: 'PERPETUAL', pricing: { ...yearly, maintenancePercentage: '20' } },
      '20',
    ],
  ])('%s is the same by order, by quote and by invoice', async (_what, template, price) => {
    const templateId = await createTemplate(server, shop.admin, shop.productId, {
      pricing: yearly,
      ...template,
    });
    const [id, other] = [await issued({ templateId }), await issued({ templateId })];
    const wanted = { templateId, renewLicenseIds: [id], durationMonths: 12 };

    const quoted = await server.ok(
      'query ($id: ID!) { renewalQuote(licenseId: $id, durationMonths: 12) { price { total } } }',
      { id },
      shop.admin,
    );
    const billed = await server.ok(
      `mutation ($input: RequestRenewalInput!) { requestRenewal(input: $input) { renewal { invoice { total } } } }`,
      { input: { licenseId: other, durationMonths: 12 } },
      shop.admin,
    );
    const isOnce = JSON.stringify(template).includes('ONE_TIME');
    const ordered = await createOrder(
      server,
      shop,
      isOnce ? { ...wanted, durationMonths: 12 } : wanted,
      'totalAmount',
    );

    expect(ordered).toEqual({ totalAmount: price });
    expect(quoted.renewalQuote?.price).toEqual({ total: price });
    expect(billed.requestRenewal?.renewal?.invoice).toEqual({ total: price });
  });

  test('is for the seats that the licenses have, which are as many in each', async () => {
    const pricing = { ...yearly, basePrice: '0', perSeatPrice: '10' };
    const templateId = await createTemplate(server, shop.admin, shop.productId, {
      pricing,
      maxActivations: 2,
    });
    const [small, large, wide] = [
      await issued({ templateId }),
      await issued({ templateId }),
      await issued({ templateId }),
    ];
    const widen = (licenseId: string, maxActivations: number) =>
      server.ok(
        'mutation ($input: UpdateLicenseInput!) { updateLicense(input: $input) { license { id } } }',
        { input: { licenseId, maxActivations } },
        shop.admin,
      );
    await widen(large, 50);
    await widen(wide, 50);
    const order = (ids: readonly string[]) =>
      createOrder(server, shop, { templateId, renewLicenseIds: ids }, 'totalAmount');

    expect([await order([small]), await order([large, wide])]).toEqual([
      { totalAmount: '20' },
      { totalAmount: '1000' },
    ]);
    const mixed = { customerId: shop.customerId, templateId, renewLicenseIds: [small, large] };
    expect(await refusedFields(server, shop.admin, 'createOrder', mixed)).toEqual([
      'input.renewLicenseIds.1',
    ]);
  });

  test('is not paid for another template, or for more seats, that the license got since', async () => {
    const [upgraded, widened] = [await issued(), await issued()];
    const templateId = await createTemplate(server, shop.admin, shop.productId, {
      pricing: { ...yearly, basePrice: '900' },
    });
    const orders = [
      await renewal([upgraded], { fulfillmentMethod: 'MANUAL' }),
      await renewal([widened], { fulfillmentMethod: 'MANUAL' }),
    ];
    const acts = [
      ['upgradeLicense', { licenseId: upgraded, templateId, waivePayment: true }],
      ['updateLicense', { licenseId: widened, maxActivations: 500 }],
    ] as const;
    for (const [act, input] of acts) await server.ok(mutation(act, '__typename'), { input }, shop.admin);

    for (const order of orders)
      await refusedAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }, 'LICENSE_NOT_RENEWABLE');
    expect([await expiryOf(upgraded), await expiryOf(widened)]).toEqual(['2027-03-01', '2027-03-01']);
  });
});

describe('what cannot be renewed by an order', () => {
  const input = (renewLicenseIds: readonly string[], more: object = {}) => ({
    customerId: shop.customerId,
    templateId: shop.templateId,
    renewLicenseIds,
    ...more,
  });

  test("another customer's license is not there, for its customer's price or any other", async () => {
    const other = await createCustomer(server, shop.admin, 'Bo');
    const theirs = await issued({ customerId: other });
    const buyer = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: shop.customerId,
    } as const;

    await refusedAct(server, shop.admin, 'createOrder', input([theirs]), 'LICENSE_NOT_FOUND');
    await refusedAct(server, buyer, 'createOrder', input([theirs]), 'LICENSE_NOT_FOUND');
  });

  test('every wish that a renewal does not take is named', async () => {
    const templateId = await createTemplate(server, shop.admin, shop.productId, { templateName: 'Other' });
    const [id, dear] = [await issued(), await issued({ templateId })];
    const restriction = { restrictionType: 'DOMAIN', operator: 'ALLOW', values: ['example.com'] };
    const wishes = {
      quantity: 5,
      durationOverride: 30,
      customFeatures: [{ featureId: 'x', featureName: 'X' }],
      customRestrictions: [restriction],
    };

    expect(await refusedFields(server, shop.admin, 'createOrder', input([id, id, dear], wishes))).toEqual([
      'input.renewLicenseIds.1',
      'input.quantity',
      'input.customFeatures',
      'input.customRestrictions',
      'input.durationOverride',
      'input.renewLicenseIds.2',
    ]);
    expect(await refusedFields(server, shop.admin, 'createOrder', input([]))).toEqual([
      'input.renewLicenseIds',
    ]);
  });

  test('a license that was revoked, or is suspended for cause', async () => {
    const [revoked, suspended] = [await issued(), await issued()];
    await suspend(revoked, 'revokeLicense');
    await suspend(suspended);

    await refusedAct(server, shop.admin, 'createOrder', input([revoked]), 'LICENSE_NOT_RENEWABLE');
    await refusedAct(server, shop.admin, 'createOrder', input([suspended]), 'LICENSE_NOT_RENEWABLE');
  });
});
