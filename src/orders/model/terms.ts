/**
 * What an order is about: all that a license of it will have, copied when it is made, so that nothing that changes in the
 * template afterwards reaches it. A template says which of its features and restrictions a buyer may have otherwise; whoever
 * may override prices is not bound by that. What is required stays for everybody.
 */
import type { PriceLine } from '../../billing/model/price.js';
import { addDays, addMonths, type Instant, LATEST } from '../../core/clock.js';
import type { ProductId } from '../../core/id.js';
import { type Amount, sumOf } from '../../core/money.js';
import type { FieldProblem } from '../../core/refusal.js';
import {
  featureProblems,
  isTrialType,
  type LicenseFeature,
  type LicenseModel,
  type LicenseRestriction,
  type LicenseType,
  type Pricing,
  pricingProblems,
  restrictionProblems,
  type TemplateFeature,
  type TemplateRestriction,
} from '../../templates/model.js';

/** What a template is to an order. */
export interface OrderedTemplate {
  readonly version: number;
  readonly licenseType: LicenseType;
  readonly licenseModel: LicenseModel;
  readonly defaultDuration: number;
  readonly maxActivations: number;
  readonly leaseSeconds: number | null;
  readonly maxBorrowHours: number | null;
  readonly maxDeactivationsPerYear: number | null;
  readonly features: readonly TemplateFeature[];
  readonly restrictions: readonly TemplateRestriction[];
  readonly pricing: Pricing;
  readonly autoRenewalEnabled: boolean;
  readonly trialDurationDays: number;
  readonly gracePeriodDays: number;
}

export interface OrderedProduct {
  readonly id: ProductId;
  readonly name: string;
  readonly version: string;
}

/** What a buyer asks for beside the template. */
export interface OrderWishes {
  readonly customFeatures?: readonly LicenseFeature[] | null;
  readonly customRestrictions?: readonly LicenseRestriction[] | null;
  readonly durationOverride?: number | null;
  readonly durationMonths?: number | null;
  readonly pricingOverride?: Partial<Pricing> | null;
}

export interface OrderTerms {
  readonly templateVersion: number;
  readonly productId: ProductId;
  readonly productName: string;
  readonly productVersion: string;
  readonly licenseType: LicenseType;
  readonly licenseModel: LicenseModel;
  /** For how many days a license lasts where it is not for months. */
  readonly durationDays: number;
  /** For how many calendar months it lasts; null where days say it. */
  readonly durationMonths: number | null;
  readonly trialPeriodDays: number | null;
  readonly maxActivations: number;
  readonly leaseSeconds: number | null;
  readonly maxBorrowHours: number | null;
  readonly maxDeactivationsPerYear: number | null;
  readonly features: readonly LicenseFeature[];
  /** As they are kept: what names a device is hashed. */
  readonly restrictions: readonly LicenseRestriction[];
  readonly gracePeriodDays: number;
  readonly autoRenewal: boolean;
  /** By which it was priced: the template's, with what was overridden. */
  readonly pricing: Pricing;
}

/** How a license begins that is made by terms at an instant. */
export interface Beginning {
  readonly licenseType: LicenseType;
  readonly status: 'ACTIVE' | 'PENDING';
  readonly issuedDate: Instant;
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
  readonly trialPeriodDays: number | null;
}

/** A trial waits for its first activation, a perpetual license has only maintenance that ends. */
export function beginningOf(terms: OrderTerms, now: Instant): Beginning {
  const { licenseType, trialPeriodDays } = terms;
  const begins = { licenseType, issuedDate: now };
  if (isTrialType(licenseType))
    return { ...begins, status: 'PENDING', expiryDate: null, maintenanceExpiry: null, trialPeriodDays };
  const end = termEnd(terms, now);
  const expiryDate = licenseType === 'PERPETUAL' ? null : end;
  return { ...begins, status: 'ACTIVE', expiryDate, maintenanceExpiry: end, trialPeriodDays: null };
}

