import { and, eq } from 'drizzle-orm';
import type { PaymentId } from '../../core/id.js';
import { sumOf } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import type { Offered } from '../model/refusals.js';
import { refundEvent } from '../model/standing.js';
import { entryByReference, onlyPaymentBy, paymentsById, refundWithoutReference } from '../queries.js';
import { type Invoice, type Payment, payments } from '../table.js';
import { enter, eventOf, invoiceToSettle, requireCurrency, type Settlement, stand, told } from './entries.js';

export interface RefundSettlement extends Settlement {
  /** The payment that was paid back, where it is known. */
  readonly refundOf?: PaymentId | null | undefined;
  /** The refund that was asked for, where this is its answer. */
  readonly requested?: PaymentId | undefined;
}

type Changes = Partial<Pick<Payment, 'state' | 'reference' | 'amount' | 'receivedAt' | 'note'>>;

async function changeRefund(work: Work, refund: Payment, changes: Changes): Promise<Payment> {
  const [row] = await work.db
    .update(payments)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(payments.tenantId, work.tenantId), eq(payments.id, refund.id)))
    .returning();
  if (row === undefined) throw new Error('a refund that was read is not there');
  return row;
}

/** The refund that a processor tells of, if it is known: by its reference, as the one that was asked for, or by its amount. */
async function knownRefund(
  work: Work,
  invoice: Invoice,
  { processor, reference, amount, requested }: RefundSettlement,
): Promise<Payment | undefined> {
  if (reference !== null) {
    const known = await entryByReference(work, 'REFUND', processor, reference);
    if (known !== undefined) return known;
  }
  if (requested !== undefined) return (await paymentsById(work, [requested])).get(requested);
  return reference === null ? undefined : refundWithoutReference(work, invoice.id, { processor, amount });
}

/** It stands for the only payment through that processor, where nobody says for which. */
async function newRefund(
  work: Work,
  invoice: Invoice,
  settlement: RefundSettlement,
): Promise<Payment | undefined> {
  const { processor, reference, amount, receivedAt, note } = settlement;
  const refundOf = settlement.refundOf ?? (await onlyPaymentBy(work, invoice.id, processor))?.id ?? null;
  const entry = { processor, reference, amount, receivedAt, note, refundOf };
  return enter(work, invoice, { ...entry, kind: 'REFUND', state: 'SETTLED' });
}

/** Counts a refund, and tells of it. */
async function counted(work: Work, before: Invoice, refund: Payment): Promise<void> {
  const amountRefunded = sumOf([before.amountRefunded, refund.amount]);
  const after = await stand(work, before, { amountRefunded });
  const { type } = refundEvent(before.paymentStatus, after.paymentStatus);
  await work.emit(eventOf(after, type, { ...told(refund), reason: refund.note }));
}

/**
 * A processor tells that money went back: of what was asked for here, of what a person wrote down without the processor's
 * name for it, or of what nobody knew. It may come before the payment that it gives back: both together make a refunded
 * invoice. Answers undefined where nothing of it is new.
 */
export async function settleRefund(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  settlement: RefundSettlement,
): Promise<Payment | undefined> {
  const before = await invoiceToSettle(work, invoice);
  requireCurrency(before, settlement);
  const { reference, amount, receivedAt } = settlement;
  const known = await knownRefund(work, before, settlement);
  if (known !== undefined && known.invoiceId !== before.id) return undefined;
  if (known?.state === 'SETTLED') {
    if (known.reference === null && reference !== null) await changeRefund(work, known, { reference });
    return undefined;
  }
  const refund =
    known === undefined
      ? await newRefund(work, before, settlement)
      : await changeRefund(work, known, { state: 'SETTLED', reference, amount, receivedAt });
  if (refund !== undefined) await counted(work, before, refund);
  return refund;
}

/** A person wrote down that money went back. Undefined if the reference stands for another refund. */
export async function recordRefund(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  settlement: RefundSettlement,
): Promise<Payment | undefined> {
  const before = await invoiceToSettle(work, invoice);
  requireCurrency(before, settlement);
  const refund = await newRefund(work, before, settlement);
  if (refund !== undefined) await counted(work, before, refund);
  return refund;
}

/** Writes down that money is to be paid back by its processor, which is asked behind this act. */
export async function requestRefund(
  work: Work,
  invoice: Invoice,
  payment: Payment,
  { amount, reason }: Pick<Offered, 'amount'> & { readonly reason: string },
): Promise<Payment> {
  const entry = { processor: payment.processor, reference: null, amount, receivedAt: work.now, note: reason };
  const refund = await enter(work, invoice, {
    ...entry,
    kind: 'REFUND',
    state: 'PENDING',
    refundOf: payment.id,
  });
  if (refund === undefined) throw new Error('a refund without a reference was taken for another');
  await work.emit(eventOf(invoice, 'invoice.refund_requested', { ...told(refund), refund_of: payment.id }));
  return refund;
}

/** The processor does not pay back what was asked for: it can be asked for again. Nothing is done where it is settled. */
export async function failRefund(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  requested: PaymentId,
  reason: string,
): Promise<Payment | undefined> {
  const before = await invoiceToSettle(work, invoice);
  const refund = (await paymentsById(work, [requested])).get(requested);
  if (refund?.state !== 'PENDING' || refund.invoiceId !== before.id) return undefined;
  const failed = await changeRefund(work, refund, { state: 'FAILED' });
  await work.emit(
    eventOf(before, 'invoice.refund_failed', { ...told(failed), reason: reason.slice(0, 500) }),
  );
  return failed;
}
