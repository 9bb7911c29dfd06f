import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { referInvoice } from '../../src/billing/service/references.js';
import { settlePayment } from '../../src/billing/service/settle.js';
import { voidUnpaid } from '../../src/billing/service/voidUnpaid.js';
import type { Invoice } from '../../src/billing/table.js';
import { addDays } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { mutation, refused } from '../support/acts.js';
import { acting, eventsOf, invoiceOf, priceOfOne, told } from '../support/billing.js';
import { createCustomer, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const bill = (total = '100', customerId: string | null = shop.customerId): Promise<Invoice> =>
  invoiceOf(server, shop.admin, { customerId, price: priceOfOne(total) });

const standing = 'paymentStatus amountPaid amountRefunded amountDue creditAmount';
const PAYMENT = `payment { id kind state processor amount reference } invoice { ${standing} }`;
const REFUND = `refund { id kind state processor amount refundOf note } invoice { ${standing} }`;

async function record(invoice: { id: string }, input: object, as: Claims = shop.admin): Promise<Json> {
  const sent = { input: { invoiceId: invoice.id, ...input } };
  const data = await server.ok(mutation('recordPayment', PAYMENT), sent, as);
  return data.recordPayment as Json;
}
async function refund(paymentId: unknown, input: object = {}): Promise<Json> {
  const sent = { input: { paymentId, reason: 'Goodwill', ...input } };
  return (await server.ok(mutation('refundPayment', REFUND), sent, shop.admin)).refundPayment as Json;
}
const paid = async (invoice: Invoice, sum = '100'): Promise<string> =>
  String((await record(invoice, { amount: sum })).payment?.id);
const throughStripe = async (invoice: Invoice, reference: string): Promise<string> => {
  const payment = await acting(server, shop.admin, async (work) => {
    await referInvoice(work, invoice, 'STRIPE', reference);
    return settlePayment(work, invoice, told(server, reference, '100'));
  });
  return String(payment?.id);
};
const refusedAct = (as: Claims, code: RefusalCode, act: string, input: object) =>
  refused(server, as, code, () => server.graphql(mutation(act, '__typename'), { input }, as));
const shown = async (invoice: { id: string }): Promise<unknown> =>
  (await server.ok(`{ invoice(id: "${invoice.id}") { ${standing} } }`, {}, shop.admin)).invoice;

describe('a payment that is recorded', () => {
  test('counts at once, and is told', async () => {
    const invoice = await bill();

    const answer = await record(invoice, { amount: '40.50', note: 'By bank' });

    expect(answer).toEqual({
      payment: {
        id: answer.payment?.id,
        kind: 'PAYMENT',
        state: 'SETTLED',
        processor: 'MANUAL',
        amount: '40.5',
        reference: null,
      },
      invoice: {
        paymentStatus: 'PARTIAL',
        amountPaid: '40.5',
        amountRefunded: '0',
        amountDue: '59.5',
        creditAmount: '0',
      },
    });
    expect(await eventsOf(server, invoice)).toEqual(['invoice.created', 'invoice.partially_paid']);
  });

  test('100 at once over one invoice pay it to the cent and no further', async () => {
    const invoice = await bill('33.3');
    const input = { invoiceId: invoice.id, amount: '1.11' };

    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        server.graphql(mutation('recordPayment', PAYMENT), { input }, shop.admin),
      ),
    );

    expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(30);
    expect(new Set(answers.flatMap(({ code }) => code ?? []))).toEqual(new Set(['PAYMENT_EXCEEDS_DUE']));
    expect(await shown(invoice)).toMatchObject({
      paymentStatus: 'PAID',
      amountPaid: '33.3',
      amountDue: '0',
    });
  });

  test('under one reference is one payment, and answered again as it was', async () => {
    const invoice = await bill();
    const input = { amount: '60', reference: 'Statement 7, line 3' };

    const answers = await Promise.all(Array.from({ length: 20 }, () => record(invoice, input)));

    expect(new Set(answers.map(({ payment }) => payment?.id)).size).toBe(1);
    expect(await shown(invoice)).toMatchObject({ amountPaid: '60' });
    await refusedAct(shop.admin, 'ALREADY_EXISTS', 'recordPayment', {
      invoiceId: (await bill()).id,
      ...input,
    });
    await refusedAct(shop.admin, 'ALREADY_EXISTS', 'recordPayment', {
      invoiceId: invoice.id,
      ...input,
      amount: '6',
    });
  });

  test.each([
    ['nothing', { amount: '0' }, ['input.amount']],
    ['less than nothing', { amount: '-1' }, ['input.amount']],
    ['less than a cent', { amount: '0.001' }, ['input.amount']],
    ['another currency', { amount: '1', currency: 'USD' }, ['input.currency']],
    ['the future', { amount: '1', receivedAt: '2026-03-01T12:00:00.001Z' }, ['input.receivedAt']],
    ['a reference of nothing', { amount: '1', reference: ' ' }, ['input.reference']],
  ])('of %s is refused by name', async (_what, input, fields) => {
    const invoice = await bill();

    const error = await refusedAct(shop.admin, 'INVALID_INPUT', 'recordPayment', {
      invoiceId: invoice.id,
      ...input,
    });

    expect(error.extensions.fields?.map(({ field }) => field)).toEqual(fields);
  });

  test('of more than is due is refused, and says what is', async () => {
    const invoice = await bill();
    await record(invoice, { amount: '99.99' });

    const error = await refusedAct(shop.admin, 'PAYMENT_EXCEEDS_DUE', 'recordPayment', {
      invoiceId: invoice.id,
      amount: '0.02',
    });

    expect(error.extensions).toMatchObject({ amountDue: '0.01', currency: 'EUR' });
  });

  test('for a voided invoice is refused', async () => {
    const invoice = await bill();
    await acting(server, shop.admin, (work) => voidUnpaid(work, invoice, 'x'));

    await refusedAct(shop.admin, 'INVOICE_VOIDED', 'recordPayment', {
      invoiceId: invoice.id,
      amount: '1',
    });
  });

  test.each(['customer', 'reseller'])(
    'is nothing that a %s says, whatever its token grants',
    async (kind) => {
      const resellerId = await createReseller(server, shop.admin);
      const { customerId } = shop;
      const invoice = await invoiceOf(server, shop.admin, { customerId, resellerId });
      const bound = kind === 'customer' ? { customer_id: customerId } : { reseller_id: resellerId };
      const as = {
        tenant_id: shop.admin.tenant_id,
        permissions: ['payment.record', 'payment.refund'],
        ...bound,
      };

      await refusedAct(as, 'FORBIDDEN', 'recordPayment', { invoiceId: invoice.id, amount: '1' });
      const paymentId = await paid(invoice);
      await refusedAct(as, 'FORBIDDEN', 'refundPayment', { paymentId, reason: 'x' });
    },
  );
});

