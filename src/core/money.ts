import { Decimal } from 'decimal.js';
import { minorUnitsOf } from './currencies.js';
import { Refusal } from './refusal.js';

/** A decimal number as text, `numeric(19,4)` in the database: never a float. */
export type Amount = string & { readonly __type: 'Amount' };

/** The library rounds to 20 digits unless told otherwise; a largest amount times a largest quantity has 36. */
const Exact = Decimal.clone({ precision: 100, rounding: Decimal.ROUND_HALF_UP });

const LARGEST = new Exact('999999999999999.9999');

export const ZERO = '0' as Amount;

/** Never `-0`: nothing less is nothing. */
const written = (value: Decimal): Amount => (value.isZero() ? ZERO : (value.toFixed() as Amount));

/** Reads a decimal of at most 15 digits before and 4 behind the point; undefined when it is none. */
export function parseAmount(value: string | number): Amount | undefined {
  if (!/^-?\d{1,15}(\.\d{1,4})?$/.test(String(value))) return undefined;
  const read = new Exact(value);
  return read.abs().lte(LARGEST) ? written(read) : undefined;
}

/** The same amount in its shortest form: `100.5000` and `100.50` are `100.5`. */
export function plainAmount(value: string): Amount {
  return written(new Exact(value));
}

export function isNegative(amount: Amount): boolean {
  return new Exact(amount).lt(0);
}

export function isZero(amount: Amount): boolean {
  return new Exact(amount).isZero();
}

/** Below 0 if the first is the smaller one, above if it is the larger one. */
export function compareAmounts(one: Amount, other: Amount): number {
  return new Exact(one).comparedTo(other);
}

export const largerOf = (one: Amount, other: Amount): Amount =>
  compareAmounts(one, other) < 0 ? other : one;
export const smallerOf = (one: Amount, other: Amount): Amount =>
  compareAmounts(one, other) > 0 ? other : one;

export function negated(amount: Amount): Amount {
  return written(new Exact(amount).negated());
}

export function priceTooLarge(): Refusal {
  const message = `The price comes to more than ${LARGEST.toFixed()}, which is the most that is billed at once.`;
  return new Refusal('PRICE_TOO_LARGE', message, { most: LARGEST.toFixed() });
}

/** What can be stored, or refused. */
function bounded(value: Decimal): Amount {
  if (value.abs().gt(LARGEST)) throw priceTooLarge();
  return written(value);
}

export function sumOf(amounts: readonly Amount[]): Amount {
  return bounded(amounts.reduce((sum, amount) => sum.plus(amount), new Exact(0)));
}

export function difference(from: Amount, taken: Amount): Amount {
  return bounded(new Exact(from).minus(taken));
}

/** Exact, and with as many digits as it takes: round it before it is shown or stored. */
export function times(amount: Amount, ...factors: readonly (number | Amount)[]): Amount {
  return written(factors.reduce((product: Decimal, factor) => product.times(factor), new Exact(amount)));
}

/** So many parts of a whole, multiplied before it is divided: thirds of three thirds are one. Round it. */
export function shareOf(amount: Amount, parts: number | Amount, whole: number | Amount): Amount {
  return written(new Exact(amount).times(parts).dividedBy(whole));
}

export const percentOf = (amount: Amount, percentage: Amount): Amount => shareOf(amount, percentage, 100);

/** To the smallest amount of the currency; a half goes up, and that of a negative amount down, away from zero. */
export function rounded(amount: Amount, currency: string): Amount {
  return bounded(new Exact(amount).toDecimalPlaces(minorUnitsOf(currency), Decimal.ROUND_HALF_UP));
}

/** To four digits behind the point, as amounts are stored that nobody pays as they are: a part of a price. */
export function toStored(amount: Amount): Amount {
  return bounded(new Exact(amount).toDecimalPlaces(4, Decimal.ROUND_HALF_UP));
}

/** Whether an amount can be paid in a currency as it stands: 0.5 yen cannot. */
export function isPayable(amount: Amount, currency: string): boolean {
  return new Exact(amount).decimalPlaces() <= minorUnitsOf(currency);
}
