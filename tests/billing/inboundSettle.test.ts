import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referInvoice } from '../../src/billing/service/references.js';
import { settleRefund } from '../../src/billing/service/refund.js';
import { settlePayment } from '../../src/billing/service/settle.js';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { acting, eventsOf, invoiceOf, told } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  becameOfEvent,
  charge,
  inboundOf,
  intent,
  knock,
  newIntent,
  OPEN,
  refundObject,
  sendsStripe,
  signedByStandard,
  signedByStripe,
  standing,
  stripeEvent,
} from '../support/inbound.js';
import { fc } from '../support/seed.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: OPEN });
  shop = await openShop(server);
});
afterAll(() => server.stop());

const bill = () => invoiceOf(server, shop.admin, { customerId: shop.customerId });

const sends = (...events: readonly Told[]) => sendsStripe(server, ...events);
const becameOf = (eventId: string) => becameOfEvent(server, eventId);

type Told = readonly [type: string, object: object];

/** Everything that Stripe tells of one payment that is refused first, comes, and goes back in two parts. */
function life(pi: string, invoiceId: string): readonly Told[] {
  return [
    [
      'payment_intent.payment_failed',
      intent(pi, invoiceId, { last_payment_error: { code: 'expired_card' } }),
    ],
    ['payment_intent.succeeded', intent(pi, invoiceId)],
    ['charge.succeeded', charge(pi, { metadata: { invoice_id: invoiceId } })],
    [
      'checkout.session.completed',
      {
        ...{ id: `cs_${pi}`, object: 'checkout.session', payment_status: 'paid', amount_total: 10_000 },
        ...{ currency: 'eur', payment_intent: pi, client_reference_id: invoiceId },
      },
    ],
    ['refund.created', refundObject(`re_1${pi}`, pi, 3_000)],
    ['refund.updated', refundObject(`re_1${pi}`, pi, 3_000)],
    ['charge.refunded', charge(pi, { amount_refunded: 3_000 })],
    ['refund.created', refundObject(`re_2${pi}`, pi, 7_000)],
    ['charge.refunded', charge(pi, { amount_refunded: 10_000, refunded: true })],
  ];
}

describe('one payment', () => {
  test('ends the same in whatever order and however often its events come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 0, maxLength: 3 }),
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 9, maxLength: 9 }),
        async (repeated, order) => {
          const invoice = await bill();
          const pi = newIntent();
          const events = life(pi, invoice.id);
          for (const index of [...order, ...repeated]) {
            const [type, object] = events[index] ?? ['', {}];
            await knock(server, 'stripe', signedByStripe(server, stripeEvent(type, object)));
            await server.jobs.drain();
          }
          // What came before its payment was known by name alone.
          server.pass(3_600_000);
          await server.jobs.drain();

          expect(await standing(server, invoice.id)).toEqual(['REFUNDED', '100', '100']);
          expect(
            await server.count('inbound_webhooks', `status in ('UNMATCHED', 'RECEIVED', 'FAILED')`),
          ).toBe(0);
        },
      ),
      { numRuns: 5 },
    );
  });

  test('that is told of all at once ends the same', async () => {
    const invoice = await bill();
    const pi = newIntent();
    await Promise.all(
      life(pi, invoice.id).map(([type, object]) =>
        knock(server, 'stripe', signedByStripe(server, stripeEvent(type, object))),
      ),
    );
    await server.jobs.drain();
    server.pass(3_600_000);
    await server.jobs.drain();

    expect(await standing(server, invoice.id)).toEqual(['REFUNDED', '100', '100']);
  });

  test('fails until it succeeds, and not any more afterwards', async () => {
    const invoice = await bill();
    const [failed, paid] = [life(newIntent(), invoice.id)[0], life(newIntent(), invoice.id)[1]];

    if (failed === undefined || paid === undefined) throw new Error('a life without a beginning');
    await sends(failed);
    const before = await standing(server, invoice.id);
    await sends(paid, failed);

    expect([before, await standing(server, invoice.id)]).toEqual([
      ['FAILED', '0', '0'],
      ['PAID', '100', '0'],
    ]);
    const [row] = await server.sql`select failure_reason from invoices where id = ${invoice.id}`;
    expect(row?.failure_reason).toBe('The card has expired.');
  });

  test('that a charge of ours has settled is not settled again by its webhook', async () => {
    const invoice = await bill();
    const pi = newIntent();
    await acting(server, shop.admin, async (work) => {
      await settlePayment(work, invoice, told(server, pi, '100'));
      await referInvoice(work, invoice, 'STRIPE', pi);
    });

    const [id = ''] = await sends(['payment_intent.succeeded', intent(pi, undefined)]);

    expect(await becameOf(id)).toEqual(['PROCESSED', null]);
    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
  });

  test('gives back what was asked for here, and by hand at Stripe, each once', async () => {
    const invoice = await bill();
    const pi = newIntent();
    await sends(['payment_intent.succeeded', intent(pi, invoice.id)]);
    await acting(server, shop.admin, (work) => settleRefund(work, invoice, told(server, `re_a${pi}`, '10')));

    await sends(['charge.refunded', charge(pi, { amount_refunded: 1_000 })]);
    const ours = await standing(server, invoice.id);
    await sends(['charge.refunded', charge(pi, { amount_refunded: 3_500 })]);
    await sends(['refund.created', refundObject(`re_a${pi}`, pi, 1_000)]);
    await sends(['refund.created', refundObject(`re_b${pi}`, pi, 2_500)]);

    expect(ours).toEqual(['PAID', '100', '10']);
    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '35']);
  });
});

