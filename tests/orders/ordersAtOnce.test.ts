import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  another,
  approveOrder,
  createOrder,
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

describe('two at once', () => {
  const rounds = [1, 2, 3, 4];

  test.each(rounds)('approval and payment leave one set of licenses (%i)', async () => {
    const order = await createOrder(server, shop, { quantity: 2 });

    await Promise.all([approveOrder(server, shop, order), payOrder(server, shop, order)]);

    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'FULFILLED',
      paymentStatus: 'PAID',
    });
    expect(await statusesOf(order)).toHaveLength(2);
  });

  test.each(rounds)('refund and fulfilment: no license is left running (%i)', async () => {
    const order = await paid({ fulfillmentMethod: 'MANUAL', quantity: 2 });
    await approveOrder(server, shop, order);

    await Promise.all([
      orderAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }),
      refundOrder(server, shop, order),
    ]);

    const { status, paymentStatus } = await readOrder(server, shop, order);
    expect(paymentStatus).toBe('REFUNDED');
    expect(await statusesOf(order)).toEqual(String(status) === 'FULFILLED' ? ['SUSPENDED', 'SUSPENDED'] : []);
  });

  test.each(rounds)(
    'approval and cancellation: one comes first, and the order ends cancelled (%i)',
    async () => {
      const order = await createOrder(server, shop, { pricingOverride: { basePrice: '10' } });

      const [approval, cancellation] = await Promise.all([
        orderAct(server, another(shop.admin), 'approveOrder', { orderId: order.id }),
        orderAct(server, shop.admin, 'cancelOrder', { orderId: order.id, reason: 'x' }),
      ]);

      expect(cancellation.errors).toEqual([]);
      expect([undefined, 'INVALID_TRANSITION']).toContain(approval.code);
      expect(await readOrder(server, shop, order)).toMatchObject({ status: 'CANCELLED' });
    },
  );

  test.each(rounds)(
    'payment and cancellation: it is paid and fulfilled, or cancelled and the money known (%i)',
    async () => {
      const order = await approved();

      const [, cancellation] = await Promise.all([
        payOrder(server, shop, order),
        orderAct(server, shop.admin, 'cancelOrder', { orderId: order.id, reason: 'x' }),
      ]);

      const after = await readOrder(server, shop, order);
      expect(after.paymentStatus).toBe('PAID');
      const isCancelled = cancellation.code === undefined;
      expect(String(after.status)).toBe(isCancelled ? 'CANCELLED' : 'FULFILLED');
      expect(await statusesOf(order)).toEqual(isCancelled ? [] : ['ACTIVE']);
    },
  );
});

describe('numbers without a gap', () => {
  test('sixty orders at once, each with its invoice, get the next number each', async () => {
    const own = await openShop(server);

    const orders = await Promise.all(Array.from({ length: 60 }, () => createOrder(server, own)));

    const expected = (series: string) =>
      Array.from({ length: 60 }, (_, index) => `${series}-2026-${String(index + 1).padStart(6, '0')}`);
    expect(orders.map(({ orderNumber }) => String(orderNumber)).toSorted()).toEqual(expected('ORD'));
    const rows = await server.sql`select number from invoices where tenant_id = ${own.admin.tenant_id}
      order by number`;
    expect(rows.map(({ number }) => number)).toEqual(expected('INV'));
  });

  test('whoever has a number only inserts: others of the tenant wait for that and nothing else', async () => {
    const own = await openShop(server);
    server.statements.length = 0;

    await createOrder(server, own);

    const tables = server.statements.map((text) => /insert into "(\w+)"/.exec(text)?.[1] ?? text.slice(0, 6));
    expect(tables.slice(tables.indexOf('number_series'))).toEqual([
      'number_series',
      'invoices',
      'license_orders',
      'license_event_logs',
      'license_event_logs',
    ]);
  });
});
