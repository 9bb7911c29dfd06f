import { and, sql } from 'drizzle-orm';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { anyOf, byKey } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { eventScope } from '../queries.js';
import { auditSeals, type EventRow, licenseEventLogs } from '../table.js';

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
  const rows = await db.execute<{ tenant_id: TenantId; sequence: string }>(sql`
    select wanted.id as tenant_id, head.sequence from unnest(${sql.param(tenants)}::text[]) as wanted (id)
    cross join lateral (
      select sequence from ${auditSeals} as known where known.tenant_id = wanted.id order by sequence desc limit 1
    ) as head`);
  return new Map([...rows].map(({ tenant_id: tenantId, sequence }) => [tenantId, Number(sequence)]));
}
