import { type SQL, sql } from 'drizzle-orm';
import { addMillis, type Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { SWEEP_BATCH } from '../../core/sweep.js';
import type { Sign } from '../../core/tokenTypes.js';
import type { Work } from '../../core/work.js';
import type { ChainEnd } from '../model/chain.js';
import {
  CHECKPOINT,
  CHECKPOINT_EVENTS,
  CHECKPOINT_MILLIS,
  CHECKPOINT_SECONDS,
  checkpointClaims,
} from '../model/checkpoint.js';
import { type Head, trailHead } from '../queries/checkpoints.js';
import { signEnd } from '../service/checkpoints.js';
import { auditCheckpoints, auditHeads, eventPersonalData } from '../table.js';

/** Tenants of one look. */
export const TENANTS_A_LOOK = 100;

/** Whose chain has waited for a signature long enough, or for enough events; those behind a tenant, by their codes. */
export async function dueForCheckpoint(db: Db, now: Instant, after: string): Promise<TenantId[]> {
  const since = addMillis(now, -CHECKPOINT_MILLIS);
  const rows = await db.execute<{ tenant_id: TenantId }>(sql`select tenant_id from ${auditHeads}
    where pending_since is not null and (pending >= ${CHECKPOINT_EVENTS}::int or pending_since <= ${since}::timestamptz)
      and tenant_id > ${after} order by tenant_id limit ${TENANTS_A_LOOK}`);
  return [...rows].map((row) => row.tenant_id);
}

/** The signature of a chain's end, before anything is locked for it. */
export function signatureOf(tenantId: TenantId, { sequence, hash }: ChainEnd, sign: Sign): Promise<string> {
  return sign(CHECKPOINT, checkpointClaims(tenantId, { sequence, hash }), CHECKPOINT_SECONDS);
}

/**
 * Writes down the signed end of a chain, as the worker, unless somebody has since it was read. What came while it was signed
 * waits for the next.
 */
export async function writeDue(work: Work, head: Head, token: string): Promise<boolean> {
  const now = await trailHead(work.db, work.tenantId);
  if (now === undefined || now.pendingSince !== head.pendingSince || now.pending < head.pending) return false;
  await signEnd(work, head, async () => token);
  await work.db.execute(sql`update ${auditHeads} set pending = greatest(0, pending - ${head.pending}::int),
      pending_since = case when pending > ${head.pending}::int then ${work.now}::timestamptz end
    where tenant_id = ${work.tenantId}`);
  return true;
}

/** A boundary, and where it would be: the newest checkpoint of what is older than the tenant keeps events. */
const boundaries = (now: Instant) => sql`
  select head.tenant_id, old.sequence, old.hash from ${auditHeads} as head
  join tenants on tenants.id = head.tenant_id
  cross join lateral (
    select known.sequence, known.hash from ${auditCheckpoints} as known
    where known.tenant_id = head.tenant_id
      and known.created_at <= ${now}::timestamptz - make_interval(days => (tenants.settings -> 'retention' ->> 'event_days')::int)
    order by known.created_at desc, known.id desc limit 1
  ) as old
  where tenants.settings -> 'retention' ->> 'event_days' is not null and old.sequence > head.kept_after`;

export interface Boundary extends ChainEnd {
  readonly tenantId: TenantId;
}

/** Whose trail has a beginning that is older than the tenant keeps events; those behind a tenant, by their codes. */
export async function outlived(db: Db, now: Instant, after: string): Promise<Boundary[]> {
  const rows = await db.execute<{ tenant_id: TenantId; sequence: string; hash: string }>(
    sql`${boundaries(now)} and head.tenant_id > ${after} order by head.tenant_id limit ${TENANTS_A_LOOK}`,
  );
  return [...rows].map(({ tenant_id, sequence, hash }) => ({
    tenantId: tenant_id,
    sequence: Number(sequence),
    hash,
  }));
}

/** Signs up to where events are about to be deleted: without it, who cuts a beginning off is found out. */
export function boundarySignature({ tenantId, ...end }: Boundary, sign: Sign): Promise<string> {
  return sign(CHECKPOINT, checkpointClaims(tenantId, end, true), CHECKPOINT_SECONDS);
}

export async function writeBoundary({ db, tenantId, now }: Work, token: string): Promise<void> {
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
 * nothing. Whoever erases one of them at this moment has it left for the next look.
 */
export function personalBatch(now: Instant, days: number): SQL {
  const kept = sql`make_interval(days => coalesce((tenants.settings -> 'retention' ->> 'personal_data_days')::int, ${days}::int))`;
  return sql`update ${eventPersonalData} as told
    set salt = null, data = null, erased_at = ${now}::timestamptz
    from (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.event_id from ${eventPersonalData} as known
        where known.tenant_id = tenants.id and known.data is not null and known.created_at < ${now}::timestamptz - ${kept}
        order by known.created_at limit ${SWEEP_BATCH} for no key update skip locked
      ) as old limit ${SWEEP_BATCH}
    ) as old
    where told.tenant_id = old.tenant_id and told.event_id = old.event_id
    returning 1`;
}
