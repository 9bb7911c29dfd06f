import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { onlyJobs } from '../support/batches.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { approveOrder, createOrder, orderAct, readOrder } from '../support/orders.js';
import { type Answer, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  onlyJobs(server, ['order.fulfill', 'order.suspend']);
});
afterAll(() => server.stop());

const CHUNKS = 4;
const QUANTITY = CHUNKS * 250;

async function paidBatch(): Promise<{ readonly order: Json; readonly paymentId: unknown }> {
  const order = await createOrder(
    server,
    shop,
    { quantity: QUANTITY, fulfillmentMethod: 'BATCH' },
    'id invoice { id total }',
  );
  await approveOrder(server, shop, order);
  const input = { invoiceId: order.invoice?.id, amount: order.invoice?.total };
  const data = await server.ok(mutation('recordPayment', 'payment { id }'), { input }, shop.admin);
  return { order, paymentId: data.recordPayment?.payment?.id };
}

const refund = (paymentId: unknown): Promise<Answer> => {
  const input = { paymentId, reason: 'Changed their mind', paidBack: true };
  return server.graphql(mutation('refundPayment', '__typename'), { input }, shop.admin);
};
const cancel = (order: Json) =>
  orderAct(server, shop.admin, 'cancelOrder', { orderId: order.id, reason: 'Changed their mind' }, 'status');

async function licensesBy(order: Json): Promise<Readonly<Record<string, number>>> {
  const rows =
    await server.sql`select status || coalesce(' ' || suspension_reason, '') as word, count(*)::int as count
    from licenses where order_id = ${String(order.id)} group by 1 order by 1`;
  return Object.fromEntries(rows.map(({ word, count }) => [String(word), Number(count)]));
}

const madeOf = async (order: Json) =>
  Object.values(await licensesBy(order)).reduce((sum, each) => sum + each, 0);

/** Until the first chunk is there; the next ones are being made. */
async function begun(order: Json): Promise<void> {
  for (let tries = 0; tries < 2000 && (await madeOf(order)) === 0; tries += 1)
    await new Promise((resolve) => setImmediate(resolve));
}

describe('a batch half-way', () => {
  test.each([1, 2])(
    'that is paid back leaves no license running, and none is made behind that (%i)',
    async () => {
      const { order, paymentId } = await paidBatch();

      const making = server.jobs.drain();
      await begun(order);
      const answers = await Promise.all([refund(paymentId), refund(paymentId)]);
      await making;
      await server.jobs.drain();

      expect(answers.map(({ code }) => code).toSorted()).toEqual(
        ['REFUND_EXCEEDS_PAYMENT', undefined].toSorted(),
      );
      const made = await madeOf(order);
      expect(made % 250).toBe(0);
      expect(await licensesBy(order)).toEqual({ 'SUSPENDED Order refunded': made });
      const { status, paymentStatus } = await readOrder(server, shop, order);
      expect([status, paymentStatus]).toEqual([made === QUANTITY ? 'FULFILLED' : 'APPROVED', 'REFUNDED']);
    },
  );

  test('is not cancelled while its money is here; paid back and cancelled at once it ends as both', async () => {
    const { order, paymentId } = await paidBatch();

    const making = server.jobs.drain();
    await begun(order);
    const early = await cancel(order);
    const [back, late] = await Promise.all([refund(paymentId), cancel(order)]);
    await making;
    const again = await cancel(order);
    await server.jobs.drain();

    const made = await madeOf(order);
    expect([back.code, await licensesBy(order)]).toEqual([undefined, { 'SUSPENDED Order refunded': made }]);
    if (made === QUANTITY) return;
    expect(early.code).toBe('ORDER_PAID');
    expect(['ORDER_PAID', undefined]).toContain(late.code);
    expect(again.code).toBe(late.code === undefined ? 'INVALID_TRANSITION' : undefined);
    expect(await readOrder(server, shop, order)).toMatchObject({
      status: 'CANCELLED',
      paymentStatus: 'REFUNDED',
    });
  });
});
