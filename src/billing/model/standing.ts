import { type Amount, compareAmounts, difference, isZero, largerOf, ZERO } from '../../core/money.js';
import type { InvoiceEvent, PaymentStatus } from './invoice.js';

/** What the standing of an invoice is computed from. */
export interface Settled {
  readonly amountPaid: Amount;
  readonly amountRefunded: Amount;
  /** When all of the total was there at once, if it ever was. */
  readonly paidAt: string | null;
  /** When a payment has failed last, if any ever has. */
  readonly failedAt: string | null;
}

/**
 * How far the payment of an invoice is, by what came and went alone: in whatever order that arrives, the end is the same. A
 * refund of a part leaves it PAID; a failure counts until there is money. Payments that add up to the total, some of which
 * went back before the others came, are a part of it: nothing is given for them until all of the total is there at once.
 */
export function paymentStatusOf({ amountPaid, amountRefunded, paidAt, failedAt }: Settled): PaymentStatus {
  const isPaidAtAll = !isZero(amountPaid);
  if (isPaidAtAll && compareAmounts(amountRefunded, amountPaid) >= 0) return 'REFUNDED';
  if (paidAt !== null) return 'PAID';
  if (isPaidAtAll) return 'PARTIAL';
  return failedAt === null ? 'PENDING' : 'FAILED';
}

/** What the amounts of an invoice say of it. */
export interface Owed {
  /** When all of the total was there, if it ever was. */
  readonly paidAt: string | null;
  readonly total: Amount;
  readonly amountPaid: Amount;
  readonly amountRefunded: Amount;
  readonly voidedAt: string | null;
}

/** What one amount is more than the other; nothing if it is less. */
const beyond = (amount: Amount, other: Amount): Amount => largerOf(difference(amount, other), ZERO);

/** What is still to be paid. What was paid back is not asked for again once all of it was there. */
export function amountDueOf(invoice: Owed): Amount {
  if (invoice.voidedAt !== null || invoice.paidAt !== null) return ZERO;
  return beyond(invoice.total, amountKeptOf(invoice));
}

/** What was paid and not paid back. */
export function amountKeptOf({
  amountPaid,
  amountRefunded,
}: Pick<Owed, 'amountPaid' | 'amountRefunded'>): Amount {
  return beyond(amountPaid, amountRefunded);
}

/** What was paid past what the invoice asks for, and not paid back: it is the payer's. */
export function creditOf(invoice: Owed): Amount {
  return beyond(amountKeptOf(invoice), invoice.voidedAt === null ? invoice.total : ZERO);
}

/** What became of an invoice with money that came or went. */
export interface Became {
  readonly type: InvoiceEvent;
}

/** Money came. What comes for a voided invoice is all too much, and nothing follows from it. */
export function paymentEvent(before: PaymentStatus, after: PaymentStatus, isVoided: boolean): Became {
  if (after === 'REFUNDED') return { type: 'invoice.refunded' };
  if (isVoided || before === 'PAID') return { type: 'invoice.overpaid' };
  return after === 'PAID' ? { type: 'invoice.paid' } : { type: 'invoice.partially_paid' };
}

/** Money went back. */
export function refundEvent(before: PaymentStatus, after: PaymentStatus): Became {
  const isAll = after === 'REFUNDED' && before !== 'REFUNDED';
  return isAll ? { type: 'invoice.refunded' } : { type: 'invoice.partially_refunded' };
}
