import { sql } from 'drizzle-orm';
import { addMillis, type Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import type { Sign } from '../../core/tokenTypes.js';
import type { Work } from '../../core/work.js';
import {
  CHECKPOINT,
  CHECKPOINT_EVENTS,
  CHECKPOINT_MILLIS,
  CHECKPOINT_SECONDS,
  checkpointClaims,
} from '../model/checkpoint.js';
import { trailHead } from '../queries/checkpoints.js';
import { signEnd } from '../service/checkpoints.js';
import { auditCheckpoints, auditHeads, eventPersonalData } from '../table.js';

/** Tenants of one look. */
const TENANTS = 100;

async function tenantsOf(db: Db, text: ReturnType<typeof sql>): Promise<TenantId[]> {
  const rows = await db.execute<{ tenant_id: TenantId }>(text);
  return [...rows].map((row) => row.tenant_id);
}

/** Whose chain has waited for a signature long enough, or for enough events; the one that waits longest first. */
export function dueForCheckpoint(db: Db, now: Instant): Promise<TenantId[]> {
  const since = addMillis(now, -CHECKPOINT_MILLIS);
  return tenantsOf(
    db,
    sql`select tenant_id from ${auditHeads}
      where pending_since is not null and (pending >= ${CHECKPOINT_EVENTS}::int or pending_since <= ${since}::timestamptz)
      order by pending_since limit ${TENANTS}`,
  );
}

/** Signs the end of a chain, as the worker: what came while it was signed waits for the next. */
export async function signDue(work: Work, sign: Sign): Promise<boolean> {
  const head = await trailHead(work.db, work.tenantId);
  if (head === undefined || head.pendingSince === null) return false;
  await signEnd(work, head, sign);
  await work.db.execute(sql`update ${auditHeads} set pending = greatest(0, pending - ${head.pending}::int),
      pending_since = case when pending > ${head.pending}::int then ${work.now}::timestamptz end
    where tenant_id = ${work.tenantId}`);
  return true;
}

/** A boundary, and where it would be: the newest checkpoint of what is older than the tenant keeps events. */
const boundaries = (now: Instant) => sql`
  select head.tenant_id, old.sequence from ${auditHeads} as head
  join tenants on tenants.id = head.tenant_id
  cross join lateral (
    select known.sequence from ${auditCheckpoints} as known
    where known.tenant_id = head.tenant_id
      and known.created_at <= ${now}::timestamptz - make_interval(days => (tenants.settings -> 'retention' ->> 'event_days')::int)
    order by known.created_at desc, known.id desc limit 1
  ) as old
  where tenants.settings -> 'retention' ->> 'event_days' is not null and old.sequence > head.kept_after`;

export interface Boundary {
  readonly tenantId: TenantId;
  readonly sequence: number;
}

/** Whose trail has a beginning that is older than the tenant keeps events. */
export async function outlived(db: Db, now: Instant): Promise<Boundary[]> {
  const rows = await db.execute<{ tenant_id: TenantId; sequence: string }>(
    sql`${boundaries(now)} limit ${TENANTS}`,
  );
  return [...rows].map((row) => ({ tenantId: row.tenant_id, sequence: Number(row.sequence) }));
}

/** Signs up to where events are about to be deleted: without it, who cuts a beginning off is found out. */
export async function signBoundary(
  db: Db,
  { tenantId, sequence }: Boundary,
  sign: Sign,
  now: Instant,
): Promise<void> {
  const [known] = await db.execute<{ hash: string }>(
    sql`select hash from ${auditCheckpoints} where tenant_id = ${tenantId} and sequence = ${sequence}::bigint`,
  );
  if (known === undefined) return;
  const claims = checkpointClaims(tenantId, { sequence, hash: known.hash }, true);
  const token = await sign(CHECKPOINT, claims, CHECKPOINT_SECONDS);
  await db.execute(sql`update ${auditHeads} set boundary_token = ${token}, boundary_at = ${now}::timestamptz
    where tenant_id = ${tenantId}`);
}

/** Deletes from the beginning up to a boundary, so many events at the most; answers how many. */
export async function forgetEvents(db: Db, { tenantId, sequence }: Boundary, most: number): Promise<number> {
  const [row] = await db.execute<{ gone: number }>(
    sql`select forget_events(${tenantId}, ${sequence}::bigint, ${most}::int) as gone`,
  );
  return row?.gone ?? 0;
}

/**
 * Empties what was told of people with events longer ago than a tenant keeps it, or the deployment where the tenant says
 * nothing; answers of how many. Whoever erases one of them at this moment has it left for the next look.
 */
export async function erasePersonal(db: Db, now: Instant, days: number, most: number): Promise<number> {
  const kept = sql`make_interval(days => coalesce((tenants.settings -> 'retention' ->> 'personal_data_days')::int, ${days}::int))`;
  const rows = await db.execute(sql`update ${eventPersonalData} as told
    set salt = null, data = null, erased_at = ${now}::timestamptz
    from (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.event_id from ${eventPersonalData} as known
        where known.tenant_id = tenants.id and known.data is not null and known.created_at < ${now}::timestamptz - ${kept}
        order by known.created_at limit ${most} for no key update skip locked
      ) as old limit ${most}
    ) as old
    where told.tenant_id = old.tenant_id and told.event_id = old.event_id
    returning 1`);
  return rows.length;
}
