/**
 * What an upgrade costs: the new template for what is left of the license, less what was paid for that time. Both by days of
 * the tenant's calendar, a day begun counting as one, each line rounded half up. A license that goes on to its old end
 * pays for the rest of each of its terms; one that begins anew, because it was a trial or becomes or stops being perpetual,
 * pays for all of its new term and has its unused time credited. What the old time is worth beyond the new is not paid out.
 */
import {
  amountOf,
  boughtLines,
  maintenanceLines,
  type Price,
  type PriceLine,
  periodsOf,
  priceOf,
  priceOfLines,
  single,
  type TaxRate,
} from '../../billing/model/price.js';
import { daysBetween } from '../../core/calendarDays.js';
import { addDays, DAY_MILLIS, type Instant, latest, millis } from '../../core/clock.js';
import {
  type Amount,
  difference,
  isZero,
  negated,
  rounded,
  shareOf,
  smallerOf,
  toStored,
} from '../../core/money.js';
import { isTrialType, type LicenseType, type Pricing } from '../../templates/model.js';
import { currencyMismatch, type LicenseTerm } from './upgrade.js';

/** What is sold, as a template says it. */
export interface SoldTemplate {
  readonly licenseType: LicenseType;
  readonly maxActivations: number;
  readonly defaultDuration: number;
  readonly pricing: Pricing;
}

export interface UpgradedLicense {
  readonly licenseType: LicenseType;
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
}

/** By which clock days begin and end. */
export interface Calendar {
  readonly now: Instant;
  readonly timeZone: string;
}

export interface UpgradePlan {
  readonly price: Price;
  /** What stands paid for afterwards, at the new price. */
  readonly terms: readonly LicenseTerm[];
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
}

interface Length {
  readonly durationMonths: number | null;
  readonly durationDays: number;
}

/** A price once for all is one for each length of the template that has begun. */
function periodsFor({ pricing, defaultDuration }: SoldTemplate, length: Length): number {
  if (pricing.billingCycle !== 'ONE_TIME') return periodsOf(pricing.billingCycle, length);
  const { durationMonths, durationDays } = length;
  const days = durationMonths === null ? durationDays : Math.floor((durationMonths * 365) / 12);
  return Math.max(1, Math.ceil(days / defaultDuration));
}

interface TermPrices {
  readonly license: Amount;
  readonly maintenance: Amount;
}

/** Before taxes and setup, and for all of a term of that length. */
export function termPrices(template: SoldTemplate, length: Length): TermPrices {
  const facts = { quantity: 1, maxActivations: template.maxActivations };
  const bought = boughtLines(template.pricing, facts, periodsFor(template, length));
  const maintained = template.licenseType === 'PERPETUAL' ? maintenanceLines(template.pricing, bought) : [];
  return { license: amountOf(bought), maintenance: amountOf(maintained) };
}

const cycleMonths = { MONTHLY: 1, QUARTERLY: 3, ANNUALLY: 12 } as const;

/** Whether a template has a price for just that length; of any other, its billing cycles would begin one too many. */
function isWhole({ pricing: { billingCycle }, defaultDuration }: SoldTemplate, length: Length): boolean {
  const { durationMonths, durationDays } = length;
  if (durationMonths === null && durationDays === defaultDuration) return true;
  if (billingCycle === 'ONE_TIME') return false;
  return durationMonths === null
    ? durationDays % 365 === 0
    : durationMonths % cycleMonths[billingCycle] === 0;
}

/** What a term that is under way costs by another template: thirty days of a yearly price are thirty days of it. */
function rateFor(template: SoldTemplate, length: Length): TermPrices {
  if (isWhole(template, length)) return termPrices(template, length);
  const { license, maintenance } = termPrices(template, defaultLength(template));
  const scaled = (price: Amount): Amount =>
    toStored(shareOf(price, length.durationDays, template.defaultDuration));
  return { license: scaled(license), maintenance: scaled(maintenance) };
}

export const defaultLength = ({ defaultDuration }: Pick<SoldTemplate, 'defaultDuration'>): Length => ({
  durationMonths: null,
  durationDays: defaultDuration,
});

interface Left {
  readonly unused: number;
  readonly days: number;
}

/** The days of a term, and those of them that are not over. What has no end is all there. */
export function leftOf({ startsAt, endsAt }: LicenseTerm, { now, timeZone }: Calendar): Left {
  if (endsAt === null) return { unused: 1, days: 1 };
  const days = Math.max(1, daysBetween(startsAt, endsAt, timeZone));
  if (endsAt <= now) return { unused: 0, days };
  const left = Math.max(1, daysBetween(latest(startsAt, now), endsAt, timeZone));
  return { unused: Math.min(left, days), days };
}

function lengthOf({ startsAt, endsAt, durationMonths }: LicenseTerm): Length {
  const span = endsAt === null ? DAY_MILLIS : millis(endsAt) - millis(startsAt);
  return { durationMonths, durationDays: Math.max(1, Math.round(span / DAY_MILLIS)) };
}

