import { createLocalJWKSet, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { SIGNED_BY, signedTypes } from '../core/tokenTypes.js';
import type { Decision, Licensee, Use, Verdict } from './licensee.js';
import type { Remote } from './remote.js';

/** Licensees whose sets are kept; the one that was asked for longest ago goes first. */
const KNOWN_LIMIT = 10_000;

interface Feature {
  readonly featureId: string;
  readonly expiresAt: string | null;
}

interface EntitlementSet {
  readonly licensed: boolean;
  readonly features: ReadonlyMap<string, Feature>;
  readonly endsAt: number;
}

function setFrom({ licensed, features, exp = 0 }: JWTPayload): EntitlementSet {
  const listed = (Array.isArray(features) ? features : []) as readonly Feature[];
  return {
    licensed: licensed === true,
    features: new Map(listed.map((feature) => [feature.featureId, feature])),
    endsAt: exp * 1000,
  };
}

function verdictOn(set: EntitlementSet, { featureId }: Use, now: number): Verdict {
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

/** Decides on features without units in this process, by signed entitlement sets that are kept until they end. */
export class Local {
  readonly #sets = new Map<string, Promise<EntitlementSet>>();
  #keys: ReturnType<typeof createLocalJWKSet> | undefined;

  constructor(
    private readonly remote: Remote,
    private readonly clock: () => number = Date.now,
  ) {}

  async decide(licensee: Licensee, uses: readonly Use[]): Promise<Decision> {
    const set = await this.#setOf(licensee);
    const now = this.clock();
    return { verdicts: uses.map((use) => verdictOn(set, use, now)), grantId: null, uncounted: null };
  }

  async #setOf(licensee: Licensee): Promise<EntitlementSet> {
    const name = JSON.stringify(licensee);
    const known = await this.#sets.get(name)?.catch(() => undefined);
    if (known !== undefined && this.clock() < known.endsAt) return known;
    const loading = this.#load(licensee);
    this.#sets.delete(name);
    this.#sets.set(name, loading);
    const [oldest] = this.#sets.keys();
    if (this.#sets.size > KNOWN_LIMIT && oldest !== undefined) this.#sets.delete(oldest);
    return loading;
  }

  async #load(licensee: Licensee): Promise<EntitlementSet> {
    const token = await this.remote.entitlementSet(licensee);
    if (this.#keys !== undefined) {
      const known = await this.#verified(token, this.#keys).catch(() => undefined);
      if (known !== undefined) return known;
    }
    // Signed with a key that was made since: whoever signs publishes it at once.
    const fresh = createLocalJWKSet((await this.remote.publicKeys()) as JSONWebKeySet);
    this.#keys = fresh;
    return this.#verified(token, fresh);
  }

  async #verified(token: string, keys: ReturnType<typeof createLocalJWKSet>): Promise<EntitlementSet> {
    const { payload } = await jwtVerify(token, keys, {
      typ: signedTypes.entitlementSet,
      issuer: SIGNED_BY,
      algorithms: ['EdDSA'],
      currentDate: new Date(this.clock()),
      clockTolerance: 30,
      requiredClaims: ['sub', 'exp', 'licensed', 'features'],
    });
    return setFrom(payload);
  }
}
