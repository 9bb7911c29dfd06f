import { and, eq, sql } from 'drizzle-orm';
import type { Db } from '../../core/db.js';
import type { FedEvent } from '../../core/event.js';
import type { TenantId } from '../../core/id.js';
import { anyOf, byKey } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import type { LogBounds, LogPlace } from '../model/logCursor.js';
import { eventScope } from '../queries.js';
import { auditHeads, auditSeals, type EventRow, licenseEventLogs } from '../table.js';

/** Events by their ids, as far as the reader sees them. */
export async function eventsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, EventRow>> {
  const rows = await reading.db
    .select()
    .from(licenseEventLogs)
    .where(and(eventScope(reading), anyOf(licenseEventLogs.id, ids)));
  return byKey(rows, (row) => row.id);
}

/** The numbers of the newest sealed events of many tenants; those without one are left out. Needs lg_worker. */
export async function sealedHeads(db: Db, tenants: readonly TenantId[]): Promise<Map<TenantId, number>> {
  const rows = await db
    .select({ tenantId: auditHeads.tenantId, sequence: auditHeads.sequence })
    .from(auditHeads)
    .where(anyOf(auditHeads.tenantId, tenants));
  return new Map(rows.map(({ tenantId, sequence }) => [tenantId, sequence]));
}

/** Which events a subscriber wants; what is left out lets all pass. */
export interface StreamFilter {
  readonly types?: readonly string[] | null;
  readonly licenseId?: string | null;
  readonly subjectId?: string | null;
  readonly actor?: string | null;
}

/** What there is of a log around one number. */
export async function logBounds(reading: Reading, sequence: number): Promise<LogBounds> {
  const { tenantId } = reading;
  const seals = sql`from ${auditSeals} as seal where seal.tenant_id = ${tenantId}`;
  const [row] = await reading.db.execute<{
    head: string | null;
    event_id: string | null;
    is_next_kept: boolean;
  }>(
    sql`select (select sequence from ${auditHeads} as head where head.tenant_id = ${tenantId}) as head,
      (select event_id ${seals} and seal.sequence = ${sequence}::bigint) as event_id,
      exists (select 1 from ${licenseEventLogs} as kept where kept.tenant_id = ${tenantId}
        and kept.id = (select event_id ${seals} and seal.sequence = ${sequence}::bigint + 1)) as is_next_kept`,
  );
  return {
    head: Number(row?.head ?? 0),
    eventId: row?.event_id ?? null,
    isNextKept: row?.is_next_kept === true,
  };
}

/** The newest place of a log, also where retention has left nothing of it. */
export async function newestPlace(reading: Reading): Promise<LogPlace> {
  const ofHead = and(eq(auditSeals.tenantId, reading.tenantId), eq(auditSeals.sequence, auditHeads.sequence));
  const [row] = await reading.db
    .select({ sequence: auditHeads.sequence, eventId: auditSeals.eventId })
    .from(auditHeads)
    .leftJoin(auditSeals, ofHead)
    .where(eq(auditHeads.tenantId, reading.tenantId));
  return { sequence: row?.sequence ?? 0, eventId: row?.eventId ?? '' };
}

/**
 * The numbers behind one, in their order, and the ids of their events. What the events are is another statement: joined, a
 * plan that was made when the log was short read all of it for each number, which took seconds at 8,000 events.
 */
function numbersAfter({ db, tenantId }: Reading, sequence: number, limit: number) {
  return db
    .select({ sequence: auditSeals.sequence, id: auditSeals.eventId })
    .from(auditSeals)
    .where(and(eq(auditSeals.tenantId, tenantId), sql`${auditSeals.sequence} > ${sequence}::bigint`))
    .orderBy(auditSeals.sequence)
    .limit(limit);
}

const idOf = ({ id }: { readonly id: string }): string => id;

/** What the feed hands out of the events behind a number. Whoever remembers the last number misses none. */
export async function factsAfter(reading: Reading, sequence: number, limit: number): Promise<FedEvent[]> {
  const numbers = await numbersAfter(reading, sequence, limit);
  if (numbers.length === 0) return [];
  const { id, eventType: type, subjectId, licenseId, activationId, createdAt: at } = licenseEventLogs;
  const rows = await reading.db
    .select({ id, type, subjectId, licenseId, activationId, at })
    .from(licenseEventLogs)
    .where(and(eq(licenseEventLogs.tenantId, reading.tenantId), anyOf(id, numbers.map(idOf))));
  const known = byKey(rows, idOf);
  return numbers.flatMap((number) => {
    const row = known.get(number.id);
    return row === undefined ? [] : [{ ...row, sequence: number.sequence }];
  });
}

async function areKept({ db, tenantId }: Reading, ids: readonly string[]): Promise<boolean> {
  const [row] = await db
    .select({ kept: sql<number>`count(*)::int` })
    .from(licenseEventLogs)
    .where(and(eq(licenseEventLogs.tenantId, tenantId), anyOf(licenseEventLogs.id, ids)));
  return row?.kept === ids.length;
}

/** An event with its number in the tenant's log. */
export interface SealedEvent {
  readonly sequence: number;
  readonly event: EventRow;
}

/**
 * Those events of a piece of the log that the reader sees, behind a number and up to one that was given out; undefined if
 * some of the piece is kept no longer. What others see does not leave the database.
 */
export async function sealedBetween(
  reading: Reading,
  after: number,
  end: number,
): Promise<SealedEvent[] | undefined> {
  const numbers = await numbersAfter(reading, after, end - after);
  if (numbers.length < end - after || numbers.at(-1)?.sequence !== end) return undefined;
  const ids = numbers.map(idOf);
  const known = await eventsById(reading, ids);
  if (known.size < ids.length && !(await areKept(reading, ids))) return undefined;
  return numbers.flatMap(({ sequence, id }) => {
    const event = known.get(id);
    return event === undefined ? [] : [{ sequence, event }];
  });
}
