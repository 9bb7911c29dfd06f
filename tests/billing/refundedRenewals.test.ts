import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, addMillis, millis } from '../../src/core/clock.js';
import { mutation, readLicense } from '../support/acts.js';
import type { Shop } from '../support/fixtures.js';
import {
  becameOfEvent,
  charge,
  knock,
  OPEN,
  refundObject,
  sendsStripe,
  signedByStripe,
  stripeEvent,
} from '../support/inbound.js';
import {
  EXPIRY,
  openRenewalShop,
  openRenewals,
  RENEWED,
  renewingLicense,
  standing,
  toldOf,
} from '../support/renewing.js';
import { at, START, type TestServer } from '../support/server.js';
import type { StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals(OPEN));
});
beforeEach(() => {
  server.now = START;
  stripe.behaviour = () => 'TAKE';
  stripe.refunds.length = 0;
});
afterAll(() => stop());

const dollars = { currency: 'usd' };
const renew = () => server.jobs.run('license.renew');

async function renewedLicense(): Promise<{ shop: Shop; licenseId: string }> {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop);
  await renew();
  expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
  return { shop, licenseId };
}

async function refund(shop: Shop, licenseId: string, amount: string): Promise<void> {
  const [payment] = await server.sql`select p.id from payments p join invoices i on i.id = p.invoice_id
    where i.license_id = ${licenseId} and p.kind = 'PAYMENT'`;
  const input = { paymentId: payment?.id, amount, reason: 'Asked for' };
  await server.ok(mutation('refundPayment', '__typename'), { input }, shop.admin);
}

const expiryOf = (shop: Shop, licenseId: string) => readLicense(server, shop.admin, licenseId, 'expiryDate');

test('a renewal that is paid back in full through the processor takes back its months, and no license', async () => {
  const { shop, licenseId } = await renewedLicense();

  await refund(shop, licenseId, '100');
  const before = await expiryOf(shop, licenseId);
  await renew();
  await renew();

  const [intent] = stripe.taken().slice(-1);
  expect(stripe.refunds).toHaveLength(1);
  expect(stripe.refunds[0]).toMatchObject({ amount: 10_000, payment_intent: intent?.id });
  expect(before).toEqual({ expiryDate: RENEWED });
  expect(await expiryOf(shop, licenseId)).toEqual({ expiryDate: EXPIRY });
  expect(await standing(server, licenseId)).toEqual(['REFUNDED, attempts 1, REFUNDED 100']);
});

test('a refund of a part leaves the term', async () => {
  const { shop, licenseId } = await renewedLicense();

  await refund(shop, licenseId, '40');
  await renew();

  expect(stripe.refunds).toHaveLength(1);
  expect(await expiryOf(shop, licenseId)).toEqual({ expiryDate: RENEWED });
  expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
});

test('what is told of a refund happened when it was told of, and not when its payment was made', async () => {
  const { shop, licenseId } = await renewedLicense();
  const intent = stripe.taken().at(-1)?.id ?? '';
  server.pass(40 * 86_400_000);
  const told = charge(intent, { ...dollars, created: millis(START) / 1000, amount_refunded: 10_000 });

  const event = stripeEvent('charge.refunded', told, undefined, millis(server.now) / 1000 - 60);
  await knock(server, 'stripe', signedByStripe(server, event));
  await server.jobs.drain();

  const rows =
    await server.sql`select p.kind, p.received_at from payments p join invoices i on i.id = p.invoice_id
    where i.license_id = ${licenseId} order by p.received_at`;
  expect(rows.map(({ kind, received_at }) => [kind, received_at.toISOString()])).toEqual([
    ['PAYMENT', START],
    ['REFUND', addMillis(server.now, -60_000)],
  ]);
  expect(await expiryOf(shop, licenseId)).toEqual({ expiryDate: EXPIRY });
});

test('what came on top of the renewal stays, and ends as many months earlier', async () => {
  const { shop, licenseId } = await renewedLicense();
  const input = { licenseId, durationMonths: 2 };
  await server.ok(mutation('renewLicense', '__typename'), { input }, shop.admin);

  await refund(shop, licenseId, '100');
  await renew();

  expect(await expiryOf(shop, licenseId)).toEqual({ expiryDate: '2026-05-03T12:00:00.000Z' });
});

test('a refund whose answer is lost goes back once', async () => {
  const { shop, licenseId } = await renewedLicense();
  stripe.behaviour = () => 'TAKE_AND_CUT';
  await refund(shop, licenseId, '100');

  await renew();
  const meanwhile = await standing(server, licenseId);
  server.pass(120_000);
  await renew();

  expect(meanwhile).toEqual(['RENEWED, attempts 1, PAID 100']);
  expect(stripe.refunds).toHaveLength(1);
  expect(await standing(server, licenseId)).toEqual(['REFUNDED, attempts 1, REFUNDED 100']);
});

