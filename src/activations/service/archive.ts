import { getTableColumns, type SQL, sql } from 'drizzle-orm';
import { addDays, type Instant } from '../../core/clock.js';
import { SWEEP_BATCH } from '../../core/sweep.js';
import { archivedActivations, licenseActivations, licenseFiles } from '../table.js';

/** Activations that ended longer ago than this move to the archive. */
export const ARCHIVE_DAYS = 90;

const columns = sql.raw(
  Object.values(getTableColumns(licenseActivations))
    .map(({ name }) => `"${name}"`)
    .join(', '),
);

/**
 * Moves what ended long ago out of the way of what lives. An activation by whose license file somebody may still go stays
 * until that has ended too: the revocation list speaks of it.
 */
export function archiveBatch(now: Instant): SQL {
  return sql`with ended as materialized (
      select tenant_id, id from ${licenseActivations} as old
      where status = 'DEACTIVATED' and deactivated_at < ${addDays(now, -ARCHIVE_DAYS)}::timestamptz
        and not exists (select from ${licenseFiles} as file where file.tenant_id = old.tenant_id
          and file.activation_id = old.id and file.expires_at > ${now}::timestamptz)
      order by deactivated_at limit ${SWEEP_BATCH} for update skip locked
    ), gone as (
      delete from ${licenseActivations} as old using ended
      where old.tenant_id = ended.tenant_id and old.id = ended.id
      returning old.*
    )
    insert into ${archivedActivations} (${columns}, archived_at)
    select ${columns}, ${now}::timestamptz from gone
    returning 1`;
}
