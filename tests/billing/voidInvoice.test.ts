import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { mutation, refused } from '../support/acts.js';
import { eventsOf, invoiceOf } from '../support/billing.js';
import { createTemplate, type Shop } from '../support/fixtures.js';
import { approveOrder, createOrder, licensesOf } from '../support/orders.js';
import { openRenewalShop, openRenewals, renewingLicense, standing, toldOf } from '../support/renewing.js';
import { type Claims, type Json, START, type TestServer } from '../support/server.js';
import type { StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals());
});
beforeEach(() => {
  server.now = START;
  stripe.behaviour = () => 'TAKE';
});
afterAll(() => stop());

const VOIDED = 'invoice { number paymentStatus amountDue voidedAt voidReason }';
const bill = (shop: Shop) => invoiceOf(server, shop.admin, { customerId: shop.customerId });
const renew = () => server.jobs.run('license.renew');

async function voids(shop: Shop, invoiceId: unknown, reason = 'Billed twice'): Promise<Json> {
  const input = { invoiceId, reason };
  return (await server.ok(mutation('voidInvoice', VOIDED), { input }, shop.admin)).voidInvoice as Json;
}
const refusedVoid = (as: Claims, code: RefusalCode, invoiceId: unknown) =>
  refused(server, as, code, () =>
    server.graphql(mutation('voidInvoice', '__typename'), { input: { invoiceId, reason: 'x' } }, as),
  );
async function pay(shop: Shop, invoiceId: unknown, amount: string): Promise<unknown> {
  const input = { invoiceId, amount };
  const data = await server.ok(mutation('recordPayment', 'payment { id }'), { input }, shop.admin);
  return data.recordPayment?.payment?.id;
}
async function payBack(shop: Shop, paymentId: unknown): Promise<void> {
  const input = { paymentId, reason: 'Sent back', paidBack: true };
  await server.ok(mutation('refundPayment', '__typename'), { input }, shop.admin);
}
const invoiceOfLicense = async (licenseId: string) =>
  (
    await server.sql`select id from invoices where license_id = ${licenseId} order by created_at desc, id desc`
  )[0]?.id;

describe('an invoice of which nothing is paid', () => {
  test('is voided by the vendor, told, keeps its number, and twice is the same as once', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const invoice = await bill(shop);

    const answer = await voids(shop, invoice.id);
    const again = await voids(shop, invoice.id, 'Once more');
    const next = await bill(shop);

    expect(answer).toEqual({
      invoice: {
        number: 'INV-2026-000001',
        paymentStatus: 'PENDING',
        amountDue: '0',
        voidedAt: server.now,
        voidReason: 'Billed twice',
      },
    });
    expect([again, next.number]).toEqual([answer, 'INV-2026-000002']);
    expect(await eventsOf(server, invoice)).toEqual(['invoice.created', 'invoice.voided']);
  });

  test('is so too when a part that was paid went back', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const invoice = await bill(shop);
    await payBack(shop, await pay(shop, invoice.id, '40'));

    expect(await voids(shop, invoice.id)).toMatchObject({
      invoice: { amountDue: '0', voidedAt: server.now },
    });
  });

  test("is voided by nobody who is bound to a part of the tenant, and is no other tenant's", async () => {
    const shop = await openRenewalShop(server, { method: null });
    const other = await openRenewalShop(server, { method: null });
    const invoice = await bill(shop);

    await refusedVoid({ ...shop.admin, customer_id: shop.customerId }, 'FORBIDDEN', invoice.id);
    await refusedVoid({ ...shop.admin, roles: ['support'] }, 'FORBIDDEN', invoice.id);
    await refusedVoid(other.admin, 'INVOICE_NOT_FOUND', invoice.id);
  });

  test('is refused money by hand afterwards', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const invoice = await bill(shop);
    await voids(shop, invoice.id);

    await refused(server, shop.admin, 'INVOICE_VOIDED', () =>
      server.graphql(
        mutation('recordPayment', '__typename'),
        { input: { invoiceId: invoice.id, amount: '1' } },
        shop.admin,
      ),
    );
  });
});

