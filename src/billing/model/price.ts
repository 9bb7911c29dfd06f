/**
 * What a purchase costs, line by line. Every line is rounded half up to the smallest amount of its currency, and all that
 * follows is computed from the rounded lines, so that they add up to the total as anybody can check with a pencil.
 */
import {
  type Amount,
  isZero,
  largerOf,
  negated,
  percentOf,
  rounded,
  smallerOf,
  sumOf,
  times,
  ZERO,
} from '../../core/money.js';
import type { BillingCycle, LicenseType, Pricing, VolumeDiscount } from '../../templates/model.js';

export const priceLineKinds = [
  'LICENSES',
  'DISCOUNT',
  'MAINTENANCE',
  'SETUP',
  'TAX',
  'CREDIT',
  'UPGRADE',
] as const;
export type PriceLineKind = (typeof priceLineKinds)[number];

/** What a description says beside its kind, for whoever says it in other words. */
export interface LineDetail {
  /** What is sold, by the vendor's name for it. */
  readonly sold?: string;
  /** The billing cycles of each license. */
  readonly periods?: { readonly cycle: Exclude<BillingCycle, 'ONE_TIME'>; readonly count: number };
  readonly percentage?: Amount;
  /** Of a tax: its name is the vendor's. */
  readonly name?: string;
  /** What of a term is left. */
  readonly days?: { readonly left: number; readonly of: number };
  readonly credited?: 'LICENSE' | 'MAINTENANCE';
}

/** `amount` is `unitAmount` times `quantity`, rounded; what is taken off is negative. */
export interface PriceLine {
  readonly kind: PriceLineKind;
  /** In English. */
  readonly description: string;
  /** None where the description is somebody's own words, or older than details. */
  readonly detail?: LineDetail;
  readonly quantity: number;
  readonly unitAmount: Amount;
  readonly amount: Amount;
}

export interface Price {
  readonly currency: string;
  /** Billing cycles that each license is paid for. */
  readonly periods: number;
  readonly lines: readonly PriceLine[];
  /** Of the licenses or their upgrade, before anything is taken off or added. */
  readonly subtotal: Amount;
  /** What is taken off, as a positive amount. */
  readonly discount: Amount;
  readonly tax: Amount;
  /** The sum of all lines; never negative. */
  readonly total: Amount;
}

/** A tax as the vendor states it: `{ name: 'VAT', percentage: '19' }`. */
export interface TaxRate {
  readonly name: string;
  readonly percentage: Amount;
}

export interface Duration {
  readonly durationMonths: number | null;
  /** Counts where there are no months. */
  readonly durationDays: number;
}

export interface PriceFacts extends Duration {
  readonly quantity: number;
  /** Of the template: so many seats are in each license. */
  readonly maxActivations: number;
  readonly licenseType: LicenseType;
  /** What takes the place of something is not set up again. */
  readonly isSetUp?: boolean;
}

interface CycleLength {
  readonly months: number;
  readonly days: number;
  /** How many of them make 365 days. */
  readonly aYear: number;
}

const cycleLengths: Readonly<Record<Exclude<BillingCycle, 'ONE_TIME'>, CycleLength>> = {
  MONTHLY: { months: 1, days: 30, aYear: 12 },
  QUARTERLY: { months: 3, days: 91, aYear: 4 },
  ANNUALLY: { months: 12, days: 365, aYear: 1 },
};

/**
 * Whole years of 365 days are twelve months each, and what is left over is never more than one: 364 days cost what 365
 * cost, though twelve times 30 days are fewer.
 */
function periodsOfDays(days: number, cycle: CycleLength): number {
  const years = Math.floor(days / 365);
  return years * cycle.aYear + Math.min(cycle.aYear, Math.ceil((days % 365) / cycle.days));
}

/** Billing cycles that a duration takes, the last one begun counted as a whole. */
export function periodsOf(billingCycle: BillingCycle, { durationMonths, durationDays }: Duration): number {
  if (billingCycle === 'ONE_TIME') return 1;
  const cycle = cycleLengths[billingCycle];
  const periods =
    durationMonths === null ? periodsOfDays(durationDays, cycle) : Math.ceil(durationMonths / cycle.months);
  return Math.max(1, periods);
}

/** What each license costs for one billing cycle. */
export function cyclePrice(pricing: Pricing, maxActivations: number): Amount {
  return sumOf([pricing.basePrice, times(pricing.perSeatPrice ?? ZERO, maxActivations)]);
}

function takenOff(discount: VolumeDiscount, subtotal: Amount, currency: string): Amount {
  const byPercentage = rounded(percentOf(subtotal, discount.discountPercentage), currency);
  const fixed = rounded(discount.discountAmount ?? ZERO, currency);
  return smallerOf(largerOf(byPercentage, fixed), subtotal);
}

/**
 * One discount counts: of the tiers that hold the quantity, the one that begins last; of several that begin there, the
 * one that takes most off.
 */
