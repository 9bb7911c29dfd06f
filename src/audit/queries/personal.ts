import { and, eq, isNotNull } from 'drizzle-orm';
import { anyOf } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { eventPersonalData } from '../table.js';

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
