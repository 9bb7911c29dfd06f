import { Temporal } from 'temporal-polyfill';
import { type Instant, instant } from './clock.js';

function dayOf(at: Instant, timeZone: string): Temporal.PlainDate {
  return Temporal.Instant.from(at).toZonedDateTimeISO(timeZone).toPlainDate();
}

/** How often midnight passes in a place between two instants; less than 0 where the second is the earlier one. */
export function daysBetween(from: Instant, to: Instant, timeZone: string): number {
  return dayOf(from, timeZone).until(dayOf(to, timeZone), { largestUnit: 'days' }).days;
}

/** The midnight that ends the day of an instant. */
export function endOfDay(at: Instant, timeZone: string): Instant {
  const next = dayOf(at, timeZone).add({ days: 1 }).toZonedDateTime(timeZone);
  return instant(next.epochMilliseconds);
}
