/**
 * Templates own what can be sold: products, and license templates with their features, restrictions and prices.
 * They also own the words that templates and licenses share: types, models, feature and restriction shapes.
 * They do not own licenses: what is issued copies the template, so that a later change never reaches it.
 * A template's `version` counts its changes; a license keeps the number of the version that it was made from.
 */
import { parseRange } from '../core/addressRange.js';
import { repeated, textProblem } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import { isCode } from '../core/code.js';
import { parseCountry } from '../core/countries.js';
import { isCurrency, minorUnitsOf } from '../core/currencies.js';
import { parseDomainPattern } from '../core/domainName.js';
import { type Amount, compareAmounts, isNegative, isPayable } from '../core/money.js';
import { type FieldProblem, Refusal } from '../core/refusal.js';
import { parseWindow } from '../core/weeklyWindow.js';

export const licenseTypes = [
  'PERPETUAL',
  'SUBSCRIPTION',
  'TRIAL',
  'EVALUATION',
  'CONCURRENT',
  'NAMED_USER',
] as const;
export type LicenseType = (typeof licenseTypes)[number];

export const licenseModels = [
  'PER_SEAT',
  'PER_DEVICE',
  'PER_CPU',
  'PER_CORE',
  'SITE_LICENSE',
  'ENTERPRISE',
] as const;
export type LicenseModel = (typeof licenseModels)[number];

export const limitTypes = ['COUNT', 'SIZE', 'DURATION', 'BANDWIDTH'] as const;
export type LimitType = (typeof limitTypes)[number];

/** How often a limit starts afresh, counted from the license's issue date. */
export const limitPeriods = ['NONE', 'HOUR', 'DAY', 'MONTH', 'YEAR'] as const;
export type LimitPeriod = (typeof limitPeriods)[number];

/** What happens past a limit: refused; granted and counted; granted, counted, and the caller is warned. */
export const overages = ['DENY', 'ALLOW', 'WARN'] as const;
export type Overage = (typeof overages)[number];

export const restrictionTypes = [
  'GEOGRAPHIC',
  'DOMAIN',
  'IP_RANGE',
  'MAC_ADDRESS',
  'HARDWARE_ID',
  'TIME_BASED',
] as const;
export type RestrictionType = (typeof restrictionTypes)[number];

export const restrictionOperators = ['ALLOW', 'DENY'] as const;
export type RestrictionOperator = (typeof restrictionOperators)[number];

export const billingCycles = ['MONTHLY', 'QUARTERLY', 'ANNUALLY', 'ONE_TIME'] as const;
export type BillingCycle = (typeof billingCycles)[number];

/** A product of weekly versions has as many in ten years. */
export const MOST_RELEASES = 500;

export const templateEvents = [
  'product.created',
  'product.updated',
  'template.created',
  'template.updated',
] as const;

/** What a license grants. `limitValue` null is unlimited, 0 is none at all. */
export interface LicenseFeature {
  readonly featureId: string;
  readonly featureName: string;
  readonly enabled: boolean;
  readonly limitValue: number | null;
  readonly limitType: LimitType | null;
  readonly limitPeriod: LimitPeriod;
  readonly overage: Overage;
  readonly expiresAt: Instant | null;
}

export interface LicenseRestriction {
  readonly restrictionType: RestrictionType;
  readonly operator: RestrictionOperator;
  readonly values: readonly string[];
}

export interface TemplateFeature {
  readonly featureId: string;
  readonly featureName: string;
  readonly included: boolean;
  readonly defaultLimit: number | null;
  readonly limitType: LimitType | null;
  readonly limitPeriod: LimitPeriod;
  readonly overage: Overage;
  readonly configurable: boolean;
  readonly required: boolean;
}

export interface TemplateRestriction {
  readonly restrictionType: RestrictionType;
  readonly operator: RestrictionOperator;
  readonly configurable: boolean;
  readonly defaultValues: readonly string[];
}

export interface VolumeDiscount {
  readonly minQuantity: number;
  readonly maxQuantity: number | null;
  readonly discountPercentage: Amount;
  readonly discountAmount: Amount | null;
}

export interface Pricing {
  readonly basePrice: Amount;
  readonly currency: string;
  readonly billingCycle: BillingCycle;
  readonly perSeatPrice: Amount | null;
  readonly setupFee: Amount | null;
  readonly maintenancePercentage: Amount | null;
  readonly volumeDiscounts: readonly VolumeDiscount[];
}

