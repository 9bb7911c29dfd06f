import { and, eq } from 'drizzle-orm';
import { tenantOf } from '../../access/queries.js';
import { emergencyEnd } from '../../activations/model/emergency.js';
import { isUnlimited } from '../../activations/model/seats.js';
import { complianceViolations } from '../../compliance/table.js';
import { addDays, calendarDays } from '../../core/clock.js';
import type { Id } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { GRACE_EXPIRED, graceEnd, standingAt } from '../../licenses/model.js';
import { revealedKey } from '../../licenses/service/newLicense.js';
import type { License } from '../../licenses/table.js';
import { ordersById } from '../../orders/queries.js';
import { TOLD_SINGLY } from '../model/letters.js';
import { type Drafter, instantIn, licenseOf, numberIn, textIn, told } from './drafter.js';
import { readerOf } from './recordMail.js';

async function isOfLargeOrder(work: Work, { orderId }: License): Promise<boolean> {
  const order = orderId === null ? undefined : (await ordersById(work, [orderId])).get(orderId);
  return (order?.quantity ?? 1) > TOLD_SINGLY;
}

/**
 * A license that was moved or revoked before anybody was told is handed to nobody by mail; one that was issued long ago and is
 * brought along from elsewhere is nothing new to its customer. Those of a large order are told together, when it is fulfilled.
 */
export const issued: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  if (found === undefined) return undefined;
  const { license, customer } = found;
  const isImport = license.issuedDate < addDays(fact.createdAt, -1);
  const isMoved = license.customerId !== textIn(fact.eventData, 'customer_id');
  if (customer === undefined || isImport || isMoved || license.status === 'REVOKED') return undefined;
  if (await isOfLargeOrder(work, license)) return undefined;
  const hasTrial = license.licenseType === 'TRIAL' || license.licenseType === 'EVALUATION';
  const facts = {
    ...told(license),
    licenseKey: revealedKey(work.keys, license),
    issueDate: license.issuedDate,
    expiryDate: license.expiryDate,
    trialPeriodDays: hasTrial ? license.trialPeriodDays : null,
    trialEndDate: hasTrial ? license.expiryDate : null,
    autoRenewal: license.autoRenewal,
    maxActivations: isUnlimited(license) ? null : license.maxActivations,
    features: license.features
      .filter(({ enabled }) => enabled)
      .map(({ featureName, limitValue, limitType, limitPeriod }) => ({
        name: featureName,
        limit: limitValue,
        unit: limitType,
        period: limitPeriod,
      })),
  };
  return {
    kind: 'LICENSE_ISSUED',
    facts,
    audiences: ['customer'],
    about: license.id,
    customer,
    licenseId: license.id,
  };
};

/** Once a license was renewed, what was said of its earlier expiry is not told any more. */
export const expiring: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  const { expiryDate } = found?.license ?? {};
  if (found === undefined || !expiryDate || expiryDate <= work.now) return undefined;
  const { license, customer } = found;
  const meant = instantIn(fact.eventData, 'expiry_date');
  const isRunning = ['ACTIVE', 'INACTIVE'].includes(standingAt(license, work.now).status);
  if ((meant !== null && meant !== expiryDate) || !isRunning) return undefined;
  const { timeZone } = readerOf((await tenantOf(work)).settings, customer);
  // A reminder that has waited tells what is left now.
  const left = Math.max(1, calendarDays(work.now, expiryDate, timeZone));
  const days = numberIn(fact.eventData, 'days');
  const end = graceEnd(license);
  const facts = {
    ...told(license),
    expiryDate,
    daysRemaining: Math.min(days ?? left, left),
    autoRenewal: license.autoRenewal,
    graceEndDate: end === expiryDate ? null : end,
  };
  return {
    kind: 'LICENSE_EXPIRING',
    facts,
    audiences: ['customer'],
    about: `${license.id}/${expiryDate}/${days ?? fact.id}`,
    customer,
    licenseId: license.id,
  };
};

export const suspended: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  if (found === undefined || standingAt(found.license, work.now).status !== 'SUSPENDED') return undefined;
  const { license, customer } = found;
  // An order that was paid back is told in a mail of its own, which stands for those of its many licenses.
  if (textIn(fact.eventData, 'order_id') !== null && (await isOfLargeOrder(work, license))) return undefined;
  const reason = textIn(fact.eventData, 'reason');
  const graceExpired = reason === GRACE_EXPIRED || license.suspensionCause === 'GRACE_EXPIRED';
  return {
    kind: 'LICENSE_SUSPENDED',
    facts: { ...told(license), suspendedAt: fact.createdAt, graceExpired, reason },
    audiences: ['customer'],
    about: fact.id,
    customer,
    licenseId: license.id,
  };
};

export const revoked: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  if (found === undefined) return undefined;
  const { license, customer } = found;
  return {
    kind: 'LICENSE_REVOKED',
    facts: { ...told(license), revokedAt: fact.createdAt, reason: textIn(fact.eventData, 'reason') },
    audiences: ['customer'],
    about: license.id,
    customer,
    licenseId: license.id,
  };
};

/** What was found of a customer is told to the vendor's people first: it is theirs to say what follows. */
export const violation: Drafter = async (work, fact) => {
  const [row] = await work.db
    .select()
    .from(complianceViolations)
    .where(
      and(
        eq(complianceViolations.tenantId, work.tenantId),
        eq(complianceViolations.id, fact.subjectId as Id<'ComplianceViolation'>),
      ),
    );
  if (row === undefined || row.status === 'RESOLVED') return undefined;
  const found = await licenseOf(work, row.licenseId);
  const { violationType, severity, description, detectedAt, resolutionDeadline } = row;
  const facts = {
    violationType,
    severity,
    description,
    detectedAt,
    resolutionDeadline,
    customerName: found?.customer?.name ?? null,
    license: found === undefined ? null : told(found.license),
  };
  return {
    kind: 'VIOLATION_DETECTED',
    facts,
    audiences: ['staff'],
    about: row.id,
    customer: undefined,
    licenseId: row.licenseId,
  };
};

export const codeUsed: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  if (found === undefined) return undefined;
  const { license, customer } = found;
  return {
    kind: 'EMERGENCY_CODE_USED',
    facts: { ...told(license), usedAt: fact.createdAt, endsAt: emergencyEnd(fact.createdAt) },
    audiences: ['customer', 'staff'],
    about: fact.id,
    customer,
    licenseId: license.id,
  };
};
