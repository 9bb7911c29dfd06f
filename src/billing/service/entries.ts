import { and, eq, sql } from 'drizzle-orm';
import { subjectOf } from '../../core/actor.js';
import { type Instant, latest } from '../../core/clock.js';
import type { NewEvent } from '../../core/event.js';
import { newId } from '../../core/id.js';
import { type Amount, plainAmount } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import type { InvoiceEvent, Processor } from '../model/invoice.js';
import { invoiceNotFound } from '../model/refusals.js';
import { amountDueOf, creditOf, paymentStatusOf } from '../model/standing.js';
import { lockInvoice } from '../queries.js';
import { type Invoice, invoices, type Payment, payments } from '../table.js';

/** Money that came or went back, as whoever took it in tells. */
export interface Settlement {
  readonly processor: Processor;
  /** The processor's own name of it: what is told twice under one name is one payment. */
  readonly reference: string | null;
  readonly amount: Amount;
  readonly currency: string;
  readonly receivedAt: Instant;
  readonly note?: string | null | undefined;
}

/** The invoice as it is now, locked: whoever settles twice in one act holds a row that is old. */
export async function invoiceToSettle(work: Work, { id }: Pick<Invoice, 'id'>): Promise<Invoice> {
  const invoice = await lockInvoice(work, id);
  if (invoice === undefined) throw invoiceNotFound(id);
  return invoice;
}

export function requireCurrency({ currency }: Invoice, settlement: Settlement): void {
  if (settlement.currency === currency) return;
  throw new Error('money of another currency than the invoice: whoever took it in asks mismatchOf first');
}

export type Entry = Pick<Payment, 'kind' | 'state' | 'processor' | 'reference' | 'amount' | 'receivedAt'> & {
  readonly note?: string | null | undefined;
  readonly refundOf?: Payment['refundOf'] | undefined;
};

/**
 * Writes an entry down; undefined where its reference is known for as much. What failed under the same reference is
 * settled by it, and what is settled fails no more: processors tell of both in any order.
 */
export async function enter(work: Work, invoice: Invoice, entry: Entry): Promise<Payment | undefined> {
  const { state, amount, receivedAt } = entry;
  const [row] = await work.db
    .insert(payments)
    .values({
      ...entry,
      tenantId: work.tenantId,
      id: newId<'Payment'>(work.now),
      invoiceId: invoice.id,
      currency: invoice.currency,
      recordedBy: subjectOf(work.actor) ?? 'nobody',
      createdAt: work.now,
      updatedAt: work.now,
    })
    .onConflictDoUpdate({
      target: [payments.tenantId, payments.processor, payments.kind, payments.reference],
      targetWhere: sql`reference is not null`,
      set: { state, amount, receivedAt, updatedAt: work.now },
      setWhere: sql`${payments.invoiceId} = ${invoice.id} and ${payments.state} <> 'SETTLED'
        and excluded.state = 'SETTLED'`,
    })
    .returning();
  return row;
}

type Standing = Partial<
  Pick<Invoice, 'amountPaid' | 'amountRefunded' | 'failedAt' | 'failureReason' | 'paidAt'>
>;

/** The one place where an invoice's sums are changed: its status follows from them. */
export async function stand(work: Work, invoice: Invoice, changes: Standing): Promise<Invoice> {
  const paymentStatus = paymentStatusOf({ ...invoice, ...changes });
  const [row] = await work.db
    .update(invoices)
    .set({ ...changes, paymentStatus, updatedAt: latest(invoice.updatedAt, work.now) })
    .where(and(eq(invoices.tenantId, work.tenantId), eq(invoices.id, invoice.id)))
    .returning();
  if (row === undefined) throw invoiceNotFound(invoice.id);
  return row;
}

/** What became of an invoice: how it stands, and what it became so by. */
export function eventOf(
  invoice: Invoice,
  type: InvoiceEvent,
  data: Readonly<Record<string, unknown>> = {},
): NewEvent {
  const { number, purpose, currency, total, amountPaid, amountRefunded, licenseId } = invoice;
  return {
    type,
    subjectId: invoice.id,
    ...(licenseId === null ? {} : { licenseId }),
    data: {
      ...{ number, purpose, currency, total: plainAmount(total) },
      ...{ amount_paid: plainAmount(amountPaid), amount_refunded: plainAmount(amountRefunded) },
      ...{
        amount_due: amountDueOf(invoice),
        credit: creditOf(invoice),
        payment_status: invoice.paymentStatus,
      },
      ...data,
    },
  };
}

/** What an event tells of an entry. */
export function told({ id, processor, reference, amount }: Payment): Readonly<Record<string, unknown>> {
  return { payment_id: id, processor, reference, amount: plainAmount(amount) };
}
