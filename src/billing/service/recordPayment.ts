import { requireWholeTenant } from '../../access/service.js';
import { compareAmounts } from '../../core/money.js';
import { type FieldProblem, invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import {
  amountProblems,
  invoiceNotFound,
  invoiceVoided,
  paymentExceedsDue,
  referenceTaken,
} from '../model/refusals.js';
import { amountDueOf } from '../model/standing.js';
import { entryByReference, lockInvoice } from '../queries.js';
import type { RecordPaymentInput } from '../schema/payments.js';
import type { Invoice, Payment } from '../table.js';
import { invoiceToSettle } from './entries.js';
import { settlePayment } from './settle.js';

export interface RecordedPayment {
  readonly payment: Payment;
  readonly invoice: Invoice;
}

function problemsOf(work: Work, { currency }: Invoice, input: RecordPaymentInput): FieldProblem[] {
  const { receivedAt } = input;
  const foreign = input.currency && input.currency !== currency;
  return [
    ...amountProblems(input.amount, currency, 'input.amount'),
    ...(foreign
      ? [{ field: 'input.currency', message: `must be ${currency}, which the invoice is in` }]
      : []),
    ...(receivedAt && receivedAt > work.now
      ? [{ field: 'input.receivedAt', message: 'must not be in the future' }]
      : []),
  ];
}

/** The payment that has this reference, if it is the very one that is recorded again. */
async function recordedBefore(
  work: Work,
  invoice: Invoice,
  { reference, amount }: RecordPaymentInput,
): Promise<Payment | undefined> {
  if (!reference) return undefined;
  const known = await entryByReference(work, 'PAYMENT', 'MANUAL', reference);
  if (known === undefined) return undefined;
  const isSame = known.invoiceId === invoice.id && compareAmounts(known.amount, amount) === 0;
  if (!isSame) throw referenceTaken();
  return known;
}

/**
 * Somebody says that money came. Who is bound to a part of the tenant pays there, and does not say what was paid. Under one
 * reference it is recorded once.
 */
export async function recordPayment(work: Work, input: RecordPaymentInput): Promise<RecordedPayment> {
  requireWholeTenant(work, 'payment.record');
  const invoice = await lockInvoice(work, input.invoiceId);
  if (invoice === undefined) throw invoiceNotFound(input.invoiceId);
  const problems = problemsOf(work, invoice, input);
  if (problems.length > 0) throw invalidInput(problems);
  const known = await recordedBefore(work, invoice, input);
  if (known !== undefined) return { payment: known, invoice };
  if (invoice.voidedAt !== null) throw invoiceVoided(invoice.number);
  const { amount, note } = input;
  const due = amountDueOf(invoice);
  if (compareAmounts(amount, due) > 0) throw paymentExceedsDue(due, invoice.currency);
  const payment = await settlePayment(work, invoice, {
    ...{ processor: 'MANUAL', reference: input.reference ?? null, amount, note },
    ...{ currency: invoice.currency, receivedAt: input.receivedAt ?? work.now },
  });
  // Another invoice's, recorded at this very moment: that one's lock was not ours.
  if (payment === undefined) throw referenceTaken();
  return { payment, invoice: await invoiceToSettle(work, invoice) };
}
