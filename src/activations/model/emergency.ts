import { addDays, addMillis, type Instant } from '../../core/clock.js';
import { Refusal, type RefusalSubject } from '../../core/refusal.js';

export const emergencyEvents = ['emergency_code.generated', 'emergency_code.used'] as const;

/** How long a code can be used, and how long what it was used for lasts. */
export const EMERGENCY_HOURS = 24;
/** Codes of one license in so many days: an emergency is none that comes every week. */
export const MOST_CODES = 3;
export const CODE_DAYS = 30;

export function emergencyEnd(now: Instant): Instant {
  return addMillis(now, EMERGENCY_HOURS * 3_600_000);
}

/** Crockford's letters and digits: none is taken for another one when it is read out over the telephone. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE = /^[0-9A-HJKMNP-TV-Z]{20}$/;

/** `EMG-` and four groups of five, of bytes of which each gives five bits: 100 in all. */
export function emergencyCodeOf(bytes: Uint8Array): string {
  const letters = [...bytes.subarray(0, 20)].map((byte) => LETTERS.charAt(byte % 32)).join('');
  return `EMG-${(letters.match(/.{5}/g) ?? []).join('-')}`;
}

/** The twenty letters of a code as somebody has typed it; undefined when it is none. */
export function parseEmergencyCode(given: string): string | undefined {
  const typed = given.replace(/[\s-]/g, '').toUpperCase().replace(/^EMG/, '');
  const letters = typed.replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  return CODE.test(letters) ? letters : undefined;
}

/** Its answer is the same for a code of another license, of another tenant and of nobody. */
export function emergencyCodeUnknown(about: RefusalSubject): Refusal {
  const message = 'The emergency code is none of this license.';
  return new Refusal('EMERGENCY_CODE_UNKNOWN', message, {}, about);
}

export function emergencyCodeUsed(about: RefusalSubject): Refusal {
  const message = 'The emergency code was used for another device, or for this one and is over.';
  return new Refusal('EMERGENCY_CODE_USED', message, {}, about);
}

export function emergencyCodeExpired(expiredAt: Instant, about: RefusalSubject): Refusal {
  const message = `The emergency code ended at ${expiredAt}; have a new one generated.`;
  return new Refusal('EMERGENCY_CODE_EXPIRED', message, { expiredAt }, about);
}

/** `made` are the instants of the newest codes, the newest first. */
export function requireCodeLeft(made: readonly Instant[], now: Instant): void {
  const first = made[MOST_CODES - 1];
  const nextAt = first === undefined ? undefined : addDays(first, CODE_DAYS);
  if (nextAt === undefined || nextAt <= now) return;
  const message = `A license has at most ${MOST_CODES} emergency codes in ${CODE_DAYS} days; the next at ${nextAt}.`;
  throw new Refusal('EMERGENCY_CODE_LIMIT_EXCEEDED', message, { nextAt });
}
