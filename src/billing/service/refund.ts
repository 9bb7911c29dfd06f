import { and, eq } from 'drizzle-orm';
import type { PaymentId } from '../../core/id.js';
import { sumOf } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import type { Offered } from '../model/refusals.js';
import { refundEvent } from '../model/standing.js';
import { entryByReference, onlyPaymentBy, refundWithoutReference } from '../queries.js';
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

/**
 * What this refund settles: one that was asked for through the processor, or one that a person wrote down and that the
 * processor tells of now, under a name that nobody knew then. A new entry otherwise; undefined if nothing is new.
 */
async function refundEntry(
  work: Work,
  invoice: Invoice,
  settlement: RefundSettlement,
): Promise<Payment | undefined> {
  const { processor, reference, amount, receivedAt, note, requested } = settlement;
  const known = reference === null ? undefined : await entryByReference(work, 'REFUND', processor, reference);
  if (known !== undefined && known.state === 'SETTLED') return undefined;
  const waiting = known ?? (await refundWithoutReference(work, invoice.id, { processor, amount, requested }));
  if (waiting === undefined) {
    const refundOf = settlement.refundOf ?? (await onlyPaymentBy(work, invoice.id, processor))?.id ?? null;
    const entry = { processor, reference, amount, receivedAt, note, refundOf };
    return enter(work, invoice, { ...entry, kind: 'REFUND', state: 'SETTLED' });
  }
  if (waiting.invoiceId !== invoice.id) return undefined;
  const settled = await changeRefund(work, waiting, { state: 'SETTLED', reference, amount, receivedAt });
  return waiting.state === 'SETTLED' ? undefined : settled;
}

/** Money went back. It may come before the payment that it gives back: both together make a refunded invoice. */
export async function settleRefund(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  settlement: RefundSettlement,
): Promise<Payment | undefined> {
  const before = await invoiceToSettle(work, invoice);
  requireCurrency(before, settlement);
  const refund = await refundEntry(work, before, settlement);
  if (refund === undefined) return undefined;
  const amountRefunded = sumOf([before.amountRefunded, refund.amount]);
  const after = await stand(work, before, { amountRefunded });
  const { type } = refundEvent(before.paymentStatus, after.paymentStatus);
  await work.emit(eventOf(after, type, { ...told(refund), reason: refund.note }));
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
  const refund = await refundWithoutReference(work, before.id, { requested });
  if (refund === undefined || refund.state !== 'PENDING') return undefined;
  const failed = await changeRefund(work, refund, { state: 'FAILED' });
  await work.emit(
    eventOf(before, 'invoice.refund_failed', { ...told(failed), reason: reason.slice(0, 500) }),
  );
  return failed;
}