describe('an event', () => {
  test.each([
    ['of a dispute', 'charge.dispute.created', 'DISPUTED', {}],
    [
      'of a refund that the bank sent back',
      'refund.failed',
      'REFUND_FAILED',
      { object: 'refund', status: 'failed' },
    ],
  ])('%s is set aside with what it is about, and changes nothing', async (_, type, reason, further) => {
    const invoice = await bill();
    const pi = newIntent();
    await sends(['payment_intent.succeeded', intent(pi, invoice.id)]);
    const object = { id: `x_${pi}`, amount: 10_000, currency: 'eur', payment_intent: pi, ...further };

    const [id = ''] = await sends([type, object]);

    expect(await becameOf(id)).toEqual(['FAILED', reason]);
    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
    const [event] = await server.sql`select event_data as data from license_event_logs
      where tenant_id = ${shop.admin.tenant_id} and event_type = 'inbound_webhook.set_aside' order by id desc limit 1`;
    expect(event?.data).toMatchObject({
      reason,
      invoice_id: invoice.id,
      reference: `x_${pi}`,
      amount: '100',
    });
  });

  test.each([
    ['customer.created', {}],
    ['constructor', {}],
    ['charge.succeeded', charge('pi_x', { captured: false })],
    ['checkout.session.completed', { id: 'cs_1', payment_status: 'unpaid', amount_total: 100 }],
    ['refund.created', refundObject('re_x', 'pi_x', 100, { status: 'pending' })],
  ])('%s that tells of no money is ignored', async (type, object) => {
    const [id = ''] = await sends([type, object]);

    expect(await becameOf(id)).toEqual(['IGNORED', null]);
  });

  test('that comes before its invoice waits, and is settled when that is made', async () => {
    const pi = newIntent();
    const [early = ''] = await sends(['charge.refunded', charge(pi, { amount_refunded: 10_000 })]);
    const waiting = await inboundOf(server, early);
    const invoice = await bill();
    await sends(['payment_intent.succeeded', intent(pi, invoice.id)]);
    const between = await standing(server, invoice.id);

    server.pass(60_000);
    await server.jobs.drain();

    expect(waiting).toMatchObject([{ status: 'UNMATCHED', reason: 'UNKNOWN_INVOICE', tenant_id: null }]);
    expect([between, await standing(server, invoice.id)]).toEqual([
      ['PAID', '100', '0'],
      ['REFUNDED', '100', '100'],
    ]);
    expect(await becameOf(early)).toEqual(['PROCESSED', null]);
  });

  test('that names an invoice is looked at as soon as that is made, without waiting for its time', async () => {
    const [id = ''] = await sends(['payment_intent.succeeded', intent(newIntent(), randomUUID())]);
    const invoice = await bill();
    // No id can be known before its invoice: here the row is told another.
    await server.sql`update inbound_webhooks set invoice_ref = ${invoice.id} where event_id = ${id}`;

    await server.jobs.drain();

    expect(await inboundOf(server, id)).toMatchObject([{ status: 'UNMATCHED', attempts: 2 }]);
  });

  test('that names an invoice nobody has is looked for while what it said is kept, and then left', async () => {
    const [id = ''] = await sends(['payment_intent.succeeded', intent(newIntent(), randomUUID())]);
    const first = await inboundOf(server, id);
    for (let day = 0; day < 3; day += 1) {
      server.pass(DAY_MILLIS);
      await server.jobs.drain();
    }
    const third = await inboundOf(server, id);
    server.pass(90 * DAY_MILLIS);
    await server.jobs.drain();
    await server.jobs.run('inbound_webhook.forget');

    expect([first[0]?.attempts, third[0]?.attempts, third[0]?.status]).toEqual([1, 4, 'UNMATCHED']);
    expect(await inboundOf(server, id)).toMatchObject([{ status: 'UNMATCHED', next_attempt_at: null }]);
    expect(await server.count('inbound_bodies', "received_at < '2026-03-02'")).toBe(0);
  });

  test('of any other processor is settled by the id or by number and tenant', async () => {
    const [one, other] = [await bill(), await bill()];
    const data = { amount: '100.00', currency: 'EUR' };
    const events = [
      {
        type: 'payment.succeeded',
        data: { ...data, invoiceId: one.id, reference: 'bank-1' },
      },
      {
        type: 'payment.succeeded',
        data: { ...data, invoiceNumber: other.number, tenant: shop.admin.tenant_id, reference: 'bank-2' },
      },
      {
        type: 'payment.refunded',
        data: { ...data, amount: 25, reference: 'back-1', paymentReference: 'bank-1' },
      },
    ];

    for (const event of events) {
      expect((await knock(server, 'billing', signedByStandard(server, event))).status).toBe(200);
      await server.jobs.drain();
    }

    expect(await standing(server, one.id)).toEqual(['PAID', '100', '25']);
    expect(await standing(server, other.id)).toEqual(['PAID', '100', '0']);
    expect(await eventsOf(server, one)).toEqual([
      'invoice.created',
      'invoice.paid',
      'invoice.partially_refunded',
    ]);
  });
});