/** How many calendar months a renewal by these terms adds: 365 days are twelve of them, what is left over a month each 30 days. */
export function monthsOf({ durationMonths, durationDays }: OrderTerms): number {
  const years = Math.floor(durationDays / 365);
  return durationMonths ?? Math.max(1, years * 12 + Math.min(12, Math.ceil((durationDays % 365) / 30)));
}

function termEnd({ durationMonths, durationDays }: OrderTerms, now: Instant): Instant {
  const end = durationMonths === null ? addDays(now, durationDays) : addMonths(now, durationMonths);
  return end < LATEST ? end : LATEST;
}

function granted(feature: TemplateFeature): LicenseFeature {
  const { featureId, featureName, defaultLimit, limitType, limitPeriod, overage } = feature;
  const limit = { limitValue: defaultLimit, limitType, limitPeriod, overage };
  return { featureId, featureName, enabled: true, ...limit, expiresAt: null };
}

/** Name, unit and period stay the template's: an order says whether, how much and until when. */
function chosen(feature: TemplateFeature, wish: LicenseFeature): LicenseFeature {
  const { enabled, limitValue, expiresAt } = wish;
  return { ...granted(feature), enabled, limitValue, expiresAt };
}

function asTheTemplate(feature: TemplateFeature, wish: LicenseFeature): boolean {
  const { included, defaultLimit } = feature;
  return wish.enabled === included && wish.limitValue === defaultLimit && wish.expiresAt === null;
}

function featureProblem(
  feature: TemplateFeature | undefined,
  wish: LicenseFeature,
  mayOverride: boolean,
): string | undefined {
  if (feature?.required === true && feature.included && (!wish.enabled || wish.expiresAt !== null))
    return `'${wish.featureId}' is required and cannot be left out or end early`;
  if (feature === undefined)
    return mayOverride ? undefined : `the template has no feature '${wish.featureId}'`;
  if (wish.limitType !== null && wish.limitType !== feature.limitType)
    return `the limit of '${wish.featureId}' has another unit`;
  if (mayOverride || feature.configurable || asTheTemplate(feature, wish)) return undefined;
  return `'${wish.featureId}' is not configurable`;
}

function wishedFeatures(template: OrderedTemplate, wishes: readonly LicenseFeature[], mayOverride: boolean) {
  const known = new Map(template.features.map((feature) => [feature.featureId, feature]));
  const problems = wishes.flatMap((wish, index): FieldProblem[] => {
    const message = featureProblem(known.get(wish.featureId), wish, mayOverride);
    return message === undefined ? [] : [{ field: `input.customFeatures.${index}.featureId`, message }];
  });
  const wished = new Map(wishes.map((wish) => [wish.featureId, wish]));
  const ofTemplate = template.features.flatMap((feature): LicenseFeature[] => {
    const wish = wished.get(feature.featureId);
    if (wish === undefined) return feature.included ? [granted(feature)] : [];
    return wish.enabled ? [chosen(feature, wish)] : [];
  });
  const further = wishes.filter(({ featureId, enabled }) => enabled && !known.has(featureId));
  return { problems, features: [...ofTemplate, ...further] };
}

const kindOf = ({ restrictionType, operator }: Omit<LicenseRestriction, 'values'>): string =>
  `${restrictionType} ${operator}`;

/** A wish stands in place of all that the template says of its type and operator. */
function wishedRestrictions(
  { restrictions }: OrderedTemplate,
  wishes: readonly LicenseRestriction[],
  mayOverride: boolean,
) {
  const problems = wishes.flatMap((wish, index): FieldProblem[] => {
    const field = `input.customRestrictions.${index}.restrictionType`;
    const replaced = restrictions.filter((each) => kindOf(each) === kindOf(wish));
    const twice = wishes.findIndex((each) => kindOf(each) === kindOf(wish)) < index;
    if (twice) return [{ field, message: `${kindOf(wish)} stands twice` }];
    if (mayOverride) return [];
    if (replaced.length === 0) return [{ field, message: `the template has no restriction ${kindOf(wish)}` }];
    if (replaced.every(({ configurable }) => configurable)) return [];
    return [{ field, message: `the restriction ${kindOf(wish)} is not configurable` }];
  });
  const wished = new Set(wishes.map(kindOf));
  const kept = restrictions
    .filter((each) => !wished.has(kindOf(each)))
    .map(({ restrictionType, operator, defaultValues }) => ({
      restrictionType,
      operator,
      values: defaultValues,
    }));
  return { problems, restrictions: [...kept, ...wishes] };
}

