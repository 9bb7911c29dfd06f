import { Temporal } from 'temporal-polyfill';

/**
 * A point in time as ISO 8601 in UTC with milliseconds: `2026-10-16T12:00:00.000Z`.
 * One text form from the database to the answer: instants compare with `<` as they stand.
 */
export type Instant = string & { readonly __type: 'Instant' };

export type Clock = () => Instant;

/** The span that the system takes: four-digit years keep the text order equal to the time order. */
export const EARLIEST = '1970-01-01T00:00:00.000Z' as Instant;
export const LATEST = '9000-01-01T00:00:00.000Z' as Instant;

export const DAY_MILLIS = 86_400_000;

export function instant(millis: number): Instant {
  return new Date(millis).toISOString() as Instant;
}

export function millis(at: Instant): number {
  return Date.parse(at);
}

export const systemClock: Clock = () => instant(Date.now());

const RFC3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;

/** Reads an RFC 3339 date-time; undefined when it is none, names no real day, or lies outside EARLIEST..LATEST. */
export function parseInstant(text: string): Instant | undefined {
  if (!RFC3339.test(text)) return undefined;
  try {
    const read = instant(Temporal.Instant.from(text).epochMilliseconds);
    return read >= EARLIEST && read <= LATEST ? read : undefined;
  } catch {
    return undefined;
  }
}

/** The later of what is known and what comes now, whatever clock either was read from. */
export function latest(known: Instant | null, next: Instant): Instant {
  return known !== null && known > next ? known : next;
}

export function earliest(one: Instant, other: Instant): Instant {
  return one < other ? one : other;
}

export function addMillis(at: Instant, amount: number): Instant {
  return instant(millis(at) + amount);
}

export function addDays(at: Instant, days: number): Instant {
  return addMillis(at, days * DAY_MILLIS);
}

/** Midnights between two instants, by the clock of a time zone: how many days lie ahead. */
export function calendarDays(from: Instant, to: Instant, timeZone: string): number {
  const dayOf = (at: Instant) => Temporal.Instant.from(at).toZonedDateTimeISO(timeZone).toPlainDate();
  return dayOf(from).until(dayOf(to), { largestUnit: 'days' }).days;
}

/** Calendar months in UTC; a day that the month lacks becomes its last: 31 January + 1 month = end of February. */
export function addMonths(at: Instant, months: number): Instant {
  const moved = Temporal.Instant.from(at).toZonedDateTimeISO('UTC').add({ months });
  return instant(moved.epochMilliseconds);
}
