import { type Actor, scopeOf } from '../../core/actor.js';
import { millis } from '../../core/clock.js';
import { committed } from '../../core/db.js';
import type { EventType, NewEvent } from '../../core/event.js';
import { Refusal, recordedAs } from '../../core/refusal.js';
import { openWork } from '../operation/openWork.js';
import type { Machinery } from '../operation/operation.js';

/** The same refusal of the same actor at the same field is recorded once in so long; what comes between is counted. */
const QUIET_MILLIS = 60_000;
/** How often counts are looked through whose time is over. */
const LOOK_MILLIS = 10_000;
/** Kinds of refusals that are counted apart at a time: no crowd of callers takes the memory. */
const MOST = 10_000;
/** Of these for one tenant: none keeps the others' from being recorded. */
const MOST_OF_ONE = 500;

/** A refusal with who was refused, once that is proven. */
export interface Refused {
  readonly actor: Actor;
  readonly refusal: Refusal;
  /** Where the schema has the field, `Mutation.revealLicenseKey`: aliases are the caller's own words. */
  readonly field: string;
  readonly requestId: string;
}

interface Noted extends Refused {
  readonly type: EventType;
}

interface Count {
  readonly until: number;
  readonly last: Noted;
  leftOut: number;
}

interface Entry {
  readonly noted: Noted;
  readonly leftOut: number;
}

type KnownActor = Exclude<Actor, { kind: 'anonymous' }>;

function isKnown(actor: Actor): actor is KnownActor {
  return actor.kind !== 'anonymous';
}

/** Lacking a permission is worth a record where something was to be done; a page asks for much that it may not read. */
function typeOf({ actor, refusal, field }: Refused): EventType | undefined {
  if (actor.kind === 'system') return undefined;
  if (refusal.code === 'FORBIDDEN' && !field.startsWith('Mutation.')) return undefined;
  return recordedAs(refusal.code);
}

function nameOf({ actor, refusal, field }: Refused): string {
  const who = isKnown(actor) ? [actor.tenantId, actor.kind, actor.subject] : ['', actor.kind, ''];
  return JSON.stringify([...who, refusal.code, field, refusal.details.feature ?? '', refusal.about]);
}

const ownerOf = (actor: Actor): string => (isKnown(actor) ? actor.tenantId : '');

function eventOf({ noted, leftOut }: Entry, actor: KnownActor): NewEvent {
  const { type, refusal, field } = noted;
  const { customerId, resellerId, licenseId: shown } = scopeOf(actor);
  const { activationId, licenseId = shown } = refusal.about;
  const { feature, permission } = refusal.details;
  return {
    type,
    subjectId: activationId ?? licenseId ?? customerId ?? resellerId ?? actor.tenantId,
    ...(licenseId === undefined ? {} : { licenseId }),
    data: {
      code: refusal.code,
      field,
      ...(feature === undefined ? {} : { feature }),
      ...(permission === undefined ? {} : { permission }),
      ...(leftOut === 0 ? {} : { left_out: leftOut }),
    },
  };
}

/**
 * Records refusals that are security events, behind the answer and in a transaction of their own: the refused act's is
 * rolled back. Of an actor whose tenant is proven they go into that tenant's trail; of nobody into the log alone, or
 * anybody could fill a trail. What cannot be recorded is logged, and changes no answer.
 */
export class SecurityEvents {
  readonly #counts = new Map<string, Count>();
  /** How many kinds are counted by tenant. */
  readonly #tenants = new Map<string, number>();
  #records: Entry[] = [];
  #writing: Promise<void> | undefined;
  #uncounted = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly machinery: () => Machinery) {}