describe('a refund', () => {
  test('of what was recorded by hand is recorded by hand, in parts, and never of more than came', async () => {
    const invoice = await bill();
    const paymentId = await paid(invoice);

    const part = await refund(paymentId, { amount: '30' });
    const error = await refusedAct(shop.admin, 'REFUND_EXCEEDS_PAYMENT', 'refundPayment', {
      paymentId,
      amount: '70.01',
      reason: 'x',
    });
    const rest = await refund(paymentId);

    expect(part).toMatchObject({
      refund: {
        kind: 'REFUND',
        state: 'SETTLED',
        processor: 'MANUAL',
        amount: '30',
        refundOf: paymentId,
        note: 'Goodwill',
      },
      invoice: { paymentStatus: 'PAID', amountRefunded: '30', amountDue: '0' },
    });
    expect(error.extensions).toMatchObject({ refundable: '70', currency: 'EUR' });
    expect(rest).toMatchObject({ refund: { amount: '70' }, invoice: { paymentStatus: 'REFUNDED' } });
    await refusedAct(shop.admin, 'REFUND_EXCEEDS_PAYMENT', 'refundPayment', {
      paymentId,
      reason: 'x',
    });
    expect((await eventsOf(server, invoice)).slice(2)).toEqual([
      'invoice.partially_refunded',
      'invoice.refunded',
    ]);
  });

  test('100 at once give back what came and no cent more', async () => {
    const invoice = await bill();
    const input = { paymentId: await paid(invoice), amount: '3', reason: 'x' };

    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        server.graphql(mutation('refundPayment', REFUND), { input }, shop.admin),
      ),
    );

    expect(answers.filter(({ errors }) => errors.length === 0)).toHaveLength(33);
    expect(await shown(invoice)).toMatchObject({ paymentStatus: 'PAID', amountRefunded: '99' });
  });

  test('of what came through Stripe is asked of Stripe, and holds its place meanwhile', async () => {
    const invoice = await bill();
    const paymentId = await throughStripe(invoice, 'pi_1');

    const answer = await refund(paymentId, { amount: '60' });

    expect(answer).toMatchObject({
      refund: { state: 'PENDING', processor: 'STRIPE', amount: '60', refundOf: paymentId },
      invoice: { paymentStatus: 'PAID', amountRefunded: '0' },
    });
    const error = await refusedAct(shop.admin, 'REFUND_EXCEEDS_PAYMENT', 'refundPayment', {
      paymentId,
      amount: '40.01',
      reason: 'x',
    });
    expect(error.extensions.refundable).toBe('40');
    expect((await eventsOf(server, invoice)).at(-1)).toBe('invoice.refund_requested');
  });

  test('that has gone back at Stripe already is recorded, and the same once more when Stripe tells of it is none', async () => {
    const invoice = await bill();
    const paymentId = await throughStripe(invoice, 'pi_2');

    const answer = await refund(paymentId, { amount: '60', paidBack: true, reference: 're_2' });

    expect(answer).toMatchObject({ refund: { state: 'SETTLED' }, invoice: { amountRefunded: '60' } });
    await refusedAct(shop.admin, 'ALREADY_EXISTS', 'refundPayment', {
      ...{ paymentId, amount: '1', reason: 'x', paidBack: true, reference: 're_2' },
    });
  });

  test('of the same amount, recorded twice without a reference, are two', async () => {
    const invoice = await bill();
    const paymentId = await paid(invoice);

    await refund(paymentId, { amount: '10' });
    await refund(paymentId, { amount: '10' });

    expect(await shown(invoice)).toMatchObject({ amountRefunded: '20' });
  });

  test('is of a payment, and not of a refund or of what failed', async () => {
    const invoice = await bill();
    const back = await refund(await paid(invoice), { amount: '5' });

    await refusedAct(shop.admin, 'REFUND_EXCEEDS_PAYMENT', 'refundPayment', {
      paymentId: back.refund?.id,
      reason: 'x',
    });
    await refusedAct(shop.admin, 'PAYMENT_NOT_FOUND', 'refundPayment', {
      paymentId: invoice.id,
      reason: 'x',
    });
  });
});