/** What hashes of device facts look like: `<key id>.<base64url>`, of 32 bytes. */
const KEYED_HASH = /^[A-Za-z0-9_-]{1,32}\.[A-Za-z0-9_-]{43}$/;

export function isKeyedHash(value: string): boolean {
  return KEYED_HASH.test(value);
}

const MAC =
  /^(([0-9A-F]{2}:){5}[0-9A-F]{2}|([0-9A-F]{2}-){5}[0-9A-F]{2}|([0-9A-F]{4}\.){2}[0-9A-F]{4}|[0-9A-F]{12})$/i;

/** One text for `AA-BB-…`, `aa:bb:…`, `aabb.ccdd.…` and no marks at all; undefined for what is no MAC address. */
export function parseMacAddress(written: string): string | undefined {
  return MAC.test(written) ? written.replace(/[^0-9A-Fa-f]/g, '').toUpperCase() : undefined;
}

/** How the values of each restriction type are written. What identifies a device may also come as its keyed hash. */
const restrictionForms: Readonly<Record<RestrictionType, { parses(value: string): boolean; form: string }>> =
  {
    GEOGRAPHIC: {
      parses: (value) => parseCountry(value) !== undefined,
      form: 'an ISO 3166-1 country code as US',
    },
    DOMAIN: {
      parses: (value) => parseDomainPattern(value) !== undefined,
      form: 'a domain as example.com or *.example.com',
    },
    IP_RANGE: {
      parses: (value) => parseRange(value) !== undefined,
      form: 'an address or CIDR range as 10.0.0.0/8 or 2001:db8::/32',
    },
    MAC_ADDRESS: {
      parses: (value) => parseMacAddress(value) !== undefined || isKeyedHash(value),
      form: 'a MAC address as 00:1A:2B:3C:4D:5E',
    },
    HARDWARE_ID: {
      parses: (value) => value.trim() !== '' && value.length <= 255,
      form: '1 to 255 characters',
    },
    TIME_BASED: {
      parses: (value) => parseWindow(value) !== undefined,
      form: 'a weekly window as MON-FRI 08:00-18:00 Europe/Berlin',
    },
  };

interface RestrictionValues {
  readonly restrictionType: RestrictionType;
  readonly values: readonly string[];
}

/** `member` is what the input calls the values. */
export function restrictionProblems(
  restrictions: readonly RestrictionValues[],
  field: string,
  member = 'values',
): FieldProblem[] {
  return restrictions.flatMap(({ restrictionType, values }, index) => {
    const { parses, form } = restrictionForms[restrictionType];
    const at = `${field}.${index}.${member}`;
    if (values.length === 0) return [{ field: at, message: 'must name at least one value' }];
    return values.flatMap((value, position) =>
      parses(value) && textProblem(value) === undefined
        ? []
        : [{ field: `${at}.${position}`, message: `${restrictionType} takes ${form}` }],
    );
  });
}

interface NamedFeature {
  readonly featureId: string;
}

/** A feature may stand once in a list: of two, the older would go on deciding. */
export function featureProblems(features: readonly NamedFeature[], field: string): FieldProblem[] {
  const ids = features.map((feature) => feature.featureId);
  const malformed = ids.flatMap((id, index) =>
    isCode(id)
      ? []
      : [
          {
            field: `${field}.${index}.featureId`,
            message: 'must be 1 to 50 letters, digits, dots, dashes or underscores',
          },
        ],
  );
  return [...malformed, ...repeated(ids, (index) => `${field}.${index}.featureId`)];
}

/** What an order has to keep has to be there. */
export function templateFeatureProblems(features: readonly TemplateFeature[], field: string): FieldProblem[] {
  const left = features.flatMap(({ required, included }, index) =>
    required && !included
      ? [{ field: `${field}.${index}.included`, message: 'a required feature has to be included' }]
      : [],
  );
  return [...featureProblems(features, field), ...left];
}

export function templateRestrictionProblems(
  restrictions: readonly TemplateRestriction[],
  field: string,
): FieldProblem[] {
  const valued = restrictions.map(({ restrictionType, defaultValues }) => ({
    restrictionType,
    values: defaultValues,
  }));
  return restrictionProblems(valued, field, 'defaultValues');
}

