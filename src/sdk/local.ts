import { createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import { type EntitlementSet, holds, verdictOn, verifiedSet } from './entitlementSet.js';
import type { Decision, Licensee, Use } from './licensee.js';
import { Declined } from './outage.js';
import type { Remote } from './remote.js';

export interface LocalOptions {
  /** The tenant whose sets are taken; without it, that of the first one. */
  readonly tenantId?: string;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

/** Licensees whose sets are kept; the one that was asked for longest ago goes first. */
const KNOWN_LIMIT = 10_000;
/** What the license server publishes is worked with for as long as it says so (`max-age`): then a retired key is gone. */
const KEYS_MILLIS = 300_000;
/** However many sets name a key that nobody knows, the keys are fetched for them once in so long. */
const UNKNOWN_KEY_MILLIS = 30_000;

interface Keys {
  readonly verify: ReturnType<typeof createLocalJWKSet>;
  readonly fetchedAt: number;
}

/** The public keys of the license server, kept, and fetched again when they are old or one is not among them. */
class PublicKeys {
  #fetching: Promise<Keys> | undefined;

  constructor(
    private readonly remote: Remote,
    private readonly clock: () => number,
  ) {}

  async verify<Result>(use: (keys: Keys['verify']) => Promise<Result>): Promise<Result> {
    const known = await this.#within(KEYS_MILLIS);
    try {
      return await use(known.verify);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const fresh = await this.#within(UNKNOWN_KEY_MILLIS);
      if (fresh === known) throw error;
      return use(fresh.verify);
    }
  }

  /** Keys that were fetched no longer ago; all who ask meanwhile share one fetch. */
  async #within(millis: number): Promise<Keys> {
    const fetching = this.#fetching;
    const known = await fetching?.catch(() => undefined);
    if (known !== undefined && Math.abs(this.clock() - known.fetchedAt) < millis) return known;
    if (fetching === this.#fetching) this.#fetching = this.#fetch();
    return this.#fetching ?? this.#within(millis);
  }

  async #fetch(): Promise<Keys> {
    const fetchedAt = this.clock();
    return { verify: createLocalJWKSet((await this.remote.publicKeys()) as JSONWebKeySet), fetchedAt };
  }
}

/** Decides on features without units in this process, by signed entitlement sets that are kept until they end. */
export class Local {
  readonly #sets = new Map<string, Promise<EntitlementSet>>();
  readonly #renewing = new Set<string>();
  readonly #keys: PublicKeys;
  readonly #clock: () => number;
  #tenantId: string | undefined;

  constructor(
    private readonly remote: Remote,
    { tenantId, clock = Date.now }: LocalOptions,
    private readonly onError: (error: unknown) => void,
  ) {
    this.#tenantId = tenantId;
    this.#clock = clock;
    this.#keys = new PublicKeys(remote, clock);
  }

  async decide(licensee: Licensee, uses: readonly Use[]): Promise<Decision> {
    const set = await this.#setOf(licensee);
    const now = this.#clock();
    return { verdicts: uses.map((use) => verdictOn(set, use, now)), grantId: null, uncounted: null };
  }

  async #setOf(licensee: Licensee): Promise<EntitlementSet> {
    const name = JSON.stringify(licensee);
    const loading = this.#sets.get(name);
    const known = await loading?.catch(() => undefined);
    const now = this.#clock();
    if (known !== undefined && holds(known, now)) {
      if (now >= known.renewAt) void this.#renew(name, licensee);
      return known;
    }
    // Whoever came while another was loading takes what that one gets.
    const current = this.#sets.get(name);
    if (current !== undefined && current !== loading) return current;
    return this.#keep(name, this.#load(licensee));
  }

  /** Beside those who ask: as long as it fails, the set that holds is gone by. */
  async #renew(name: string, licensee: Licensee): Promise<void> {
    if (this.#renewing.has(name)) return;
    this.#renewing.add(name);
    try {
      await this.#keep(name, Promise.resolve(await this.#load(licensee)));
    } catch (error) {
      // Away is one thing; a licensee whom the server knows no longer is another.
      if (error instanceof Declined) this.#sets.delete(name);
      this.onError(error);
    } finally {
      this.#renewing.delete(name);
    }
  }

  #keep(name: string, loading: Promise<EntitlementSet>): Promise<EntitlementSet> {
    this.#sets.delete(name);
    this.#sets.set(name, loading);
    const [oldest] = this.#sets.keys();
    if (this.#sets.size > KNOWN_LIMIT && oldest !== undefined) this.#sets.delete(oldest);
    // Whoever tries keys at random takes nobody's place for long.
    loading.catch(() => {
      if (this.#sets.get(name) === loading) this.#sets.delete(name);
    });
    return loading;
  }

  async #load(licensee: Licensee): Promise<EntitlementSet> {
    const token = await this.remote.entitlementSet(licensee);
    const set = await this.#keys.verify((keys) =>
      verifiedSet(token, keys, { licensee, tenantId: this.#tenantId, now: this.#clock() }),
    );
    this.#tenantId ??= set.tenantId;
    return set;
  }
}
