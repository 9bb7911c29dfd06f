/**
 * Licenses own what a customer holds: its dates, its status, its key, its features and restrictions.
 * The status machine is the table `transitions`; anything that is not a row of it is refused.
 * Time is truth: what a license is at an instant is computed from its dates by `standingAt`, and the same rule
 * stands in SQL in queries.ts. A sweep only records what is already so.
 * Licenses do not own devices or seats (activations), nor meters and verdicts on features (entitlements).
 */
import { addDays, addMonths, type Instant, LATEST } from '../core/clock.js';
import type { FieldProblem } from '../core/refusal.js';
import { invalidInput, Refusal } from '../core/refusal.js';
import type { LicenseFeature, LicenseType } from '../templates/model.js';

export const licenseStatuses = ['ACTIVE', 'INACTIVE', 'EXPIRED', 'SUSPENDED', 'REVOKED', 'PENDING'] as const;
export type LicenseStatus = (typeof licenseStatuses)[number];

/** Why a license is suspended: somebody said so, or its grace period ended. */
export const suspensionCauses = ['MANUAL', 'GRACE_EXPIRED'] as const;
export type SuspensionCause = (typeof suspensionCauses)[number];

export const GRACE_EXPIRED = 'Grace period expired';

export const licenseEvents = [
  'license.created',
  'license.updated',
  'license.activated',
  'license.renewed',
  'license.suspended',
  'license.reinstated',
  'license.revoked',
  'license.transferred',
  'license.key_revealed',
  'license.exported',
  'license.sealed',
  'license.expiring',
  'license.expired',
] as const;

type Act =
  | 'activateLicense'
  | 'updateLicense'
  | 'suspendLicense'
  | 'reinstateLicense'
  | 'renewLicense'
  | 'upgradeLicense'
  | 'revokeLicense';

interface Transition {
  readonly act: Act;
  readonly from: LicenseStatus;
  readonly to: LicenseStatus;
}

function moves(act: Act, from: readonly LicenseStatus[], to: readonly LicenseStatus[]): Transition[] {
  return from.flatMap((source) =>
    to.filter((target) => target !== source).map((target) => ({ act, from: source, to: target })),
  );
}

/** Every step that an act may take. Time alone moves ACTIVE and INACTIVE to EXPIRED and on to SUSPENDED. */
export const transitions: readonly Transition[] = [
  ...moves('activateLicense', ['PENDING'], ['ACTIVE']),
  ...moves('updateLicense', ['ACTIVE', 'INACTIVE'], ['ACTIVE', 'INACTIVE']),
  ...moves('suspendLicense', ['ACTIVE', 'INACTIVE', 'PENDING', 'EXPIRED'], ['SUSPENDED']),
  ...moves('reinstateLicense', ['SUSPENDED'], ['ACTIVE', 'INACTIVE', 'PENDING', 'EXPIRED']),
  ...moves('renewLicense', ['EXPIRED', 'SUSPENDED'], ['ACTIVE']),
  // A trial that is bought begins; what is paid for and has lapsed is renewed first.
  ...moves('upgradeLicense', ['PENDING', 'EXPIRED', 'SUSPENDED'], ['ACTIVE']),
  ...moves('revokeLicense', ['ACTIVE', 'INACTIVE', 'PENDING', 'EXPIRED', 'SUSPENDED'], ['REVOKED']),
];

export function mayMove(act: Act, from: LicenseStatus, to: LicenseStatus): boolean {
  return transitions.some((step) => step.act === act && step.from === from && step.to === to);
}

export function requireMove(act: Act, from: LicenseStatus, to: LicenseStatus): void {
  if (mayMove(act, from, to)) return;
  const message = `${act} cannot take a license from ${from} to ${to}.`;
  throw new Refusal('INVALID_TRANSITION', message, { from, to });
}

/** The stored facts from which a status is computed. */
export interface StatusFacts {
  readonly status: LicenseStatus;
  readonly suspensionCause: SuspensionCause | null;
  readonly suspensionReason: string | null;
  readonly expiryDate: Instant | null;
  readonly gracePeriodDays: number | null;
}

/** What a license is at an instant. */
export interface Standing {
  readonly status: LicenseStatus;
  /** Past its expiry and still honoured: active devices stay valid, features stay granted, no new device is taken. */
  readonly inGrace: boolean;
  readonly suspensionCause: SuspensionCause | null;
  readonly suspensionReason: string | null;
}

/** When grace ends; null while nothing bounds the license. An INACTIVE license has no grace. */
export function graceEnd(license: StatusFacts): Instant | null {
  if (license.expiryDate === null) return null;
  return addDays(license.expiryDate, license.status === 'INACTIVE' ? 0 : (license.gracePeriodDays ?? 0));
}

/** The status that holds while nothing has lapsed: an EXPIRED on record whose expiry was moved runs again. */
function running(status: LicenseStatus): LicenseStatus {
  return status === 'EXPIRED' ? 'ACTIVE' : status;
}

