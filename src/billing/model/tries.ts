import { createHash } from 'node:crypto';

/** As long as a reference may be. */
const LONGEST = 255;

/** What every try of a payment is entered under begins with the payment's own name. */
export const triesPrefix = (reference: string): string => `${reference}/`;

/** How a try is told of: by its own name, or by an event that is sent once for each try and names none; or by neither. */
export interface ToldTry {
  readonly attempt?: string | null | undefined;
  readonly event?: string | null | undefined;
}

/**
 * The name of one try of a payment: the processor's names of both, and behind a blank, which no name has, that of the event
 * that told of it without its own; or what is left of the longest ones and their hash.
 */
export function nameOfTry(reference: string, attempt: string, event = ''): string {
  const name = `${triesPrefix(reference)}${attempt}${event === '' ? '' : ` ${event}`}`;
  if (name.length <= LONGEST) return name;
  const hash = createHash('sha256').update(name).digest('hex');
  return `${triesPrefix(reference.slice(0, LONGEST - hash.length - 1))}${hash}`;
}

interface KnownTry {
  readonly name: string;
  readonly attempt: string;
  readonly event: string;
}

function knownTry(reference: string, name: string): KnownTry {
  const [attempt = '', event = ''] = name.slice(triesPrefix(reference).length).split(' ');
  return { name, attempt, event };
}

/** A try that is to be entered, or that takes another name; undefined where it was told of before. */
export type NewTry = { readonly enter: string } | { readonly from: string; readonly to: string } | undefined;

/**
 * What is new of a try, of which others may have told: each by its name is one, each event without a name is one, and one of
 * both ways stands for the first of the other that nothing stands for. So as many are told of as the larger of both, in
 * whatever order they come. Who knows neither name tells of one that is known already.
 */
export function newTry(reference: string, names: readonly string[], told: ToldTry): NewTry {
  const tries = names.map((name) => knownTry(reference, name));
  const way = told.attempt ? 'attempt' : 'event';
  const own = told[way] ?? '';
  if (own === '') return tries.length > 0 ? undefined : { enter: reference };
  if (tries.some((known) => known[way] === own)) return undefined;
  const other = tries.find((known) => known[way] === '');
  const both = { attempt: other?.attempt ?? '', event: other?.event ?? '' };
  const to =
    way === 'attempt' ? nameOfTry(reference, own, both.event) : nameOfTry(reference, both.attempt, own);
  return other === undefined ? { enter: to } : { from: other.name, to };
}
