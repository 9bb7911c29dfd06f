import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { LicenseId } from '../../src/core/id.js';
import { mutation } from '../support/acts.js';
import { issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { intent, newIntent, OPEN, sendsStripe } from '../support/inbound.js';
import { MailWorker } from '../support/mailing.js';
import { approveOrder, createOrder, readOrder } from '../support/orders.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { insertOrder } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: OPEN });
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

const addressed = (): Promise<unknown> =>
  server.ok(
    mutation('updateCustomer', '__typename'),
    { input: { customerId: shop.customerId, email: 'ada@example.com' } },
    shop.admin,
  );

/** Jobs that tell by mail, of what was sealed and not looked at yet. */
async function queued(): Promise<number> {
  await server.jobs.seal();
  return server.count(
    'graphile_worker._private_jobs as job join graphile_worker._private_tasks as task on task.id = job.task_id',
    `task.identifier = 'mail.tell' and job.payload ->> 'tenantId' = '${shop.admin.tenant_id}'`,
  );
}

/** Licenses of an order of that many, which the order's own fact tells of. */
async function ordered(quantity: number): Promise<string> {
  const orderId = await insertOrder(server, shop, { customerId: shop.customerId });
  await server.sql`update license_orders set quantity = ${quantity} where id = ${orderId}`;
  for (let made = 0; made < 2; made += 1) {
    const { id } = await issueLicense(server, shop);
    await server.sql`update licenses set order_id = ${orderId} where id = ${id}`;
  }
  return orderId;
}

test('no job is queued for a customer without an address, and one for each license of a customer with one', async () => {
  await issueLicense(server, shop);
  const without = await queued();
  await addressed();
  await issueLicense(server, shop);
  await issueLicense(server, shop);

  expect([without, await queued()]).toEqual([0, 2]);
});

test.each([
  [25, 2, ['LICENSE_ISSUED', 'LICENSE_ISSUED', 'ORDER_FULFILLED']],
  [26, 0, ['ORDER_FULFILLED']],
])('licenses of an order of %i are told in %i mails of their own', async (quantity, jobs, kinds) => {
  await addressed();
  const orderId = await ordered(quantity);
  const made = await queued();
  const worker = new MailWorker(server, {});
  await worker.emit(shop.admin, { type: 'order.fulfilled', subjectId: orderId });

  await worker.tell(shop.admin);
  await worker.end();

  expect(made).toBe(jobs);
  const rows = await server.sql`select kind from notifications where tenant_id = ${shop.admin.tenant_id}`;
  expect(rows.map(({ kind }) => String(kind)).toSorted()).toEqual(kinds);
});

test('the vendor’s people are told what fails where the customer has no address', async () => {
  const { id } = await issueLicense(server, shop);
  const worker = new MailWorker(server, {});
  const failed = { type: 'license.renewal_failed', subjectId: id, licenseId: id as LicenseId } as const;

  await worker.emit(shop.admin, failed);
  const nobody = await queued();
  const settings = { mail: { staffAddress: 'office@radar.example' } };
  await server.ok(mutation('updateTenantSettings', '__typename'), { input: settings }, shop.admin);
  await worker.emit(shop.admin, failed);
  const staff = await queued();
  await worker.end();

  expect([nobody, staff]).toEqual([0, 1]);
});

test('a payment, and the licenses that it pays for, go before mails that were there first', async () => {
  await addressed();
  const selection = 'id totalAmount currency invoice { id }';
  const order = await createOrder(server, shop, { fulfillmentMethod: 'BATCH', quantity: 26 }, selection);
  await approveOrder(server, shop, order);
  for (let made = 0; made < 3; made += 1) await issueLicense(server, shop);
  const waiting = await queued();
  const ran: string[] = [];
  const { list } = server.jobs;
  server.jobs.list = {
    queued: list.queued.map((job) => ({
      ...job,
      run: async (context, payload) => {
        ran.push(job.name);
        return job.run(context, payload);
      },
    })),
    scheduled: [],
  };

  const sum = Number(order.totalAmount) * 100;
  const money = { amount: sum, amount_received: sum, currency: String(order.currency).toLowerCase() };
  const paid = intent(newIntent(), String(order.invoice?.id), money);
  await sendsStripe(server, ['payment_intent.succeeded', paid]).finally(() => {
    server.jobs.list = list;
  });

  const { status, paymentStatus } = await readOrder(server, shop, order);
  expect([waiting, status, paymentStatus]).toEqual([3, 'FULFILLED', 'PAID']);
  expect(ran.slice(0, 5)).toEqual([
    'inbound_webhook.process',
    'order.fulfill',
    ...['mail.tell', 'mail.tell', 'mail.tell'],
  ]);
});