  /** Takes a refusal down if it is a security event; the answer does not wait. */
  note(refused: Refused): void {
    const type = typeOf(refused);
    if (type === undefined) return;
    this.#timer ??= setInterval(() => this.look(), LOOK_MILLIS).unref();
    const noted = { ...refused, type };
    const name = nameOf(noted);
    const known = this.#counts.get(name);
    const now = this.#now();
    if (known !== undefined && isQuiet(known, now)) known.leftOut += 1;
    else if (known === undefined && this.#isFull(refused.actor)) this.#uncounted += 1;
    else this.#record(name, noted, known?.leftOut ?? 0, now);
  }

  /** Writes what is left, as at a stop. */
  async flush(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.look(Number.POSITIVE_INFINITY);
    await this.#writing;
  }

  #isFull(actor: Actor): boolean {
    return this.#counts.size >= MOST || (this.#tenants.get(ownerOf(actor)) ?? 0) >= MOST_OF_ONE;
  }

  #now(): number {
    return millis(this.machinery().clock());
  }

  /** What was left out is recorded when its time is over, also when nothing of its kind follows. */
  look(now = this.#now()): void {
    for (const [name, count] of this.#counts) {
      if (isQuiet(count, now)) continue;
      this.#forget(name, count);
      if (count.leftOut > 0) this.#record(name, count.last, count.leftOut, this.#now());
    }
    const { log } = this.machinery();
    if (this.#uncounted > 0)
      log.warn({ count: this.#uncounted }, 'refusals of too many kinds to be recorded');
    this.#uncounted = 0;
  }

  #forget(name: string, { last }: Count): void {
    this.#counts.delete(name);
    const owner = ownerOf(last.actor);
    const left = (this.#tenants.get(owner) ?? 0) - 1;
    if (left > 0) this.#tenants.set(owner, left);
    else this.#tenants.delete(owner);
  }

  #record(name: string, noted: Noted, leftOut: number, now: number): void {
    const known = this.#counts.get(name);
    const owner = ownerOf(noted.actor);
    if (known === undefined) this.#tenants.set(owner, (this.#tenants.get(owner) ?? 0) + 1);
    this.#counts.set(name, { until: now + QUIET_MILLIS, last: noted, leftOut: 0 });
    this.#records.push({ noted, leftOut });
    if (this.#writing === undefined) {
      const written = this.#drain().finally(() => {
        this.#writing = undefined;
      });
      this.#writing = this.machinery().drain.track(written);
    }
  }

  /** One at a time: however many are refused, they hold one connection of the pool. */
  async #drain(): Promise<void> {
    for (let record = this.#records.shift(); record !== undefined; record = this.#records.shift())
      await this.#write(record);
  }

  async #write(record: Entry): Promise<void> {
    const { actor, requestId, refusal, field } = record.noted;
    const { log } = this.machinery();
    const { code } = refusal;
    if (!isKnown(actor)) return log.warn({ requestId, code, field, leftOut: record.leftOut }, 'refused');
    const caller = { actor, requestId, address: undefined };
    try {
      const { work, session } = await openWork(this.machinery(), caller);
      await committed(session, () => work.emit(eventOf(record, actor)));
    } catch (error) {
      log.error({ err: error, requestId, code, field }, 'a security event could not be recorded');
    }
  }
}

/** A clock that was set back by more than the time itself ends it too. */
function isQuiet({ until }: Count, now: number): boolean {
  return now < until && now >= until - 2 * QUIET_MILLIS;
}

/** The refusals of one operation. */
export class OperationRefusals {
  /** Made with the first refusal: most operations have none. */
  #noted: WeakMap<Refusal, Set<string>> | undefined;
  #actors: WeakMap<Refusal, Actor> | undefined;

  constructor(
    private readonly events: SecurityEvents,
    private readonly requestId: string,
  ) {}

  /** Who showed a key in an act that was rolled back: to whatever follows he is nobody again. */
  by(error: unknown, actor: Actor): void {
    if (!(error instanceof Refusal)) return;
    this.#actors ??= new WeakMap();
    this.#actors.set(error, actor);
  }

  /** Once a field, however many elements of a list were refused with it. */
  note(error: unknown, field: string, actor: Actor): void {
    if (!(error instanceof Refusal)) return;
    this.#noted ??= new WeakMap();
    const fields = this.#noted.get(error) ?? new Set();
    if (fields.has(field)) return;
    this.#noted.set(error, fields.add(field));
    const { requestId } = this;
    this.events.note({ actor: this.#actors?.get(error) ?? actor, refusal: error, field, requestId });
  }
}
