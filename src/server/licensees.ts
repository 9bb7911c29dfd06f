import { type Actor, scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { TenantId } from '../core/id.js';
import type { Licensee, Need } from '../entitlements/model/decide.js';

/** If every word of a change is lost, what it changed is seen after so long. */
const STALE_MILLIS = 2_000;
/** Callers and feature lists that one tenant is remembered with. */
const KNOWN_LIMIT = 5_000;

interface Known {
  readonly licensee: Licensee;
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
  return [customerId, resellerId, licenseId, ...new Set(features)].join(' ');
}

/**
 * What callers are granted, remembered by licensee and features. It is forgotten when its own time is over, at once when
 * this server changes a license of the tenant, and when another does as soon as the sealer has numbered the event: tens
 * of milliseconds after the commit, and two seconds if the word is lost. Units are never drawn on what is remembered
 * alone: the meter reads the licenses again behind the counters' locks.
 */
export class Licensees {
  readonly #tenants = new Map<TenantId, Remembered>();

  async of(question: Question, load: () => Promise<Licensee>): Promise<Found> {
    const remembered = this.#tenants.get(question.tenantId) ?? new Remembered();
    this.#tenants.set(question.tenantId, remembered);
    const name = nameOf(question);
    const last = remembered.known.get(name);
    if (last !== undefined && isCurrent(last, question.now))
      return { licensee: last.licensee, isFresh: false };
    const loadedAt = performance.now();
    const licensee = await load();
    if (remembered.known.size >= KNOWN_LIMIT) remembered.known.clear();
    remembered.known.set(name, { licensee, loadedAt });
    return { licensee, isFresh: true };
  }

  /** Some tenants, or all. */
  forget(tenants?: readonly TenantId[]): void {
    if (tenants === undefined) this.#tenants.clear();
    else for (const tenant of tenants) this.#tenants.delete(tenant);
  }
}

function isCurrent({ licensee: { until }, loadedAt }: Known, now: Instant): boolean {
  return (until === null || now < until) && performance.now() - loadedAt < STALE_MILLIS;
}
