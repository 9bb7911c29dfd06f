import { addDays, addMillis, earliest, type Instant, millis } from '../../core/clock.js';
import { Refusal, type RefusalSubject } from '../../core/refusal.js';
import { graceEnd, type StatusFacts } from '../../licenses/model.js';
import type { LicenseRestriction, RestrictionType } from '../../templates/model.js';
import type { ActivationType } from './activation.js';
import { refusalCodeOf } from './verdict.js';

/**
 * A seat is kept for longer than its response holds: a device takes a response for good for some minutes after its end,
 * as its clock may be slow.
 */
const KEPT_LONGER_MILLIS = 600_000;
/** Clocks of devices that nobody sets are wrong by hours; one that is ahead by more makes whatever it verifies worthless. */
const AHEAD_MILLIS = 86_400_000;

/** Where a device without a connection is, nobody sees; what identifies it is bound, not listed. */
const judgedOffline: ReadonlySet<RestrictionType> = new Set(['GEOGRAPHIC', 'DOMAIN', 'TIME_BASED']);

export function offlineRestrictions(restrictions: readonly LicenseRestriction[]): LicenseRestriction[] {
  return restrictions.filter(({ restrictionType }) => judgedOffline.has(restrictionType));
}

/** Whether a device is bound to a fact of this type: only where the license asks for it. */
export function isRestrictedBy(restrictions: readonly LicenseRestriction[], type: RestrictionType): boolean {
  return restrictions.some(({ restrictionType }) => restrictionType === type);
}

/** Until when the seat is kept of a device whose response holds until then. */
export function keptUntil(responseEnd: Instant): Instant {
  return addMillis(responseEnd, KEPT_LONGER_MILLIS);
}

interface Bounds {
  readonly license: StatusFacts;
  /** Of the device; to what an emergency code gave, the end of grace is none. */
  readonly activationType?: ActivationType | undefined;
  readonly ends: readonly (Instant | null | undefined)[];
}

/** When a document ends that may hold for so many days: with its license's grace, or whatever else ends sooner. */
export function documentEnd(now: Instant, days: number, { license, activationType, ends }: Bounds): Instant {
  const licenseEnd = activationType === 'EMERGENCY' ? null : graceEnd(license);
  return [licenseEnd, ...ends]
    .filter((end): end is Instant => end !== null && end !== undefined)
    .reduce(earliest, addDays(now, days));
}

/** Whole seconds: tokens count no smaller ones, and none ends later than it may. */
export function secondsUntil(end: Instant, now: Instant): number {
  return Math.max(0, Math.floor((millis(end) - millis(now)) / 1000));
}

export function codeInvalid(): Refusal {
  const message =
    'The request code cannot be read: it was cut or changed on the way, or is for somebody else.';
  return new Refusal('OFFLINE_CODE_INVALID', message);
}

/** A request that is too old, or that a device made whose clock is ahead. */
export function requireFresh(madeAt: Instant, now: Instant, mostDays: number, about: RefusalSubject): void {
  if (madeAt > addMillis(now, AHEAD_MILLIS)) {
    const message = `By its device's clock the request was made at ${madeAt}: set that clock right, and make a new one.`;
    throw new Refusal('OFFLINE_CODE_EXPIRED', message, { madeAt }, about);
  }
  if (addDays(madeAt, mostDays) > now) return;
  const message = `The request was made at ${madeAt}, more than ${mostDays} days ago: make a new one on the device.`;
  throw new Refusal('OFFLINE_CODE_EXPIRED', message, { madeAt }, about);
}

export function requireRunning(end: Instant, now: Instant, about: RefusalSubject): void {
  if (now < end) return;
  const message = `The response ended at ${end}, and the seat with it: make a new request on the device.`;
  throw new Refusal('OFFLINE_CODE_EXPIRED', message, { expiresAt: end }, about);
}

export function codeMismatch(about: RefusalSubject): Refusal {
  const message = 'The response answers another request than this one.';
  return new Refusal('OFFLINE_CODE_MISMATCH', message, {}, about);
}

/** The nonce of a request that was answered, from a device that has not the seat that was kept for it. */
export function requestAnswered(about: RefusalSubject): Refusal {
  const message =
    'The request was answered, for another device or for a seat that was given up: make a new one on the device.';
  return new Refusal('OFFLINE_CODE_MISMATCH', message, {}, about);
}

export function codeUsed(about: RefusalSubject): Refusal {
  const message = 'These codes have been used: make a new request on the device.';
  return new Refusal('OFFLINE_CODE_USED', message, {}, about);
}

/** A device takes nothing longer, and the license is read in full from its document. */
export function requireCarriable(document: string, limit: number, about: RefusalSubject): void {
  const characters = document.length;
  if (characters <= limit) return;
  const message = `With its features and restrictions the document has ${characters} characters, and may have ${limit}: have the license cut down.`;
  throw new Refusal('DOCUMENT_TOO_LARGE', message, { characters, limit }, about);
}

/** A response that is not as we signed it. */
export function responseForged(about: RefusalSubject): Refusal {
  const message =
    'The response code is not as it was signed: it was cut or changed on the way. Take it as it was answered.';
  return new Refusal(refusalCodeOf.SIGNATURE_INVALID, message, { verdict: 'SIGNATURE_INVALID' }, about);
}
