import { requireWholeTenant } from '../../access/service.js';
import { type Amount, compareAmounts, difference, isZero, largerOf, ZERO } from '../../core/money.js';
import { type FieldProblem, invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import type { Processor } from '../model/invoice.js';
import {
  amountProblems,
  paymentNotFound,
  referenceTaken,
  refundableOf,
  refundExceedsPayment,
} from '../model/refusals.js';
import { amountKeptOf } from '../model/standing.js';
import { chargeOf } from '../queries/charges.js';
import { paymentsById, refundsOf } from '../queries.js';
import type { RefundPaymentInput } from '../schema/payments.js';
import type { Invoice, Payment } from '../table.js';
import { invoiceToSettle } from './entries.js';
import { findReferredInvoice } from './references.js';
import { recordRefund, requestRefund } from './refund.js';

export interface RefundedPayment {
  readonly refund: Payment;
  readonly invoice: Invoice;
}

/** Whom we can ask to pay back; through the others somebody pays back by hand. */
const payingBack: ReadonlySet<Processor> = new Set<Processor>(['STRIPE']);

/** What of a payment can be paid back: what of it has not been, and no more than the invoice has. */
async function refundable(work: Work, invoice: Invoice, payment: Payment): Promise<Amount> {
  if (payment.kind !== 'PAYMENT' || payment.state !== 'SETTLED') return ZERO;
  const { ofPayment, waiting } = await refundsOf(work, payment);
  const left = refundableOf(
    difference(payment.amount, ofPayment),
    difference(amountKeptOf(invoice), waiting),
  );
  return largerOf(left, ZERO);
}

/**
 * Whether an account that we ask took the payment: it is a charge of ours, or the deployment's own account has told of it.
 * What a tenant's own endpoint tells is signed by that tenant: asked for its word, the deployment's account would pay back
 * whatever payment it names, another tenant's too.
 */
async function wasTakenByUs(work: Work, payment: Payment): Promise<boolean> {
  if (payment.reference === null) return false;
  if ((await chargeOf(work, payment)) !== undefined) return true;
  const { processor, reference, invoiceId } = payment;
  const told = await findReferredInvoice(work.db, work.keys, processor, reference);
  return told?.tenantId === work.tenantId && told.invoiceId === invoiceId;
}

async function requireTakenByUs(work: Work, payment: Payment): Promise<void> {
  if (await wasTakenByUs(work, payment)) return;
  const message =
    "must be true: pay it back at the processor's own page first, since its account is not asked from here";
  throw invalidInput([{ field: 'input.paidBack', message }]);
}

function problemsOf(
  { currency }: Invoice,
  { amount, reference, paidBack }: RefundPaymentInput,
): FieldProblem[] {
  const needless = reference && !paidBack;
  return [
    ...(amount ? amountProblems(amount, currency, 'input.amount') : []),
    ...(needless ? [{ field: 'input.reference', message: 'is for what has gone back already' }] : []),
  ];
}

/** Money goes back, never more than came: at once where it is recorded, and once its processor has answered otherwise. */
export async function refundPayment(work: Work, input: RefundPaymentInput): Promise<RefundedPayment> {
  requireWholeTenant(work, 'payment.refund');
  const payment = (await paymentsById(work, [input.paymentId])).get(input.paymentId);
  if (payment === undefined) throw paymentNotFound(input.paymentId);
  const invoice = await invoiceToSettle(work, { id: payment.invoiceId });
  const problems = problemsOf(invoice, input);
  if (problems.length > 0) throw invalidInput(problems);
  const most = await refundable(work, invoice, payment);
  const amount = input.amount ?? most;
  if (isZero(most) || compareAmounts(amount, most) > 0) throw refundExceedsPayment(most, invoice.currency);
  const { reason } = input;
  if (payingBack.has(payment.processor) && !input.paidBack) {
    await requireTakenByUs(work, payment);
    return { refund: await requestRefund(work, invoice, payment, { amount, reason }), invoice };
  }
  const { processor, currency } = payment;
  const refund = await recordRefund(work, invoice, {
    ...{ processor, reference: input.reference ?? null, amount, currency, note: reason },
    ...{ receivedAt: work.now, refundOf: payment.id },
  });
  if (refund === undefined) throw referenceTaken();
  return { refund, invoice: await invoiceToSettle(work, invoice) };
}
