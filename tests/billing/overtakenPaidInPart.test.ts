import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { mutation, readLicense } from '../support/acts.js';
import { createCustomer, createTemplate, issueLicense, type Shop } from '../support/fixtures.js';
import { approveOrder, createOrder } from '../support/orders.js';
import {
  openRenewalShop,
  openRenewals,
  renewalsIn,
  renewingLicense,
  standing,
  toldOf,
  transferTo,
} from '../support/renewing.js';
import { START, type TestServer } from '../support/server.js';
import type { StripeServer } from '../support/stripeServer.js';
import { askUpgrade, invoiceOf, yearly } from '../support/upgrades.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals());
});
beforeEach(() => reset());
afterAll(() => stop());

const { renew, act, later, reset } = renewalsIn(() => ({ server, stripe }));

async function billOf(licenseId: string): Promise<string> {
  const [row] = await server.sql`select invoice_id as id from renewals where license_id = ${licenseId}`;
  return String(row?.id);
}

async function pay(shop: Shop, invoiceId: unknown, amount: string): Promise<string> {
  const input = { invoiceId, amount };
  const answer = await server.ok(mutation('recordPayment', 'payment { id }'), { input }, shop.admin);
  return String(answer.recordPayment?.payment?.id);
}

/** A license whose bill was declined once and of which 40 of 100 were paid since, and those by name. */
async function partlyPaid(): Promise<{
  shop: Shop;
  licenseId: string;
  invoiceId: string;
  paymentId: string;
}> {
  const shop = await openRenewalShop(server);
  await act(shop, 'updateTenantSettings', { mail: { staffAddress: 'desk@radar.example' } });
  const licenseId = await renewingLicense(server, shop);
  stripe.behaviour = () => ({ decline: 'do_not_honor' });
  await renew();
  stripe.behaviour = () => 'TAKE';
  const invoiceId = await billOf(licenseId);
  return { shop, licenseId, invoiceId, paymentId: await pay(shop, invoiceId, '40') };
}

const creditOf = async (shop: Shop, id: string) =>
  (
    await server.ok(
      'query ($id: ID!) { invoice(id: $id) { amountDue creditAmount voidReason } }',
      { id },
      shop.admin,
    )
  ).invoice;
const CANCELLED = 'CANCELLED, attempts 1, OVERTAKEN, PARTIAL 40, VOID';

async function orderRenewal(shop: Shop, licenseId: string): Promise<void> {
  const input = { renewLicenseIds: [licenseId], durationMonths: 12, fulfillmentMethod: 'AUTO' };
  const order = await createOrder(server, shop, input, 'id invoice { id total }');
  await approveOrder(server, shop, order);
  await pay(shop, order.invoice?.id, String(order.invoice?.total));
}

describe('a renewal of which a part was paid is over when it is overtaken', () => {
  test.each<readonly [string, (shop: Shop, licenseId: string) => Promise<unknown>]>([
    ['a renewal by hand', (shop, licenseId) => act(shop, 'renewLicense', { licenseId, durationMonths: 12 })],
    ['an order that renews', orderRenewal],
    [
      'a transfer',
      async (shop, licenseId) =>
        transferTo(server, shop, licenseId, await createCustomer(server, shop.admin)),
    ],
    ['a revocation', (shop, licenseId) => act(shop, 'revokeLicense', { licenseId, reason: 'Resold' })],
    ['a suspension', (shop, licenseId) => act(shop, 'suspendLicense', { licenseId, reason: 'Fraud' })],
    [
      'automatic renewal that is switched off',
      (shop, licenseId) => act(shop, 'updateLicense', { licenseId, autoRenewal: false }),
    ],
    [
      'a customer who is switched off',
      (shop) => act(shop, 'updateCustomer', { customerId: shop.customerId, status: 'INACTIVE' }),
    ],
    [
      'another template',
      async (shop, licenseId) =>
        act(shop, 'upgradeLicense', {
          licenseId,
          templateId: await createTemplate(server, shop.admin, shop.productId, { pricing: yearly('900') }),
          waivePayment: true,
        }),
    ],
  ])('by %s: what was paid is credit, and the vendor’s people are told', async (_, overtake) => {
    const { shop, licenseId, invoiceId } = await partlyPaid();

    await overtake(shop, licenseId);
    await later(1);
    await later(0, 10);
    await server.jobs.drain();

    expect((await standing(server, licenseId))[0]).toBe(CANCELLED);
    expect(await creditOf(shop, invoiceId)).toEqual({
      amountDue: '0',
      creditAmount: '40',
      voidReason: 'The renewal was overtaken',
    });
    const told = (await toldOf(server, licenseId)).filter((line) => line.includes('OVERTAKEN'));
    expect(told).toEqual(['license.renewal_failed OVERTAKEN 1/1 next never']);
    const mails = await server.sql`select recipient from notifications where license_id = ${licenseId}
      and kind = 'RENEWAL_FAILED' order by id desc limit 1`;
    expect(mails.map(({ recipient }) => recipient)).toEqual(['desk@radar.example']);
    expect(stripe.taken(invoiceId)).toEqual([]);
  });

  test('and the license renews itself again at the end of its next term', async () => {
    const { shop, licenseId } = await partlyPaid();
    await act(shop, 'renewLicense', { licenseId, durationMonths: 1 });

    await later(30);

    expect(await standing(server, licenseId)).toEqual([CANCELLED, 'RENEWED, attempts 1, PAID 100']);
  });

  test('what comes late is credit too, and to pay it back changes nothing of the license', async () => {
    const { shop, licenseId, invoiceId, paymentId } = await partlyPaid();
    await act(shop, 'renewLicense', { licenseId, durationMonths: 12 });
    await later(0, 10);
    const before = await readLicense(server, shop.admin, licenseId, 'status expiryDate');

    const input = { paymentId, reason: 'Not needed' };
    await server.ok(mutation('refundPayment', '__typename'), { input }, shop.admin);

    expect(await standing(server, licenseId)).toEqual([
      'CANCELLED, attempts 1, OVERTAKEN, REFUNDED 40, VOID',
    ]);
    expect(await creditOf(shop, invoiceId)).toMatchObject({ creditAmount: '0', amountDue: '0' });
    expect(await readLicense(server, shop.admin, licenseId, 'status expiryDate')).toEqual(before);
  });

  test('paid to its end and overtaken at once it is one of the two, and no money is lost', async () => {
    const all: Awaited<ReturnType<typeof partlyPaid>>[] = [];
    for (let count = 0; count < 6; count += 1) all.push(await partlyPaid());

    const outcomes = await Promise.all(
      all.map(async ({ shop, licenseId, invoiceId }) => {
        await act(shop, 'renewLicense', { licenseId, durationMonths: 12 });
        const input = { invoiceId, amount: '60' };
        const [paid] = await Promise.all([
          server.graphql(mutation('recordPayment', '__typename'), { input }, shop.admin),
          renew(),
        ]);
        return paid.code;
      }),
    );
    await renew();

    for (const [index, code] of outcomes.entries()) {
      const { licenseId } = all[index] ?? {};
      const renewed = (await toldOf(server, licenseId ?? '')).filter((line) => line.includes('renewed'));
      const [line] = await standing(server, licenseId ?? '');
      expect([line, renewed.length]).toEqual(
        code === undefined ? ['RENEWED, attempts 1, PAID 100', 2] : [CANCELLED, 1],
      );
    }
  });
});

