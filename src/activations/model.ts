/**
 * Activations own devices in the field: who may activate, how seats are counted, what a validation answers.
 * Asking returns a verdict: `verdictRules` in order, the first that fails is the code, all that fail are reasons.
 * Acting refuses by the same rules in the same order; `refusalOf` maps the one to the other.
 * Seats are counted under the license's row lock, so that the limit is exact on any number of servers.
 * They do not own the license's own status or dates.
 */
import { addMillis, earliest, type Instant, latest } from '../core/clock.js';
import { invalidInput, Refusal, type RefusalCode, type RefusalSubject } from '../core/refusal.js';
import { type StatusFacts, standingAt } from '../licenses/model.js';
import type { LicenseFeature, LicenseModel, LicenseType } from '../templates/model.js';

export const activationTypes = ['ONLINE', 'OFFLINE', 'EMERGENCY'] as const;
export type ActivationType = (typeof activationTypes)[number];

export const activationStatuses = ['ACTIVE', 'DEACTIVATED', 'SUSPENDED', 'EXPIRED'] as const;
export type ActivationStatus = (typeof activationStatuses)[number];

export const activationEvents = [
  'activation.created',
  'activation.renewed',
  'activation.deactivated',
] as const;

/** The closed list of verdicts, in the order in which they are asked. */
export const verdictCodes = {
  KEY_MALFORMED: 'The license key is not well-formed.',
  NOT_FOUND: 'There is no license with this key, or no activation with this token.',
  LICENSE_REVOKED: 'The license was revoked.',
  LICENSE_SUSPENDED: 'The license is suspended.',
  LICENSE_INACTIVE: 'The license is switched off by its owner.',
  LICENSE_EXPIRED: 'The license has expired.',
  PRODUCT_MISMATCH: 'The license is for another product.',
  ACTIVATION_DEACTIVATED: 'The activation was ended.',
  ACTIVATION_EXPIRED: 'The activation was limited in time and is over.',
  FINGERPRINT_MISMATCH: 'The token belongs to another device.',
  USER_MISMATCH: 'The activation names another user.',
  LEASE_EXPIRED: 'The floating lease ran out; a heartbeat takes a new one if a seat is free.',
  TOO_MANY_USERS: 'Every seat is taken by another user.',
  TOO_MANY_DEVICES: 'Every seat is taken by another device.',
  TOO_MANY_CPUS: 'More processors than the license covers would be in use.',
  TOO_MANY_CORES: 'More cores than the license covers would be in use.',
  TOO_MANY_LEASES: 'Every floating seat is taken.',
  FEATURE_NOT_LICENSED: 'The license does not grant a feature that was asked for.',
  NOT_ACTIVATED: 'This device has not been activated.',
  GRACE_PERIOD: 'Valid: the license has expired and is in its grace period.',
  VALID: 'Valid.',
} as const;
export type VerdictCode = keyof typeof verdictCodes;
type FailingCode = Exclude<VerdictCode, 'GRACE_PERIOD' | 'VALID'>;
type SeatCode = Extract<FailingCode, `TOO_MANY_${string}`>;

export interface Reason {
  readonly code: VerdictCode;
  readonly message: string;
}

export interface Verdict {
  readonly valid: boolean;
  readonly code: VerdictCode;
  readonly reasons: readonly Reason[];
}

export interface LicenseFacts extends StatusFacts {
  readonly productId: string;
  readonly licenseType: LicenseType;
  readonly licenseModel: LicenseModel;
  readonly maxActivations: number;
  readonly features: readonly LicenseFeature[];
}

export interface ActivationFacts {
  readonly status: ActivationStatus;
  readonly userRef: string | null;
  readonly expiresAt: Instant | null;
  readonly leaseExpiresAt: Instant | null;
}

/** Everything that the rules look at; what is absent was not asked. */
export interface Facts {
  readonly now: Instant;
  readonly license: LicenseFacts;
  /** The activation of the device or token in question. */
  readonly activation?: ActivationFacts | undefined;
  /** A device was named, by fingerprint or token. */
  readonly deviceNamed: boolean;
  readonly fingerprintMatches?: boolean | undefined;
  readonly user?: string | undefined;
  readonly productId?: string | undefined;
  readonly features?: readonly string[] | undefined;
  /** Units in use by others, and those that this device would add. */
  readonly seats?: { readonly others: number; readonly own: number } | undefined;
}

