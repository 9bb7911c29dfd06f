import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, refusedAct } from '../support/acts.js';
import { createTemplate, openShop, type Shop } from '../support/fixtures.js';
import {
  another,
  approveOrder,
  cancelOrder,
  createOrder,
  failOrder,
  fulfillOrder,
  licensesOf,
  orderAct,
  ordersIn,
  payOrder,
  readOrder,
  refundOrder,
} from '../support/orders.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const { approved, paid, statusesOf } = ordersIn(() => ({ server, shop }));
const update = (act: string, input: object) =>
  server.ok(
    `mutation ($input: ${act}Input!) { ${act.charAt(0).toLowerCase()}${act.slice(1)}(input: $input) { __typename } }`,
    { input },
    shop.admin,
  );

describe('an AUTO order is fulfilled by itself once it is approved and paid', () => {
  test('approved first', async () => {
    const order = await approved({ quantity: 3 });
    expect(order).toMatchObject({ status: 'APPROVED', paymentStatus: 'PENDING' });

    const events = await eventsDuring(server, shop.admin.tenant_id, () => payOrder(server, shop, order));

    expect(events.map(({ type }) => type)).toEqual([
      'invoice.paid',
      'order.paid',
      'license.created',
      'license.created',
      'license.created',
      'order.fulfilled',
    ]);
    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      paymentStatus: 'PAID',
    });
    expect(await statusesOf(order)).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE']);
  });

  test('paid first', async () => {
    const order = await paid({ quantity: 2 });
    expect(await readOrder(server, shop, order)).toMatchObject({ status: 'PENDING', paymentStatus: 'PAID' });
    expect(await statusesOf(order)).toEqual([]);

    expect(await approveOrder(server, shop, order)).toMatchObject({ status: 'FULFILLED' });
    expect(await statusesOf(order)).toEqual(['ACTIVE', 'ACTIVE']);
  });

  test('with nothing to pay, by its approval alone', async () => {
    const free = { basePrice: '0' };

    const order = await approved({ pricingOverride: free });

    expect(order).toMatchObject({ status: 'FULFILLED', paymentStatus: 'PAID' });
    expect(await statusesOf(order)).toEqual(['ACTIVE']);
  });

  test('a part of the money does not do, what is missing does', async () => {
    const order = await approved();

    await payOrder(server, shop, order, '99.99');
    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'APPROVED',
      paymentStatus: 'PARTIAL',
    });
    await refusedAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }, 'ORDER_NOT_PAID');
    await payOrder(server, shop, order, '0.01');

    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      paymentStatus: 'PAID',
    });
    expect(await statusesOf(order)).toEqual(['ACTIVE']);
  });

  test.each([
    ['a part that went back and a part that came', '50', '50', '50', '50'],
    ['all of it that went back and a cent that came', '100', '100', '0.01', '99.99'],
  ])('%s do not do: all of the money has to be there at once', async (_name, first, back, second, rest) => {
    const order = await createOrder(server, shop, { fulfillmentMethod: 'AUTO' });
    await payOrder(server, shop, order, first);
    server.pass(1000);
    await refundOrder(server, shop, order, back);
    server.pass(1000);
    await approveOrder(server, shop, order);

    await payOrder(server, shop, order, second);
    expect(
      await readOrder(server, shop, order, `id status paymentStatus invoice { paymentStatus amountDue }`),
    ).toMatchObject({
      status: 'APPROVED',
      paymentStatus: 'PARTIAL',
      invoice: { paymentStatus: 'PARTIAL', amountDue: rest },
    });
    await refusedAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }, 'ORDER_NOT_PAID');
    expect(await statusesOf(order)).toEqual([]);

    await payOrder(server, shop, order, rest);
    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      paymentStatus: 'PAID',
    });
  });

  test('a payment that failed is shown, and one that comes after it counts', async () => {
    const order = await approved();

    await failOrder(server, shop, order);
    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'APPROVED',
      paymentStatus: 'FAILED',
    });
    await payOrder(server, shop, order);

    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      paymentStatus: 'PAID',
    });
  });

  test('what keeps it from that undoes no payment; a person mends it and fulfils', async () => {
    const order = await approved();
    await update('UpdateCustomer', { customerId: shop.customerId, status: 'INACTIVE' });

    await payOrder(server, shop, order);

    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'APPROVED',
      paymentStatus: 'PAID',
      fulfillmentError: 'CUSTOMER_INACTIVE',
    });
    await refusedAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }, 'CUSTOMER_INACTIVE');
    await update('UpdateCustomer', { customerId: shop.customerId, status: 'ACTIVE' });
    expect(await fulfillOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      fulfillmentError: null,
    });
    expect(await statusesOf(order)).toEqual(['ACTIVE']);
  });
});

