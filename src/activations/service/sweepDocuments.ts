import { type AnyColumn, type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { addDays, type Instant } from '../../core/clock.js';
import { SWEEP_BATCH } from '../../core/sweep.js';
import { emergencyCodes, licenseFiles, offlineRequests } from '../table.js';

/**
 * How long after its end stands what devices were given for a life without a connection: a request may be answered for
 * `LG_OFFLINE_CODE_DAYS`, 90 at the most, so that its code works once, and a clock may be wrong by a day. Of emergency
 * codes those of 30 days are counted. The trail keeps what was done with them.
 */
export const DOCUMENT_DAYS = 92;

/** The indexes begin with the tenant, so that each tenant is asked for its oldest. */
function batchOf(table: PgTable, end: AnyColumn, now: Instant): SQL {
  const column = sql.raw(end.name);
  const before = addDays(now, -DOCUMENT_DAYS);
  return sql`delete from ${table} as gone using (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.id from ${table} as known
        where known.tenant_id = tenants.id and known.${column} < ${before}::timestamptz
        order by known.${column} limit ${SWEEP_BATCH}
      ) as old limit ${SWEEP_BATCH}
    ) as old
    where gone.tenant_id = old.tenant_id and gone.id = old.id
    returning 1`;
}

export const licenseFileBatch = (now: Instant): SQL => batchOf(licenseFiles, licenseFiles.expiresAt, now);
export const offlineRequestBatch = (now: Instant): SQL =>
  batchOf(offlineRequests, offlineRequests.expiresAt, now);
/** They end a day after they were made, used or not. */
export const emergencyCodeBatch = (now: Instant): SQL =>
  batchOf(emergencyCodes, emergencyCodes.createdAt, now);
