/**
 * An upgrade takes a license to another template: its key, its devices, its customer and its past stay. It is priced when it
 * is asked for and done when it is paid for, if what it was priced by is still so then.
 */
import { addDays, type Instant } from '../../core/clock.js';
import { type Amount, compareAmounts } from '../../core/money.js';
import { Refusal } from '../../core/refusal.js';
import {
  type LicenseStatus,
  licenseRevoked,
  type Standing,
  type StatusFacts,
  standingAt,
} from '../../licenses/model.js';
import {
  isTrialType,
  type LicenseFeature,
  type LicenseRestriction,
  type LicenseType,
  type TemplateFeature,
  type TemplateRestriction,
} from '../../templates/model.js';

export const upgradeEvents = [
  'license.upgrade_requested',
  'license.upgrade_cancelled',
  'license.upgrade_failed',
  'license.upgraded',
] as const;

/** How far an upgrade is: it waits for its invoice to be paid, is done, was called off, or could not be done any more. */
export const upgradeStatuses = ['PENDING', 'DONE', 'CANCELLED', 'FAILED'] as const;
export type UpgradeStatus = (typeof upgradeStatuses)[number];

/** For so many days an upgrade that was asked for costs what was said, however much of the license is used meanwhile. */
export const UPGRADE_HOLDS_DAYS = 14;

export const upgradeDueAt = (now: Instant): Instant => addDays(now, UPGRADE_HOLDS_DAYS);

/** Whether what was agreed on then is done at that price: after it was due, only if it does not cost more by now. */
export function priceHolds(
  agreed: { readonly createdAt: Instant; readonly total: Amount },
  now: Instant,
  costs: Amount,
): boolean {
  return now <= upgradeDueAt(agreed.createdAt) || compareAmounts(costs, agreed.total) <= 0;
}

/** What a license was paid for: to be used, or to be kept up to date. */
export const termKinds = ['LICENSE', 'MAINTENANCE'] as const;
export type TermKind = (typeof termKinds)[number];

/** What was paid for some time of a license. */
export interface LicenseTerm {
  readonly kind: TermKind;
  readonly startsAt: Instant;
  /** Null where it was paid for once and for all. */
  readonly endsAt: Instant | null;
  /** Null where it was sold in days. */
  readonly durationMonths: number | null;
  /** Before taxes, and for all of the term. */
  readonly price: Amount;
  readonly currency: string;
}

/** What of a license the price of an upgrade depends on. Of a trial, time is no part of it. */
export interface LicenseBasis {
  readonly templateId: string | null;
  readonly templateVersion: number | null;
  readonly customerId: string | null;
  readonly licenseType: LicenseType;
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
}

export function basisOf(license: LicenseBasis): LicenseBasis {
  const { templateId, templateVersion, customerId, licenseType, expiryDate, maintenanceExpiry } = license;
  const trial = isTrialType(licenseType);
  const dates = trial ? { expiryDate: null, maintenanceExpiry: null } : { expiryDate, maintenanceExpiry };
  return { templateId, templateVersion, customerId, licenseType, ...dates };
}

export function sameBasis(one: LicenseBasis, other: LicenseBasis): boolean {
  const names = Object.keys(one) as (keyof LicenseBasis)[];
  return names.every((name) => one[name] === other[name]);
}

export function licenseWithoutTemplate(id: string): Refusal {
  const message = `License ${id} was made without a template: nothing says what it costs.`;
  return new Refusal('LICENSE_WITHOUT_TEMPLATE', message, { id });
}

export function currencyMismatch(held: string, asked: string): Refusal {
  const message = `The license was paid for in ${held}, and the template is sold in ${asked}.`;
  return new Refusal('CURRENCY_MISMATCH', message, { held, asked });
}

export function seatsInUse(currentActivations: number, maxActivations: number): Refusal {
  const message = `${currentActivations} seats are in use, and the template has ${maxActivations}: give some up first.`;
  return new Refusal('SEATS_IN_USE', message, { currentActivations, maxActivations });
}

