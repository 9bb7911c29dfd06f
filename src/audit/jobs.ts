import { sql } from 'drizzle-orm';
import type { Instant } from '../core/clock.js';
import type { Db } from '../core/db.js';
import type { TenantId } from '../core/id.js';
import { auditSeals, unsealedEvents } from './table.js';

/** How many events one pass numbers: enough to keep up, little enough to commit in a few milliseconds. */
export const SEAL_BATCH = 1000;

/**
 * Numbers committed events that have no number, in the order of their ids, without gaps. Needs lg_worker, and to be
 * the only one that runs: it is what turns transactions that commit out of order into one log that can be read on
 * from a number without missing any. Answers the tenant of each that it numbered.
 */
export async function sealEvents(db: Db, now: Instant): Promise<TenantId[]> {
  const rows = await db.execute<{ tenant_id: TenantId }>(sql`
    with batch as (
      delete from ${unsealedEvents} using (
        select tenant_id, event_id from ${unsealedEvents} order by event_id limit ${SEAL_BATCH}
      ) as oldest
      where ${unsealedEvents.tenantId} = oldest.tenant_id and ${unsealedEvents.eventId} = oldest.event_id
      returning ${unsealedEvents.tenantId} as tenant_id, ${unsealedEvents.eventId} as event_id
    )
    insert into ${auditSeals} (tenant_id, sequence, event_id, sealed_at)
    select batch.tenant_id, coalesce(head.sequence, 0) + row_number() over (partition by batch.tenant_id order by batch.event_id),
      batch.event_id, ${now}::timestamptz
    from batch left join lateral (
      select sequence from ${auditSeals} as known where known.tenant_id = batch.tenant_id order by sequence desc limit 1
    ) as head on true
    returning tenant_id`);
  return [...rows].map((row) => row.tenant_id);
}