const unlimited: ReadonlySet<LicenseModel> = new Set(['SITE_LICENSE', 'ENTERPRISE']);
const seatCodes: Readonly<Record<LicenseModel, SeatCode>> = {
  PER_SEAT: 'TOO_MANY_USERS',
  PER_DEVICE: 'TOO_MANY_DEVICES',
  PER_CPU: 'TOO_MANY_CPUS',
  PER_CORE: 'TOO_MANY_CORES',
  SITE_LICENSE: 'TOO_MANY_DEVICES',
  ENTERPRISE: 'TOO_MANY_DEVICES',
};

/** What one activation counts as: a person, a device, or the processors or cores that it reports. */
export type SeatUnit = 'USER' | 'DEVICE' | 'UNITS';

export function seatUnit(license: Pick<LicenseFacts, 'licenseType' | 'licenseModel'>): SeatUnit {
  if (license.licenseModel === 'PER_CPU' || license.licenseModel === 'PER_CORE') return 'UNITS';
  return license.licenseModel === 'PER_SEAT' || license.licenseType === 'NAMED_USER' ? 'USER' : 'DEVICE';
}

export function isFloating(license: Pick<LicenseFacts, 'licenseType'>): boolean {
  return license.licenseType === 'CONCURRENT';
}

function seatCode(license: LicenseFacts): SeatCode {
  if (isFloating(license)) return 'TOO_MANY_LEASES';
  return seatUnit(license) === 'USER' ? 'TOO_MANY_USERS' : seatCodes[license.licenseModel];
}

/** How much of the limit one device takes: processors or cores count where the model counts them, else one. */
export function seatsTaken(
  license: Pick<LicenseFacts, 'licenseType' | 'licenseModel'>,
  units: number,
): number {
  return seatUnit(license) === 'UNITS' ? units : 1;
}

export function leaseLapsed(activation: Pick<ActivationFacts, 'leaseExpiresAt'>, now: Instant): boolean {
  return over(activation.leaseExpiresAt, now);
}

function active(facts: Facts): boolean {
  const { activation } = facts;
  return activation !== undefined && activation.status === 'ACTIVE' && !over(activation.expiresAt, facts.now);
}

function over(end: Instant | null, now: Instant): boolean {
  return end !== null && end <= now;
}

function exceeds(facts: Facts, code: SeatCode): boolean {
  const { license, seats } = facts;
  if (seats === undefined || unlimited.has(license.licenseModel) || seatCode(license) !== code) return false;
  return seats.others + seats.own > license.maxActivations;
}

/** Whether the seats are free that a claim asks for; one that asks for none has them. */
export function seatIsFree(facts: Facts): boolean {
  return !exceeds(facts, seatCode(facts.license));
}

function grantsFeature(license: LicenseFacts, featureId: string, now: Instant): boolean {
  const feature = license.features.find((each) => each.featureId === featureId);
  return feature?.enabled === true && !over(feature.expiresAt, now);
}

interface Rule {
  readonly code: FailingCode;
  fails(facts: Facts): boolean;
}

const statusOf = (facts: Facts) => standingAt(facts.license, facts.now);

/**
 * Every rule in its order. A license in grace passes LICENSE_EXPIRED for a device that is active, or when no device
 * was named; a new device is refused by it.
 */
