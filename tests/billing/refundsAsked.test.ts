import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import type { Shop } from '../support/fixtures.js';
import { openRenewalShop, openRenewals, renewingLicense, standing } from '../support/renewing.js';
import type { TestServer } from '../support/server.js';
import type { StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
let shop: Shop;
let licenseId: string;
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals());
});
beforeEach(async () => {
  stripe.behaviour = () => 'TAKE';
  stripe.refunds.length = 0;
  shop = await openRenewalShop(server);
  licenseId = await renewingLicense(server, shop);
  await server.jobs.run('license.renew');
  await server.jobs.drain();
});
afterAll(() => stop());

async function refund(amount: string): Promise<void> {
  const [payment] = await server.sql`select p.id from payments p join invoices i on i.id = p.invoice_id
    where i.license_id = ${licenseId} and p.kind = 'PAYMENT'`;
  const input = { paymentId: payment?.id, amount, reason: 'Asked for' };
  await server.ok(mutation('refundPayment', '__typename'), { input }, shop.admin);
}

/** Facts and what follows them alone: nothing by the clock. */
async function followed(): Promise<void> {
  const { list } = server.jobs;
  server.jobs.list = { ...list, scheduled: [] };
  await server.jobs.drain().finally(() => {
    server.jobs.list = list;
  });
}

test('a refund goes back as soon as it is told of, once, and does not wait for the clock', async () => {
  await refund('100');

  await followed();

  expect(stripe.refunds.map(({ amount }) => amount)).toEqual([10_000]);
  expect(await standing(server, licenseId)).toEqual(['REFUNDED, attempts 1, REFUNDED 100']);
  await server.jobs.run('license.renew');
  expect(stripe.refunds).toHaveLength(1);
});

test('what the processor does not answer is left to the clock, and goes back once', async () => {
  stripe.behaviour = () => 'CUT';
  await refund('40');
  await followed();
  const before = [...stripe.refunds];
  stripe.behaviour = () => 'TAKE';
  server.pass(3_600_000);

  await server.jobs.run('license.renew');

  expect(before).toEqual([]);
  expect(stripe.refunds.map(({ amount }) => amount)).toEqual([4_000]);
  expect(
    await server.count(
      'payments',
      `kind = 'REFUND' and state = 'SETTLED' and tenant_id = '${shop.admin.tenant_id}'`,
    ),
  ).toBe(1);
});
