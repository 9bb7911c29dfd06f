import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import type { archivedActivations, licenseActivations } from '../table.js';

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
  const kept = sql`make_interval(days => coalesce((tenants.settings -> 'retention' ->> 'personal_data_days')::int, ${days}::int))`;
  return sql`update ${activations} as told
    set ip_address = null, location = null, user_agent = null, reported_at = null, seen_country = null, seen_at = null
    from (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.id from ${activations} as known
        where known.tenant_id = tenants.id and known.reported_at < ${now}::timestamptz - ${kept}
        order by known.reported_at limit ${most} for no key update skip locked
      ) as old limit ${most}
    ) as old
    where told.tenant_id = old.tenant_id and told.id = old.id
    returning 1`;
}
