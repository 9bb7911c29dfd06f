import type { FedEvent } from '../../core/event.js';
import type { Stream } from '../../core/queue.js';
import { Refusal } from '../../core/refusal.js';
import type { Followed, Reading, Watch } from '../../core/work.js';
import { cursorExpired, logCursor, placeOf, requirePlace } from '../model/logCursor.js';
import { tellTogether } from '../queries/personal.js';
import { eventsById, logBounds, newestPlace, type StreamFilter, sealedBetween } from '../queries/stream.js';
import type { EventRow } from '../table.js';

/** An event with its place in the tenant's log, behind which a subscriber goes on. */
export interface LoggedEvent {
  readonly sequence: number;
  readonly cursor: string;
  readonly event: EventRow;
}

/**
 * Numbers of one piece of the log. Pieces end where their size divides: those who come from different places meet in the
 * same ones.
 */
const PIECE = 512;
const SMALLEST_PIECE = 32;
/** Whoever has not taken a piece by then hardly reads: the rest is let go, and read anew in smaller pieces. */
const HOLD_MILLIS = 10_000;

function loggedEvent(reading: Reading, sequence: number, event: EventRow): LoggedEvent {
  return { sequence, cursor: logCursor(reading.tenantId, { sequence, eventId: event.id }), event };
}

/** What a reader does not see is not found. */
async function lookOfEvents(
  reading: Reading,
  facts: readonly FedEvent[],
): Promise<(LoggedEvent | undefined)[]> {
  const rows = await eventsById(
    reading,
    facts.map(({ id }) => id),
  );
  tellTogether([...rows.values()]);
  return facts.map(({ id, sequence }) => {
    const event = rows.get(id);
    return event === undefined ? undefined : loggedEvent(reading, sequence, event);
  });
}

/** What is kept no longer would be a gap, also where only some of it is gone. */
async function pieceOf(reading: Reading, after: number, end: number): Promise<readonly LoggedEvent[]> {
  const sealed = await sealedBetween(reading, after, end);
  if (sealed === undefined) throw cursorExpired();
  tellTogether(sealed.map(({ event }) => event));
  return sealed.map(({ sequence, event }) => loggedEvent(reading, sequence, event));
}

function passes({ types, licenseId, subjectId }: StreamFilter, event: Omit<FedEvent, 'sequence'>): boolean {
  if (types && !types.includes(event.type)) return false;
  if (licenseId && licenseId !== event.licenseId) return false;
  return !subjectId || subjectId === event.subjectId;
}

const isOverrun = (error: unknown): boolean => error instanceof Refusal && error.code === 'TOO_SLOW';

/** What was read for a reader and is not told yet. */
class Held {
  #events: readonly LoggedEvent[] = [];
  #told = 0;
  #timer: NodeJS.Timeout | undefined;

  put(events: readonly LoggedEvent[], onLate: () => void): void {
    this.#events = events;
    this.#told = 0;
    // A single one is taken at once.
    if (events.length > 1) this.#timer = setTimeout(onLate, HOLD_MILLIS).unref();
  }

  take(): LoggedEvent | undefined {
    const event = this.#events[this.#told];
    if (event === undefined) this.letGo();
    else this.#told += 1;
    return event;
  }

  letGo(): void {
    clearTimeout(this.#timer);
    this.#events = [];
  }
}

/**
 * The log from a place on: what is stored behind it in pieces, then what is numbered from then on, by the numbers, which
 * have no gaps. A reader who falls so far behind that what waits for it was given up reads it from the log again: it holds
 * little, and misses nothing.
 */
class LogReader implements Stream<LoggedEvent> {
  readonly #held = new Held();
  /** The number that what is held reaches to. */
  #end: number;
  /** Up to here it is read from the log. */
  #goal: number;
  #size = PIECE;
  #over = false;

  constructor(
    private readonly watch: Watch,
    private readonly filter: StreamFilter,
    private source: Followed,
    /** The number of the last event that was told or passed by. */
    private at: number,
  ) {
    this.#end = at;
    this.#goal = source.from;
  }

  async next(): Promise<IteratorResult<LoggedEvent>> {
    while (!this.#over) {
      const value = this.#held.take();
      if (value !== undefined) {
        this.at = value.sequence;
        return { done: false, value };
      }
      this.at = this.#end;
      if (this.at < this.#goal) await this.#readOn();
      else await this.#listen();
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<LoggedEvent>> {
    this.#over = true;
    this.#held.letGo();
    await this.source.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Everybody who comes back at once, as after the end of a server, stands at the same few places. */
  async #readOn(): Promise<void> {
    const { at } = this;
    const end = Math.min(this.#goal, at - (at % this.#size) + this.#size);
    this.#hold(await this.watch.askAlike(`log ${at} ${end}`, (reading) => pieceOf(reading, at, end)), end);
  }

  /** All that waits is taken together: those that came with one batch are one look. */
  async #listen(): Promise<void> {
    const step = await this.source.next().catch((error: unknown) => {
      if (isOverrun(error)) return undefined;
      throw error;
    });
    if (step === undefined) return this.#followAgain();
    if (step.done === true) {
      this.#over = true;
      return;
    }
    const waiting = [step.value, ...this.source.take(PIECE - 1)];
    const facts = waiting.filter(({ sequence }) => sequence > this.at);
    const wanted = facts.filter((fact) => passes(this.filter, fact));
    const found = wanted.length === 0 ? [] : await this.watch.askOfEvents(wanted, lookOfEvents);
    this.#hold(
      found.filter((logged) => logged !== undefined),
      facts.at(-1)?.sequence ?? this.at,
    );
  }

  async #followAgain(): Promise<void> {
    const source = await this.watch.follow();
    this.source = source;
    this.#goal = source.from;
    if (this.#over) await source.return?.();
  }

  #hold(events: readonly LoggedEvent[], end: number): void {
    if (this.#over) return;
    this.#end = end;
    const wanted = events.filter((logged) => this.#isWanted(logged));
    this.#held.put(wanted, () => this.#letGo());
  }

  #letGo(): void {
    this.#held.letGo();
    this.#goal = Math.max(this.#goal, this.#end);
    this.#end = this.at;
    this.#size = Math.max(SMALLEST_PIECE, this.#size / 2);
  }

  #isWanted({ event }: LoggedEvent): boolean {
    const { eventType: type, createdAt: at, userId, ...row } = event;
    const { actor } = this.filter;
    return passes(this.filter, { ...row, type, at }) && (!actor || actor === userId);
  }
}

/** The events that a subscriber sees: all that are numbered from now on, or all behind a cursor. */
export async function eventStream(
  watch: Watch,
  { after, filter }: { readonly after?: string | null; readonly filter?: StreamFilter | null },
): Promise<Stream<LoggedEvent>> {
  const place = after
    ? await watch.askAlike(`behind ${after}`, async (reading) => {
        const asked = placeOf(reading.tenantId, after);
        requirePlace(asked, await logBounds(reading, asked.sequence));
        return asked;
      })
    : undefined;
  const source = await watch.follow();
  return new LogReader(watch, filter ?? {}, source, place?.sequence ?? source.from);
}

/** Where the log ends: whoever follows it from there misses nothing of what is committed from now on. */
export async function eventCursor(reading: Reading): Promise<string> {
  return logCursor(reading.tenantId, await newestPlace(reading));
}
