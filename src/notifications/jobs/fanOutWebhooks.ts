import { sql } from 'drizzle-orm';
import { auditSeals } from '../../audit/table.js';
import type { Clock } from '../../core/clock.js';
import { committed, type Db, type Pool } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import type { Log } from '../../core/log.js';
import { makeDeliveries, type Range } from '../service/webhookDeliveries.js';
import { webhookCursors, webhookEndpoints } from '../table/webhooks.js';

/** Events of one transaction: with as many endpoints as a tenant may have, 10,000 rows in some 200 ms. */
const FAN_OUT_BATCH = 500;

/** Tenants with events that their endpoints were not told of yet. */
async function tenantsBehind(db: Db): Promise<TenantId[]> {
  const rows = await db.execute<{ tenant_id: TenantId }>(sql`
    select ${webhookCursors.tenantId} as tenant_id from ${webhookCursors}
    where exists (select from ${webhookEndpoints}
        where ${webhookEndpoints.tenantId} = ${webhookCursors.tenantId} and ${webhookEndpoints.enabled})
      and exists (select from ${auditSeals}
        where ${auditSeals.tenantId} = ${webhookCursors.tenantId} and ${auditSeals.sequence} > ${webhookCursors.sequence})`);
  return rows.map((row) => row.tenant_id);
}

/** What comes next behind the cursor, which is held from here on; undefined while another process holds it, or nothing does. */
async function nextRange(db: Db, tenantId: TenantId): Promise<Range | undefined> {
  const [cursor] = await db.execute<{ after: string | null }>(sql`
    select greatest(${webhookCursors.sequence}, (select min(${webhookEndpoints.fromSequence}) from ${webhookEndpoints}
      where ${webhookEndpoints.tenantId} = ${tenantId} and ${webhookEndpoints.enabled})) as after
    from ${webhookCursors} where ${webhookCursors.tenantId} = ${tenantId} for update skip locked`);
  if (cursor === undefined) return undefined;
  const after = Number(cursor.after);
  const [head] = await db.execute<{ up_to: string | null }>(sql`
    select max(next.sequence) as up_to from (
      select ${auditSeals.sequence} as sequence from ${auditSeals}
      where ${auditSeals.tenantId} = ${tenantId} and ${auditSeals.sequence} > ${after}::bigint
      order by ${auditSeals.sequence} limit ${FAN_OUT_BATCH}) as next`);
  const upTo = Number(head?.up_to ?? 0);
  return upTo > after ? { after, upTo } : undefined;
}

/** One batch of a tenant: deliveries and cursor in one transaction, so that no event is left out and none comes twice. */
async function fanOutBatch(pool: Pool, clock: Clock, tenantId: TenantId): Promise<number | undefined> {
  const session = await pool.begin('write');
  return committed(session, async () => {
    const range = await nextRange(session.db, tenantId);
    if (range === undefined) return undefined;
    const made = await makeDeliveries(session.db, tenantId, clock(), range);
    await session.db.execute(sql`update ${webhookCursors} set sequence = ${range.upTo}::bigint
      where ${webhookCursors.tenantId} = ${tenantId}`);
    return made;
  });
}

/** A tenant whose events cannot be read is left alone for a while: it is logged once in this time, not at every look. */
const REST_MILLIS = 10_000;

/** Until when each such tenant rests, by the clock on the wall. */
export type Resting = Map<TenantId, number>;

interface FanOutParts {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Log;
}

async function fanOutTenant({ pool, clock }: FanOutParts, tenantId: TenantId): Promise<number> {
  for (let made = 0; ; ) {
    const batch = await fanOutBatch(pool, clock, tenantId);
    if (batch === undefined) return made;
    made += batch;
  }
}

/**
 * Makes deliveries of all events that were sealed since the last time, for every endpoint that wants them. It reads the
 * trail by its numbers, which have no gaps: whatever woke it, and whatever did not, no event is missed. A tenant whose
 * events cannot be read now is behind until they can, and no other is.
 */
export async function fanOutWebhooks(parts: FanOutParts, resting: Resting): Promise<number> {
  let made = 0;
  for (const tenantId of await tenantsBehind(parts.pool.db)) {
    if (performance.now() < (resting.get(tenantId) ?? 0)) continue;
    resting.delete(tenantId);
    made += await fanOutTenant(parts, tenantId).catch((error: unknown) => {
      parts.log.error({ err: error, tenantId }, 'what webhooks are to tell of a tenant could not be read');
      resting.set(tenantId, performance.now() + REST_MILLIS);
      return 0;
    });
  }
  return made;
}