test('what somebody paid back at the processor meanwhile counts once it declines to pay it back again', async () => {
  const { shop, licenseId } = await renewedLicense();
  await refund(shop, licenseId, '100');
  stripe.behaviour = () => 'CUT';
  await renew();
  const intent = stripe.taken().at(-1)?.id ?? '';
  const [eventId] = await sendsStripe(server, [
    'charge.refunded',
    charge(intent, { ...dollars, amount_refunded: 10_000 }),
  ]);
  const waiting = await standing(server, licenseId);

  const error = { type: 'invalid_request_error', code: 'charge_already_refunded', message: 'Refunded' };
  stripe.behaviour = () => ({ status: 400, error });
  server.pass(120_000);
  await renew();

  expect(await becameOfEvent(server, eventId ?? '')).toEqual(['PROCESSED', null]);
  expect(waiting).toEqual(['RENEWED, attempts 1, PAID 100']);
  expect(await standing(server, licenseId)).toEqual(['REFUNDED, attempts 1, REFUNDED 100']);
  expect(await expiryOf(shop, licenseId)).toEqual({ expiryDate: EXPIRY });
});

test('of what was paid back at the processor in part that part counts, under the name that it was told by', async () => {
  const { shop, licenseId } = await renewedLicense();
  await refund(shop, licenseId, '100');
  stripe.behaviour = () => 'CUT';
  await renew();
  const intent = stripe.taken().at(-1)?.id ?? '';
  await sendsStripe(server, ['refund.created', refundObject(`re_${intent}`, intent, 4_000, dollars)]);

  const error = { type: 'invalid_request_error', code: 'charge_disputed', message: 'Disputed' };
  stripe.behaviour = () => ({ status: 400, error });
  server.pass(120_000);
  await renew();
  await renew();

  expect(await expiryOf(shop, licenseId)).toEqual({ expiryDate: RENEWED });
  const rows = await server.sql`select p.reference, p.state, p.amount::float::text as amount from payments p
    join invoices i on i.id = p.invoice_id where i.license_id = ${licenseId} and p.kind = 'REFUND' order by p.created_at, p.id`;
  expect(rows.map(({ reference, state, amount }) => [reference, state, amount])).toEqual([
    [null, 'FAILED', '100'],
    [`re_${intent}`, 'SETTLED', '40'],
  ]);
});

test('a refund that the processor declines leaves all as it was, and can be asked for again', async () => {
  const { shop, licenseId } = await renewedLicense();
  stripe.behaviour = () => ({
    status: 400,
    error: { type: 'invalid_request_error', code: 'charge_disputed', message: 'Disputed' },
  });
  await refund(shop, licenseId, '100');
  await renew();

  stripe.behaviour = () => 'TAKE';
  await refund(shop, licenseId, '100');
  await renew();

  expect(stripe.refunds).toHaveLength(1);
  expect(await standing(server, licenseId)).toEqual(['REFUNDED, attempts 1, REFUNDED 100']);
});

test('a part that was paid keeps no license from renewing itself once the invoice is overtaken, and is paid back as credit', async () => {
  const shop = await openRenewalShop(server, { method: null });
  const licenseId = await renewingLicense(server, shop);
  const act = (name: string, input: object) => server.ok(mutation(name, '__typename'), { input }, shop.admin);
  await renew();
  const [invoice] = await server.sql`select id from invoices where license_id = ${licenseId}`;
  await act('recordPayment', { invoiceId: invoice?.id, amount: '40' });
  await act('renewLicense', { licenseId, durationMonths: 12 });
  await renew();
  const kept = await standing(server, licenseId);

  await refund(shop, licenseId, '40');
  await renew();
  server.now = addDays(at(RENEWED), -1);
  await renew();

  expect(kept).toEqual(['CANCELLED, attempts 0, OVERTAKEN, PARTIAL 40, VOID']);
  expect(await standing(server, licenseId)).toEqual([
    'CANCELLED, attempts 0, OVERTAKEN, REFUNDED 40, VOID',
    'OPEN, attempts 0, PENDING 0',
  ]);
});

test('a renewal that was asked for by an invoice happens once that is paid, and is billed once', async () => {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop, 20);
  const customer = {
    tenant_id: shop.admin.tenant_id,
    roles: ['customer' as const],
    customer_id: shop.customerId,
  };
  const ask = (durationMonths: number) =>
    server.graphql(
      mutation('requestRenewal', 'renewal { id status way durationMonths }'),
      { input: { licenseId, durationMonths } },
      customer,
    );

  const [first, again, other] = [await ask(24), await ask(24), await ask(12)];
  const billed = await server.sql`select total, payment_status from invoices where license_id = ${licenseId}`;

  expect(first.data?.requestRenewal?.renewal).toMatchObject({
    status: 'OPEN',
    way: 'BY_HAND',
    durationMonths: 24,
  });
  expect(again.data).toEqual(first.data);
  expect(other.code).toBe('RENEWAL_OPEN');
  expect(billed.map((row) => ({ ...row }))).toEqual([{ total: '200.0000', payment_status: 'PENDING' }]);
  const [invoice] = await server.sql`select id from invoices where license_id = ${licenseId}`;
  const input = { invoiceId: invoice?.id, amount: '200', receivedAt: server.now };
  await server.ok(mutation('recordPayment', '__typename'), { input }, shop.admin);
  expect(await expiryOf(shop, licenseId)).toEqual({ expiryDate: '2028-03-21T12:00:00.000Z' });
  expect((await toldOf(server, licenseId)).at(-1)).toBe('license.renewed HAND to 2028-03-21T12:00:00.000Z');
});