/** The one rule of status and time. queries.ts has it in SQL, and a property test holds the two together. */
export function standingAt(license: StatusFacts, now: Instant): Standing {
  const { status, suspensionCause, suspensionReason, expiryDate } = license;
  const end = graceEnd(license);
  const recorded = { status, inGrace: false, suspensionCause, suspensionReason };
  if (status === 'REVOKED' || status === 'SUSPENDED' || status === 'PENDING') return recorded;
  const clear = { suspensionCause: null, suspensionReason: null };
  if (expiryDate === null || end === null || now < expiryDate)
    return { status: running(status), inGrace: false, ...clear };
  if (now < end) return { status: 'EXPIRED', inGrace: true, ...clear };
  return {
    status: 'SUSPENDED',
    inGrace: false,
    suspensionCause: 'GRACE_EXPIRED',
    suspensionReason: GRACE_EXPIRED,
  };
}

export interface SuspendableFacts extends StatusFacts {
  /** What suspension found; null while the license is not suspended. */
  readonly suspendedFrom: LicenseStatus | null;
}

/** How far a license has lapsed. Time goes this way only; renewal alone goes back. */
const lapses: readonly LicenseStatus[] = ['EXPIRED', 'SUSPENDED'];

/**
 * Changed dates may let a license lapse, but not bring it back, whether or not a sweep has recorded the lapse or a
 * suspension for cause lies over it.
 */
export function requireNoRevival(
  license: SuspendableFacts,
  changes: Partial<Pick<StatusFacts, 'expiryDate' | 'gracePeriodDays'>>,
  now: Instant,
): void {
  const beneath = { ...license, status: license.suspendedFrom ?? license.status };
  const from = standingAt(beneath, now).status;
  const to = standingAt({ ...beneath, ...changes }, now).status;
  if (lapses.indexOf(to) >= lapses.indexOf(from)) return;
  const message = 'The license has lapsed; renew it instead of changing its dates.';
  throw new Refusal('INVALID_TRANSITION', message, { from, to });
}

/** Whether the license grants its features at that instant. */
export function grantsAt(license: StatusFacts, now: Instant): boolean {
  const standing = standingAt(license, now);
  return standing.status === 'ACTIVE' || standing.inGrace;
}

export interface RenewalFacts extends StatusFacts {
  readonly licenseType: LicenseType;
  readonly maintenanceExpiry: Instant | null;
  readonly features: readonly LicenseFeature[];
}

export const renewalCauses = ['HAND', 'ORDER', 'CHARGE'] as const;
export type RenewalCause = (typeof renewalCauses)[number];

export interface RenewalTerms {
  readonly durationMonths: number;
  readonly extendMaintenance: boolean;
  readonly upgradeFeatures: readonly LicenseFeature[];
}

export interface Renewal {
  readonly status: LicenseStatus;
  readonly expiryDate: Instant | null;
  readonly maintenanceExpiry: Instant | null;
  readonly features: readonly LicenseFeature[];
}

function requireRenewable(standing: Standing): void {
  const hints: Partial<Record<LicenseStatus, string>> = {
    PENDING: 'It has not begun: activate it first.',
    REVOKED: 'A revoked license never comes back: issue a new one.',
  };
  const forCause = standing.status === 'SUSPENDED' && standing.suspensionCause === 'MANUAL';
  const hint = forCause ? 'Reinstate it first.' : hints[standing.status];
  if (hint === undefined) return;
  const message = `A license that is ${standing.status} cannot be renewed. ${hint}`;
  throw new Refusal('LICENSE_NOT_RENEWABLE', message, { status: standing.status });
}

function laterBy(base: Instant, months: number): Instant {
  const end = addMonths(base, months);
  if (end <= LATEST) return end;
  throw invalidInput([{ field: 'input.durationMonths', message: 'reaches past the year 9000' }]);
}

/** Calendar months on top of the expiry while the license runs or is in grace, otherwise counted from now. */
function extended(end: Instant | null, honoured: boolean, now: Instant, months: number): Instant {
  return laterBy(end !== null && honoured ? end : now, months);
}

/** Replaces by feature id and keeps the order; a feature that is new comes behind. */
export function upgradedFeatures(
  features: readonly LicenseFeature[],
  upgrades: readonly LicenseFeature[],
): readonly LicenseFeature[] {
  const known = new Set(features.map((feature) => feature.featureId));
  const replaced = features.map(
    (feature) => upgrades.find((next) => next.featureId === feature.featureId) ?? feature,
  );
  return [...replaced, ...upgrades.filter((next) => !known.has(next.featureId))];
}

/** Maintenance without an end stays so, except where it is what the renewal sells: then it begins now. */
function maintainedUntil(
  license: RenewalFacts,
  terms: RenewalTerms,
  endless: boolean,
  now: Instant,
): Instant | null {
  const end = license.maintenanceExpiry;
  if (!endless && (!terms.extendMaintenance || end === null)) return end;
  return extended(end, end !== null && end > now, now, terms.durationMonths);
}