test('a MANUAL order waits for a person, however paid and approved it is', async () => {
  const order = await paid({ fulfillmentMethod: 'MANUAL' });

  expect(await approveOrder(server, shop, order)).toMatchObject({
    status: 'APPROVED',
    paymentStatus: 'PAID',
  });
  expect(await statusesOf(order)).toEqual([]);
  expect(await fulfillOrder(server, shop, order)).toMatchObject({ status: 'FULFILLED' });
  expect(await statusesOf(order)).toEqual(['ACTIVE']);
});

test('fulfilling twice yields the same licenses and says nothing new', async () => {
  const order = await paid({ fulfillmentMethod: 'MANUAL', quantity: 2 });
  await approveOrder(server, shop, order);
  await fulfillOrder(server, shop, order);
  const before = await licensesOf(server, order);

  const events = await eventsDuring(server, shop.admin.tenant_id, () => fulfillOrder(server, shop, order));

  expect(events).toEqual([]);
  expect(await licensesOf(server, order)).toEqual(before);
});

test('a hundred fulfilments of one order at once make its licenses once, and each is answered', async () => {
  const order = await paid({ fulfillmentMethod: 'MANUAL', quantity: 5 });
  await approveOrder(server, shop, order);

  const answers = await Promise.all(Array.from({ length: 100 }, () => fulfillOrder(server, shop, order)));

  expect(new Set(answers.map(({ status }) => String(status)))).toEqual(new Set(['FULFILLED']));
  expect(await statusesOf(order)).toHaveLength(5);
});

test('a large order is handed on to be made behind the answer, once however often that is asked for', async () => {
  const order = await paid({ quantity: 251 });
  await approveOrder(server, shop, order);

  const asked = await fulfillOrder(server, shop, order, 'status startedAt');

  expect(asked).toEqual({ status: 'APPROVED', startedAt: server.now });
  const jobs = await server.sql`select count(*)::int as count from graphile_worker._private_jobs
    where key like ${`%${String(order.id)}`}`;
  expect(jobs).toEqual([{ count: 1 }]);
});

describe('every step that is none is refused and writes nothing', () => {
  const states = {
    PENDING: () => createOrder(server, shop),
    APPROVED: () => approved(),
    FULFILLED: async () => approveOrder(server, shop, await paid()),
    CANCELLED: async () => cancelOrder(server, shop, await createOrder(server, shop)),
  };
  const acts = ['approveOrder', 'fulfillOrder', 'cancelOrder'] as const;
  /** What each act makes of an order that is in each state; `=` leaves it as it is. */
  const outcome: Readonly<Record<keyof typeof states, readonly string[]>> = {
    PENDING: ['APPROVED', 'INVALID_TRANSITION', 'CANCELLED'],
    APPROVED: ['INVALID_TRANSITION', 'ORDER_NOT_PAID', 'CANCELLED'],
    FULFILLED: ['INVALID_TRANSITION', 'FULFILLED', 'INVALID_TRANSITION'],
    CANCELLED: ['INVALID_TRANSITION', 'INVALID_TRANSITION', 'INVALID_TRANSITION'],
  };
  const pairs = (Object.keys(states) as (keyof typeof states)[]).flatMap((state) =>
    acts.map((act, index) => [state, act, outcome[state][index] ?? ''] as const),
  );

  test.each(pairs)('%s, %s: %s', async (state, act, wanted) => {
    const order = await states[state]();
    const input = { orderId: order.id, ...(act === 'cancelOrder' ? { reason: 'x' } : {}) };

    if (wanted === 'INVALID_TRANSITION' || wanted === 'ORDER_NOT_PAID') {
      const before = await readOrder(server, shop, order, 'status updatedAt');
      await refusedAct(server, another(shop.admin), act, input, wanted);
      expect(await readOrder(server, shop, order, 'status updatedAt')).toEqual(before);
    } else {
      const { data } = await orderAct(server, another(shop.admin), act, input);
      expect(data?.[act]?.order?.status).toBe(wanted);
    }
  });
});

describe('a cancelled order', () => {
  test('has its invoice voided, and says who, when and why', async () => {
    const order = await createOrder(server, shop);

    const after = await cancelOrder(server, shop, order, 'status cancelledBy cancelledAt cancellationReason');

    expect(after).toEqual({
      status: 'CANCELLED',
      cancelledBy: 'tester',
      cancelledAt: server.now,
      cancellationReason: 'Ordered twice',
    });
    const [invoice] = await server.sql`select voided_at is not null as voided from invoices i
      join license_orders o on o.invoice_id = i.id where o.id = ${String(order.id)}`;
    expect(invoice).toEqual({ voided: true });
  });

  test('that money was received for is refunded first', async () => {
    const order = await paid();
    const partly = await createOrder(server, shop);
    await payOrder(server, shop, partly, '1');

    await refusedAct(server, shop.admin, 'cancelOrder', { orderId: order.id, reason: 'x' }, 'ORDER_PAID');
    await refusedAct(server, shop.admin, 'cancelOrder', { orderId: partly.id, reason: 'x' }, 'ORDER_PAID');
    await refundOrder(server, shop, order);

    expect(await cancelOrder(server, shop, order)).toMatchObject({
      status: 'CANCELLED',
      paymentStatus: 'REFUNDED',
    });
  });

  test('that is paid all the same stays cancelled, tells of it and makes nothing; the money can be refunded', async () => {
    const order = await approved();
    await cancelOrder(server, shop, order);

    const events = await eventsDuring(server, shop.admin.tenant_id, () => payOrder(server, shop, order));

    expect(events.map(({ type }) => type)).toEqual(['invoice.overpaid', 'order.paid']);
    expect(events[1]?.data).toMatchObject({ status: 'CANCELLED', payment_status: 'PAID' });
    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'CANCELLED',
      paymentStatus: 'PAID',
    });
    expect(await statusesOf(order)).toEqual([]);
    await refundOrder(server, shop, order);
    expect(await readOrder(server, shop, order)).toMatchObject({ paymentStatus: 'REFUNDED' });
  });
});

