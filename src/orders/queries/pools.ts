import { and, eq, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../../core/actor.js';
import type { LicensePoolId, ResellerId, TemplateId } from '../../core/id.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading } from '../../core/work.js';
import { type LicensePool, licensePools, poolAllocations } from '../table/pools.js';

/** A reseller's caller sees its own pools; a customer and an application see none. */
function poolScope(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  return and(
    eq(licensePools.tenantId, reading.tenantId),
    resellerId === undefined ? undefined : eq(licensePools.resellerId, resellerId),
    customerId === undefined && licenseId === undefined ? undefined : sql`false`,
  );
}

export async function poolsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, LicensePool>> {
  const rows = await reading.db
    .select()
    .from(licensePools)
    .where(and(poolScope(reading), anyOf(licensePools.id, ids)));
  return byKey(rows, (row) => row.id);
}

export async function lockPool(reading: Reading, id: string): Promise<LicensePool | undefined> {
  const [row] = await reading.db
    .select()
    .from(licensePools)
    .where(and(poolScope(reading), eq(licensePools.id, id as LicensePoolId)))
    .for('no key update');
  return row;
}

/** Whether an order has paid for a pool: then its licenses come from there. */
export async function hasPool(reading: Reading, orderId: string): Promise<boolean> {
  const rows = await reading.db.execute(sql`select 1 from ${licensePools}
    where ${licensePools.tenantId} = ${reading.tenantId} and ${licensePools.orderId} = ${orderId}`);
  return rows.length > 0;
}

export interface LicensePoolFilter {
  readonly resellerId?: ResellerId | null;
  readonly templateId?: TemplateId | null;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: licensePools.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function poolsPage(
  reading: Reading,
  { resellerId, templateId }: LicensePoolFilter,
  page: PageArguments,
): Promise<Page<LicensePool>> {
  const where = and(
    poolScope(reading),
    resellerId ? eq(licensePools.resellerId, resellerId) : undefined,
    templateId ? eq(licensePools.templateId, templateId) : undefined,
  );
  return pageOf(reading.db, licensePools, { where, sorting: newestFirst, page });
}

export function poolsByReseller(reading: Reading, owners: readonly string[], page: PageArguments) {
  const list = { where: poolScope(reading), sorting: newestFirst, page };
  const request = { ...list, owner: licensePools.resellerId, owners };
  return pagesByOwner(reading.db, licensePools, request, (row) => row.resellerId);
}

const lastAllocatedFirst: Sorting = {
  name: 'ALLOCATED_AT',
  by: poolAllocations.allocatedAt,
  type: 'timestamptz',
  direction: 'DESC',
};

/** What was taken from each pool; whoever asks has seen the pool. */
export function allocationsByPool(reading: Reading, owners: readonly string[], page: PageArguments) {
  const where = eq(poolAllocations.tenantId, reading.tenantId);
  const request = { where, sorting: lastAllocatedFirst, page, owner: poolAllocations.poolId, owners };
  return pagesByOwner(reading.db, poolAllocations, request, (row) => row.poolId);
}

/** The pool that each license was taken from. */
export async function poolsByLicense(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, LicensePool>> {
  const rows = await reading.db
    .select({ licenseId: poolAllocations.id, pool: licensePools })
    .from(poolAllocations)
    .innerJoin(
      licensePools,
      and(eq(licensePools.tenantId, reading.tenantId), eq(licensePools.id, poolAllocations.poolId)),
    )
    .where(
      and(poolScope(reading), eq(poolAllocations.tenantId, reading.tenantId), anyOf(poolAllocations.id, ids)),
    );
  return new Map(rows.map(({ licenseId, pool }) => [licenseId, pool]));
}
