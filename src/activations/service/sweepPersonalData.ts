import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import { archivedActivations, type licenseActivations } from '../table.js';

/** For how long a tenant keeps what is personal, or the deployment where the tenant says nothing. */
const keptFor = (days: number): SQL =>
  sql`make_interval(days => coalesce((tenants.settings -> 'retention' ->> 'personal_data_days')::int, ${days}::int))`;

/**
 * Erases addresses and places that were told longer ago than a tenant keeps them, or the deployment where the tenant says
 * nothing. Whoever changes one of the rows at this moment has it left for the next look: nobody waits for the other.
 */
export function personalDataBatch(
  activations: typeof licenseActivations | typeof archivedActivations,
  now: Instant,
  days: number,
  most: number,
): SQL {
  return sql`update ${activations} as told
    set ip_address = null, location = null, user_agent = null, reported_at = null, seen_country = null, seen_at = null
    from (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.id from ${activations} as known
        where known.tenant_id = tenants.id and known.reported_at < ${now}::timestamptz - ${keptFor(days)}
        order by known.reported_at limit ${most} for no key update skip locked
      ) as old limit ${most}
    ) as old
    where told.tenant_id = old.tenant_id and told.id = old.id
    returning 1`;
}

/**
 * Erases who used what stands in the archive, and on which machine, so long after it ended: nobody holds a seat by it any
 * more, and what it counted in reports stays.
 */
export function archivedNamesBatch(now: Instant, days: number, most: number): SQL {
  return sql`update ${archivedActivations} as told set user_ref = null, machine_name = null, metadata = '{}'
    from (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.id from ${archivedActivations} as known
        where known.tenant_id = tenants.id and known.deactivated_at < ${now}::timestamptz - ${keptFor(days)}
          and (known.user_ref is not null or known.machine_name is not null or known.metadata <> '{}'::jsonb)
        order by known.deactivated_at limit ${most} for no key update skip locked
      ) as old limit ${most}
    ) as old
    where told.tenant_id = old.tenant_id and told.id = old.id
    returning 1`;
}