describe('a renewal of which a part was paid', () => {
  test('and paid back is charged for no more and waited for no more', async () => {
    const { shop, licenseId, invoiceId, paymentId } = await partlyPaid();
    const input = { paymentId, reason: 'Sent back' };
    await server.ok(mutation('refundPayment', '__typename'), { input }, shop.admin);

    await later(1);
    await later(0, 10);

    expect(await standing(server, licenseId)).toEqual(['VOIDED, attempts 1, REFUNDED 40, VOID']);
    expect(stripe.taken(invoiceId)).toEqual([]);
  });

  test('that was asked for is not charged for on top a day before the end: that the rest is missing is told once', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    await act(shop, 'requestRenewal', { licenseId, durationMonths: 12 });
    await pay(shop, await billOf(licenseId), '40');

    server.now = addDays(START, 1);
    for (const minutes of [0, 10, 10]) await later(0, minutes);
    const waiting = (await toldOf(server, licenseId)).filter((line) => line.startsWith('license.'));
    await pay(shop, await billOf(licenseId), '60');

    expect(waiting).toEqual(['license.renewal_failed PAID_IN_PART 0/0 next never']);
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 0, PAID 100']);
    expect(stripe.intents).toEqual([]);
  });
});

describe('an upgrade of which a part was paid', () => {
  test('is over with its bill when the license is renewed, and what was paid is credit', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const { id } = await issueLicense(server, shop);
    const dearer = await createTemplate(server, shop.admin, shop.productId, { pricing: yearly('900') });
    const asked = await askUpgrade(server, shop.admin, { licenseId: id, templateId: dearer });
    const invoiceId = String(invoiceOf(asked).id);
    await pay(shop, invoiceId, '1');

    await act(shop, 'renewLicense', { licenseId: id, durationMonths: 12 });

    const [upgrade] = await server.sql`select status, reason from license_upgrades where license_id = ${id}`;
    expect({ ...upgrade }).toEqual({ status: 'CANCELLED', reason: 'After license.renewed' });
    expect(await creditOf(shop, invoiceId)).toEqual({
      amountDue: '0',
      creditAmount: '1',
      voidReason: 'After license.renewed',
    });
  });

  test('and is called off while that part is on its way waits for nothing more', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const dearer = await createTemplate(server, shop.admin, shop.productId, { pricing: yearly('900') });
    const asked = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { id } = await issueLicense(server, shop);
        return { id, answer: await askUpgrade(server, shop.admin, { licenseId: id, templateId: dearer }) };
      }),
    );

    await Promise.all(
      asked.flatMap(({ id, answer }) => [
        server.graphql(
          mutation('recordPayment', '__typename'),
          { input: { invoiceId: invoiceOf(answer).id, amount: '1' } },
          shop.admin,
        ),
        act(shop, 'renewLicense', { licenseId: id, durationMonths: 12 }),
      ]),
    );

    const left = await server.sql`select count(*) filter (where u.status <> 'CANCELLED')::int as waiting,
        count(*) filter (where i.voided_at is null)::int as open
      from license_upgrades u join invoices i on i.tenant_id = u.tenant_id and i.id = u.invoice_id
      where u.tenant_id = ${shop.admin.tenant_id}`;
    expect(left.map((row) => ({ ...row }))).toEqual([{ waiting: 0, open: 0 }]);
  });
});
