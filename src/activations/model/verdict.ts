import type { Instant } from '../../core/clock.js';
import { Refusal, type RefusalCode, type RefusalSubject } from '../../core/refusal.js';
import { type Standing, standingAt } from '../../licenses/model.js';
import type { RestrictionType } from '../../templates/model.js';
import { type ActivationFacts, isOver, type LicenseFacts, passesEndOfGrace } from './activation.js';
import {
  nextOpening,
  type RestrictionCode,
  type RestrictionFacts,
  restrictionFailure,
  restrictionRemedy,
} from './restrictions.js';
import { exceeds, leaseLapsed, type SeatCode, type SeatFacts, seatUnit } from './seats.js';

/** The closed list of verdicts, in the order in which they are asked. */
export const verdictCodes = {
  KEY_MALFORMED: 'The license key is not well-formed.',
  NOT_FOUND: 'There is no license with this key, or no activation with this token.',
  DEVICE_BLACKLISTED: 'The device is on the blacklist.',
  LICENSE_REVOKED: 'The license was revoked.',
  LICENSE_SUSPENDED: 'The license is suspended.',
  LICENSE_INACTIVE: 'The license is switched off by its owner.',
  LICENSE_EXPIRED: 'The license has expired.',
  PRODUCT_MISMATCH: 'The license is for another product.',
  VERSION_NOT_COVERED:
    'The version was released after the maintenance of the license ended, or nobody knows when.',
  ACTIVATION_DEACTIVATED: 'The activation was ended.',
  ACTIVATION_EXPIRED: 'The activation was limited in time and is over.',
  FINGERPRINT_MISMATCH: 'The token belongs to another device.',
  USER_MISMATCH: 'The activation names another user.',
  LEASE_EXPIRED: 'The floating lease ran out; a heartbeat takes a new one if a seat is free.',
  RESTRICTED_GEOGRAPHIC: 'The license may not be used in this country, or the country is not known.',
  RESTRICTED_DOMAIN: 'The license may not be used on this domain, or the domain is not known.',
  RESTRICTED_IP_RANGE: 'The license may not be used from this address, or the address is not known.',
  RESTRICTED_MAC_ADDRESS: 'The license may not be used with this MAC address, or it is not known.',
  RESTRICTED_HARDWARE_ID: 'The license may not be used on this hardware, or its id is not known.',
  RESTRICTED_TIME: 'The license may not be used at this hour.',
  TOO_MANY_USERS: 'Every seat is taken by another user.',
  TOO_MANY_DEVICES: 'Every seat is taken by another device.',
  TOO_MANY_CPUS: 'More processors than the license covers would be in use.',
  TOO_MANY_CORES: 'More cores than the license covers would be in use.',
  TOO_MANY_LEASES: 'Every floating seat is taken.',
  FEATURE_NOT_LICENSED: 'The license does not grant a feature that was asked for.',
  NOT_ACTIVATED: 'This device has not been activated.',
  SIGNATURE_INVALID: 'The license file is not as the vendor signed it.',
  FILE_EXPIRED: 'The license file is over.',
  CLOCK_SET_BACK: 'The clock of the device shows less than it has shown.',
  GRACE_PERIOD: 'Valid: the license has expired and is in its grace period.',
  VALID: 'Valid.',
} as const;
export type VerdictCode = keyof typeof verdictCodes;
export type FailingCode = Exclude<VerdictCode, 'GRACE_PERIOD' | 'VALID'>;

export interface Reason {
  readonly code: VerdictCode;
  readonly message: string;
  /** What would make the rule pass, in a sentence. */
  readonly remedy: string;
}

export interface Verdict {
  readonly valid: boolean;
  readonly code: VerdictCode;
  readonly reasons: readonly Reason[];
}

/** A version of the product; without the day of its release it is not known to the vendor. */
export interface VersionFacts {
  readonly name: string;
  readonly releasedAt: Instant | null;
}

/** Everything that the rules look at; what is absent was not asked. */
export interface Facts extends SeatFacts {
  readonly now: Instant;
  readonly license: LicenseFacts;
  /** The activation of the device or token in question. */
  readonly activation?: ActivationFacts | undefined;
  /** A device was named, by fingerprint or token. */
  readonly deviceNamed: boolean;
  readonly blacklisted?: boolean | undefined;
  readonly fingerprintMatches?: boolean | undefined;
  readonly user?: string | undefined;
  readonly productId?: string | undefined;
  readonly version?: VersionFacts | undefined;
  readonly features?: readonly string[] | undefined;
  /** An activation that is being made by an emergency code passes the limit and the end of grace, and nothing else. */
  readonly emergency?: boolean | undefined;
  /** Given for every activation and validation: a fact that is missing in it refuses where a restriction needs it. */
  readonly restrictionFacts?: RestrictionFacts | undefined;
  /** Of a license file that is judged: whether it is as it was signed, when it ends, and whether time went backwards. */
  readonly signatureValid?: boolean | undefined;
  readonly fileExpiresAt?: Instant | undefined;
  readonly clockSetBack?: boolean | undefined;
}

