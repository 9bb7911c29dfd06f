import { Temporal } from 'temporal-polyfill';
import { type Instant, instant } from './clock.js';

/** A month or a year of somebody's own. */
export interface CalendarWindow {
  readonly start: Instant;
  readonly end: Instant;
}

/** The n-th turn is always counted from the anchor, so that a license of the 31st does not drift to the 28th. */
export function calendarWindow(anchor: Instant, unit: 'months' | 'years', now: Instant): CalendarWindow {
  const from = Temporal.Instant.from(anchor).toZonedDateTimeISO('UTC');
  const turn = (count: number): Instant => instant(from.add({ [unit]: count }).epochMilliseconds);
  const passed = from.until(Temporal.Instant.from(now).toZonedDateTimeISO('UTC'), { largestUnit: unit })[
    unit
  ];
  let count = Math.max(0, passed);
  while (turn(count + 1) <= now) count += 1;
  while (count > 0 && turn(count) > now) count -= 1;
  return { start: turn(count), end: turn(count + 1) };
}
