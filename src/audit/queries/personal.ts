import { and, eq, isNotNull } from 'drizzle-orm';
import { anyOf } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { type EventRow, eventPersonalData } from '../table.js';

/** What was told of people with events, by the events' ids; nothing for those that were told without, or are forgotten. */
export async function personalByEvent(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Record<string, unknown>>> {
  const rows = await reading.db
    .select({ id: eventPersonalData.eventId, data: eventPersonalData.data })
    .from(eventPersonalData)
    .where(
      and(
        eq(eventPersonalData.tenantId, reading.tenantId),
        anyOf(eventPersonalData.eventId, ids),
        isNotNull(eventPersonalData.data),
      ),
    );
  return new Map(rows.map(({ id, data }) => [id, data ?? {}]));
}

type Found = ReadonlyMap<string, Record<string, unknown>>;

/** What is looked up for events that are told one by one holds so long, and an erasure is kept to as fast. */
const FRESH_MILLIS = 1_000;

/** Events that are told one after the other: their personal data are looked up together, when those of one are asked for. */
class ToldTogether {
  #until = 0;
  #found: Promise<Found> = Promise.resolve(new Map());

  constructor(private readonly ids: readonly string[]) {}

  find(reading: () => Promise<Reading>): Promise<Found> {
    if (this.#until > performance.now()) return this.#found;
    this.#until = performance.now() + FRESH_MILLIS;
    this.#found = reading().then((look) => personalByEvent(look, this.ids));
    // What failed is no answer for the next.
    this.#found.catch(() => {
      this.#until = 0;
    });
    return this.#found;
  }
}

const together = new WeakMap<EventRow, ToldTogether>();

/** Notes that a stream tells these events one after the other. */
export function tellTogether(events: readonly EventRow[]): void {
  const told = new ToldTogether(events.map(({ id }) => id));
  for (const event of events) together.set(event, told);
}

/** What was told of people with an event of a stream; undefined for one of which it is not known what is told with it. */
export function personalInStream(
  event: EventRow,
  reading: () => Promise<Reading>,
): Promise<Record<string, unknown> | null> | undefined {
  return together
    .get(event)
    ?.find(reading)
    .then((found) => found.get(event.id) ?? null);
}