let standing: { readonly license: LicenseFacts; readonly now: Instant; readonly is: Standing } | undefined;

/** Five rules ask it of the same facts, and those of a batch of heartbeats mostly of one license: the last is kept. */
function statusOf({ license, now }: Facts): Standing {
  if (standing?.license !== license || standing.now !== now)
    standing = { license, now, is: standingAt(license, now) };
  return standing.is;
}

function active({ activation, now }: Facts): boolean {
  return activation?.status === 'ACTIVE' && !isOver(activation.expiresAt, now);
}

const isEmergency = ({ emergency, activation }: Facts): boolean =>
  emergency === true || activation?.activationType === 'EMERGENCY';

/** An emergency passes over the end of grace, but not over what lay beneath it. */
const passesGrace = (facts: Facts): boolean =>
  isEmergency(facts) && passesEndOfGrace(facts.license, facts.now);

function grantsFeature({ license, now }: Facts, featureId: string): boolean {
  const feature = license.features.find((each) => each.featureId === featureId);
  return feature?.enabled === true && !isOver(feature.expiresAt, now);
}

function featuresMissing(facts: Facts): readonly string[] {
  return (facts.features ?? []).filter((feature) => !grantsFeature(facts, feature));
}

/**
 * Maintenance covers what was released while it ran, and the version that was bought. A version without a day of release
 * is out now at the latest: it is covered as long as maintenance runs.
 */
function coversVersion({ license, version, now }: Facts): boolean {
  const { maintenanceExpiry, productVersion } = license;
  if (version === undefined || maintenanceExpiry === null || version.name === productVersion) return true;
  return (version.releasedAt ?? now) <= maintenanceExpiry;
}

function versionRemedy({ license, version }: Facts): string {
  const covered = `Use version ${license.productVersion} or one that was released by ${license.maintenanceExpiry}`;
  const unknown = version?.releasedAt === null ? ', have the release of this version recorded' : '';
  return `${covered}${unknown}, or renew the maintenance.`;
}

const FETCH_AGAIN = 'Fetch the license file again: it was changed, or signed by somebody else.';

interface Rule {
  readonly code: FailingCode;
  fails(facts: Facts): boolean;
  /** Asked of a rule that fails. */
  remedy(facts: Facts): string;
}

function seatRule(code: SeatCode): Rule {
  return {
    code,
    fails: (facts) => !isEmergency(facts) && exceeds(facts, code),
    remedy: ({ license, seats }) =>
      `Have others give up seats, or have the limit raised: of ${license.maxActivations} others use ${seats?.others ?? 0}, and ${seats?.own ?? 0} more are asked for.`,
  };
}

function restrictionRule(code: RestrictionCode, type: RestrictionType): Rule {
  const failed = ({ license, restrictionFacts, now }: Facts) =>
    restrictionFacts && restrictionFailure(license.restrictions, type, restrictionFacts, now);
  return {
    code,
    fails: (facts) => failed(facts) !== undefined,
    remedy: (facts) => {
      const failure = failed(facts);
      const opening = type === 'TIME_BASED' ? nextOpening(facts.license.restrictions, facts.now) : undefined;
      return failure === undefined ? '' : restrictionRemedy(failure, opening);
    },
  };
}

/**
 * Every rule in its order. A license in grace passes LICENSE_EXPIRED for a device that is active, or when no device
 * was named; a new device is refused by it.
 */
