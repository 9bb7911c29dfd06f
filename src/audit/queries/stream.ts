import { and, eq, sql } from 'drizzle-orm';
import type { Db } from '../../core/db.js';
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

/** An event with its number in the tenant's log. */
export interface SealedEvent {
  readonly sequence: number;
  readonly event: EventRow;
  /** Whether the reader sees it. */
  readonly isSeen: boolean;
}

/**
 * The sealed events behind a number, in their order. Whoever remembers the last number misses none. Two statements: joined,
 * a plan that was made when the log was short read all of it for each number, which took seconds at 8,000 events.
 */
export async function sealedAfter(reading: Reading, sequence: number, limit: number): Promise<SealedEvent[]> {
  const { db, tenantId } = reading;
  const seals = await db
    .select({ sequence: auditSeals.sequence, eventId: auditSeals.eventId })
    .from(auditSeals)
    .where(and(eq(auditSeals.tenantId, tenantId), sql`${auditSeals.sequence} > ${sequence}::bigint`))
    .orderBy(auditSeals.sequence)
    .limit(limit);
  if (seals.length === 0) return [];
  const ids = seals.map(({ eventId }) => eventId);
  const rows = await db
    .select({ event: licenseEventLogs, isSeen: sql<boolean>`(${eventScope(reading)})` })
    .from(licenseEventLogs)
    .where(and(eq(licenseEventLogs.tenantId, tenantId), anyOf(licenseEventLogs.id, ids)));
  const known = byKey(rows, ({ event }) => event.id);
  return seals.flatMap(({ sequence: at, eventId }) => {
    const row = known.get(eventId);
    return row === undefined ? [] : [{ sequence: at, ...row }];
  });
}
