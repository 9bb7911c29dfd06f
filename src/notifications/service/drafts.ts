import { and, eq } from 'drizzle-orm';
import { customersById } from '../../access/queries.js';
import type { Customer } from '../../access/table.js';
import { emergencyEnd } from '../../activations/model/emergency.js';
import { isUnlimited } from '../../activations/model/seats.js';
import type { EventRow } from '../../audit/table.js';
import { complianceViolations } from '../../compliance/table.js';
import { addDays, DAY_MILLIS, type Instant, millis, parseInstant } from '../../core/clock.js';
import type { EventType } from '../../core/event.js';
import type { Id } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { GRACE_EXPIRED, graceEnd, standingAt } from '../../licenses/model.js';
import { licensesById } from '../../licenses/queries.js';
import { revealedKey } from '../../licenses/service/newLicense.js';
import type { License } from '../../licenses/table.js';
import { ordersById } from '../../orders/queries.js';
import { templatesById } from '../../templates/queries.js';
import type { ToldLicense } from '../model/letters.js';
import type { Draft } from './recordMail.js';

/** What a fact has to be told of by mail; undefined for nothing, or nothing any more. */
type Drafter = (work: Work, fact: EventRow) => Promise<Draft | undefined>;

interface Found {
  readonly license: License;
  readonly customer: Customer | undefined;
}

async function customerOf(work: Work, id: string | null): Promise<Customer | undefined> {
  return id === null ? undefined : (await customersById(work, [id])).get(id);
}

async function licenseOf(work: Work, id: string | null): Promise<Found | undefined> {
  const license = id === null ? undefined : (await licensesById(work, [id])).get(id);
  return license === undefined
    ? undefined
    : { license, customer: await customerOf(work, license.customerId) };
}

function told(license: License): ToldLicense {
  const { productName, licenseType, issuedTo, licenseKeyMask } = license;
  return { licenseKey: licenseKeyMask, productName, licenseType, issuedTo };
}

function textIn(data: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = data[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function instantIn(data: Readonly<Record<string, unknown>>, name: string): Instant | null {
  return parseInstant(textIn(data, name) ?? '') ?? null;
}

/**
 * A license that was moved or revoked before anybody was told is handed to nobody by mail; one that was issued long ago and is
 * brought along from elsewhere is nothing new to its customer.
 */
const issued: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  if (found === undefined) return undefined;
  const { license, customer } = found;
  const isImport = license.issuedDate < addDays(fact.createdAt, -1);
  const isMoved = license.customerId !== textIn(fact.eventData, 'customer_id');
  if (customer === undefined || isImport || isMoved || license.status === 'REVOKED') return undefined;
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
const expiring: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  const { expiryDate } = found?.license ?? {};
  if (found === undefined || !expiryDate || expiryDate <= work.now) return undefined;
  const { license, customer } = found;
  const meant = instantIn(fact.eventData, 'expiry_date');
  const isRunning = ['ACTIVE', 'INACTIVE'].includes(standingAt(license, work.now).status);
  if ((meant !== null && meant !== expiryDate) || !isRunning) return undefined;
  const left = Math.ceil((millis(expiryDate) - millis(fact.createdAt)) / DAY_MILLIS);
  const { days } = fact.eventData;
  // A reminder that was caught up tells what is left now.
  const daysRemaining = typeof days === 'number' ? Math.min(days, left) : left;
  const end = graceEnd(license);
  const facts = {
    ...told(license),
    expiryDate,
    daysRemaining,
    autoRenewal: license.autoRenewal,
    graceEndDate: end === expiryDate ? null : end,
  };
  return {
    kind: 'LICENSE_EXPIRING',
    facts,
    audiences: ['customer'],
    about: `${license.id}/${expiryDate}/${days ?? left}`,
    customer,
    licenseId: license.id,
  };
};

const suspended: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  if (found === undefined || standingAt(found.license, work.now).status !== 'SUSPENDED') return undefined;
  const { license, customer } = found;
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

const renewalFailed: Drafter = async (work, fact) => {
  const found = await licenseOf(work, fact.licenseId);
  if (found === undefined) return undefined;
  const { license, customer } = found;
  const { eventData } = fact;
  const facts = {
    ...told(license),
    failedAt: fact.createdAt,
    reason: textIn(eventData, 'reason'),
    nextAttemptAt: instantIn(eventData, 'next_attempt_at'),
    expiryDate: license.expiryDate,
    amount: textIn(eventData, 'amount'),
    currency: textIn(eventData, 'currency'),
  };
  return {
    kind: 'RENEWAL_FAILED',
    facts,
    audiences: ['customer', 'staff'],
    about: fact.id,
    customer,
    licenseId: license.id,
  };
};

/** What was found of a customer is told to the vendor's people first: it is theirs to say what follows. */
const violation: Drafter = async (work, fact) => {
  const [row] = await work.db
    .select()
    .from(complianceViolations)
    .where(
      and(
        eq(complianceViolations.tenantId, work.tenantId),
        eq(complianceViolations.id, fact.subjectId as Id<'ComplianceViolation'>),
      ),
    );
  if (row === undefined) return undefined;
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

const orderFulfilled: Drafter = async (work, fact) => {
  const order = (await ordersById(work, [fact.subjectId])).get(fact.subjectId);
  if (order === undefined) return undefined;
  const template = (await templatesById(work, [order.templateId])).get(order.templateId);
  const facts = {
    orderNumber: order.orderNumber,
    productName: template?.templateName ?? '',
    quantity: order.quantity,
    totalAmount: order.totalAmount,
    currency: order.currency,
    fulfilledAt: order.fulfilledAt ?? fact.createdAt,
  };
  return {
    kind: 'ORDER_FULFILLED',
    facts,
    audiences: ['customer'],
    about: order.id,
    customer: await customerOf(work, order.customerId),
    licenseId: null,
  };
};

const codeUsed: Drafter = async (work, fact) => {
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

/** Fact → mail. */
export const drafters: Readonly<Partial<Record<EventType, Drafter>>> = {
  'license.created': issued,
  'license.expiring': expiring,
  'license.suspended': suspended,
  'renewal.failed': renewalFailed,
  'violation.detected': violation,
  'order.fulfilled': orderFulfilled,
  'emergency_code.used': codeUsed,
};
