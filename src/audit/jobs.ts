import { sql } from 'drizzle-orm';
import type { Instant } from '../core/clock.js';
import type { Db } from '../core/db.js';
import type { SealedFact } from './model.js';
import { auditSeals, licenseEventLogs, unsealedEvents } from './table.js';

/** How many events one pass numbers: enough to keep up, little enough to commit in a few milliseconds. */
export const SEAL_BATCH = 1000;

/** As the driver reads it: a bigint is text. */
interface SealedRow extends Record<string, unknown> {
  readonly tenant_id: SealedFact['tenantId'];
  readonly sequence: string;
  readonly event_id: SealedFact['eventId'];
  readonly event_type: SealedFact['type'];
  readonly subject_id: string;
  readonly license_id: SealedFact['licenseId'];
}

/**
 * Numbers committed events that have no number, in the order of their ids, without gaps. Needs lg_worker, and to be
 * the only one that runs: it is what turns transactions that commit out of order into one log that can be read on
 * from a number without missing any. Answers what it numbered, each tenant's in its order.
 */
export async function sealEvents(db: Db, now: Instant): Promise<SealedFact[]> {
  const rows = await db.execute<SealedRow>(sql`
    with batch as (
      delete from ${unsealedEvents} using (
        select tenant_id, event_id from ${unsealedEvents} order by event_id limit ${SEAL_BATCH}
      ) as oldest
      where ${unsealedEvents.tenantId} = oldest.tenant_id and ${unsealedEvents.eventId} = oldest.event_id
      returning ${unsealedEvents.tenantId} as tenant_id, ${unsealedEvents.eventId} as event_id
    ), sealed as (
      insert into ${auditSeals} (tenant_id, sequence, event_id, sealed_at)
      select batch.tenant_id, coalesce(head.sequence, 0) + row_number() over (partition by batch.tenant_id order by batch.event_id),
        batch.event_id, ${now}::timestamptz
      from batch left join lateral (
        select sequence from ${auditSeals} as known where known.tenant_id = batch.tenant_id order by sequence desc limit 1
      ) as head on true
      returning tenant_id, sequence, event_id
    )
    select sealed.tenant_id, sealed.sequence, sealed.event_id, fact.event_type, fact.subject_id, fact.license_id
    from sealed join ${licenseEventLogs} as fact on fact.tenant_id = sealed.tenant_id and fact.id = sealed.event_id
    order by sealed.tenant_id, sealed.sequence`);
  return [...rows].map((row) => ({
    tenantId: row.tenant_id,
    sequence: Number(row.sequence),
    eventId: row.event_id,
    type: row.event_type,
    subjectId: row.subject_id,
    licenseId: row.license_id,
  }));
}
