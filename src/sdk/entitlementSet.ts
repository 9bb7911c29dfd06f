import { type createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { SIGNED_BY, signedTypes } from '../core/tokenTypes.js';
import { fieldsOf } from './answers.js';
import type { Licensee, Use, Verdict } from './licensee.js';

/** How far this machine's clock and the license server's may stand apart before sets are refused. */
export const CLOCK_TOLERANCE_SECONDS = 30;

/** Asks for nothing that EdDSA does not sign: neither `none` nor a public key taken for a shared secret gets through. */
const ALGORITHMS = ['EdDSA'];

interface Feature {
  readonly expiresAt: string | null;
}

export interface EntitlementSet {
  readonly tenantId: string;
  readonly licensed: boolean;
  readonly features: ReadonlyMap<string, Feature>;
  /** Milliseconds since 1970, by this machine's clock: from when on it is known, renewed, and no longer used. */
  readonly since: number;
  readonly renewAt: number;
  readonly endsAt: number;
}

/** A set is renewed while it still holds, so that nobody waits for it and a short outage goes by unnoticed. */
const RENEWED_AT = 0.8;

function featureIn(value: unknown): [string, Feature] {
  const { featureId, expiresAt = null } = fieldsOf(value);
  const isDated = expiresAt === null || !Number.isNaN(Date.parse(String(expiresAt)));
  if (typeof featureId !== 'string' || !isDated) throw new TypeError('a feature of the set has no shape');
  return [featureId, { expiresAt: expiresAt === null ? null : String(expiresAt) }];
}

/**
 * It holds for as long as it was made for and no longer, counted from when it came: a clock that lags behind the server's
 * prolongs nothing, and one that is ahead within the tolerance does not have it asked for each time.
 */
function setFrom(
  { tenant_id, licensed, features, iat = 0, exp = 0 }: JWTPayload,
  now: number,
): EntitlementSet {
  if (typeof tenant_id !== 'string' || typeof licensed !== 'boolean' || !Array.isArray(features))
    throw new TypeError('the set has no shape');
  const endsAt = Math.min((exp + CLOCK_TOLERANCE_SECONDS) * 1000, now + (exp - iat) * 1000);
  return {
    tenantId: tenant_id,
    licensed,
    features: new Map(features.map(featureIn)),
    since: now,
    renewAt: now + (endsAt - now) * RENEWED_AT,
    endsAt,
  };
}

/** Of whom a set speaks, as far as whoever asked can know: a key or token names a license whose id he does not have. */
function subjectOf(licensee: Licensee): string | undefined {
  return typeof licensee === 'object' && 'customerId' in licensee
    ? `customer:${licensee.customerId}`
    : undefined;
}

export interface Expected {
  readonly licensee: Licensee;
  /** Of the sets before it, or of the options; undefined before the first. */
  readonly tenantId: string | undefined;
  readonly now: number;
}

/** A set that this licensee was given for this moment; throws on any other token, whoever signed it. */
export async function verifiedSet(
  token: string,
  keys: ReturnType<typeof createLocalJWKSet>,
  { licensee, tenantId, now }: Expected,
): Promise<EntitlementSet> {
  const subject = subjectOf(licensee);
  const { payload } = await jwtVerify(token, keys, {
    typ: signedTypes.entitlementSet,
    issuer: SIGNED_BY,
    ...(subject === undefined ? {} : { subject }),
    algorithms: ALGORITHMS,
    currentDate: new Date(now),
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['sub', 'iat', 'exp', 'tenant_id', 'licensed', 'features'],
  });
  // RFC 7519, section 4.1.3: what is addressed to others is refused. Sets name no audience.
  if (payload.aud !== undefined) throw new TypeError('the set is addressed to another audience');
  if (Number(payload.iat) * 1000 > now + CLOCK_TOLERANCE_SECONDS * 1000)
    throw new TypeError('the set was issued in the future: one of the clocks is wrong');
  const set = setFrom(payload, now);
  if (tenantId !== undefined && tenantId !== set.tenantId)
    throw new TypeError('the set belongs to another tenant');
  return set;
}

/** Whether it may still be gone by. A clock that was set back says nothing about how old it is. */
export function holds({ since, endsAt }: EntitlementSet, now: number): boolean {
  return since <= now && now < endsAt;
}

export function verdictOn(set: EntitlementSet, { featureId }: Use, now: number): Verdict {
  const feature = set.features.get(featureId);
  const granted =
    feature !== undefined && (feature.expiresAt === null || Date.parse(feature.expiresAt) > now);
  const base = { featureId, lines: [], limit: null, used: null, windowEndsAt: null };
  if (set.licensed && granted)
    return { ...base, granted: true, code: null, message: null, refusedFeatureId: null };
  const refused = { ...base, granted: false, refusedFeatureId: featureId };
  return set.licensed
    ? { ...refused, code: 'FEATURE_NOT_LICENSED', message: `Feature '${featureId}' not licensed` }
    : { ...refused, code: 'NO_ACTIVE_LICENSE', message: 'No active license found for tenant' };
}
