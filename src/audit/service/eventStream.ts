import type { FedEvent } from '../../core/event.js';
import type { Stream } from '../../core/queue.js';
import { Refusal } from '../../core/refusal.js';
import type { Followed, Reading, Watch } from '../../core/work.js';
import { cursorExpired, logCursor, placeOf, requirePlace } from '../model/logCursor.js';
import { eventsById, logBounds, newestPlace, type StreamFilter, sealedAfter } from '../queries/stream.js';
import type { EventRow } from '../table.js';

/** An event with its place in the tenant's log, behind which a subscriber goes on. */
export interface LoggedEvent {
  readonly sequence: number;
  readonly cursor: string;
  readonly event: EventRow;
}

/** Numbers that one look reads on. */
const BATCH = 200;
/** With so many waiting, they are read from the log together, and not one by one. */
const MANY = 20;

function loggedEvent(reading: Reading, sequence: number, event: EventRow): LoggedEvent {
  return { sequence, cursor: logCursor(reading.tenantId, { sequence, eventId: event.id }), event };
}

async function lookOfEvent(reading: Reading, { id, sequence }: FedEvent): Promise<LoggedEvent | undefined> {
  const event = (await eventsById(reading, [id])).get(id);
  return event === undefined ? undefined : loggedEvent(reading, sequence, event);
}

/** What a look found behind a number, and how far it came: what its reader does not see is passed by. */
interface Slice {
  readonly events: readonly LoggedEvent[];
  readonly end: number;
}

/** What is kept no longer would be a gap, also where only some of it is gone. */
async function sliceAfter(reading: Reading, after: number): Promise<Slice> {
  const sealed = await sealedAfter(reading, after, BATCH);
  if (sealed.some(({ sequence }, index) => sequence !== after + 1 + index)) throw cursorExpired();
  const events = sealed
    .filter(({ isSeen }) => isSeen)
    .map(({ sequence, event }) => loggedEvent(reading, sequence, event));
  return { events, end: sealed.at(-1)?.sequence ?? after };
}

function passes({ types, licenseId, subjectId }: StreamFilter, event: Omit<FedEvent, 'sequence'>): boolean {
  if (types && !types.includes(event.type)) return false;
  if (licenseId && licenseId !== event.licenseId) return false;
  return !subjectId || subjectId === event.subjectId;
}

const isOverrun = (error: unknown): boolean => error instanceof Refusal && error.code === 'TOO_SLOW';

/**
 * The log from a place on: what is stored behind it in slices, then what is numbered from then on, by the numbers, which
 * have no gaps. A reader who falls so far behind that what waits for it was given up reads it from the log again: it holds
 * little, and misses nothing.
 */
class LogReader implements Stream<LoggedEvent> {
  readonly #ready: LoggedEvent[] = [];
  /** Up to here it is read from the log. */
  #goal: number;
  #over = false;

  constructor(
    private readonly watch: Watch,
    private readonly filter: StreamFilter,
    private source: Followed,
    /** The number of the last event that was told or passed by. */
    private at: number,
  ) {
    this.#goal = source.from;
  }

  async next(): Promise<IteratorResult<LoggedEvent>> {
    while (!this.#over) {
      const value = this.#ready.shift();
      if (value !== undefined) return { done: false, value };
      if (this.source.waiting >= MANY) this.#goal = this.source.newest;
      if (this.at < this.#goal) await this.#readOn();
      else await this.#listen();
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<LoggedEvent>> {
    this.#over = true;
    await this.source.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Everybody who comes back at once, as after the end of a server, stands at the same few places. */
  async #readOn(): Promise<void> {
    const { at } = this;
    const name = `log ${at} ${this.#goal}`;
    const { events, end } = await this.watch.askAlike(name, (reading) => sliceAfter(reading, at));
    // What was numbered by then and is not there any more, was kept no longer.
    if (end === at) throw cursorExpired();
    this.at = end;
    for (const logged of events) this.#take(logged);
  }

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
    const event = step.value;
    if (event.sequence <= this.at) return;
    this.at = event.sequence;
    if (!passes(this.filter, event)) return;
    const logged = await this.watch.askOfEvent(event, lookOfEvent);
    if (logged !== undefined) this.#take(logged);
  }

  async #followAgain(): Promise<void> {
    const source = await this.watch.follow();
    this.source = source;
    this.#goal = source.from;
    if (this.#over) await source.return?.();
  }

  #take(logged: LoggedEvent): void {
    const { eventType: type, createdAt: at, userId, ...row } = logged.event;
    const { actor } = this.filter;
    if (passes(this.filter, { ...row, type, at }) && (!actor || actor === userId)) this.#ready.push(logged);
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
