import { Temporal } from 'temporal-polyfill';
import type { Instant } from './clock.js';

/** `UTC`, or an area and a place of the IANA database: offsets and abbreviations follow no summer time. */
const FORM = /^(UTC|[A-Z][A-Za-z]+(\/[A-Za-z0-9_+-]{1,30}){1,2})$/;

export function isTimeZone(name: string): boolean {
  if (!FORM.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** The year that the calendar shows there. */
export function yearIn(timeZone: string, at: Instant): number {
  return Temporal.Instant.from(at).toZonedDateTimeISO(timeZone).year;
}