/** What stands for some days of a term says of how many. */
function inDays({ endsAt }: LicenseTerm, { unused, days }: Left) {
  if (endsAt === null) return { words: '', detail: {} };
  return { words: `, ${unused} of ${days} days`, detail: { days: { left: unused, of: days } } };
}

function creditLines(held: readonly LicenseTerm[], calendar: Calendar): readonly PriceLine[] {
  return held.flatMap((term) => {
    const left = leftOf(term, calendar);
    const amount = rounded(shareOf(term.price, left.unused, left.days), term.currency);
    if (isZero(amount)) return [];
    const what = term.kind === 'LICENSE' ? 'Credit for the license' : 'Credit for maintenance';
    const { words, detail } = inDays(term, left);
    return [single('CREDIT', `${what}${words}`, negated(amount), { ...detail, credited: term.kind })];
  });
}

/** Credit goes as far as there is something to pay with it. */
function capped(charges: readonly PriceLine[], credits: readonly PriceLine[]): readonly PriceLine[] {
  let left = amountOf(charges);
  return credits.flatMap((line) => {
    const taken = smallerOf(negated(line.amount), left);
    left = difference(left, taken);
    return isZero(taken) ? [] : [single(line.kind, line.description, negated(taken), line.detail)];
  });
}

/** What each of the terms that are left costs by the new template. */
function restOf(held: readonly LicenseTerm[], to: SoldTemplate, calendar: Calendar) {
  const { currency } = to.pricing;
  const terms = held.map((term): LicenseTerm => {
    const prices = rateFor(to, term.endsAt === null ? defaultLength(to) : lengthOf(term));
    return { ...term, currency, price: term.kind === 'LICENSE' ? prices.license : prices.maintenance };
  });
  const charges = terms.map((term): PriceLine => {
    const left = leftOf(term, calendar);
    const amount = rounded(shareOf(term.price, left.unused, left.days), currency);
    const kind = term.kind === 'LICENSE' ? 'UPGRADE' : 'MAINTENANCE';
    const what = term.kind === 'LICENSE' ? 'Upgrade' : 'Maintenance';
    const { words, detail } = inDays(term, left);
    return single(kind, `${what}${words}`, amount, detail);
  });
  return { terms, charges: charges.filter(({ kind, amount }) => kind === 'UPGRADE' || !isZero(amount)) };
}

/** What a new term costs that begins now: as if it were bought, and set up if nothing was before it. */
function anew(to: SoldTemplate, isFirst: boolean, now: Instant) {
  const { licenseType, maxActivations, pricing, defaultDuration } = to;
  const facts = { quantity: 1, maxActivations, licenseType, ...defaultLength(to) };
  const { lines } = priceOf(pricing, { ...facts, isSetUp: !isFirst }, []);
  const end = addDays(now, defaultDuration);
  const perpetual = licenseType === 'PERPETUAL';
  const prices = termPrices(to, defaultLength(to));
  const sold = { startsAt: now, durationMonths: null, currency: pricing.currency };
  const term: LicenseTerm = {
    ...sold,
    kind: 'LICENSE',
    endsAt: perpetual ? null : end,
    price: prices.license,
  };
  const maintenance: LicenseTerm = { ...sold, kind: 'MAINTENANCE', endsAt: end, price: prices.maintenance };
  const dates = { expiryDate: perpetual ? null : end, maintenanceExpiry: end };
  return { charges: lines, terms: perpetual ? [term, maintenance] : [term], ...dates };
}

/** Whether a license goes on to its old end, or begins anew. */
export function goesOn(license: Pick<UpgradedLicense, 'licenseType'>, to: SoldTemplate): boolean {
  if (isTrialType(license.licenseType)) return false;
  return (license.licenseType === 'PERPETUAL') === (to.licenseType === 'PERPETUAL');
}

/** `held` is what of the license was paid for; nothing was for a trial. */
export function planUpgrade(
  license: UpgradedLicense,
  held: readonly LicenseTerm[],
  to: SoldTemplate,
  taxes: readonly TaxRate[],
  calendar: Calendar,
): UpgradePlan {
  const { currency } = to.pricing;
  const trial = isTrialType(license.licenseType);
  const paid = trial ? [] : held.filter((term) => leftOf(term, calendar).unused > 0);
  const other = paid.find((term) => term.currency !== currency);
  if (other !== undefined) throw currencyMismatch(other.currency, currency);
  const { expiryDate, maintenanceExpiry } = license;
  const { charges, terms, ...dates } = goesOn(license, to)
    ? { ...restOf(paid, to, calendar), expiryDate, maintenanceExpiry }
    : anew(to, trial, calendar.now);
  const lines = [...charges, ...capped(charges, creditLines(paid, calendar))];
  const price = priceOfLines(currency, periodsFor(to, defaultLength(to)), lines, taxes);
  return { price, terms, ...dates };
}
