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
 * change that ten thousand follow is one transaction and not ten thousand.
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
  const scope = JSON.stringify(scopeOf(actor));
  const known = byScope.get(scope);
  if (known !== undefined && known.until > performance.now()) return known.found as Promise<Result>;
  const found = ask();
  byScope.set(scope, { until: performance.now() + FRESH_MILLIS, found });
  return found;
}
