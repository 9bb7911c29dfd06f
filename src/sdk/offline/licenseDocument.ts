import type { ActivationType } from '../../activations/model/activation.js';
import { activationTypes } from '../../activations/model/activation.js';
import { type Instant, instant } from '../../core/clock.js';
import {
  type LicenseFeature,
  type LicenseModel,
  type LicenseRestriction,
  type LicenseType,
  licenseModels,
  licenseTypes,
  limitPeriods,
  limitTypes,
  overages,
  restrictionOperators,
  restrictionTypes,
} from '../../templates/model.js';
import { type DeviceBinding, readDeviceBinding } from './deviceBinding.js';
import { among, listOf, moment, orNull, type Read, readOr, record, text, truth, whole } from './shape.js';

/** What a document says of its license. */
export interface DocumentLicense {
  readonly id: string;
  readonly productId: string;
  readonly productName: string;
  readonly productVersion: string;
  readonly licenseType: LicenseType;
  readonly licenseModel: LicenseModel;
  readonly issuedTo: string;
  readonly issuedDate: Instant;
  readonly expiryDate: Instant | null;
  readonly gracePeriodDays: number | null;
  readonly maintenanceExpiry: Instant | null;
  readonly maxActivations: number;
  readonly features: readonly LicenseFeature[];
  /** Those that can be judged without a connection; what was judged when it was signed is bound instead. */
  readonly restrictions: readonly LicenseRestriction[];
}

export interface DocumentActivation {
  readonly id: string;
  readonly activationType: ActivationType;
  readonly expiresAt: Instant | null;
  readonly leaseExpiresAt: Instant | null;
}

/** A license with its activation, as a license file and the answer to a request carry it. */
export interface LicenseContent {
  readonly tenantId: string;
  /** Of the revocation list when it was signed: an older list is no evidence. */
  readonly epoch: number;
  readonly license: DocumentLicense;
  /** Null for a license whose devices are not counted. */
  readonly activation: DocumentActivation | null;
  readonly device: DeviceBinding | null;
  /** The device as revocation lists name it; says nothing to anybody else. */
  readonly deviceId: string | null;
  /** Of the request that it answers; null in a license file. */
  readonly nonce: string | null;
}

export interface LicenseDocument extends LicenseContent {
  readonly id: string;
  readonly issuedAt: Instant;
  readonly expiresAt: Instant;
}

const LONGEST = 1_024;
const MOST_ENTRIES = 1_000;
const MOST_VALUES = 1_000;

const readFeature = record<LicenseFeature>({
  featureId: text(LONGEST),
  featureName: text(LONGEST),
  enabled: truth,
  limitValue: orNull(whole(0, Number.MAX_SAFE_INTEGER)),
  limitType: orNull(among(limitTypes)),
  limitPeriod: among(limitPeriods),
  overage: among(overages),
  expiresAt: orNull(moment),
});

const readRestriction = record<LicenseRestriction>({
  restrictionType: among(restrictionTypes),
  operator: among(restrictionOperators),
  values: listOf(text(LONGEST), MOST_VALUES),
});

const readLicense = record<DocumentLicense>({
  id: text(36),
  productId: text(LONGEST),
  productName: text(LONGEST),
  productVersion: text(LONGEST),
  licenseType: among(licenseTypes),
  licenseModel: among(licenseModels),
  issuedTo: text(LONGEST),
  issuedDate: moment,
  expiryDate: orNull(moment),
  gracePeriodDays: orNull(whole(0, 1_000_000)),
  maintenanceExpiry: orNull(moment),
  maxActivations: whole(0, Number.MAX_SAFE_INTEGER),
  features: listOf(readFeature, MOST_ENTRIES),
  restrictions: listOf(readRestriction, MOST_ENTRIES),
});

const readActivation = record<DocumentActivation>({
  id: text(36),
  activationType: among(activationTypes),
  expiresAt: orNull(moment),
  leaseExpiresAt: orNull(moment),
});

/** Seconds as tokens count them, up to the last instant that the system takes. */
const LAST_SECOND = 221_845_392_000;
export const readSeconds: Read<Instant> = (value) => instant(whole(0, LAST_SECOND)(value) * 1000);

interface Claims extends LicenseContent {
  readonly jti: string;
  readonly iat: Instant;
  readonly exp: Instant;
}

const readClaims = record<Claims>({
  jti: text(36),
  iat: readSeconds,
  exp: readSeconds,
  tenantId: text(50),
  epoch: whole(0, Number.MAX_SAFE_INTEGER),
  license: readLicense,
  activation: orNull(readActivation),
  device: orNull(readDeviceBinding),
  deviceId: orNull(text(43)),
  nonce: orNull(text(22, 22)),
});

/** What signed claims say of a license; undefined if any of them is not what it has to be. */
export function documentFrom(claims: unknown): LicenseDocument | undefined {
  const read = readOr(readClaims, claims);
  if (read === undefined) return undefined;
  const { jti, iat, exp, ...content } = read;
  return { ...content, id: jti, issuedAt: iat, expiresAt: exp };
}

/** Absent means null in these documents, and takes no room in a QR code. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== 'object') return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([name, member]) => [name, withoutNulls(member)]));
}

/** What is signed of a document. */
export function claimsOf(id: string, content: LicenseContent): Readonly<Record<string, unknown>> {
  return { jti: id, ...(withoutNulls(content) as object) };
}