export const verdictRules: readonly Rule[] = [
  { code: 'LICENSE_REVOKED', fails: (facts) => statusOf(facts).status === 'REVOKED' },
  { code: 'LICENSE_SUSPENDED', fails: (facts) => statusOf(facts).status === 'SUSPENDED' },
  { code: 'LICENSE_INACTIVE', fails: (facts) => statusOf(facts).status === 'INACTIVE' },
  {
    code: 'LICENSE_EXPIRED',
    fails: (facts) => statusOf(facts).inGrace && facts.deviceNamed && !active(facts),
  },
  {
    code: 'PRODUCT_MISMATCH',
    fails: (facts) => facts.productId !== undefined && facts.productId !== facts.license.productId,
  },
  { code: 'ACTIVATION_DEACTIVATED', fails: (facts) => facts.activation?.status === 'DEACTIVATED' },
  { code: 'ACTIVATION_EXPIRED', fails: (facts) => over(facts.activation?.expiresAt ?? null, facts.now) },
  { code: 'FINGERPRINT_MISMATCH', fails: (facts) => facts.fingerprintMatches === false },
  {
    code: 'USER_MISMATCH',
    fails: ({ activation, license, user }) =>
      seatUnit(license) === 'USER' && user !== undefined && (activation?.userRef ?? user) !== user,
  },
  {
    code: 'LEASE_EXPIRED',
    fails: (facts) =>
      active(facts) && facts.activation !== undefined && leaseLapsed(facts.activation, facts.now),
  },
  { code: 'TOO_MANY_USERS', fails: (facts) => exceeds(facts, 'TOO_MANY_USERS') },
  { code: 'TOO_MANY_DEVICES', fails: (facts) => exceeds(facts, 'TOO_MANY_DEVICES') },
  { code: 'TOO_MANY_CPUS', fails: (facts) => exceeds(facts, 'TOO_MANY_CPUS') },
  { code: 'TOO_MANY_CORES', fails: (facts) => exceeds(facts, 'TOO_MANY_CORES') },
  { code: 'TOO_MANY_LEASES', fails: (facts) => exceeds(facts, 'TOO_MANY_LEASES') },
  {
    code: 'FEATURE_NOT_LICENSED',
    fails: ({ features = [], license, now }) =>
      !features.every((feature) => grantsFeature(license, feature, now)),
  },
  {
    code: 'NOT_ACTIVATED',
    fails: (facts) =>
      facts.activation === undefined && (facts.deviceNamed || statusOf(facts).status === 'PENDING'),
  },
];

function reason(code: VerdictCode): Reason {
  return { code, message: verdictCodes[code] };
}

export function refusedVerdict(code: FailingCode): Verdict {
  return { valid: false, code, reasons: [reason(code)] };
}

export function verdictOn(facts: Facts): Verdict {
  const reasons = verdictRules.filter((rule) => rule.fails(facts)).map((rule) => reason(rule.code));
  const [first] = reasons;
  if (first !== undefined) return { valid: false, code: first.code, reasons };
  return { valid: true, code: statusOf(facts).inGrace ? 'GRACE_PERIOD' : 'VALID', reasons: [] };
}

/** The contract's code for each verdict, when an act is refused by it. */
const refusalCodeOf: Readonly<Record<FailingCode, RefusalCode>> = {
  KEY_MALFORMED: 'INVALID_LICENSE_KEY_FORMAT',
  NOT_FOUND: 'LICENSE_NOT_FOUND',
  LICENSE_REVOKED: 'LICENSE_REVOKED',
  LICENSE_SUSPENDED: 'LICENSE_SUSPENDED',
  LICENSE_INACTIVE: 'LICENSE_INACTIVE',
  LICENSE_EXPIRED: 'LICENSE_EXPIRED',
  PRODUCT_MISMATCH: 'PRODUCT_MISMATCH',
  ACTIVATION_DEACTIVATED: 'ACTIVATION_DEACTIVATED',
  ACTIVATION_EXPIRED: 'ACTIVATION_EXPIRED',
  FINGERPRINT_MISMATCH: 'FINGERPRINT_MISMATCH',
  USER_MISMATCH: 'USER_MISMATCH',
  LEASE_EXPIRED: 'LEASE_EXPIRED',
  TOO_MANY_USERS: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_DEVICES: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_CPUS: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_CORES: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_LEASES: 'ACTIVATION_LIMIT_EXCEEDED',
  FEATURE_NOT_LICENSED: 'FEATURE_NOT_LICENSED',
  NOT_ACTIVATED: 'ACTIVATION_NOT_FOUND',
};

/** The rules that an act asks; an activation does not need to be there yet when it is being made. */
export function requirePassing(
  facts: Facts,
  except: ReadonlySet<FailingCode>,
  about: RefusalSubject = {},
): void {
  const failed = verdictRules.find((rule) => !except.has(rule.code) && rule.fails(facts));
  if (failed === undefined) return;
  const { license, seats, now } = facts;
  const limit = failed.code.startsWith('TOO_MANY')
    ? { current_activations: seats?.others ?? 0, max_activations: license.maxActivations }
    : {};
  const standing = standingAt(license, now);
  const why = failed.code === 'LICENSE_SUSPENDED' ? { reason: standing.suspensionReason } : {};
  const details = { verdict: failed.code, ...limit, ...why };
  throw new Refusal(refusalCodeOf[failed.code], verdictCodes[failed.code], details, about);
}