const HUNDRED = '100' as Amount;

/** An amount that is asked for has to be one that can be paid. */
function amountProblems(
  amounts: Readonly<Record<string, Amount | null>>,
  currency: string,
  field: string,
): FieldProblem[] {
  return Object.entries(amounts).flatMap(([name, amount]) => {
    if (amount === null) return [];
    const at = `${field}.${name}`;
    if (isNegative(amount)) return [{ field: at, message: 'must not be negative' }];
    if (!isCurrency(currency) || isPayable(amount, currency)) return [];
    const message = `${currency} has ${minorUnitsOf(currency)} digits behind the point`;
    return [{ field: at, message }];
  });
}

function percentageProblems(percentage: Amount | null, field: string): FieldProblem[] {
  if (percentage === null) return [];
  const fits = !isNegative(percentage) && compareAmounts(percentage, HUNDRED) <= 0;
  return fits ? [] : [{ field, message: 'must be from 0 to 100' }];
}

function discountProblems(discount: VolumeDiscount, currency: string, at: string): FieldProblem[] {
  const { minQuantity, maxQuantity, discountPercentage, discountAmount } = discount;
  const ends = maxQuantity === null || maxQuantity >= minQuantity;
  return [
    ...(ends ? [] : [{ field: `${at}.maxQuantity`, message: 'must not be below minQuantity' }]),
    ...percentageProblems(discountPercentage, `${at}.discountPercentage`),
    ...amountProblems({ discountAmount }, currency, at),
  ];
}

/** As many as a list of tiers may have; of a longer one the tiers are not compared. */
export const MOST_DISCOUNTS = 50;

/**
 * Two tiers that begin together, or one that goes on behind the beginning of the next. One without an end ends where the
 * next begins.
 */
function tierProblems(discounts: readonly VolumeDiscount[], field: string): FieldProblem[] {
  if (discounts.length > MOST_DISCOUNTS) return [];
  return discounts.flatMap(({ minQuantity, maxQuantity }, index) => {
    const others = discounts.filter((_, other) => other !== index);
    const at = `${field}.${index}`;
    if (discounts.slice(0, index).some((other) => other.minQuantity === minQuantity))
      return [{ field: `${at}.minQuantity`, message: `another discount begins at ${minQuantity}` }];
    const next = others.find(
      (other) => other.minQuantity > minQuantity && maxQuantity !== null && other.minQuantity <= maxQuantity,
    );
    if (next === undefined) return [];
    return [{ field: `${at}.maxQuantity`, message: `another discount begins at ${next.minQuantity}` }];
  });
}

export function pricingProblems(pricing: Pricing, field: string): FieldProblem[] {
  const { basePrice, perSeatPrice, setupFee, currency, volumeDiscounts } = pricing;
  const known = isCurrency(currency);
  return [
    ...amountProblems({ basePrice, perSeatPrice, setupFee }, currency, field),
    ...percentageProblems(pricing.maintenancePercentage, `${field}.maintenancePercentage`),
    ...(known ? [] : [{ field: `${field}.currency`, message: 'must be an ISO 4217 code as USD' }]),
    ...volumeDiscounts.flatMap((discount, index) =>
      discountProblems(discount, currency, `${field}.volumeDiscounts.${index}`),
    ),
    ...tierProblems(volumeDiscounts, `${field}.volumeDiscounts`),
  ];
}

export const isTrialType = (type: LicenseType): boolean => type === 'TRIAL' || type === 'EVALUATION';

export function productNotFound(id: string): Refusal {
  return new Refusal('PRODUCT_NOT_FOUND', `There is no product ${id}.`, { id });
}

export function productInactive(id: string): Refusal {
  return new Refusal('PRODUCT_INACTIVE', `Product ${id} is off sale and no licenses of it are made.`, { id });
}

export function templateNotFound(id: string): Refusal {
  return new Refusal('TEMPLATE_NOT_FOUND', `There is no license template ${id}.`, { id });
}

export function templateInactive(id: string): Refusal {
  return new Refusal('TEMPLATE_INACTIVE', `License template ${id} is switched off and issues no licenses.`, {
    id,
  });
}

export function codeTaken(field: string, code: string): Refusal {
  const fields = [{ field, message: `'${code}' is taken` }];
  return new Refusal('ALREADY_EXISTS', `${field}: '${code}' is taken.`, { fields });
}
