import { setTimeout as sleep } from 'node:timers/promises';
import { type Actor, scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { TenantId } from '../../core/id.js';
import type { Perishable, Recollection } from '../../core/work.js';
import type { Licensee, Need } from '../../entitlements/model/decide.js';
import { licenseeName } from '../../entitlements/model/licensee.js';

/** If every word of a change is lost, what it changed is seen after so long. */
const STALE_MILLIS = 2_000;
/**
 * Whoever is refused by what is remembered is told after another read, and one licensee with one list of features is read
 * no more often than this: that asks the database 20 times a second, however many are refused and however often they ask.
 */
const RENEWAL_MILLIS = 50;
/** Callers and feature lists that one tenant is remembered with. */
const KNOWN_LIMIT = 5_000;

interface Known {
  /** Whoever asks meanwhile waits for the same answer. */
  readonly loading: Promise<Perishable>;
  readonly loadedAt: number;
  /** Once it is there. */
  value?: Perishable;
}

/** A tenant's licensees, all forgotten together: what was being read meanwhile is not remembered. */
class Remembered {
  readonly known = new Map<string, Known>();
  /** Reads that have not begun: whoever asks meanwhile is told what they find. */
  readonly coming = new Map<string, Promise<Perishable>>();
}

export interface Found {
  readonly licensee: Licensee;
  /** Read for this very question: there is nothing newer to be read. */
  readonly isFresh: boolean;
}

/** What is asked, by a name that says all that the answer depends on. */
export interface Named {
  readonly tenantId: TenantId;
  readonly now: Instant;
  readonly name: string;
}

/** Who asks for what, and when. */
export interface Question {
  readonly actor: Actor;
  readonly tenantId: TenantId;
  readonly now: Instant;
  readonly needs: readonly Need[];
}

const names = new WeakMap<Actor, WeakMap<readonly Need[], string>>();

/** One actor stands for all calls of a token, and one list of needs for all of a document. */
function nameFor(actor: Actor, needs: readonly Need[]): string {
  const ofActor = names.get(actor) ?? new WeakMap<readonly Need[], string>();
  const known = ofActor.get(needs);
  if (known !== undefined) return known;
  const name = licenseeName(scopeOf(actor), needs);
  names.set(actor, ofActor.set(needs, name));
  return name;
}

/**
 * What callers are granted, remembered by licensee and features. It is forgotten when its own time is over, at once when
 * this server changes a license of the tenant, and when another does as soon as the sealer has numbered the event: tens
 * of milliseconds after the commit, and two seconds if the word is lost. Units are never drawn on what is remembered
 * alone: the meter reads the licenses again behind the counters' locks. Nor is anybody refused by it: that is asked again.
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

  /** What is remembered, and may still be gone by: nobody who is granted what he asks waits for it. */
  remembered({ actor, needs, tenantId, now }: Question): Licensee | undefined {
    const known = this.#tenants.get(tenantId)?.known.get(nameFor(actor, needs));
    if (known?.value === undefined || !this.#isCurrent(known.value, known.loadedAt, now)) return undefined;
    // Under the name of a licensee nothing else is kept.
    return known.value as Licensee;
  }

  /** What is remembered decides where it grants; otherwise it is read anew. */
  async of(
    { actor, needs, ...when }: Question,
    load: () => Promise<Licensee>,
    grants: (licensee: Licensee) => boolean = () => true,
  ): Promise<Found> {
    const named = { ...when, name: nameFor(actor, needs) };
    const { value, isFresh } = await this.recollect(named, load);
    if (isFresh || grants(value)) return { licensee: value, isFresh };
    return { licensee: await this.renew(named, load), isFresh: true };
  }

  /** The name decides what type is remembered under it. */
  async recollect<Value extends Perishable>(
    { tenantId, now, name }: Named,
    load: () => Promise<Value>,
  ): Promise<Recollection<Value>> {
    const remembered = this.#rememberedOf(tenantId);
    const last = remembered.known.get(name);
    const known = last === undefined ? undefined : await last.loading.catch(() => undefined);
    if (last !== undefined && known !== undefined && this.#isCurrent(known, last.loadedAt, now))
      return { value: known as Value, isFresh: false };
    return { value: await this.#load(remembered, name, load), isFresh: true };
  }

  /** What is read no earlier than it was asked for, together with all who ask before that read begins. */
  async renew<Value extends Perishable>(
    { tenantId, name }: Omit<Named, 'now'>,
    load: () => Promise<Value>,
  ): Promise<Value> {
    const remembered = this.#rememberedOf(tenantId);
    const coming = remembered.coming.get(name);
    // Whose operation reads may end before that; the others then read for themselves.
    if (coming !== undefined) return (coming as Promise<Value>).catch(load);
    const loadedAt = remembered.known.get(name)?.loadedAt ?? Number.NEGATIVE_INFINITY;
    const pause = loadedAt + RENEWAL_MILLIS - this.elapsedMillis();
    if (pause <= 0) return this.#load(remembered, name, load);
    const reading = sleep(pause).then(() => {
      remembered.coming.delete(name);
      return this.#load(remembered, name, load);
    });
    remembered.coming.set(name, reading);
    return reading;
  }

  #rememberedOf(tenantId: TenantId): Remembered {
    const remembered = this.#tenants.get(tenantId) ?? new Remembered();
    this.#tenants.set(tenantId, remembered);
    return remembered;
  }

  #load<Value extends Perishable>(
    { known }: Remembered,
    name: string,
    load: () => Promise<Value>,
  ): Promise<Value> {
    const loading = load();
    const kept: Known = { loading, loadedAt: this.elapsedMillis() };
    const loaded = (value: Perishable): void => {
      kept.value = value;
    };
    loading.then(loaded, () => undefined);
    if (known.size >= KNOWN_LIMIT) known.clear();
    known.set(name, kept);
    this.#sweep();
    return loading;
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

  #isCurrent({ until }: Perishable, loadedAt: number, now: Instant): boolean {
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