/** Verdicts that nobody gets who uses his own: a token on another device, a seat of another user. */
const misuses = ['FINGERPRINT_MISMATCH', 'USER_MISMATCH'] as const;

/** The refusal that a verdict stands for, if it is one that has to be recorded: asking is answered and not refused. */
export function misuseIn({ reasons }: Verdict, about: RefusalSubject): Refusal | undefined {
  const found = misuses.find((misuse) => reasons.some(({ code }) => code === misuse));
  return found === undefined ? undefined : new Refusal(found, verdictCodes[found], {}, about);
}

/** The status that an activation reads: it follows its license, and comes back with it. */
export function activationStatusAt(
  activation: ActivationFacts,
  license: StatusFacts,
  now: Instant,
): ActivationStatus {
  if (activation.status !== 'ACTIVE') return activation.status;
  if (over(activation.expiresAt, now)) return 'EXPIRED';
  return standingAt(license, now).status === 'SUSPENDED' ? 'SUSPENDED' : 'ACTIVE';
}

/** After a new token was handed out, the old one serves this long, or until the new one is used. */
export const PREVIOUS_TOKEN_HOURS = 24;

export function previousTokenEnd(now: Instant): Instant {
  return addMillis(now, PREVIOUS_TOKEN_HOURS * 3_600_000);
}

/** What an application tells of its use. Counters add up, peaks keep the highest, the last use the latest. */
export interface UsageMetrics {
  readonly totalRuntimeHours: number;
  readonly featureUsage: Readonly<Record<string, number>>;
  readonly apiCallsCount: number;
  readonly dataProcessedMb: number;
  readonly lastUsedAt: Instant;
  readonly peakConcurrentUsers: number | null;
}

export type ReportedMetrics = { readonly [Name in keyof UsageMetrics]?: UsageMetrics[Name] | undefined };

/** An application names its features; whoever has a token may not fill the row with names without end. */
export const MOST_FEATURES_USED = 500;

/** A heartbeat that would add a name to as many as one activation keeps is refused; the names known go on counting. */
export function requireFewFeatures(
  known: Readonly<Record<string, number>>,
  reported: Readonly<Record<string, number>>,
): void {
  const added = Object.keys(reported).filter((name) => !Object.hasOwn(known, name)).length;
  if (added === 0 || Object.keys(known).length + added <= MOST_FEATURES_USED) return;
  const message = `an activation tells of at most ${MOST_FEATURES_USED} features`;
  throw invalidInput([{ field: 'input.metrics.featureUsage', message }]);
}

function addedUsage(known: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>) {
  // Not by `known[name]`: an application may call a feature `constructor`.
  const sums = new Map(Object.entries(known));
  for (const [name, uses] of Object.entries(more)) sums.set(name, (sums.get(name) ?? 0) + uses);
  return Object.fromEntries(sums);
}

export function mergedMetrics(
  known: UsageMetrics | null,
  reported: ReportedMetrics,
  now: Instant,
): UsageMetrics {
  const peaks = [known?.peakConcurrentUsers, reported.peakConcurrentUsers].filter(
    (peak) => typeof peak === 'number',
  );
  const calls = (known?.apiCallsCount ?? 0) + (reported.apiCallsCount ?? 0);
  return {
    totalRuntimeHours: (known?.totalRuntimeHours ?? 0) + (reported.totalRuntimeHours ?? 0),
    featureUsage: addedUsage(known?.featureUsage ?? {}, reported.featureUsage ?? {}),
    // Past this number JSON does not tell neighbours apart, and the graph could not answer it.
    apiCallsCount: Math.min(calls, Number.MAX_SAFE_INTEGER),
    dataProcessedMb: (known?.dataProcessedMb ?? 0) + (reported.dataProcessedMb ?? 0),
    // A device's clock may be ahead; nothing has been used yet that is to come.
    lastUsedAt: latest(known?.lastUsedAt ?? null, earliest(reported.lastUsedAt ?? now, now)),
    peakConcurrentUsers: peaks.length === 0 ? null : Math.max(...peaks),
  };
}

export function activationNotFound(id?: string): Refusal {
  const message =
    id === undefined ? 'There is no activation with this token.' : `There is no activation ${id}.`;
  return new Refusal('ACTIVATION_NOT_FOUND', message, id === undefined ? {} : { id });
}
