import { createHash } from 'node:crypto';

/** As long as a reference may be. */
const LONGEST = 255;

/** What every try of a payment is entered under begins with the payment's own name. */
export const triesPrefix = (reference: string): string => `${reference}/`;

/** The name of one try of a payment: both names of the processor's, or what is left of the longest ones and their hash. */
export function nameOfTry(reference: string, attempt: string): string {
  const name = `${triesPrefix(reference)}${attempt}`;
  if (name.length <= LONGEST) return name;
  const hash = createHash('sha256').update(name).digest('hex');
  return `${triesPrefix(reference.slice(0, LONGEST - hash.length - 1))}${hash}`;
}
