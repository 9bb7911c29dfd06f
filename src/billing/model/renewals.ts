/**
 * Renewals that are paid for: a license, the end of the term that they go on from, and the invoice that pays for the next
 * one. Of each license one is open at a time, and of each term end one was ever begun by the clock: that is why nobody is
 * charged twice. What a renewal makes of a license is the licenses' own rule.
 */
import { addDays, addMillis, type Instant } from '../../core/clock.js';
import type { Id } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';
import type { BillingCycle, LicenseType } from '../../templates/model.js';

export type RenewalId = Id<'Renewal'>;
export type ChargeId = Id<'Charge'>;

export const renewalEvents = [
  'license.renewal_failed',
  'payment_method.set',
  'payment_method.removed',
] as const;

/** By the clock, because the license renews itself; or because somebody asked for an invoice to renew it by. */
export const renewalWays = ['AUTOMATIC', 'BY_HAND'] as const;
export type RenewalWay = (typeof renewalWays)[number];

/**
 * OPEN waits for its invoice to be paid, whether or not it is still charged for. CANCELLED was overtaken, or called off by
 * whoever had asked for it: its invoice is void. VOIDED had its invoice voided by a person, or paid in part and paid back: the
 * clock bills this term no more.
 * SKIPPED could not even be billed. UNSETTLED was paid, and could not be given: the money is to go back.
 */
export const renewalStatuses = [
  'OPEN',
  'RENEWED',
  'CANCELLED',
  'VOIDED',
  'SKIPPED',
  'UNSETTLED',
  'REFUNDED',
] as const;
export type RenewalStatus = (typeof renewalStatuses)[number];

/** Why a renewal failed, as the payer may know it. */
export const renewalFailures = [
  'CARD_DECLINED',
  'INSUFFICIENT_FUNDS',
  'CARD_EXPIRED',
  'AUTHENTICATION_REQUIRED',
  'NO_PAYMENT_METHOD',
  'PAYER_UNVERIFIED',
  'NO_PRICE',
  'NOT_RENEWABLE',
  'TRANSFERRED',
  'OVERTAKEN',
] as const;
export type RenewalFailure = (typeof renewalFailures)[number];

/** The same as people are told, and that a renewal waits for the rest of its money when the license would renew itself. */
export const renewalNotices = [...renewalFailures, 'PAID_IN_PART'] as const;
export type RenewalNotice = (typeof renewalNotices)[number];

export function renewalNotFound(id: string): Refusal {
  return new Refusal('RENEWAL_NOT_FOUND', `There is no renewal ${id}.`, { id });
}

const byCode: Readonly<Record<string, RenewalFailure>> = {
  insufficient_funds: 'INSUFFICIENT_FUNDS',
  expired_card: 'CARD_EXPIRED',
  authentication_required: 'AUTHENTICATION_REQUIRED',
  resource_missing: 'NO_PAYMENT_METHOD',
  payer_unverified: 'PAYER_UNVERIFIED',
};

export function failureOfDecline(code: string): RenewalFailure {
  return byCode[code] ?? 'CARD_DECLINED';
}

/** Days after the first failure at which it is tried again; then it is given up. */
export const DUNNING_DAYS = [1, 3, 5] as const;
export const ATTEMPTS = DUNNING_DAYS.length + 1;

/**
 * So long before the end of a term a renewal that was asked for has to be paid: after that a license that renews itself, and
 * whose customer can be charged, does so. A day is enough to charge in, and leaves whoever pays by bank as long as there is.
 */
export const HAND_OVER_DAYS = 1;

/** When a charge is tried again after so many attempts that failed; null is not any more. */
export function nextAttemptAt(firstFailedAt: Instant, attempts: number): Instant | null {
  const days = DUNNING_DAYS[attempts - 1];
  return days === undefined ? null : addDays(firstFailedAt, days);
}

/** ASKING has no answer yet, PENDING the answer that the bank is at it: of both nobody knows whether the money moves. */
export const chargeStatuses = ['ASKING', 'PENDING', 'SUCCEEDED', 'DECLINED'] as const;
export type ChargeStatus = (typeof chargeStatuses)[number];
export const openCharges = ['ASKING', 'PENDING'] as const satisfies readonly ChargeStatus[];

export const chargeKinds = ['CHARGE', 'REFUND'] as const;
export type ChargeKind = (typeof chargeKinds)[number];

/** Whose account at the processor is charged: the deployment's, or that of a tenant's own payment endpoint, by its id. */
export const DEPLOYMENT = 'deployment';

const MINUTE_MILLIS = 60_000;
const HOUR_MILLIS = 3_600_000;

/** When is asked again what became of a charge: after 1, 2, 4 minutes and so on, at last every hour, for as long as it takes. */
export function askAgainAt(now: Instant, asks: number, retryAfterSeconds: number): Instant {
  const wait = Math.min(HOUR_MILLIS, MINUTE_MILLIS * 2 ** Math.min(asks - 1, 10));
  return addMillis(now, Math.max(wait, retryAfterSeconds * 1000));
}

/** A bank may be at it for days. */
export const PENDING_MILLIS = HOUR_MILLIS;

/** What renews itself: a trial becomes a license by an order, and what is perpetual has no end. */
export function renewingTypes(licenseType: LicenseType): boolean {
  return !['TRIAL', 'EVALUATION', 'PERPETUAL'].includes(licenseType);
}

const cycleMonths: Readonly<Record<Exclude<BillingCycle, 'ONE_TIME'>, number>> = {
  MONTHLY: 1,
  QUARTERLY: 3,
  ANNUALLY: 12,
};

const LONGEST_MONTHS = 60;

/** How long a term is that is renewed by itself: a billing cycle, or what the license was first sold for. */
export function termMonths(billingCycle: BillingCycle, defaultDuration: number): number {
  if (billingCycle !== 'ONE_TIME') return cycleMonths[billingCycle];
  return Math.min(LONGEST_MONTHS, Math.max(1, Math.round((defaultDuration * 12) / 365)));
}
