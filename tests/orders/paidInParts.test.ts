import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsDuring } from '../support/acts.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { createOrder, failOrder, payOrder } from '../support/orders.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

test('each part of the money, and each payment that fails before it, is a step of the order; a failure behind it is none', async () => {
  const order = await createOrder(server, shop);

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    await failOrder(server, shop, order);
    await failOrder(server, shop, order);
    await payOrder(server, shop, order, '30');
    await failOrder(server, shop, order);
    await payOrder(server, shop, order, '20');
    await payOrder(server, shop, order, '50');
  });

  const steps = events.filter(({ type }) => type.startsWith('order.'));
  expect(steps.map(({ type, data }) => [type, data?.amount_due])).toEqual([
    ['order.payment_failed', '100'],
    ['order.payment_failed', '100'],
    ['order.partially_paid', '70'],
    ['order.partially_paid', '50'],
    ['order.paid', undefined],
  ]);
});
