import { type Instant, instant, millis } from '../../core/clock.js';
import type { ActivationId, LicenseId } from '../../core/id.js';
import { Refusal, type RefusalCode } from '../../core/refusal.js';
import type { ActivityType } from '../model.js';

export const incidentEvents = ['incident.reported', 'incident.raised'] as const;

/** What the server has found by itself. */
export interface Finding {
  readonly activityType: ActivityType;
  readonly description: string;
  /** Numbers and codes: no personal data, and no secret. */
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly licenseId?: LicenseId | undefined;
  readonly activationId?: ActivationId | undefined;
  /** Who or what it is about: the same of the same is raised once in a window. */
  readonly subject: string;
}

/** In how long the same is raised once, whatever happens meanwhile. */
export const INCIDENT_WINDOW_MILLIS = 3_600_000;

export function windowKey({ activityType, subject, evidence }: Finding, now: Instant): string {
  const start = instant(millis(now) - (millis(now) % INCIDENT_WINDOW_MILLIS));
  return `${activityType} ${String(evidence.code ?? '')} ${subject} ${start}`;
}

/** Refusals that stand for an incident, with what it is. */
const signs: Partial<Readonly<Record<RefusalCode, readonly [ActivityType, string]>>> = {
  LICENSE_TAMPERED: [
    'TAMPERING_ATTEMPT',
    'What is stored of the license was edited behind the back of the server.',
  ],
  SIGNATURE_INVALID: ['TAMPERING_ATTEMPT', 'Something was shown that is not as it was signed.'],
  CLOCK_SET_BACK: ['TAMPERING_ATTEMPT', 'The clock of a device was set back.'],
  DEVICE_BLACKLISTED: ['API_ABUSE', 'A device that is shut out goes on asking.'],
  FINGERPRINT_MISMATCH: ['API_ABUSE', 'The token of one device was used on another.'],
  EMERGENCY_CODE_UNKNOWN: ['API_ABUSE', 'Somebody tries emergency codes.'],
  RATE_LIMITED: ['API_ABUSE', 'Somebody asks more often than one may.'],
};

export function signOf(code: unknown): readonly [ActivityType, string] | undefined {
  return typeof code === 'string' && Object.hasOwn(signs, code) ? signs[code as RefusalCode] : undefined;
}

/** Of one license, from where on those who only show its key or a token of it are refused. */
export const REPORTS_A_DAY = 20;

export function tooManyReports(retryAfterSeconds: number): Refusal {
  const message = `Of one license ${REPORTS_A_DAY} reports a day are taken from whoever shows its key.`;
  return new Refusal('RATE_LIMITED', message, { retryAfterSeconds });
}
