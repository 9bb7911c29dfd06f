import { isZero, sumOf } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import type { Processor } from '../model/invoice.js';
import { amountDueOf, paymentEvent } from '../model/standing.js';
import { newTry, type ToldTry } from '../model/tries.js';
import { renameTry, triesOf } from '../queries/tries.js';
import { entryByReference, paidInFullAt } from '../queries.js';
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

/** What was declined can be tried again under its reference: with it comes what tells of this very try. */
export interface PaymentFailure extends ToldTry {
  readonly processor: Processor;
  readonly reference: string | null;
  /** In words that may be shown to the payer. */
  readonly reason: string;
}

/**
 * Under which name a failure is entered; undefined where it was told before, by whomever, or where the payment has come.
 * Who told of it first may not have known which try it was: then it takes that name now.
 */
async function failureName(
  work: Work,
  { id }: Invoice,
  { processor, reference, attempt, event }: PaymentFailure,
): Promise<string | null | undefined> {
  if (reference === null) return null;
  const known = await entryByReference(work, 'PAYMENT', processor, reference);
  if (known !== undefined && (known.state === 'SETTLED' || known.invoiceId !== id)) return undefined;
  const tries = await triesOf(work, id, processor, reference);
  const told = newTry(reference, tries, { attempt, event });
  if (told !== undefined && 'enter' in told) return told.enter;
  if (told !== undefined) await renameTry(work, { processor, ...told });
  return undefined;
}

/** A payment was asked for in vain. It counts while there is no money; of what is known under this name nothing is done. */
export async function failPayment(
  work: Work,
  invoice: Pick<Invoice, 'id'>,
  failure: PaymentFailure,
): Promise<Payment | undefined> {
  const before = await invoiceToSettle(work, invoice);
  const asked = isZero(amountDueOf(before)) ? before.total : amountDueOf(before);
  const reference = isZero(asked) ? undefined : await failureName(work, before, failure);
  if (reference === undefined) return undefined;
  const { processor, reason } = failure;
  const entry = { processor, reference, amount: asked, receivedAt: work.now, note: reason.slice(0, 500) };
  const payment = await enter(work, before, { ...entry, kind: 'PAYMENT', state: 'FAILED' });
  if (payment === undefined) return undefined;
  const after = await stand(work, before, { failedAt: work.now, failureReason: payment.note });
  await work.emit(eventOf(after, 'invoice.payment_failed', { ...told(payment), reason: payment.note }));
  return payment;
}