export function volumeDiscountOf(pricing: Pricing, quantity: number, subtotal: Amount): Amount {
  const holding = pricing.volumeDiscounts.filter(
    ({ minQuantity, maxQuantity }) =>
      quantity >= minQuantity && (maxQuantity === null || quantity <= maxQuantity),
  );
  const last = Math.max(...holding.map(({ minQuantity }) => minQuantity));
  return holding
    .filter(({ minQuantity }) => minQuantity === last)
    .map((discount) => takenOff(discount, subtotal, pricing.currency))
    .reduce(largerOf, ZERO);
}

/** A line of one piece. */
export function single(
  kind: PriceLineKind,
  description: string,
  amount: Amount,
  detail: LineDetail = {},
): PriceLine {
  return { kind, description, detail, quantity: 1, unitAmount: amount, amount };
}

/** Like `single`, and no line where there is nothing to pay. */
function unlessZero(...[kind, description, amount, detail]: Parameters<typeof single>): readonly PriceLine[] {
  return isZero(amount) ? [] : [single(kind, description, amount, detail)];
}

export const amountOf = (lines: readonly PriceLine[]): Amount => sumOf(lines.map(({ amount }) => amount));

const named: ReadonlySet<PriceLineKind> = new Set(['LICENSES', 'MAINTENANCE', 'UPGRADE']);

/** The same price, and its lines say what is sold: an invoice has to. */
export function priceNaming(price: Price, sold: string): Price {
  const lines = price.lines.map((line) =>
    named.has(line.kind)
      ? { ...line, description: `${sold}: ${line.description}`, detail: { ...line.detail, sold } }
      : line,
  );
  return { ...price, lines };
}

/** Each tax is of all that is paid, and none of another tax. A rate of zero keeps its line: it is a statement too. */
function taxLines(lines: readonly PriceLine[], taxes: readonly TaxRate[], currency: string): PriceLine[] {
  const taxed = largerOf(amountOf(lines), ZERO);
  return taxes.map(({ name, percentage }) =>
    single('TAX', `${name} ${percentage} %`, rounded(percentOf(taxed, percentage), currency), {
      name,
      percentage,
    }),
  );
}

/** The price that lines make together, with the taxes on them. */
export function priceOfLines(
  currency: string,
  periods: number,
  untaxed: readonly PriceLine[],
  taxes: readonly TaxRate[],
): Price {
  const taxed = taxLines(untaxed, taxes, currency);
  const lines = [...untaxed, ...taxed];
  const of = (...kinds: readonly PriceLineKind[]): Amount =>
    amountOf(lines.filter(({ kind }) => kinds.includes(kind)));
  return {
    currency,
    periods,
    lines,
    subtotal: of('LICENSES', 'UPGRADE'),
    discount: negated(of('DISCOUNT', 'CREDIT')),
    tax: of('TAX'),
    total: amountOf(lines),
  };
}

const cycleNames = { MONTHLY: 'months', QUARTERLY: 'quarters', ANNUALLY: 'years' } as const;

function licenseLine(
  pricing: Pricing,
  facts: Pick<PriceFacts, 'quantity' | 'maxActivations'>,
  periods: number,
): PriceLine {
  const unitAmount = times(cyclePrice(pricing, facts.maxActivations), periods);
  const { billingCycle, currency } = pricing;
  const amount = rounded(times(unitAmount, facts.quantity), currency);
  const line = { kind: 'LICENSES', quantity: facts.quantity, unitAmount, amount } as const;
  if (billingCycle === 'ONE_TIME') return { ...line, description: 'Licenses', detail: {} };
  const detail = { periods: { cycle: billingCycle, count: periods } };
  return { ...line, description: `Licenses, ${cycleNames[billingCycle]}: ${periods}`, detail };
}

/** The licenses and what is taken off for their quantity. */
export function boughtLines(
  pricing: Pricing,
  facts: Pick<PriceFacts, 'quantity' | 'maxActivations'>,
  periods: number,
): readonly PriceLine[] {
  const licenses = licenseLine(pricing, facts, periods);
  const discount = volumeDiscountOf(pricing, facts.quantity, licenses.amount);
  return [licenses, ...unlessZero('DISCOUNT', 'Volume discount', negated(discount))];
}

/** Maintenance of what was bought. */
export function maintenanceLines(pricing: Pricing, bought: readonly PriceLine[]): readonly PriceLine[] {
  const percentage = pricing.maintenancePercentage ?? ZERO;
  const amount = rounded(percentOf(amountOf(bought), percentage), pricing.currency);
  return unlessZero('MAINTENANCE', `Maintenance ${percentage} %`, amount, { percentage });
}

/**
 * Licenses (base and seats, times quantity, times billing cycles), less one volume discount, plus maintenance if they
 * are perpetual, plus the setup fee once, plus taxes.
 */
export function priceOf(pricing: Pricing, facts: PriceFacts, taxes: readonly TaxRate[]): Price {
  const { currency } = pricing;
  const periods = periodsOf(pricing.billingCycle, facts);
  const bought = boughtLines(pricing, facts, periods);
  const setup = facts.isSetUp === true ? ZERO : rounded(pricing.setupFee ?? ZERO, currency);
  const lines = [
    ...bought,
    ...(facts.licenseType === 'PERPETUAL' ? maintenanceLines(pricing, bought) : []),
    ...unlessZero('SETUP', 'Setup', setup),
  ];
  return priceOfLines(currency, periods, lines, taxes);
}
