import { afterAll, beforeAll, expect, test } from 'vitest';
import { lockOrder } from '../../src/orders/queries.js';
import { fulfilled } from '../../src/orders/service/fulfilled.js';
import { makeLicenses } from '../../src/orders/service/makeLicenses.js';
import { mutation } from '../support/acts.js';
import { acting } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { approveOrder, createOrder, licensesOf, readOrder } from '../support/orders.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const LICENSES = 600;

test('a large order is suspended in chunks behind its refund, to the last license, and never twice', async () => {
  const order = await createOrder(server, shop, { quantity: LICENSES, fulfillmentMethod: 'MANUAL' });
  await approveOrder(server, shop, order);
  const { order: billed } = await server.ok(
    'query ($id: ID!) { order(id: $id) { invoice { id total } } }',
    { id: order.id },
    shop.admin,
  );
  const input = { invoiceId: billed?.invoice?.id, amount: billed?.invoice?.total, reference: 'transfer 1' };
  const recorded = await server.ok(mutation('recordPayment', 'payment { id }'), { input }, shop.admin);
  await acting(server, shop.admin, async (work) => {
    const locked = await lockOrder(work, String(order.id));
    if (locked === undefined) throw new Error('the order is not there');
    await makeLicenses(work, locked, LICENSES);
    await fulfilled(work, locked);
  });

  const back = { paymentId: recorded.recordPayment?.payment?.id, reason: 'Sent back', paidBack: true };
  await server.ok(mutation('refundPayment', '__typename'), { input: back }, shop.admin);
  expect(await readOrder(server, shop, order)).toMatchObject({ paymentStatus: 'REFUNDED' });
  await server.jobs.drain();

  const after = await licensesOf(server, order);
  expect(after).toHaveLength(LICENSES);
  expect(new Set(after.map(({ status, suspension_reason }) => `${status} ${suspension_reason}`))).toEqual(
    new Set(['SUSPENDED Order refunded']),
  );
  const told = await server.sql`select count(*)::int as count from license_event_logs
    where tenant_id = ${shop.admin.tenant_id} and event_type = 'license.suspended'`;
  expect(told).toEqual([{ count: LICENSES }]);
});