export const verdictRules: readonly Rule[] = [
  {
    code: 'DEVICE_BLACKLISTED',
    fails: (facts) => facts.blacklisted === true,
    remedy: () => 'Ask the vendor to take the device off the blacklist.',
  },
  {
    code: 'LICENSE_REVOKED',
    fails: (facts) => statusOf(facts).status === 'REVOKED',
    remedy: () => 'Get another license: a revoked one never comes back.',
  },
  {
    code: 'LICENSE_SUSPENDED',
    fails: (facts) => statusOf(facts).status === 'SUSPENDED' && !passesGrace(facts),
    remedy: (facts) =>
      statusOf(facts).suspensionCause === 'GRACE_EXPIRED'
        ? 'Renew the license: its grace period is over.'
        : 'Ask the vendor to reinstate the license.',
  },
  {
    code: 'LICENSE_INACTIVE',
    fails: (facts) => statusOf(facts).status === 'INACTIVE',
    remedy: () => 'Have its owner switch the license on.',
  },
  {
    code: 'LICENSE_EXPIRED',
    fails: (facts) => statusOf(facts).inGrace && facts.deviceNamed && !active(facts) && !isEmergency(facts),
    remedy: () => 'Renew the license: in its grace period it takes no new device.',
  },
  {
    code: 'PRODUCT_MISMATCH',
    fails: (facts) => facts.productId !== undefined && facts.productId !== facts.license.productId,
    remedy: ({ license, productId }) =>
      `Use a license of product ${productId}: this one is of product ${license.productId}.`,
  },
  { code: 'VERSION_NOT_COVERED', fails: (facts) => !coversVersion(facts), remedy: versionRemedy },
  {
    code: 'ACTIVATION_DEACTIVATED',
    fails: (facts) => facts.activation?.status === 'DEACTIVATED',
    remedy: () => 'Activate the device again.',
  },
  {
    code: 'ACTIVATION_EXPIRED',
    fails: (facts) => isOver(facts.activation?.expiresAt ?? null, facts.now),
    remedy: ({ activation }) =>
      `Activate the device again: this activation ended at ${activation?.expiresAt}.`,
  },
  {
    code: 'FINGERPRINT_MISMATCH',
    fails: (facts) => facts.fingerprintMatches === false,
    remedy: () => 'Activate this device for itself: the token belongs to another one.',
  },
  {
    code: 'USER_MISMATCH',
    fails: ({ activation, license, user }) =>
      seatUnit(license) === 'USER' && user !== undefined && (activation?.userRef ?? user) !== user,
    remedy: () => 'Ask as the user whom the activation names, or end it and activate for this one.',
  },
  {
    code: 'LEASE_EXPIRED',
    fails: (facts) =>
      !isEmergency(facts) &&
      active(facts) &&
      facts.activation !== undefined &&
      leaseLapsed(facts.activation, facts.now),
    remedy: () => 'Send a heartbeat, or activate again: it takes a seat as soon as one is free.',
  },
  restrictionRule('RESTRICTED_GEOGRAPHIC', 'GEOGRAPHIC'),
  restrictionRule('RESTRICTED_DOMAIN', 'DOMAIN'),
  restrictionRule('RESTRICTED_IP_RANGE', 'IP_RANGE'),
  restrictionRule('RESTRICTED_MAC_ADDRESS', 'MAC_ADDRESS'),
  restrictionRule('RESTRICTED_HARDWARE_ID', 'HARDWARE_ID'),
  restrictionRule('RESTRICTED_TIME', 'TIME_BASED'),
  seatRule('TOO_MANY_USERS'),
  seatRule('TOO_MANY_DEVICES'),
  seatRule('TOO_MANY_CPUS'),
  seatRule('TOO_MANY_CORES'),
  seatRule('TOO_MANY_LEASES'),
  {
    code: 'FEATURE_NOT_LICENSED',
    fails: (facts) => featuresMissing(facts).length > 0,
    remedy: (facts) => `Have the license extended by: ${featuresMissing(facts).join(', ')}.`,
  },
  {
    code: 'NOT_ACTIVATED',
    fails: (facts) =>
      facts.activation === undefined && (facts.deviceNamed || statusOf(facts).status === 'PENDING'),
    remedy: (facts) =>
      facts.deviceNamed ? 'Activate this device.' : 'Activate a device: the license begins with the first.',
  },
  {
    code: 'SIGNATURE_INVALID',
    fails: (facts) => facts.signatureValid === false,
    remedy: () => FETCH_AGAIN,
  },
  {
    code: 'FILE_EXPIRED',
    fails: (facts) => isOver(facts.fileExpiresAt ?? null, facts.now),
    remedy: ({ fileExpiresAt }) => `Fetch a new license file: this one ended at ${fileExpiresAt}.`,
  },
  {
    code: 'CLOCK_SET_BACK',
    fails: (facts) => facts.clockSetBack === true,
    remedy: () => 'Set the clock of the device right.',
  },
];

type UnjudgedCode = 'KEY_MALFORMED' | 'NOT_FOUND' | 'SIGNATURE_INVALID';
const unjudged: Readonly<Record<UnjudgedCode, string>> = {
  KEY_MALFORMED: 'Give the whole key: XXXX-XXXX-XXXX-XXXX-XXXX, of digits and letters.',
  NOT_FOUND: 'Look for a slip in the key or token; a device that was active can activate again.',
  SIGNATURE_INVALID: FETCH_AGAIN,
};

