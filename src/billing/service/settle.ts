import { isZero, sumOf } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import type { Processor } from '../model/invoice.js';
import { amountDueOf, paymentEvent } from '../model/standing.js';
import { paidInFullAt } from '../queries.js';
import type { Invoice, Payment } from '../table.js';
import { enter, eventOf, invoiceToSettle, requireCurrency, type Settlement, stand, told } from './entries.js';

/**
 * Money came: whatever follows of it happens in this transaction. Answers undefined, and does nothing, where the processor
 * has told of it before.
 */
export async function settlePayment(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  settlement: Settlement,
): Promise<Payment | undefined> {
  const before = await invoiceToSettle(work, invoice);
  requireCurrency(before, settlement);
  const { processor, reference, amount, receivedAt, note } = settlement;
  const entry = { processor, reference, amount, receivedAt, note };
  const payment = await enter(work, before, { ...entry, kind: 'PAYMENT', state: 'SETTLED' });
  if (payment === undefined) return undefined;
  const amountPaid = sumOf([before.amountPaid, payment.amount]);
  const after = await stand(work, before, { amountPaid, paidAt: await paidInFullAt(work, before) });
  const { type } = paymentEvent(before.paymentStatus, after.paymentStatus, before.voidedAt !== null);
  await work.emit(eventOf(after, type, told(payment)));
  return payment;
}

export interface PaymentFailure {
  readonly processor: Processor;
  readonly reference: string | null;
  /** In words that may be shown to the payer. */
  readonly reason: string;
}

/** A payment was asked for in vain. It counts while there is no money; of what is known under this name nothing is done. */
export async function failPayment(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  { processor, reference, reason }: PaymentFailure,
): Promise<Payment | undefined> {
  const before = await invoiceToSettle(work, invoice);
  const asked = isZero(amountDueOf(before)) ? before.total : amountDueOf(before);
  if (isZero(asked)) return undefined;
  const entry = { processor, reference, amount: asked, receivedAt: work.now, note: reason.slice(0, 500) };
  const payment = await enter(work, before, { ...entry, kind: 'PAYMENT', state: 'FAILED' });
  if (payment === undefined) return undefined;
  const after = await stand(work, before, { failedAt: work.now, failureReason: payment.note });
  await work.emit(eventOf(after, 'invoice.payment_failed', { ...told(payment), reason: payment.note }));
  return payment;
}
