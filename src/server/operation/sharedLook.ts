import { type Actor, scopeOf } from '../../core/actor.js';
import type { FedEvent } from '../../core/event.js';
import type { EventLook } from '../../core/work.js';

/** A subscriber who comes to an event later than this looks for itself: what it tells is of now. */
const FRESH_MILLIS = 1_000;

interface Look {
  readonly until: number;
  readonly found: Promise<unknown>;
}

/** By the event as the feed hands it out, one object to all who follow: it goes when the last of them has taken it. */
const looks = new WeakMap<FedEvent, Map<EventLook<unknown>, Map<string, Look>>>();

/**
 * What an event speaks of, looked up once for all subscribers of this process that see the same part of the tenant: a
 * change that ten thousand follow is one transaction and not ten thousand. All of them are handed the same object, by
 * which the answer that is made of it is known again.
 */
export function sharedLook<Result>(
  event: FedEvent,
  look: EventLook<Result>,
  actor: Actor,
  ask: () => Promise<Result>,
): Promise<Result> {
  const ofEvent = looks.get(event) ?? new Map<EventLook<unknown>, Map<string, Look>>();
  looks.set(event, ofEvent);
  const byScope = ofEvent.get(look) ?? new Map<string, Look>();
  ofEvent.set(look, byScope);
  return fresh(byScope, JSON.stringify(scopeOf(actor)), ask);
}

function fresh<Result>(known: Map<string, Look>, name: string, ask: () => Promise<Result>): Promise<Result> {
  const last = known.get(name);
  if (last !== undefined && last.until > performance.now()) return last.found as Promise<Result>;
  const found = ask();
  known.set(name, { until: performance.now() + FRESH_MILLIS, found });
  return found;
}

/** Looks that are no event's, by who sees them and their name: a second each, and then they are let go. */
export class AlikeLooks {
  readonly #known = new Map<string, Look>();

  take<Result>(actor: Actor, name: string, ask: () => Promise<Result>): Promise<Result> {
    const tenantId = 'tenantId' in actor ? actor.tenantId : '';
    const full = JSON.stringify([tenantId, scopeOf(actor), name]);
    const before = this.#known.get(full);
    const found = fresh(this.#known, full, ask);
    const look = this.#known.get(full);
    if (look !== before) {
      const forget = (): void => {
        if (this.#known.get(full) === look) this.#known.delete(full);
      };
      setTimeout(forget, FRESH_MILLIS).unref();
      // What failed is no answer for anybody else.
      found.catch(forget);
    }
    return found;
  }
}
