import { type Instant, parseInstant } from '../../core/clock.js';

/** Reads a value that was written elsewhere, or throws Unreadable: what does not fit is never half taken. */
export type Read<Value> = (value: unknown) => Value;

export class Unreadable extends Error {
  override readonly name = 'Unreadable';
}

function required<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Unreadable('a value does not fit');
  return value;
}

/** Text that a database and JSON can both carry. */
export function text(most: number, least = 1): Read<string> {
  return (value) => {
    const fits = typeof value === 'string' && value.length <= most && value.trim().length >= least;
    return required(fits && !value.includes('\0') && value.isWellFormed() ? value : undefined);
  };
}

export function whole(least: number, most: number): Read<number> {
  return (value) =>
    required(
      typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
        ? value
        : undefined,
    );
}

export const truth: Read<boolean> = (value) => required(typeof value === 'boolean' ? value : undefined);

export const moment: Read<Instant> = (value) =>
  required(typeof value === 'string' ? parseInstant(value) : undefined);

export function among<Word extends string>(words: readonly Word[]): Read<Word> {
  return (value) => required(words.find((word) => word === value));
}

/** Null for what is left out, too: absent and null mean the same in all of these documents. */
export function orNull<Value>(read: Read<Value>): Read<Value | null> {
  return (value) => (value === null || value === undefined ? null : read(value));
}

export function listOf<Value>(read: Read<Value>, most: number): Read<readonly Value[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > most) throw new Unreadable('a list does not fit');
    return value.map((item: unknown) => read(item));
  };
}

type Shape<Value> = { readonly [Name in keyof Value]: Read<Value[Name]> };

/** Members that are not named are left behind: a later issuer may write more. */
export function record<Value extends object>(shape: Shape<Value>): Read<Value> {
  const members = Object.entries(shape) as [string, Read<unknown>][];
  return (value) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw new Unreadable('an object does not fit');
    const given = value as Readonly<Record<string, unknown>>;
    const own = (name: string): unknown => (Object.hasOwn(given, name) ? given[name] : undefined);
    return Object.fromEntries(members.map(([name, read]) => [name, read(own(name))])) as Value;
  };
}

/** What was read; undefined if it does not fit. A defect of ours goes on. */
export function readOr<Value>(read: Read<Value>, value: unknown): Value | undefined {
  try {
    return read(value);
  } catch (error) {
    if (error instanceof Unreadable) return undefined;
    throw error;
  }
}