/** The verdict where there is no license to judge; nothing of a file is believed that is not as it was signed. */
export function refusedVerdict(code: UnjudgedCode): Verdict {
  return { valid: false, code, reasons: [{ code, message: verdictCodes[code], remedy: unjudged[code] }] };
}

export function verdictOn(facts: Facts): Verdict {
  const reasons = verdictRules
    .filter((rule) => rule.fails(facts))
    .map(
      (rule): Reason => ({
        code: rule.code,
        message: verdictCodes[rule.code],
        remedy: rule.remedy(facts),
      }),
    );
  const [first] = reasons;
  if (first !== undefined) return { valid: false, code: first.code, reasons };
  return { valid: true, code: statusOf(facts).inGrace ? 'GRACE_PERIOD' : 'VALID', reasons: [] };
}

/** The contract's code for each verdict, when an act is refused by it. */
export const refusalCodeOf: Readonly<Record<FailingCode, RefusalCode>> = {
  KEY_MALFORMED: 'INVALID_LICENSE_KEY_FORMAT',
  NOT_FOUND: 'LICENSE_NOT_FOUND',
  DEVICE_BLACKLISTED: 'DEVICE_BLACKLISTED',
  LICENSE_REVOKED: 'LICENSE_REVOKED',
  LICENSE_SUSPENDED: 'LICENSE_SUSPENDED',
  LICENSE_INACTIVE: 'LICENSE_INACTIVE',
  LICENSE_EXPIRED: 'LICENSE_EXPIRED',
  PRODUCT_MISMATCH: 'PRODUCT_MISMATCH',
  VERSION_NOT_COVERED: 'VERSION_NOT_COVERED',
  ACTIVATION_DEACTIVATED: 'ACTIVATION_DEACTIVATED',
  ACTIVATION_EXPIRED: 'ACTIVATION_EXPIRED',
  FINGERPRINT_MISMATCH: 'FINGERPRINT_MISMATCH',
  USER_MISMATCH: 'USER_MISMATCH',
  LEASE_EXPIRED: 'LEASE_EXPIRED',
  RESTRICTED_GEOGRAPHIC: 'RESTRICTED_GEOGRAPHIC',
  RESTRICTED_DOMAIN: 'RESTRICTED_DOMAIN',
  RESTRICTED_IP_RANGE: 'RESTRICTED_IP_RANGE',
  RESTRICTED_MAC_ADDRESS: 'RESTRICTED_MAC_ADDRESS',
  RESTRICTED_HARDWARE_ID: 'RESTRICTED_HARDWARE_ID',
  RESTRICTED_TIME: 'RESTRICTED_TIME',
  TOO_MANY_USERS: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_DEVICES: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_CPUS: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_CORES: 'ACTIVATION_LIMIT_EXCEEDED',
  TOO_MANY_LEASES: 'ACTIVATION_LIMIT_EXCEEDED',
  FEATURE_NOT_LICENSED: 'FEATURE_NOT_LICENSED',
  NOT_ACTIVATED: 'ACTIVATION_NOT_FOUND',
  SIGNATURE_INVALID: 'SIGNATURE_INVALID',
  FILE_EXPIRED: 'FILE_EXPIRED',
  CLOCK_SET_BACK: 'CLOCK_SET_BACK',
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
  const details = { verdict: failed.code, remedy: failed.remedy(facts), ...limit, ...why };
  throw new Refusal(refusalCodeOf[failed.code], verdictCodes[failed.code], details, about);
}

/** In grace a license goes on for who uses it, and lends nothing beyond its end. */
export function requireRunning({ license, now }: Facts, about: RefusalSubject): void {
  if (!standingAt(license, now).inGrace) return;
  throw new Refusal('LICENSE_EXPIRED', 'In its grace period the license lends no seats.', {}, about);
}

/** Verdicts that nobody gets who uses his own: a token on another device, a seat of another user, a device shut out. */
const misuses = ['DEVICE_BLACKLISTED', 'FINGERPRINT_MISMATCH', 'USER_MISMATCH'] as const;

/** The refusal that a verdict stands for, if it is one that has to be recorded: asking is answered and not refused. */
export function misuseIn({ reasons }: Verdict, about: RefusalSubject): Refusal | undefined {
  const found = misuses.find((misuse) => reasons.some(({ code }) => code === misuse));
  return found === undefined ? undefined : new Refusal(found, verdictCodes[found], {}, about);
}
