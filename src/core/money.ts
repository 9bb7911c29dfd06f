import { Decimal } from 'decimal.js';

/** A decimal number as text, `numeric(19,4)` in the database: never a float. */
export type Amount = string & { readonly __type: 'Amount' };

const LARGEST = new Decimal('999999999999999.9999');

/** Reads a decimal of at most 15 digits before and 4 behind the point; undefined when it is none. */
export function parseAmount(value: string | number): Amount | undefined {
  if (!/^-?\d{1,15}(\.\d{1,4})?$/.test(String(value))) return undefined;
  const read = new Decimal(value);
  return read.abs().lte(LARGEST) ? (read.toFixed() as Amount) : undefined;
}

/** The same amount in its shortest form: `100.5000` and `100.50` are `100.5`. */
export function plainAmount(value: string): Amount {
  return new Decimal(value).toFixed() as Amount;
}

export function isNegative(amount: Amount): boolean {
  return new Decimal(amount).isNegative();
}
