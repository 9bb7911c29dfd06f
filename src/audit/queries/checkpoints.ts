import { and, desc, eq, gt, gte, lte, sql } from 'drizzle-orm';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { pageOf, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading } from '../../core/work.js';
import { type ChainEnd, genesis } from '../model/chain.js';
import { auditCheckpoints, auditHeads, auditSeals, type CheckpointRow } from '../table.js';

export type Head = typeof auditHeads.$inferSelect;

export async function trailHead(db: Db, tenantId: TenantId): Promise<Head | undefined> {
  const [head] = await db.select().from(auditHeads).where(eq(auditHeads.tenantId, tenantId));
  return head;
}

/** What the first event hangs on that is kept; whether the others were deleted rightly is another question. */
export function beginningOf(head: Head | undefined, tenantId: TenantId): ChainEnd {
  if (head === undefined || head.keptAfter === 0) return genesis(tenantId);
  return { sequence: head.keptAfter, hash: head.keptAfterHash ?? '' };
}

export async function sealNumbered(db: Db, tenantId: TenantId, sequence: number) {
  const [seal] = await db
    .select({ sequence: auditSeals.sequence, hash: auditSeals.hash })
    .from(auditSeals)
    .where(and(eq(auditSeals.tenantId, tenantId), eq(auditSeals.sequence, sequence)));
  return seal;
}

export async function checkpointAt(db: Db, tenantId: TenantId, sequence: number) {
  const [row] = await db
    .select()
    .from(auditCheckpoints)
    .where(and(eq(auditCheckpoints.tenantId, tenantId), eq(auditCheckpoints.sequence, sequence)));
  return row;
}

/** How many of them one look at a part of the trail takes: the newest. */
const CHECKPOINTS_A_LOOK = 5000;

/** The checkpoints of a part of the trail, the newest first. */
export function checkpointsWithin(db: Db, tenantId: TenantId, from: number, to: number) {
  return db
    .select()
    .from(auditCheckpoints)
    .where(
      and(
        eq(auditCheckpoints.tenantId, tenantId),
        gte(auditCheckpoints.sequence, from),
        lte(auditCheckpoints.sequence, to),
      ),
    )
    .orderBy(desc(auditCheckpoints.sequence))
    .limit(CHECKPOINTS_A_LOOK);
}

/** Those behind a number, in their order: what is handed out next. */
export function checkpointsAfter(db: Db, tenantId: TenantId, sequence: number, limit: number) {
  return db
    .select()
    .from(auditCheckpoints)
    .where(and(eq(auditCheckpoints.tenantId, tenantId), gt(auditCheckpoints.sequence, sequence)))
    .orderBy(auditCheckpoints.sequence)
    .limit(limit);
}

/** The newest checkpoint of every tenant that has one, as the worker. */
export async function newestCheckpoints(db: Db): Promise<{ tenantId: TenantId; sequence: number }[]> {
  const rows = await db.execute<{ tenant_id: TenantId; sequence: string }>(sql`
    select head.tenant_id, newest.sequence from ${auditHeads} as head cross join lateral (
      select sequence from ${auditCheckpoints} as known where known.tenant_id = head.tenant_id
      order by sequence desc limit 1
    ) as newest`);
  return [...rows].map((row) => ({ tenantId: row.tenant_id, sequence: Number(row.sequence) }));
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: auditCheckpoints.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function checkpointsPage(reading: Reading, page: PageArguments): Promise<Page<CheckpointRow>> {
  const where = eq(auditCheckpoints.tenantId, reading.tenantId);
  return pageOf(reading.db, auditCheckpoints, { where, sorting: newestFirst, page });
}