describe('is not voided', () => {
  test('what was paid, in part or in full, or was paid back after that', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const [part, all, back] = [await bill(shop), await bill(shop), await bill(shop)];
    await pay(shop, part.id, '40');
    await pay(shop, all.id, '100');
    await payBack(shop, await pay(shop, back.id, '100'));

    await refusedVoid(shop.admin, 'INVOICE_PAID', part.id);
    await refusedVoid(shop.admin, 'INVOICE_PAID', all.id);
    await refusedVoid(shop.admin, 'INVOICE_PAID', back.id);
  });

  test('what a charge is under way for, until that is answered', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'CUT';
    await renew();
    const invoiceId = await invoiceOfLicense(licenseId);

    await refusedVoid(shop.admin, 'CHARGE_PENDING', invoiceId);
    stripe.behaviour = () => ({ decline: 'expired_card' });
    server.pass(120_000);
    await renew();
    await voids(shop, invoiceId);

    expect(await standing(server, licenseId)).toEqual(['VOIDED, attempts 1, FAILED 0, VOID']);
  });
});

describe('what it was for ends with it', () => {
  test.each(['PENDING', 'APPROVED'])('an order that is %s is cancelled and makes nothing', async (status) => {
    const shop = await openRenewalShop(server, { method: null });
    const order = await createOrder(server, shop, { quantity: 2 }, 'id invoice { id }');
    if (status === 'APPROVED') await approveOrder(server, shop, order);

    await voids(shop, order.invoice?.id, 'Asked for twice');

    const query = `query ($id: ID!) { order(id: $id) { status paymentStatus cancellationReason } }`;
    expect((await server.ok(query, { id: order.id }, shop.admin)).order).toEqual({
      status: 'CANCELLED',
      paymentStatus: 'PENDING',
      cancellationReason: 'Asked for twice',
    });
    expect(await licensesOf(server, order)).toHaveLength(0);
    expect(await eventsOf(server, { id: String(order.id) })).toContain('order.cancelled');
  });

  test('an upgrade is called off', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const licenseId = await renewingLicense(server, shop, 300);
    const pricing = { basePrice: '900', currency: 'USD', billingCycle: 'ANNUALLY' };
    const templateId = await createTemplate(server, shop.admin, shop.productId, { pricing });
    const input = { licenseId, templateId };
    await server.ok(mutation('upgradeLicense', 'invoice { id }'), { input }, shop.admin);

    await voids(shop, await invoiceOfLicense(licenseId));

    const [upgrade] = await server.sql`select status from license_upgrades where license_id = ${licenseId}`;
    expect(upgrade?.status).toBe('CANCELLED');
  });

  test('a renewal by the clock is not billed again from this end of the term, and its license can be renewed by hand', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const licenseId = await renewingLicense(server, shop);
    await renew();

    await voids(shop, await invoiceOfLicense(licenseId));
    await renew();
    server.now = addDays(server.now, 1);
    await renew();
    const billed = await standing(server, licenseId);
    const input = { licenseId, durationMonths: 12 };
    await server.ok(mutation('requestRenewal', '__typename'), { input }, shop.admin);
    await pay(shop, await invoiceOfLicense(licenseId), '100');

    expect(billed).toEqual(['VOIDED, attempts 0, PENDING 0, VOID']);
    expect((await toldOf(server, licenseId)).at(-1)).toMatch(/^license.renewed HAND to 2027-03-03/);
  });
});

test('paid and voided at once it is one of the two, and what it was for follows that one', async () => {
  const shop = await openRenewalShop(server, { method: null });
  const orders = await Promise.all(
    Array.from({ length: 12 }, () => createOrder(server, shop, {}, 'id invoice { id total }')),
  );
  for (const order of orders) await approveOrder(server, shop, order);

  const outcomes = await Promise.all(
    orders.map(async (order) => {
      const input = { invoiceId: order.invoice?.id, amount: order.invoice?.total };
      const voided = { invoiceId: order.invoice?.id, reason: 'x' };
      const [paid, ended] = await Promise.all([
        server.graphql(mutation('recordPayment', '__typename'), { input }, shop.admin),
        server.graphql(mutation('voidInvoice', '__typename'), { input: voided }, shop.admin),
      ]);
      return [paid.code, ended.code];
    }),
  );

  for (const [index, [paid, ended]] of outcomes.entries()) {
    const [row] =
      await server.sql`select status, (select count(*)::int from licenses where order_id = o.id) as made
      from license_orders o where id = ${String(orders[index]?.id)}`;
    const expected =
      paid === undefined
        ? [undefined, 'INVOICE_PAID', 'FULFILLED', 1]
        : ['INVOICE_VOIDED', undefined, 'CANCELLED', 0];
    expect([paid, ended, row?.status, row?.made]).toEqual(expected);
  }
});