/**
 * What a renewal makes of a license. A license without an expiry does not acquire one; its maintenance is what is sold,
 * and begins now where it had none. Maintenance of a license with an expiry is extended if that is asked for, and only
 * where it has an end: null is maintenance for as long as the license runs, which a renewal does not cut short.
 */
export function renewed(license: RenewalFacts, terms: RenewalTerms, now: Instant): Renewal {
  const standing = standingAt(license, now);
  requireRenewable(standing);
  const endless = license.licenseType === 'PERPETUAL' || license.expiryDate === null;
  const honoured = standing.inGrace || standing.status === 'ACTIVE' || standing.status === 'INACTIVE';
  const status = standing.status === 'INACTIVE' ? 'INACTIVE' : 'ACTIVE';
  if (status !== standing.status) requireMove('renewLicense', standing.status, status);
  return {
    status,
    expiryDate: endless
      ? license.expiryDate
      : extended(license.expiryDate, honoured, now, terms.durationMonths),
    maintenanceExpiry: maintainedUntil(license, terms, endless, now),
    features: upgradedFeatures(license.features, terms.upgradeFeatures),
  };
}

const KEY = /^[0-9A-Za-z]{20}$/;

/** `XXXX-XXXX-XXXX-XXXX-XXXX` from 80 random bits. */
export function newLicenseKey(): string {
  // The platform's own source, which browsers have as well: the rules of this file run in applications too.
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return grouped(
    [...bytes]
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join('')
      .toUpperCase(),
  );
}

function grouped(characters: string): string {
  return (characters.match(/.{4}/g) ?? []).join('-');
}

/** Case, spaces and dashes do not matter; undefined when what remains is not twenty letters and digits. */
export function parseLicenseKey(input: string): string | undefined {
  if (input.length > 100) return undefined;
  const characters = input.replace(/[\s-]/g, '');
  return KEY.test(characters) ? grouped(characters.toUpperCase()) : undefined;
}

/** `A1B2-****-****-****-I9J0` */
export function maskLicenseKey(key: string): string {
  return `${key.slice(0, 4)}-****-****-****-${key.slice(-4)}`;
}

export function keyMalformed(): Refusal {
  const message = 'A license key has the form XXXX-XXXX-XXXX-XXXX-XXXX, of digits and letters.';
  return new Refusal('INVALID_LICENSE_KEY_FORMAT', message);
}

export function licenseNotFound(id?: string): Refusal {
  const message = id === undefined ? 'There is no license with this key.' : `There is no license ${id}.`;
  return new Refusal('LICENSE_NOT_FOUND', message, id === undefined ? {} : { id });
}

export function licenseRevoked(id: string): Refusal {
  return new Refusal('LICENSE_REVOKED', `License ${id} was revoked and stays so.`, { id });
}

interface Span {
  readonly licenseType: LicenseType;
  readonly issuedDate: Instant;
  readonly expiryDate: Instant | null;
  readonly trialPeriodDays: number | null;
  readonly status: LicenseStatus;
}

/** What cannot be true of one license at once. */
export function spanProblems(license: Span, now: Instant): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { licenseType, expiryDate, issuedDate, trialPeriodDays, status } = license;
  const trial = licenseType === 'TRIAL' || licenseType === 'EVALUATION';
  if (licenseType === 'PERPETUAL' && expiryDate !== null) {
    problems.push({
      field: 'input.expiryDate',
      message: 'a perpetual license has no expiry; give maintenanceExpiry',
    });
  }
  if (trial && trialPeriodDays === null) {
    problems.push({ field: 'input.trialPeriodDays', message: `a license of type ${licenseType} needs it` });
  }
  if (status === 'PENDING' && !trial) {
    problems.push({
      field: 'input.status',
      message: 'only TRIAL and EVALUATION licenses wait for their first activation',
    });
  }
  if (status === 'PENDING' && expiryDate !== null) {
    problems.push({ field: 'input.expiryDate', message: 'a license that has not begun has no expiry yet' });
  }
  if (trial && status !== 'PENDING' && expiryDate === null) {
    problems.push({ field: 'input.expiryDate', message: 'a trial that has begun has to end' });
  }
  if (issuedDate > now) problems.push({ field: 'input.issuedDate', message: 'must not lie in the future' });
  if (expiryDate !== null && expiryDate <= issuedDate) {
    problems.push({ field: 'input.expiryDate', message: 'must lie after the issue date' });
  }
  return problems;
}

/** Where reinstatement leads: back to where suspension found the license. The end of grace is undone by renewal alone. */
export function reinstatedStatus(license: SuspendableFacts, now: Instant): LicenseStatus {
  const standing = standingAt(license, now);
  const to = license.suspendedFrom ?? 'ACTIVE';
  if (standing.suspensionCause !== 'GRACE_EXPIRED') {
    requireMove('reinstateLicense', standing.status, to);
    return to;
  }
  const message = 'The license is suspended because its grace period ended; renew it instead.';
  throw new Refusal('INVALID_TRANSITION', message, { from: 'SUSPENDED', to });
}