describe('a refund', () => {
  test('in full suspends what the order made; what was revoked or suspended already stays', async () => {
    const order = await approveOrder(server, shop, await paid({ quantity: 3 }));
    const [revoked, suspended] = await licensesOf(server, order);
    await update('RevokeLicense', { licenseId: revoked?.id, reason: 'Stolen' });
    await update('SuspendLicense', { licenseId: suspended?.id, reason: 'Asked' });

    const events = await eventsDuring(server, shop.admin.tenant_id, () => refundOrder(server, shop, order));

    expect(events.map(({ type }) => type)).toEqual([
      'invoice.refunded',
      'order.refunded',
      'license.suspended',
    ]);
    expect(events[2]?.data).toMatchObject({ reason: 'Order refunded', from: 'ACTIVE', order_id: order.id });
    const after = await licensesOf(server, order);
    expect(after.map(({ status, suspension_reason }) => [status, suspension_reason])).toEqual([
      ['REVOKED', null],
      ['SUSPENDED', 'Asked'],
      ['SUSPENDED', 'Order refunded'],
    ]);
    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      paymentStatus: 'REFUNDED',
    });
  });

  test('of a part leaves them running', async () => {
    const order = await approveOrder(server, shop, await paid());

    await refundOrder(server, shop, order, '50');

    expect(await statusesOf(order)).toEqual(['ACTIVE']);
    expect(await readOrder(server, shop, order)).toMatchObject({ paymentStatus: 'PAID' });
  });

  test('keeps the seal of what it suspends whole, and reinstatement brings it back', async () => {
    const order = await approveOrder(server, shop, await paid());
    const [license] = await licensesOf(server, order);

    await refundOrder(server, shop, order);

    const revealed = await server.ok(
      'mutation ($input: RevealLicenseKeyInput!) { revealLicenseKey(input: $input) { licenseKey } }',
      { input: { licenseId: license?.id } },
      shop.admin,
    );
    const checked = await server.ok(
      'query ($key: String!) { checkLicenseIntegrity(licenseKey: $key) { integrityCheck tamperingDetected altered } }',
      { key: revealed.revealLicenseKey?.licenseKey },
      shop.admin,
    );
    expect(checked.checkLicenseIntegrity).toEqual({
      integrityCheck: true,
      tamperingDetected: false,
      altered: [],
    });
    await update('ReinstateLicense', { licenseId: license?.id });
    expect(await statusesOf(order)).toEqual(['ACTIVE']);
  });

  test('before the approval makes the order one that is not paid', async () => {
    const order = await paid();
    await refundOrder(server, shop, order);

    expect(await approveOrder(server, shop, order)).toMatchObject({
      status: 'APPROVED',
      paymentStatus: 'REFUNDED',
    });
    await refusedAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }, 'ORDER_NOT_PAID');
  });
});

test("an order of a reseller for no customer is for a pool, and makes no licenses that would be the whole tenant's", async () => {
  const made = await server.ok(
    'mutation { createReseller(input: { name: "Blue" }) { reseller { id } } }',
    {},
    shop.admin,
  );
  const order = await createOrder(server, shop, {
    customerId: null,
    resellerId: made.createReseller?.reseller?.id,
    fulfillmentMethod: 'AUTO',
  });
  await approveOrder(server, shop, order);

  await payOrder(server, shop, order);

  expect(await readOrder(server, shop, order)).toMatchObject({
    status: 'APPROVED',
    paymentStatus: 'PAID',
    fulfillmentError: 'ORDER_FOR_POOL',
  });
  expect(await statusesOf(order)).toEqual([]);
});

test('a template of a trial makes licenses that wait for their first activation', async () => {
  const templateId = await createTemplate(server, shop.admin, shop.productId, { licenseType: 'TRIAL' });

  const order = await approveOrder(server, shop, await paid({ templateId }));

  const [license] = await licensesOf(server, order);
  expect(license).toMatchObject({ status: 'PENDING', expiry_date: null });
});
