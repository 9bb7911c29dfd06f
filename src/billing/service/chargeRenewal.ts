import { and, eq } from 'drizzle-orm';
import { customersById } from '../../access/queries.js';
import { addDays, type Instant } from '../../core/clock.js';
import { newId } from '../../core/id.js';
import { isZero } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import { standingAt } from '../../licenses/model.js';
import { lockLicense } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { HAND_OVER_DAYS, type RenewalId, renewingTypes } from '../model/renewals.js';
import { amountDueOf, amountKeptOf } from '../model/standing.js';
import {
  hasOpenCharge,
  lockRenewalOf,
  paymentMethodsByCustomer,
  renewalById,
  wasBegunByClock,
} from '../queries/charges.js';
import { lockInvoice } from '../queries.js';
import { charges, type PaymentMethod, type Renewal, renewals } from '../table/charges.js';
import type { Invoice } from '../table.js';
import { tellRenewalFailed } from './beginRenewal.js';
import { voidUnpaid, voidWithCredit } from './voidUnpaid.js';

export async function changeRenewal(
  work: Work,
  renewal: Renewal,
  changes: Partial<typeof renewals.$inferInsert>,
): Promise<void> {
  await work.db
    .update(renewals)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(renewals.tenantId, work.tenantId), eq(renewals.id, renewal.id)));
}

/** A renewal with all that says whether it is still to be charged for, locked in their order: invoice, license, renewal. */
interface Standing {
  readonly invoice: Invoice;
  readonly license: License | undefined;
  readonly renewal: Renewal;
}

async function standingOf(work: Work, invoiceId: Invoice['id']): Promise<Standing | undefined> {
  const invoice = await lockInvoice(work, invoiceId);
  if (invoice === undefined || invoice.licenseId === null) return undefined;
  const license = await lockLicense(work, invoice.licenseId);
  const renewal = await lockRenewalOf(work, invoiceId);
  return renewal === undefined ? undefined : { invoice, license, renewal };
}

/** What the license was when it was billed, it is no more. */
function isAnother({ invoice, license, renewal }: Standing): boolean {
  if (license === undefined || license.status === 'REVOKED') return true;
  const { expiryDate, templateId, customerId } = license;
  if (expiryDate !== renewal.expiryDate || templateId !== renewal.templateId) return true;
  return customerId === null || customerId !== invoice.customerId;
}

/** What went by itself does so no more. */
async function isSwitchedOff(work: Work, license: License): Promise<boolean> {
  const { autoRenewal, customerId, status } = license;
  // One that was switched off reads suspended once it is over: nobody has switched it on for that.
  if (!autoRenewal || status === 'INACTIVE' || customerId === null) return true;
  if (standingAt(license, work.now).suspensionCause === 'MANUAL') return true;
  return (await customersById(work, [customerId])).get(customerId)?.status !== 'ACTIVE';
}

/** What has overtaken a renewal: a change of what it was billed for, or that the license renews itself by now. */
async function overtakenBy(work: Work, standing: Standing): Promise<'CHANGE' | 'HAND_OVER' | undefined> {
  const { license, renewal } = standing;
  if (license === undefined || isAnother(standing)) return 'CHANGE';
  if (renewal.way === 'BY_HAND')
    return (await isHandedOver(work, license, renewal)) ? 'HAND_OVER' : undefined;
  return (await isSwitchedOff(work, license)) ? 'CHANGE' : undefined;
}

const isOvertaken = async (work: Work, standing: Standing): Promise<boolean> =>
  (await overtakenBy(work, standing)) !== undefined;

/**
 * Nobody has paid what was asked for, and the term ends: a license that renews itself is not kept from it for ever, if there
 * is somebody to charge and the clock has not begun from this end before.
 */
async function isHandedOver(work: Work, license: License, { expiryDate }: Renewal): Promise<boolean> {
  const { autoRenewal, licenseType, customerId, status } = license;
  if (!autoRenewal || !renewingTypes(licenseType) || expiryDate === null || customerId === null) return false;
  if (expiryDate > addDays(work.now, HAND_OVER_DAYS) || status === 'INACTIVE') return false;
  const standing = standingAt(license, work.now);
  if (standing.status !== 'ACTIVE' && !standing.inGrace) return false;
  const customer = (await customersById(work, [customerId])).get(customerId);
  if (customer?.status !== 'ACTIVE' || (await wasBegunByClock(work, license.id, expiryDate))) return false;
  return (await paymentMethodsByCustomer(work, [customerId])).has(customerId);
}

/** Whether there is something to be charged: of what was paid, voided or given back nothing is. */
const isOwed = ({ invoice }: Standing): boolean =>
  invoice.voidedAt === null && invoice.paymentStatus !== 'REFUNDED' && !isZero(amountDueOf(invoice));

const OVERTAKEN = 'The renewal was overtaken';
const GIVEN_BACK = 'What was paid for the renewal was paid back';

/**
 * Nothing is to be paid any more. What was paid in part is the payer's credit, and the vendor's people are told of it: a bill
 * that waited for the rest would keep the license from renewing itself for ever.
 */
async function cancelAsOvertaken(work: Work, { invoice, renewal }: Standing): Promise<void> {
  const isPaidInPart = !isZero(amountKeptOf(invoice));
  const reason = isPaidInPart ? 'OVERTAKEN' : null;
  const over = { status: 'CANCELLED', reason, nextAttemptAt: null, finishedAt: work.now } as const;
  await changeRenewal(work, renewal, over);
  await voidWithCredit(work, invoice, OVERTAKEN);
  const { licenseId, attempts } = renewal;
  const told = { invoiceId: invoice.id, attempt: attempts, attempts, nextAt: null };
  if (reason !== null) await tellRenewalFailed(work, licenseId, { reason, ...told });
}

