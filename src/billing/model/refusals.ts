import { type Amount, compareAmounts, isPayable, smallerOf } from '../../core/money.js';
import { type FieldProblem, Refusal } from '../../core/refusal.js';

export function invoiceNotFound(id: string): Refusal {
  return new Refusal('INVOICE_NOT_FOUND', `There is no invoice ${id}.`, { id });
}

export function paymentNotFound(id: string): Refusal {
  return new Refusal('PAYMENT_NOT_FOUND', `There is no payment ${id}.`, { id });
}

export function invoiceVoided(number: string): Refusal {
  const message = `Invoice ${number} was voided: nothing is to be paid for it.`;
  return new Refusal('INVOICE_VOIDED', message, { number });
}

/** Money lies on it, which would be nobody's. */
export function invoicePaid(number: string, amount: Amount, currency: string): Refusal {
  const message = `${amount} ${currency} were paid for invoice ${number}: only what nobody has paid is voided. Refund them first.`;
  return new Refusal('INVOICE_PAID', message, { number, amount, currency });
}

/** Whoever takes the invoice away now may find the money taken all the same. */
export function chargePending(number: string): Refusal {
  const message = `A charge for invoice ${number} has no answer from its processor yet: try again once it has.`;
  return new Refusal('CHARGE_PENDING', message, { number });
}

export function paymentExceedsDue(amountDue: Amount, currency: string): Refusal {
  const message = `No more than ${amountDue} ${currency} are to be paid for this invoice.`;
  return new Refusal('PAYMENT_EXCEEDS_DUE', message, { amountDue, currency });
}

export function refundExceedsPayment(refundable: Amount, currency: string): Refusal {
  const message = `No more than ${refundable} ${currency} of this payment can be paid back.`;
  return new Refusal('REFUND_EXCEEDS_PAYMENT', message, { refundable, currency });
}

export function referenceTaken(): Refusal {
  const fields = [{ field: 'input.reference', message: 'stands for another payment' }];
  return new Refusal('ALREADY_EXISTS', 'input.reference: stands for another payment.', { fields });
}

/** What does not fit of an amount that somebody wrote down. */
export function amountProblems(amount: Amount, currency: string, field: string): FieldProblem[] {
  if (compareAmounts(amount, '0' as Amount) <= 0) return [{ field, message: 'must be more than 0' }];
  return isPayable(amount, currency)
    ? []
    : [{ field, message: `has more decimals than ${currency} is paid in` }];
}

/** Why money that came cannot be booked on an invoice: whoever took it in keeps it and sets it aside. */
export type PaymentMismatch = 'CURRENCY' | 'AMOUNT';

export interface Offered {
  readonly amount: Amount;
  readonly currency: string;
}

/** Whether an amount fits an invoice at all. More than is due fits: it is recorded, and is the payer's. */
export function mismatchOf(
  invoice: { readonly currency: string },
  { amount, currency }: Offered,
): PaymentMismatch | undefined {
  if (currency !== invoice.currency) return 'CURRENCY';
  return amountProblems(amount, currency, 'amount').length > 0 ? 'AMOUNT' : undefined;
}

/** Of a payment, what is left on it; of the invoice, what is left on that. */
export function refundableOf(ofPayment: Amount, ofInvoice: Amount): Amount {
  return smallerOf(ofPayment, ofInvoice);
}
