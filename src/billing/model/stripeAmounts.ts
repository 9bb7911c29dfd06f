import { Decimal } from 'decimal.js';
import { type Amount, parseAmount } from '../../core/money.js';

/**
 * How many decimals Stripe counts a currency in (https://docs.stripe.com/currencies), which is not always what ISO 4217
 * says: the ariary has none there, and the krona and the Ugandan shilling have two that are always zero.
 */
const decimals: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF'.split(' ').map((code) => [code, 0]),
  ),
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3])),
};

/** The last of three decimals has to be zero, and two decimals of what has none: the smallest step in units. */
const steps: Readonly<Record<string, number>> = {
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 10])),
  ISK: 100,
  UGX: 100,
};

/** An amount as Stripe takes it, in its smallest units; undefined where it has no such amount. */
export function toStripe(amount: Amount, currency: string): string | undefined {
  const units = new Decimal(amount).times(new Decimal(10).pow(decimals[currency] ?? 2));
  const isWhole = units.mod(steps[currency] ?? 1).isZero();
  return isWhole && units.isPositive() ? units.toFixed(0) : undefined;
}

/** An amount as Stripe tells it; undefined when it is none. */
export function fromStripe(units: number, currency: string): Amount | undefined {
  if (!Number.isSafeInteger(units) || units < 0) return undefined;
  return parseAmount(new Decimal(units).div(new Decimal(10).pow(decimals[currency] ?? 2)).toFixed());
}
