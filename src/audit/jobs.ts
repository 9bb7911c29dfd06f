import { sql } from 'drizzle-orm';
import type { Instant } from '../core/clock.js';
import type { Db } from '../core/db.js';
import type { EventType } from '../core/event.js';
import type { EventId, LicenseId, TenantId } from '../core/id.js';
import { type ChainEnd, genesis, plainInstant, sealHash, type TrailEvent } from './model/chain.js';
import { CHECKPOINT_EVENTS } from './model/checkpoint.js';
import { CHECKPOINTED, type SealedFact } from './model.js';
import { eventText, readEvent } from './queries/trail.js';
import { auditHeads, auditSeals, licenseEventLogs, unsealedEvents } from './table.js';

/** How many events one pass numbers: enough to keep up, little enough to commit in a few milliseconds. */
export const SEAL_BATCH = 1000;

interface Unsealed extends Record<string, unknown> {
  readonly event: TrailEvent;
  /** The end of the tenant's chain; null before its first event. A bigint is text to the driver. */
  readonly sequence: string | null;
  readonly hash: string | null;
}

/** The oldest events that wait, in the order of their tenants and ids. They wait no longer, if the batch is committed. */
async function takeUnsealed(db: Db): Promise<Unsealed[]> {
  const rows = await db.execute<Unsealed>(sql`
    with batch as (
      delete from ${unsealedEvents} using (
        select tenant_id, event_id from ${unsealedEvents} order by event_id limit ${SEAL_BATCH}
      ) as oldest
      where ${unsealedEvents.tenantId} = oldest.tenant_id and ${unsealedEvents.eventId} = oldest.event_id
      returning ${unsealedEvents.tenantId} as tenant_id, ${unsealedEvents.eventId} as event_id
    )
    select ${eventText} as event, head.sequence, head.hash
    from batch
    join ${licenseEventLogs} as fact on fact.tenant_id = batch.tenant_id and fact.id = batch.event_id
    left join ${auditHeads} as head on head.tenant_id = batch.tenant_id
    order by batch.tenant_id, batch.event_id`);
  return [...rows].map((row) => ({ ...row, event: readEvent(row.event) }));
}

interface Seal extends ChainEnd {
  readonly event: TrailEvent;
}

function seals(rows: readonly Unsealed[], sealedAt: string): Seal[] {
  const ends = new Map<string, ChainEnd>();
  return rows.map(({ event, sequence, hash }) => {
    const stored = hash === null ? genesis(event.tenantId) : { sequence: Number(sequence), hash };
    const end = ends.get(event.tenantId) ?? stored;
    const next = {
      sequence: end.sequence + 1,
      hash: sealHash(end.hash, end.sequence + 1, sealedAt, event),
    };
    ends.set(event.tenantId, next);
    return { ...next, event };
  });
}

/** The new end of each tenant's chain, with how many events no checkpoint has signed. */
function headsOf(sealed: readonly Seal[]): object[] {
  const heads = new Map<string, { sequence: number; hash: string; pending: number }>();
  for (const { sequence, hash, event } of sealed) {
    const pending = (heads.get(event.tenantId)?.pending ?? 0) + (event.type === CHECKPOINTED ? 0 : 1);
    heads.set(event.tenantId, { sequence, hash, pending });
  }
  return [...heads].map(([tenant_id, head]) => ({ tenant_id, ...head }));
}

function factOf({ sequence, event }: Seal): SealedFact {
  return {
    tenantId: event.tenantId as TenantId,
    sequence,
    eventId: event.id as EventId,
    type: event.type as EventType,
    subjectId: event.subjectId,
    licenseId: event.licenseId as LicenseId | null,
  };
}

export interface Sealed {
  /** What was numbered, each tenant's in its order. */
  readonly facts: readonly SealedFact[];
  /** Whether so many events of a tenant wait for a signature that it is not put off. */
  readonly isCheckpointDue: boolean;
}

/**
 * Numbers committed events that have no number, in the order of their ids, without gaps, and chains their hashes. Needs
 * lg_worker, and to be the only one that runs: it is what turns transactions that commit out of order into one log that
 * can be read on from a number without missing any.
 */
export async function sealEvents(db: Db, now: Instant): Promise<Sealed> {
  const sealed = seals(await takeUnsealed(db), plainInstant(now));
  if (sealed.length === 0) return { facts: [], isCheckpointDue: false };
  const rows = sealed.map(({ sequence, hash, event: { tenantId, id } }) => [tenantId, sequence, id, hash]);
  const heads = await db.execute<{ due: boolean }>(sql`
    with sealed as (
      insert into ${auditSeals} (tenant_id, sequence, event_id, sealed_at, hash)
      select row ->> 0, (row ->> 1)::bigint, row ->> 2, ${now}::timestamptz, row ->> 3
      from json_array_elements(${JSON.stringify(rows)}::text::json) as row
    )
    insert into ${auditHeads} as head (tenant_id, sequence, hash, pending, pending_since)
    select tenant_id, sequence, hash, pending, case when pending > 0 then ${now}::timestamptz end
    from json_to_recordset(${JSON.stringify(headsOf(sealed))}::text::json)
      as reached (tenant_id text, sequence bigint, hash text, pending int)
    on conflict (tenant_id) do update set sequence = excluded.sequence, hash = excluded.hash,
      pending = head.pending + excluded.pending, pending_since = coalesce(head.pending_since, excluded.pending_since)
    returning head.pending >= ${CHECKPOINT_EVENTS}::int as due`);
  return { facts: sealed.map(factOf), isCheckpointDue: heads.some(({ due }) => due) };
}
