import { addMonths, type Instant } from '../../core/clock.js';
import { changeTold, type NewEvent } from '../../core/event.js';
import { newId } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { lockLicense } from '../../licenses/queries.js';
import { changeLicense } from '../../licenses/service/changeLicense.js';
import { renewLocked } from '../../licenses/service/renewLicense.js';
import type { License } from '../../licenses/table.js';
import { DEPLOYMENT, type RenewalFailure } from '../model/renewals.js';
import { chargeOf, isCharged, lockRenewalOf } from '../queries/charges.js';
import { invoicesById, paymentsById } from '../queries.js';
import { charges, type Renewal } from '../table/charges.js';
import type { Invoice } from '../table.js';
import { tellRenewalFailed } from './beginRenewal.js';
import { changeRenewal } from './chargeRenewal.js';

/** Money came for what cannot be given: it is told, and can be paid back. */
async function unsettled(work: Work, renewal: Renewal, reason: RenewalFailure): Promise<void> {
  const changes = { status: 'UNSETTLED', reason, nextAttemptAt: null, finishedAt: work.now } as const;
  await changeRenewal(work, renewal, changes);
  const { licenseId, invoiceId, attempts } = renewal;
  await tellRenewalFailed(work, licenseId, { reason, invoiceId, attempt: attempts, attempts, nextAt: null });
}

const isRefused = (error: unknown): boolean =>
  error instanceof Refusal &&
  ['LICENSE_NOT_RENEWABLE', 'INVALID_TRANSITION', 'INVALID_INPUT'].includes(error.code);

/** Renews, or answers undefined where this license cannot be renewed: it is refused before anything is written. */
async function renewedBy(work: Work, renewal: Renewal, license: License): Promise<License | undefined> {
  const { durationMonths, extendMaintenance, upgradeFeatures, invoiceId } = renewal;
  const terms = { durationMonths, extendMaintenance, upgradeFeatures };
  const by = invoiceId !== null && (await isCharged(work, invoiceId)) ? 'CHARGE' : 'HAND';
  return renewLocked(work, license, terms, { by, invoiceId }).catch((error: unknown) => {
    if (isRefused(error)) return undefined;
    throw error;
  });
}

/** Follows `invoice.paid`: what was paid for is given, whoever paid, and whether or not anybody still asked for it. */
export async function renewPaid(work: Work, { subjectId }: NewEvent): Promise<void> {
  const renewal = await lockRenewalOf(work, subjectId as Invoice['id']);
  if (renewal?.status !== 'OPEN') return;
  const invoice = (await invoicesById(work, [subjectId])).get(subjectId);
  const license = await lockLicense(work, renewal.licenseId);
  if (license === undefined || license.customerId !== invoice?.customerId)
    return unsettled(work, renewal, 'TRANSFERRED');
  const row = await renewedBy(work, renewal, license);
  if (row === undefined) return unsettled(work, renewal, 'NOT_RENEWABLE');
  await changeRenewal(work, renewal, {
    ...{ status: 'RENEWED', nextAttemptAt: null, finishedAt: work.now },
    ...{ renewedFrom: license.expiryDate, renewedTo: row.expiryDate },
    ...{ maintenanceFrom: license.maintenanceExpiry, maintenanceTo: row.maintenanceExpiry },
  });
}

export const RENEWAL_REFUNDED = 'Renewal refunded';

/** Where it ends as the renewal left it, it ends as before; what came on top of it stays, and ends so many months earlier. */
function takenBack(
  now: Instant | null,
  { from, to, months }: { from: Instant | null; to: Instant | null; months: number },
): Instant | null {
  if (now === null || from === to) return now;
  return now === to ? from : addMonths(now, -months);
}

/**
 * Follows `invoice.refunded`: the term that was paid back is taken back, and the license lapses, if it does, by its dates
 * alone. A refund of a part leaves the term. Features that came with the renewal stay.
 */
export async function takeBackRenewal(work: Work, { subjectId }: NewEvent): Promise<void> {
  const renewal = await lockRenewalOf(work, subjectId as Invoice['id']);
  if (renewal === undefined || !['RENEWED', 'UNSETTLED'].includes(renewal.status)) return;
  await changeRenewal(work, renewal, { status: 'REFUNDED', finishedAt: work.now });
  const license = await lockLicense(work, renewal.licenseId);
  if (renewal.status === 'UNSETTLED' || license === undefined || license.status === 'REVOKED') return;
  const { durationMonths: months, renewedFrom, renewedTo, maintenanceFrom, maintenanceTo } = renewal;
  const { expiryDate, maintenanceExpiry } = license;
  const row = await changeLicense(work, license, {
    expiryDate: takenBack(expiryDate, { from: renewedFrom, to: renewedTo, months }),
    maintenanceExpiry: takenBack(maintenanceExpiry, { from: maintenanceFrom, to: maintenanceTo, months }),
  });
  const told = changeTold(license, row, ['expiryDate', 'maintenanceExpiry']);
  const data = { ...told.data, reason: RENEWAL_REFUNDED, invoice_id: subjectId };
  await work.emit({ type: 'license.updated', subjectId: row.id, licenseId: row.id, data });
}

/** Follows `invoice.refund_requested`: what the processor is to pay back is written down with it, to be asked for after it. */
export async function chargeBack(work: Work, { subjectId, data }: NewEvent): Promise<void> {
  const [paymentId, refundOf] = [String(data?.payment_id), String(data?.refund_of)];
  const known = await paymentsById(work, [paymentId, refundOf]);
  const [refund, payment] = [known.get(paymentId), known.get(refundOf)];
  if (refund === undefined || payment?.reference == null) return;
  const charge = await chargeOf(work, payment);
  await work.db.insert(charges).values({
    ...{ tenantId: work.tenantId, id: newId<'Charge'>(work.now), kind: 'REFUND', attempt: 1 },
    ...{ invoiceId: subjectId as Invoice['id'], paymentId: refund.id, processor: refund.processor },
    ...{ account: charge?.account ?? DEPLOYMENT, method: payment.reference },
    ...{ amount: refund.amount, currency: refund.currency, status: 'ASKING', askAt: work.now },
    ...{ createdAt: work.now, updatedAt: work.now },
  });
}
