import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import type { EventType } from '../../core/event.js';
import { idsFrom } from '../../core/id.js';
import { licenseEventLogs, unsealedEvents } from '../table.js';

const CAUSE = JSON.stringify({ actor_kind: 'system', request_id: 'jobs' });

interface FactsOfSweep {
  readonly type: EventType;
  readonly now: Instant;
}

/**
 * The facts that a sweep over all tenants tells, as part of its own statement, behind what it has changed: each row of
 * `changed` (tenant_id, license_id, data) is one fact about a license. Nobody's person caused it, and nothing personal
 * is in it. The ids are UUIDs of version 7 like all others; among those of one batch there is no order to keep.
 */
export function factsOfLicenses(changed: SQL, { type, now }: FactsOfSweep): SQL {
  return sql`logged as (
      insert into ${licenseEventLogs} (tenant_id, id, event_type, subject_id, license_id, user_id, event_data, metadata, created_at)
      select tenant_id, ${idsFrom(now)}::text || '7' || substr(gen_random_uuid()::text, 16), ${type}, license_id, license_id,
        'jobs', data, ${CAUSE}::text::jsonb, ${now}::timestamptz
      from ${changed} returning tenant_id, id
    ), in_line as (
      insert into ${unsealedEvents} (tenant_id, event_id) select tenant_id, id from logged
    )`;
}
