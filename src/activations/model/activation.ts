/**
 * Activations own devices in the field: who may activate, how seats are counted, what a validation answers.
 * Asking returns a verdict: `verdictRules` in order (verdict.ts), the first that fails is the code, all that fail are
 * reasons. Acting refuses by the same rules in the same order; `refusalCodeOf` maps the one to the other.
 * Seats (seats.ts) are counted under the license's row lock, so that the limit is exact on any number of servers.
 * Restrictions (restrictions.ts) are judged by what the caller tells and where it is; metrics.ts adds up its use.
 * They do not own the license's own status or dates.
 */
import { addMillis, type Instant } from '../../core/clock.js';
import { Refusal } from '../../core/refusal.js';
import { type SuspendableFacts, standingAt } from '../../licenses/model.js';
import type { LicenseFeature, LicenseModel, LicenseRestriction, LicenseType } from '../../templates/model.js';

export const activationTypes = ['ONLINE', 'OFFLINE', 'EMERGENCY'] as const;
export type ActivationType = (typeof activationTypes)[number];

export const activationStatuses = ['ACTIVE', 'DEACTIVATED', 'SUSPENDED', 'EXPIRED'] as const;
export type ActivationStatus = (typeof activationStatuses)[number];

export const activationEvents = [
  'activation.created',
  'activation.renewed',
  'activation.deactivated',
  'activation.signed_offline',
  'activation.registered',
  'license_file.issued',
  'activation.borrowed',
  'activation.released',
  'activation.travelled',
] as const;

export interface LicenseFacts extends SuspendableFacts {
  readonly productId: string;
  /** The version that was current when the license was made; it is always covered. */
  readonly productVersion: string;
  readonly maintenanceExpiry: Instant | null;
  readonly licenseType: LicenseType;
  readonly licenseModel: LicenseModel;
  readonly maxActivations: number;
  readonly features: readonly LicenseFeature[];
  readonly restrictions: readonly LicenseRestriction[];
}

export interface ActivationFacts {
  readonly activationType: ActivationType;
  readonly status: ActivationStatus;
  readonly userRef: string | null;
  readonly expiresAt: Instant | null;
  readonly leaseExpiresAt: Instant | null;
  /** When its seat was counted as free: a lease that was counted out stays over, by whatever clock. */
  readonly seatFreedAt?: Instant | null;
}

/** How an activation is made, and for how long: what is limited in time holds its seat until then and no longer. */
export interface ActivationTerms {
  readonly activationType: ActivationType;
  readonly expiresAt: Instant | null;
  /** Of a floating seat that is held without heartbeats. */
  readonly leaseExpiresAt?: Instant | null;
}

/** What holds a seat for a device that was signed for, and has neither registered nor connected yet. */
export function isReservation({
  activationType,
  expiresAt,
}: Pick<ActivationFacts, 'activationType' | 'expiresAt'>): boolean {
  return activationType === 'OFFLINE' && expiresAt !== null;
}

export function isOver(end: Instant | null, now: Instant): boolean {
  return end !== null && end <= now;
}

/** Whether nothing but the end of grace suspends a license; what lay beneath it, an owner who switched it off, is no such end. */
export function passesEndOfGrace(license: SuspendableFacts, now: Instant): boolean {
  const isOff = license.status === 'INACTIVE' || license.suspendedFrom === 'INACTIVE';
  return !isOff && standingAt(license, now).suspensionCause === 'GRACE_EXPIRED';
}

/** The status that an activation reads: it follows its license, and comes back with it. */
export function activationStatusAt(
  activation: Pick<ActivationFacts, 'status' | 'expiresAt' | 'activationType'>,
  license: SuspendableFacts,
  now: Instant,
): ActivationStatus {
  if (activation.status !== 'ACTIVE') return activation.status;
  if (isOver(activation.expiresAt, now)) return 'EXPIRED';
  if (activation.activationType === 'EMERGENCY' && passesEndOfGrace(license, now)) return 'ACTIVE';
  return standingAt(license, now).status === 'SUSPENDED' ? 'SUSPENDED' : 'ACTIVE';
}

/** After a new token was handed out, those before it serve this long, or until a later one is used. */
export const EARLIER_TOKEN_HOURS = 24;
/** Tokens of a device that serve beside its current one; each stands for an answer that may have been lost. */
export const MOST_EARLIER_TOKENS = 4;

export function earlierTokenEnd(now: Instant): Instant {
  return addMillis(now, EARLIER_TOKEN_HOURS * 3_600_000);
}

export function activationNotFound(id?: string): Refusal {
  const message =
    id === undefined ? 'There is no activation with this token.' : `There is no activation ${id}.`;
  return new Refusal('ACTIVATION_NOT_FOUND', message, id === undefined ? {} : { id });
}