export function upgradePending(): Refusal {
  const message =
    'Money was paid for an upgrade of the license that is not done yet: pay the rest, or have it refunded.';
  return new Refusal('UPGRADE_PENDING', message);
}

function notUpgradable(status: LicenseStatus, hint: string): Refusal {
  const message = `A license that is ${status} cannot be upgraded. ${hint}`;
  return new Refusal('LICENSE_NOT_UPGRADABLE', message, { status });
}

interface UpgradableFacts extends StatusFacts {
  readonly id: string;
  readonly licenseType: LicenseType;
}

/** A trial may be bought at any time, also once it is over; of what is paid for something has to be left. */
export function requireUpgradable(license: UpgradableFacts, now: Instant): Standing {
  const standing = standingAt(license, now);
  if (standing.status === 'REVOKED') throw licenseRevoked(license.id);
  if (standing.suspensionCause === 'MANUAL') throw notUpgradable('SUSPENDED', 'Reinstate it first.');
  const runs = standing.status === 'ACTIVE' || standing.status === 'INACTIVE';
  if (!runs && !isTrialType(license.licenseType)) throw notUpgradable(standing.status, 'Renew it first.');
  return standing;
}

/** What a template grants by itself. */
export function grantedBy(features: readonly TemplateFeature[]): LicenseFeature[] {
  return features
    .filter(({ included }) => included)
    .map(({ featureId, featureName, defaultLimit, limitType, limitPeriod, overage }) => ({
      ...{ featureId, featureName, enabled: true, limitValue: defaultLimit },
      ...{ limitType, limitPeriod, overage, expiresAt: null },
    }));
}

const same = <Value extends object>(one: Value, other: Value): boolean =>
  (Object.keys(one) as (keyof Value)[]).every((name) => one[name] === other[name]);

/** Whether the template gives as much of a feature, or more, and for as long. */
function givesMore(template: LicenseFeature, single: LicenseFeature): boolean {
  if (template.limitValue === null) return true;
  const { limitType, limitPeriod, limitValue } = single;
  const comparable = limitType === template.limitType && limitPeriod === template.limitPeriod;
  return comparable && limitValue !== null && limitValue <= template.limitValue;
}

/**
 * The new template's features, and what the license was granted beside its old one: a grant stays unless the template now
 * gives as much. What was switched off for this license stays off, whoever pays.
 */
export function featuresAfter(
  held: readonly LicenseFeature[],
  from: readonly TemplateFeature[],
  to: readonly TemplateFeature[],
): readonly LicenseFeature[] {
  const before = new Map(grantedBy(from).map((feature) => [feature.featureId, feature]));
  const single = held.filter((feature) => {
    const granted = before.get(feature.featureId);
    return granted === undefined || !same(granted, feature);
  });
  const after = grantedBy(to);
  const kept = single.filter((feature) => {
    const granted = after.find(({ featureId }) => featureId === feature.featureId);
    return granted === undefined || !feature.enabled || !givesMore(granted, feature);
  });
  const replaced = new Map(kept.map((feature) => [feature.featureId, feature]));
  const names = new Set(after.map(({ featureId }) => featureId));
  return [
    ...after.map((feature) => replaced.get(feature.featureId) ?? feature),
    ...kept.filter(({ featureId }) => !names.has(featureId)),
  ];
}

function carriedBy(restrictions: readonly TemplateRestriction[]): LicenseRestriction[] {
  return restrictions.map(({ restrictionType, operator, defaultValues }) => ({
    restrictionType,
    operator,
    values: defaultValues,
  }));
}

const restrictionText = ({ restrictionType, operator, values }: LicenseRestriction): string =>
  JSON.stringify([restrictionType, operator, values]);

/** The new template's restrictions, and those that were laid on the license beside its old one. */
export function restrictionsAfter(
  held: readonly LicenseRestriction[],
  from: readonly TemplateRestriction[],
  to: readonly TemplateRestriction[],
): readonly LicenseRestriction[] {
  const after = carriedBy(to);
  const known = new Set([...carriedBy(from), ...after].map(restrictionText));
  return [...after, ...held.filter((restriction) => !known.has(restrictionText(restriction)))];
}