describe('lists of invoices', () => {
  const numbersOf = async (filter: object, as: Claims = shop.admin, sort: object | null = null) => {
    const query = `query ($filter: InvoiceFilter, $sort: InvoiceSort) {
      invoices(filter: $filter, sort: $sort, first: 100) { nodes { number } } }`;
    const data = await server.ok(query, { filter, sort }, as);
    const nodes = data.invoices?.nodes as unknown as readonly { readonly number: string }[];
    return nodes.map(({ number }) => number);
  };

  test('are filtered by customer, status, purpose, number and by what is overdue, and sorted', async () => {
    const customerId = await createCustomer(server, shop.admin, 'Grace');
    const [open, settled, voided] = [
      await bill('10', customerId),
      await bill('20', customerId),
      await bill('30', customerId),
    ];
    await record(settled, { amount: '20' });
    await acting(server, shop.admin, (work) => voidUnpaid(work, voided, 'x'));

    const dueBefore = addDays(server.now, 31);
    expect(await numbersOf({ customerId })).toEqual([voided.number, settled.number, open.number]);
    expect(await numbersOf({ customerId, paymentStatus: ['PAID'] })).toEqual([settled.number]);
    expect(await numbersOf({ customerId, dueBefore })).toEqual([open.number]);
    expect(await numbersOf({ customerId, dueBefore: server.now })).toEqual([]);
    expect(await numbersOf({ customerId, voided: true })).toEqual([voided.number]);
    expect(await numbersOf({ customerId, voided: false, purpose: ['ORDER'] })).toHaveLength(2);
    expect(await numbersOf({ customerId, purpose: ['RENEWAL'] })).toEqual([]);
    expect(await numbersOf({ number: open.number.slice(-6) })).toEqual([open.number]);
    expect(await numbersOf({ number: '%' })).toEqual([]);
    const byNumber = await numbersOf({ customerId }, shop.admin, { field: 'NUMBER' });
    expect(byNumber).toEqual([open.number, settled.number, voided.number]);
    expect(await numbersOf({ customerId }, shop.admin, { field: 'DUE_AT' })).toHaveLength(3);
  });

  test('show a customer its own and a reseller what it sold', async () => {
    const resellerId = await createReseller(server, shop.admin);
    const customerId = await createCustomer(server, shop.admin, 'Lin');
    const sold = await invoiceOf(server, shop.admin, { customerId, resellerId });
    const direct = await bill('5', customerId);
    const { tenant_id } = shop.admin;

    const customer: Claims = { tenant_id, roles: ['customer'], customer_id: customerId };
    const reseller: Claims = { tenant_id, roles: ['reseller'], reseller_id: resellerId };

    expect(await numbersOf({}, customer)).toEqual([direct.number, sold.number]);
    expect(await numbersOf({}, reseller)).toEqual([sold.number]);
    const { data } = await server.graphql(`{ invoice(id: "${direct.id}") { number } }`, {}, reseller);
    expect(data).toEqual({ invoice: null });
  });
});
