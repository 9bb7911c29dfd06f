import { and, eq } from 'drizzle-orm';
import { addMillis } from '../../core/clock.js';
import type { Work } from '../../core/work.js';
import type { ChargeAnswer } from '../gateway/charging.js';
import {
  ATTEMPTS,
  askAgainAt,
  type ChargeId,
  failureOfDecline,
  nextAttemptAt,
  openCharges,
  PENDING_MILLIS,
} from '../model/renewals.js';
import { chargeById, lockCharge, lockRenewalOf } from '../queries/charges.js';
import { lockInvoice } from '../queries.js';
import { type Charge, charges } from '../table/charges.js';
import type { Invoice } from '../table.js';
import { tellRenewalFailed } from './beginRenewal.js';
import { changeRenewal } from './chargeRenewal.js';
import { referInvoice } from './references.js';
import { failRefund, settleRefund } from './refund.js';
import { failPayment, settlePayment } from './settle.js';
import { settleToldBehind } from './toldRefunds.js';

type Answer<Outcome extends ChargeAnswer['outcome']> = Extract<ChargeAnswer, { outcome: Outcome }>;

async function changeCharge(
  work: Work,
  charge: Charge,
  changes: Partial<typeof charges.$inferInsert>,
): Promise<void> {
  await work.db
    .update(charges)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(charges.tenantId, work.tenantId), eq(charges.id, charge.id)));
}

/** The money moved. A webhook may have told of it before: both speak of one payment, by the processor's name of it. */
async function succeed(
  work: Work,
  charge: Charge,
  invoice: Invoice,
  { reference }: Answer<'SUCCEEDED'>,
): Promise<void> {
  const { kind, processor, amount, currency, paymentId } = charge;
  await changeCharge(work, charge, { status: 'SUCCEEDED', askAt: null, reference, answeredAt: work.now });
  const settlement = { processor, reference, amount, currency, receivedAt: work.now };
  if (kind === 'REFUND') {
    await settleRefund(work, invoice, {
      ...settlement,
      ...(paymentId === null ? {} : { requested: paymentId }),
    });
    return;
  }
  await referInvoice(work, invoice, processor, reference);
  await settlePayment(work, invoice, settlement);
}

/** After the last attempt the invoice stays, for whoever pays it, and the license goes its way. */
async function dun(work: Work, charge: Charge, { code }: Answer<'DECLINED'>): Promise<void> {
  const renewal = await lockRenewalOf(work, charge.invoiceId);
  if (renewal?.status !== 'OPEN') return;
  const firstFailedAt = renewal.firstFailedAt ?? work.now;
  const nextAt = nextAttemptAt(firstFailedAt, charge.attempt);
  await changeRenewal(work, renewal, { firstFailedAt, nextAttemptAt: nextAt });
  await tellRenewalFailed(work, renewal.licenseId, {
    reason: failureOfDecline(code),
    invoiceId: charge.invoiceId,
    attempt: charge.attempt,
    attempts: ATTEMPTS,
    nextAt,
  });
}

async function decline(
  work: Work,
  charge: Charge,
  invoice: Invoice,
  answer: Answer<'DECLINED'>,
): Promise<void> {
  const { code, words, reference, attempt } = answer;
  const changes = {
    status: 'DECLINED',
    askAt: null,
    reference,
    failure: code,
    answeredAt: work.now,
  } as const;
  await changeCharge(work, charge, changes);
  const { kind, processor, paymentId } = charge;
  if (kind === 'REFUND') {
    const failed = paymentId === null ? undefined : await failRefund(work, invoice, paymentId, words);
    // What holds its place for a refund that was told meanwhile holds it no more.
    if (failed !== undefined) await settleToldBehind(work, invoice, failed);
    return;
  }
  if (reference !== null) await referInvoice(work, invoice, processor, reference);
  await failPayment(work, invoice, { processor, reference, attempt, reason: words });
  await dun(work, charge, answer);
}

/**
 * Writes down what became of a charge, with all that follows from it. Answers to one charge that come twice, from whoever
 * asked and from whoever took it over, are one.
 */
export async function answerCharge(work: Work, id: ChargeId, answer: ChargeAnswer): Promise<boolean> {
  const found = await chargeById(work, id);
  const invoice = found === undefined ? undefined : await lockInvoice(work, found.invoiceId);
  const charge = await lockCharge(work, id);
  if (invoice === undefined || charge === undefined) return false;
  if (!openCharges.some((status) => status === charge.status)) return false;
  if (answer.outcome === 'SUCCEEDED') await succeed(work, charge, invoice, answer);
  else if (answer.outcome === 'DECLINED') await decline(work, charge, invoice, answer);
  else if (answer.outcome === 'PENDING') {
    const { reference } = answer;
    await changeCharge(work, charge, {
      status: 'PENDING',
      reference,
      askAt: addMillis(work.now, PENDING_MILLIS),
    });
    if (charge.kind === 'CHARGE') await referInvoice(work, invoice, charge.processor, reference);
  } else {
    await changeCharge(work, charge, { askAt: askAgainAt(work.now, charge.asks, answer.retryAfterSeconds) });
  }
  return true;
}