/**
 * A price once for all makes every length cost the same: it is then the template's to say. A trial lasts as long as its
 * template says in any case.
 */
function durationProblems(
  template: OrderedTemplate,
  pricing: Pricing,
  { durationOverride, durationMonths }: OrderWishes,
  mayOverride: boolean,
): FieldProblem[] {
  const given = [
    { field: 'input.durationOverride', value: durationOverride ?? null },
    { field: 'input.durationMonths', value: durationMonths ?? null },
  ].filter(({ value }) => value !== null);
  if (given.length === 0) return [];
  const all = (message: string): FieldProblem[] => given.map(({ field }) => ({ field, message }));
  if (given.length > 1) return all('give days or months, not both');
  if (isTrialType(template.licenseType)) return all('a trial lasts as long as its template says');
  if (pricing.billingCycle === 'ONE_TIME' && !mayOverride)
    return all('what is paid once lasts as long as its template says');
  return [];
}

function overridden(pricing: Pricing, override: Partial<Pricing>): Pricing {
  const given = Object.entries(override).filter(([, value]) => value !== undefined);
  return { ...pricing, ...Object.fromEntries(given) };
}

export interface WishedTerms {
  readonly problems: readonly FieldProblem[];
  readonly terms: OrderTerms;
}

function lengthOf(template: OrderedTemplate, wishes: OrderWishes, pricing: Pricing) {
  const trial = isTrialType(template.licenseType);
  const perpetual = template.licenseType === 'PERPETUAL';
  return {
    durationDays: wishes.durationOverride ?? template.defaultDuration,
    durationMonths: wishes.durationMonths ?? null,
    trialPeriodDays: trial ? template.trialDurationDays : null,
    autoRenewal: !trial && !perpetual && template.autoRenewalEnabled,
    pricing,
  };
}

/** The terms of an order, and everything that is wrong with what it asks for, by field. */
export function termsOf(
  template: OrderedTemplate,
  product: OrderedProduct,
  wishes: OrderWishes,
  mayOverride: boolean,
): WishedTerms {
  const { version, licenseType, licenseModel, maxActivations, gracePeriodDays } = template;
  const { leaseSeconds, maxBorrowHours, maxDeactivationsPerYear } = template;
  const pricing = overridden(template.pricing, wishes.pricingOverride ?? {});
  const features = wishedFeatures(template, wishes.customFeatures ?? [], mayOverride);
  const restrictions = wishedRestrictions(template, wishes.customRestrictions ?? [], mayOverride);
  return {
    problems: [
      ...featureProblems(wishes.customFeatures ?? [], 'input.customFeatures'),
      ...restrictionProblems(wishes.customRestrictions ?? [], 'input.customRestrictions'),
      ...(wishes.pricingOverride ? pricingProblems(pricing, 'input.pricingOverride') : []),
      ...durationProblems(template, pricing, wishes, mayOverride),
      ...features.problems,
      ...restrictions.problems,
    ],
    terms: {
      templateVersion: version,
      productId: product.id,
      productName: product.name,
      productVersion: product.version,
      ...{ licenseType, licenseModel, maxActivations, gracePeriodDays },
      ...{ leaseSeconds, maxBorrowHours, maxDeactivationsPerYear },
      ...lengthOf(template, wishes, pricing),
      features: features.features,
      restrictions: restrictions.restrictions,
    },
  };
}

/** What of the lines of a price is for maintenance. */
export function maintenanceOf(lines: readonly PriceLine[]): Amount {
  return sumOf(lines.filter(({ kind }) => kind === 'MAINTENANCE').map(({ amount }) => amount));
}