/**
 * Whoever has paid a part of what he asked for is at it, and is not charged for all of it on top: the bill stays. That the
 * license is not renewed by it yet is told once.
 */
async function waitForRest(work: Work, { invoice, renewal }: Standing): Promise<false> {
  if (renewal.firstFailedAt !== null) return false;
  await changeRenewal(work, renewal, { firstFailedAt: work.now });
  const told = { reason: 'PAID_IN_PART', invoiceId: invoice.id, attempt: 0, attempts: 0 } as const;
  await tellRenewalFailed(work, renewal.licenseId, { ...told, nextAt: null });
  return false;
}

/**
 * Looks again at a renewal that seemed to be overtaken. What was paid in part and paid back, by a person's word, is neither
 * charged again nor waited for: it ends like a bill that was voided.
 */
export async function cancelOvertaken(work: Work, id: RenewalId): Promise<boolean> {
  const found = await renewalById(work, id);
  if (found?.invoiceId == null) return false;
  const standing = await standingOf(work, found.invoiceId);
  if (standing?.renewal.status !== 'OPEN' || (await hasOpenCharge(work, standing.invoice.id))) return false;
  const by = await overtakenBy(work, standing);
  if (by === 'HAND_OVER' && !isZero(amountKeptOf(standing.invoice))) return waitForRest(work, standing);
  if (by !== undefined) await cancelAsOvertaken(work, standing);
  else if (standing.invoice.paymentStatus === 'REFUNDED')
    await voidUnpaid(work, standing.invoice, GIVEN_BACK);
  else return false;
  return true;
}

async function insertCharge(
  work: Work,
  { invoice, renewal }: Standing,
  { processor, account, payer, method }: PaymentMethod,
): Promise<void> {
  await work.db.insert(charges).values({
    ...{ tenantId: work.tenantId, id: newId<'Charge'>(work.now), kind: 'CHARGE', invoiceId: invoice.id },
    ...{ attempt: renewal.attempts + 1, processor, account, payer, method },
    ...{ amount: amountDueOf(invoice), currency: invoice.currency, status: 'ASKING', askAt: work.now },
    ...{ createdAt: work.now, updatedAt: work.now },
  });
  await changeRenewal(work, renewal, { attempts: renewal.attempts + 1, nextAttemptAt: null });
}

export type Prepared = 'CHARGED' | 'CANCELLED' | 'WAITING';

/**
 * Writes down what is to be charged for a renewal that is due; the processor is asked once this is committed. While a
 * charge of its invoice has no answer there is no other one.
 */
export async function chargeRenewal(work: Work, id: RenewalId): Promise<Prepared | undefined> {
  const found = await renewalById(work, id);
  if (found?.invoiceId == null) return undefined;
  const standing = await standingOf(work, found.invoiceId);
  const { nextAttemptAt = null, status } = standing?.renewal ?? {};
  if (standing === undefined || nextAttemptAt === null || nextAttemptAt > work.now) return undefined;
  const { invoice, renewal } = standing;
  if (status !== 'OPEN' || !isOwed(standing) || (await hasOpenCharge(work, invoice.id))) {
    await changeRenewal(work, renewal, { nextAttemptAt: null });
    return undefined;
  }
  if (await isOvertaken(work, standing)) {
    await cancelAsOvertaken(work, standing);
    return 'CANCELLED';
  }
  const { customerId } = invoice;
  const method =
    customerId === null ? undefined : (await paymentMethodsByCustomer(work, [customerId])).get(customerId);
  if (method !== undefined) await insertCharge(work, standing, method);
  else await waitForMethod(work, standing);
  return method === undefined ? 'WAITING' : 'CHARGED';
}

/** The payment method was taken back: the invoice waits for whoever pays it, or for another one. */
async function waitForMethod(work: Work, { invoice, renewal }: Standing): Promise<void> {
  await changeRenewal(work, renewal, { nextAttemptAt: null });
  const { attempts: attempt } = renewal;
  const told = { reason: 'NO_PAYMENT_METHOD', invoiceId: invoice.id, attempt, attempts: attempt } as const;
  await tellRenewalFailed(work, renewal.licenseId, { ...told, nextAt: null });
}

/**
 * Looks again before a charge goes out, however long after it was written down. What was overtaken meanwhile is not asked
 * for: the charge ends as if it had been declined, and the invoice with it.
 */
export async function confirmCharge(work: Work, invoiceId: Invoice['id']): Promise<boolean> {
  const standing = await standingOf(work, invoiceId);
  if (standing === undefined) return false;
  const { invoice, renewal } = standing;
  const isWanted = renewal.status === 'OPEN' && isOwed(standing);
  if (isWanted && !(await isOvertaken(work, standing))) return true;
  await endCharge(work, invoice.id, work.now);
  if (isWanted) await cancelAsOvertaken(work, standing);
  return false;
}

async function endCharge(work: Work, invoiceId: Invoice['id'], now: Instant): Promise<void> {
  const open = and(
    eq(charges.invoiceId, invoiceId),
    eq(charges.kind, 'CHARGE'),
    eq(charges.status, 'ASKING'),
  );
  await work.db
    .update(charges)
    .set({ status: 'DECLINED', askAt: null, failure: 'overtaken', answeredAt: now, updatedAt: now })
    .where(and(eq(charges.tenantId, work.tenantId), open));
}
