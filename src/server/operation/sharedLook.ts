import { type Actor, scopeOf } from '../../core/actor.js';
import type { FedEvent } from '../../core/event.js';
import type { EventLook, EventsLook } from '../../core/work.js';

/** A subscriber who comes to an event later than this looks for itself: what it tells is of now. */
const FRESH_MILLIS = 1_000;

interface Look {
  readonly until: number;
  readonly found: Promise<unknown>;
}

type AnyLook = EventLook<unknown> | EventsLook<unknown>;

/** By the event as the feed hands it out, one object to all who follow: it goes when the last of them has taken it. */
const looks = new WeakMap<FedEvent, Map<AnyLook, Map<string, Look>>>();

function looksAt(event: FedEvent, look: AnyLook): Map<string, Look> {
  const ofEvent = looks.get(event) ?? new Map<AnyLook, Map<string, Look>>();
  looks.set(event, ofEvent);
  const byScope = ofEvent.get(look) ?? new Map<string, Look>();
  ofEvent.set(look, byScope);
  return byScope;
}

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
  return fresh(looksAt(event, look), JSON.stringify(scopeOf(actor)), ask);
}

/** The same for many events: those that nobody has looked at by now are looked up together. */
export function sharedLooks<Result>(
  events: readonly FedEvent[],
  look: EventsLook<Result>,
  actor: Actor,
  ask: (events: readonly FedEvent[]) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const scope = JSON.stringify(scopeOf(actor));
  const unseen = events.filter((event) => !isFresh(looksAt(event, look).get(scope)));
  const asked = unseen.length === 0 ? undefined : ask(unseen);
  for (const [index, event] of unseen.entries()) {
    const found = Promise.resolve(asked).then((all) => all?.[index]);
    looksAt(event, look).set(scope, { until: performance.now() + FRESH_MILLIS, found });
  }
  return Promise.all(events.map((event) => looksAt(event, look).get(scope)?.found as Promise<Result>));
}

function isFresh(look: Look | undefined): look is Look {
  return look !== undefined && look.until > performance.now();
}

function fresh<Result>(known: Map<string, Look>, name: string, ask: () => Promise<Result>): Promise<Result> {
  const last = known.get(name);
  if (isFresh(last)) return last.found as Promise<Result>;
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
