import { type Actor, scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { TenantId } from '../core/id.js';
import type { Licensee, Need } from '../entitlements/model/decide.js';

/** If every word of a change is lost, what it changed is seen after so long. */
const STALE_MILLIS = 2_000;
/** Callers and feature lists that one tenant is remembered with. */
const KNOWN_LIMIT = 5_000;

interface Known {
  /** Whoever asks meanwhile waits for the same answer. */
  readonly loading: Promise<Licensee>;
  readonly loadedAt: number;
}

/** A tenant's licensees, all forgotten together: what was being read meanwhile is not remembered. */
class Remembered {
  readonly known = new Map<string, Known>();
}

export interface Found {
  readonly licensee: Licensee;
  /** Read for this very question: there is nothing newer to be read. */
  readonly isFresh: boolean;
}

/** Who asks for what, and when. */
export interface Question {
  readonly actor: Actor;
  readonly tenantId: TenantId;
  readonly now: Instant;
  readonly needs: readonly Need[];
}

function nameOf({ actor, needs }: Question): string {
  const { customerId = '', resellerId = '', licenseId = '' } = scopeOf(actor);
  const features = needs.map(({ feature, amount }) => `${feature}${amount > 0 ? '+' : ''}`);
  // Whatever order a document has them in.
  return [customerId, resellerId, licenseId, ...[...new Set(features)].toSorted()].join(' ');
}

/**
 * What callers are granted, remembered by licensee and features. It is forgotten when its own time is over, at once when
 * this server changes a license of the tenant, and when another does as soon as the sealer has numbered the event: tens
 * of milliseconds after the commit, and two seconds if the word is lost. Units are never drawn on what is remembered
 * alone: the meter reads the licenses again behind the counters' locks.
 */
export class Licensees {
  readonly #tenants = new Map<TenantId, Remembered>();
  readonly #listeners = new Map<TenantId, Set<() => void>>();
  #sweptAt = 0;

  constructor(private readonly elapsedMillis = (): number => performance.now()) {}

  /** How many answers are remembered. */
  get size(): number {
    return [...this.#tenants.values()].reduce((sum, { known }) => sum + known.size, 0);
  }

  async of(question: Question, load: () => Promise<Licensee>): Promise<Found> {
    const remembered = this.#tenants.get(question.tenantId) ?? new Remembered();
    this.#tenants.set(question.tenantId, remembered);
    const name = nameOf(question);
    const last = remembered.known.get(name);
    const known = last === undefined ? undefined : await last.loading.catch(() => undefined);
    if (last !== undefined && known !== undefined && this.#isCurrent(known, last.loadedAt, question.now))
      return { licensee: known, isFresh: false };
    const loading = load();
    if (remembered.known.size >= KNOWN_LIMIT) remembered.known.clear();
    remembered.known.set(name, { loading, loadedAt: this.elapsedMillis() });
    this.#sweep();
    return { licensee: await loading, isFresh: true };
  }

  /** Calls back whenever something of the tenant may have changed. */
  listen(tenantId: TenantId, heard: () => void): () => void {
    const listeners = this.#listeners.get(tenantId) ?? new Set();
    this.#listeners.set(tenantId, listeners.add(heard));
    return () => {
      listeners.delete(heard);
      if (listeners.size === 0 && this.#listeners.get(tenantId) === listeners)
        this.#listeners.delete(tenantId);
    };
  }

  /** Some tenants, or all. */
  forget(tenants: readonly TenantId[] = [...this.#tenants.keys(), ...this.#listeners.keys()]): void {
    for (const tenant of tenants) {
      this.#tenants.delete(tenant);
      for (const heard of this.#listeners.get(tenant) ?? []) heard();
    }
  }

  #isCurrent({ until }: Licensee, loadedAt: number, now: Instant): boolean {
    return (until === null || now < until) && this.elapsedMillis() - loadedAt < STALE_MILLIS;
  }

  /** Lets go of what nobody may use any more: callers that came once would be kept with all their licenses. */
  #sweep(): void {
    const now = this.elapsedMillis();
    if (now - this.#sweptAt < STALE_MILLIS) return;
    this.#sweptAt = now;
    for (const [tenantId, { known }] of this.#tenants) {
      for (const [name, { loadedAt }] of known) if (now - loadedAt >= STALE_MILLIS) known.delete(name);
      if (known.size === 0) this.#tenants.delete(tenantId);
    }
  }
}
