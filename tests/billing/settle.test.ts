import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { invoicesById } from '../../src/billing/queries.js';
import { nextNumber } from '../../src/billing/service/nextNumber.js';
import { findReferredInvoice, referInvoice } from '../../src/billing/service/references.js';
import { failRefund, requestRefund, settleRefund } from '../../src/billing/service/refund.js';
import { failPayment, settlePayment } from '../../src/billing/service/settle.js';
import { voidUnpaid } from '../../src/billing/service/voidUnpaid.js';
import type { Invoice } from '../../src/billing/table.js';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { acting, eventsOf, invoiceOf, priceOfOne, told } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { fc } from '../support/seed.js';
import { at, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const now = (invoice: Invoice): Promise<Invoice | undefined> =>
  acting(server, shop.admin, async (work) => (await invoicesById(work, [invoice.id])).get(invoice.id));

const pay = (invoice: Invoice, reference: string | null, sum: string) =>
  acting(server, shop.admin, (work) => settlePayment(work, invoice, told(server, reference, sum)));
const refund = (invoice: Invoice, reference: string | null, sum: string) =>
  acting(server, shop.admin, (work) => settleRefund(work, invoice, told(server, reference, sum)));
const fail = (invoice: Invoice, reference: string) =>
  acting(server, shop.admin, (work) =>
    failPayment(work, invoice, { processor: 'STRIPE', reference, reason: 'The card was declined.' }),
  );
const bill = (total = '100') =>
  invoiceOf(server, shop.admin, { customerId: shop.customerId, price: priceOfOne(total) });
const newReference = () => `pi_${randomUUID()}`;

describe('an invoice', () => {
  test('keeps who buys and who sells as they were, and is found by its own id without a tenant', async () => {
    const invoice = await bill();

    const { machinery } = server;
    const found = await findReferredInvoice(machinery.pool.db, machinery.keys, 'INVOICE', invoice.id);

    expect(invoice).toMatchObject({
      purpose: 'ORDER',
      billTo: 'Ada Okafor',
      currency: 'EUR',
      total: '100.0000',
      paymentStatus: 'PENDING',
      dueAt: '2026-03-31T12:00:00.000Z',
    });
    expect(found).toEqual({ tenantId: shop.admin.tenant_id, invoiceId: invoice.id });
    expect(await eventsOf(server, invoice)).toEqual(['invoice.created']);
  });

  test('whose lines do not add up is a defect and never billed', async () => {
    const [before] = await server.sql`select count(*)::int as count from invoices`;

    const price = { ...priceOfOne('100'), total: priceOfOne('99').total };

    await expect(invoiceOf(server, shop.admin, { price })).rejects.toThrow('do not add up');
    expect(await server.sql`select count(*)::int as count from invoices`).toEqual([before]);
  });

  test('of nothing is paid from the start', async () => {
    const invoice = await bill('0');

    expect(invoice).toMatchObject({ paymentStatus: 'PAID', paidAt: server.now });
  });

  test('a reference leads to the invoice that had it first', async () => {
    const [first, second] = [await bill(), await bill()];
    const reference = newReference();

    await acting(server, shop.admin, (work) => referInvoice(work, first, 'STRIPE', reference));
    await acting(server, shop.admin, (work) => referInvoice(work, second, 'STRIPE', reference));

    const { machinery } = server;
    const found = await findReferredInvoice(machinery.pool.db, machinery.keys, 'STRIPE', reference);
    expect(found?.invoiceId).toBe(first.id);
    expect(await findReferredInvoice(machinery.pool.db, machinery.keys, 'PAYPAL', reference)).toBeUndefined();
  });
});

describe('numbers', () => {
  test('have no gap and no repetition, however many are taken at once and however many of those are rolled back', async () => {
    const { admin } = await openShop(server);
    const take = (index: number) =>
      acting(server, admin, async (work) => {
        const number = await nextNumber(work, 'ORD');
        if (index % 3 === 0) throw new Error('changed its mind');
        return number;
      });

    const taken = await Promise.allSettled(Array.from({ length: 30 }, (_, index) => take(index)));

    const numbers = taken.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const expected = Array.from(
      { length: 20 },
      (_, index) => `ORD-2026-${String(index + 1).padStart(6, '0')}`,
    );
    expect(numbers.toSorted()).toEqual(expected);
  });

  test("begin again with the year of the tenant's calendar", async () => {
    const { admin } = await openShop(server);
    await server.sql`update tenants set settings = '{"time_zone": "Pacific/Auckland"}' where id = ${admin.tenant_id}`;
    const numbers: string[] = [];

    const before = server.now;
    for (const day of ['2026-12-31T10:59:59Z', '2026-12-31T11:00:00Z', '2027-01-01T11:00:00Z']) {
      server.now = at(day);
      numbers.push(await acting(server, admin, (work) => nextNumber(work, 'INV')));
    }
    server.now = before;

    expect(numbers).toEqual(['INV-2026-000001', 'INV-2027-000001', 'INV-2027-000002']);
  });
});

describe('payments', () => {
  test('in parts: the part is told, the last one pays', async () => {
    const invoice = await bill();

    await pay(invoice, newReference(), '99.99');
    const part = await now(invoice);
    await pay(invoice, newReference(), '0.01');

    expect(part).toMatchObject({ paymentStatus: 'PARTIAL', amountPaid: '99.9900', paidAt: null });
    expect(await now(invoice)).toMatchObject({
      paymentStatus: 'PAID',
      amountPaid: '100.0000',
      paidAt: server.now,
    });
    expect(await eventsOf(server, invoice)).toEqual([
      'invoice.created',
      'invoice.partially_paid',
      'invoice.paid',
    ]);
  });

  test('told of 50 times at once are one payment', async () => {
    const invoice = await bill();
    const reference = newReference();

    const answers = await Promise.all(Array.from({ length: 50 }, () => pay(invoice, reference, '100')));

    expect(answers.filter((payment) => payment !== undefined)).toHaveLength(1);
    expect(await now(invoice)).toMatchObject({ paymentStatus: 'PAID', amountPaid: '100.0000' });
    expect(await eventsOf(server, invoice)).toEqual(['invoice.created', 'invoice.paid']);
  });

  test('of more than is asked are kept as credit; what comes behind the last one is told as too much', async () => {
    const invoice = await bill();

    await pay(invoice, newReference(), '130');
    await pay(invoice, newReference(), '5');

    const [paid, overpaid] = await server.sql`select event_data as data from license_event_logs
      where subject_id = ${invoice.id} and event_type in ('invoice.paid', 'invoice.overpaid') order by id`;
    expect(paid?.data).toMatchObject({ credit: '30', amount_due: '0', payment_status: 'PAID' });
    expect(overpaid?.data).toMatchObject({ credit: '35', payment_status: 'PAID' });
  });

  test('of another currency are booked nowhere', async () => {
    const invoice = await bill();

    const settle = acting(server, shop.admin, (work) =>
      settlePayment(work, invoice, { ...told(server, newReference(), '100'), currency: 'USD' }),
    );

    await expect(settle).rejects.toThrow('another currency');
    expect(await now(invoice)).toEqual(invoice);
  });

  test('are paid on the day on which the last needed one was received, in whatever order they are told of', async () => {
    const [one, other] = [await bill(), await bill()];
    const early = { ...told(server, null, '60'), receivedAt: at('2026-02-01T00:00:00Z') };
    const late = { ...told(server, null, '40'), receivedAt: at('2026-02-09T00:00:00Z') };

    for (const [invoice, order] of [
      [one, [early, late]],
      [other, [late, early]],
    ] as const) {
      for (const settlement of order) {
        await acting(server, shop.admin, (work) => settlePayment(work, invoice, settlement));
      }
    }

    expect((await now(one))?.paidAt).toBe('2026-02-09T00:00:00.000Z');
    expect((await now(other))?.paidAt).toBe('2026-02-09T00:00:00.000Z');
  });

  test('that fail count until there is money; the one that failed may succeed under the same name, and not fail again', async () => {
    const invoice = await bill();
    const reference = newReference();

    await fail(invoice, reference);
    const failed = await now(invoice);
    await fail(invoice, reference);
    await pay(invoice, reference, '100');
    await fail(invoice, reference);

    expect(failed).toMatchObject({ paymentStatus: 'FAILED', failureReason: 'The card was declined.' });
    expect(await now(invoice)).toMatchObject({ paymentStatus: 'PAID', amountPaid: '100.0000' });
    expect(await eventsOf(server, invoice)).toEqual([
      'invoice.created',
      'invoice.payment_failed',
      'invoice.paid',
    ]);
  });
});

describe('refunds', () => {
  test('of a part leave it paid, of all of it make it refunded', async () => {
    const invoice = await bill();
    await pay(invoice, newReference(), '100');

    await refund(invoice, newReference(), '40');
    const part = await now(invoice);
    await refund(invoice, newReference(), '60');

    expect(part).toMatchObject({ paymentStatus: 'PAID', amountRefunded: '40.0000' });
    expect(await now(invoice)).toMatchObject({ paymentStatus: 'REFUNDED', amountRefunded: '100.0000' });
    expect((await eventsOf(server, invoice)).slice(2)).toEqual([
      'invoice.partially_refunded',
      'invoice.refunded',
    ]);
  });

  test('told of before the payment make it refunded once both are there, and it is never told as paid', async () => {
    const invoice = await bill();

    await refund(invoice, newReference(), '100');
    const early = await now(invoice);
    await pay(invoice, newReference(), '100');

    expect(early).toMatchObject({ paymentStatus: 'PENDING', amountRefunded: '100.0000' });
    expect((await now(invoice))?.paymentStatus).toBe('REFUNDED');
    expect(await eventsOf(server, invoice)).toEqual([
      'invoice.created',
      'invoice.partially_refunded',
      'invoice.refunded',
    ]);
  });

  test.each(['its answer', 'its webhook'])(
    'that were asked for are counted once, by %s first',
    async (first) => {
      const invoice = await bill();
      const payment = await pay(invoice, newReference(), '100');
      const reference = newReference();
      const requested = await acting(server, shop.admin, (work) => {
        if (payment === undefined) throw new Error('nothing was paid');
        return requestRefund(work, invoice, payment, { amount: payment.amount, reason: 'x' });
      });
      const answered = () =>
        acting(server, shop.admin, (work) =>
          settleRefund(work, invoice, { ...told(server, reference, '100'), requested: requested.id }),
        );
      const before = await now(invoice);

      if (first === 'its answer') await answered();
      await refund(invoice, reference, '100');
      await answered();

      expect(before).toMatchObject({ paymentStatus: 'PAID', amountRefunded: '0.0000' });
      expect(await now(invoice)).toMatchObject({ paymentStatus: 'REFUNDED', amountRefunded: '100.0000' });
      const rows =
        await server.sql`select state, reference from payments where invoice_id = ${invoice.id} and kind = 'REFUND'`;
      expect(rows).toEqual([{ state: 'SETTLED', reference }]);
      expect((await eventsOf(server, invoice)).slice(2)).toEqual([
        'invoice.refund_requested',
        'invoice.refunded',
      ]);
    },
  );

  test('that a processor does not make are told, and count for nothing', async () => {
    const invoice = await bill();
    const payment = await pay(invoice, newReference(), '100');
    if (payment === undefined) throw new Error('nothing was paid');
    const { amount } = payment;
    const requested = await acting(server, shop.admin, (work) =>
      requestRefund(work, invoice, payment, { amount, reason: 'x' }),
    );

    const fails = () =>
      acting(server, shop.admin, (work) => failRefund(work, invoice, requested.id, 'No funds.'));
    const [once, twice] = [await fails(), await fails()];

    expect([once?.state, twice]).toEqual(['FAILED', undefined]);
    expect(await now(invoice)).toMatchObject({ paymentStatus: 'PAID', amountRefunded: '0.0000' });
    expect((await eventsOf(server, invoice)).slice(2)).toEqual([
      'invoice.refund_requested',
      'invoice.refund_failed',
    ]);
  });
});

describe('a voided invoice', () => {
  const cancel = (invoice: Invoice) =>
    acting(server, shop.admin, (work) => voidUnpaid(work, invoice, 'Ordered twice.'));

  test('is voided once, and asks for nothing', async () => {
    const invoice = await bill();

    const [once, twice] = [await cancel(invoice), await cancel(invoice)];

    expect(once).toMatchObject({
      voidedAt: server.now,
      voidReason: 'Ordered twice.',
      paymentStatus: 'PENDING',
    });
    expect(twice).toEqual(once);
    expect(await eventsOf(server, invoice)).toEqual(['invoice.created', 'invoice.voided']);
  });

  test('takes money that comes all the same as the payer’s, and nothing follows from it', async () => {
    const invoice = await bill();
    await cancel(invoice);

    await pay(invoice, newReference(), '100');

    expect(await eventsOf(server, invoice)).toEqual([
      'invoice.created',
      'invoice.voided',
      'invoice.overpaid',
    ]);
    const [row] = await server.sql`select event_data as data from license_event_logs
      where subject_id = ${invoice.id} and event_type = 'invoice.overpaid'`;
    expect(row?.data).toMatchObject({ credit: '100', amount_due: '0' });
  });

  test('is not made of one on which money lies', async () => {
    const invoice = await bill();
    await pay(invoice, newReference(), '1');

    await expect(cancel(invoice)).rejects.toMatchObject({ code: 'INVOICE_PAID', details: { amount: '1' } });

    await refund(invoice, newReference(), '1');
    expect((await cancel(invoice)).voidedAt).toBe(server.now);
  });
});

test('in whatever order and however often payments, failures and refunds are told, the end is the same and adds up', async () => {
  type Fact = readonly [kind: 'pay' | 'refund' | 'fail', name: string, sum: string];
  const facts = fc.uniqueArray(
    fc.tuple(
      fc.constantFrom('pay' as const, 'refund' as const, 'fail' as const),
      fc.constantFrom('a', 'b', 'c', 'd'),
      fc.constantFrom('25', '50', '33.33', '100'),
    ),
    { selector: ([kind, name]) => `${kind === 'refund' ? 'r' : 'p'}${kind}${name}`, maxLength: 6 },
  );
  // One name stands for one amount, as at every processor.
  const told = facts.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
  );
  const settledBy = async (order: readonly Fact[]) => {
    const invoice = await bill();
    const acts = { pay, refund, fail: (of: Invoice, name: string) => fail(of, name) };
    for (const [kind, name, sum] of order) await acts[kind](invoice, `${invoice.id} ${name}`, sum);
    const { paymentStatus, amountPaid, amountRefunded, paidAt } = (await now(invoice)) ?? invoice;
    const [sums] = await server.sql`select
        coalesce(sum(amount) filter (where kind = 'PAYMENT'), 0)::numeric(19, 4) as paid,
        coalesce(sum(amount) filter (where kind = 'REFUND'), 0)::numeric(19, 4) as refunded
      from payments where invoice_id = ${invoice.id} and state = 'SETTLED'`;
    expect([sums?.paid, sums?.refunded]).toEqual([amountPaid, amountRefunded]);
    return { paymentStatus, amountPaid, amountRefunded, isPaid: paidAt !== null };
  };

  await fc.assert(
    fc.asyncProperty(told, async ([all, order]) => {
      expect(await settledBy(order)).toEqual(await settledBy(all));
    }),
    { numRuns: 25 },
  );
});

test('a clock that was set back pays and voids all the same', async () => {
  const invoice = await bill();
  server.pass(-DAY_MILLIS);

  await pay(invoice, newReference(), '100');
  server.pass(DAY_MILLIS);

  const paid = await now(invoice);
  expect(paid?.paymentStatus).toBe('PAID');
  expect(paid?.updatedAt).toBe(invoice.updatedAt);
});
