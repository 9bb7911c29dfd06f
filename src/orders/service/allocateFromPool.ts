import { and, eq, sql } from 'drizzle-orm';
import { resellerInactive } from '../../access/model.js';
import { resellers } from '../../access/table.js';
import { latest } from '../../core/clock.js';
import type { NewEvent } from '../../core/event.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { type IssuedLicense, insertLicenses, receivingCustomer } from '../../licenses/service/newLicense.js';
import { poolNotFound, requireAvailable } from '../model/pools.js';
import { orderNotPaid } from '../model.js';
import { lockPool, poolsById } from '../queries/pools.js';
import type { AllocateFromPoolInput } from '../schema/pools.js';
import { type LicensePool, licensePools, poolAllocations } from '../table/pools.js';
import { licenseOrders } from '../table.js';
import { orderedLicense } from './orderedLicense.js';

export interface Allocation {
  readonly pool: LicensePool;
  readonly issued: readonly IssuedLicense[];
}

/** What was paid back is handed out no more. The order is locked before the pool, as everywhere. */
async function requirePaid(work: Work, { orderId }: LicensePool): Promise<void> {
  if (orderId === null) return;
  const [order] = await work.db
    .select({ paymentStatus: licenseOrders.paymentStatus })
    .from(licenseOrders)
    .where(and(eq(licenseOrders.tenantId, work.tenantId), eq(licenseOrders.id, orderId)))
    .for('share');
  if (order === undefined) throw new Error('the order of a pool is not there');
  if (order.paymentStatus !== 'PAID') throw orderNotPaid(order.paymentStatus);
}

/** The pool, locked and still its reseller's to hand out. */
async function openPool(work: Work, id: string): Promise<LicensePool> {
  const found = (await poolsById(work, [id])).get(id);
  if (found === undefined) throw poolNotFound(id);
  await requirePaid(work, found);
  const pool = await lockPool(work, id);
  if (pool === undefined) throw poolNotFound(id);
  const [reseller] = await work.db
    .select({ status: resellers.status })
    .from(resellers)
    .where(and(eq(resellers.tenantId, work.tenantId), eq(resellers.id, pool.resellerId)))
    .for('share');
  if (reseller?.status !== 'ACTIVE') throw resellerInactive(pool.resellerId);
  return pool;
}

async function take(work: Work, pool: LicensePool, issued: readonly IssuedLicense[]): Promise<LicensePool> {
  const ids = issued.map(({ license }) => license.id);
  await work.db.execute(sql`
    insert into ${poolAllocations} (tenant_id, license_id, pool_id, allocated_at)
    select ${work.tenantId}, id, ${pool.id}, ${work.now}::timestamptz from unnest(${sql.param(ids)}::text[]) as made (id)`);
  const [row] = await work.db
    .update(licensePools)
    .set({ allocated: pool.allocated + ids.length, updatedAt: latest(pool.updatedAt, work.now) })
    .where(and(eq(licensePools.tenantId, work.tenantId), eq(licensePools.id, pool.id)))
    .returning();
  if (row === undefined) throw poolNotFound(pool.id);
  return row;
}

/** Hands licenses of a pool to a customer of its reseller: as many as are asked for, or none. */
export async function allocateFromPool(work: Work, input: AllocateFromPoolInput): Promise<Allocation> {
  const pool = await openPool(work, input.poolId);
  const customer = await receivingCustomer(work, input.customerId);
  if (customer.resellerId !== pool.resellerId)
    throw invalidInput([{ field: 'input.customerId', message: "is no customer of the pool's reseller" }]);
  requireAvailable(pool, input.quantity, work.now);
  const { terms, resellerId, templateId, orderId } = pool;
  const sold = { terms, resellerId, templateId, templateVersion: terms.templateVersion, id: orderId };
  const license = orderedLicense(
    { ...sold, customerId: customer.id },
    input.issuedTo ?? customer.name,
    work.now,
  );
  const all = Array.from({ length: input.quantity }, () => license);
  const issued = await insertLicenses(work, all, { cause: { pool_id: pool.id } });
  const row = await take(work, pool, issued);
  const data = {
    quantity: input.quantity,
    customer_id: customer.id,
    allocated: row.allocated,
    size: row.size,
  };
  await work.emit({ type: 'pool.allocated', subjectId: pool.id, data });
  return { pool: row, issued };
}

/**
 * Follows the revocation of a license, in the same transaction: its place in the pool is free again, once, where the pool
 * takes places back.
 */
export async function returnToPool(work: Work, { licenseId }: NewEvent): Promise<void> {
  if (licenseId === undefined) return;
  const [pool] = await work.db.execute<{ id: string; allocated: number; size: number }>(sql`
    with returned as (
      update ${poolAllocations} as taken set returned_at = ${work.now}::timestamptz from ${licensePools} as pool
      where taken.tenant_id = ${work.tenantId} and taken.license_id = ${licenseId} and taken.returned_at is null
        and pool.tenant_id = ${work.tenantId} and pool.id = taken.pool_id and pool.returns_on_revoke
      returning taken.pool_id as id
    )
    update ${licensePools} as pool
      set allocated = pool.allocated - 1, updated_at = greatest(pool.updated_at, ${work.now}::timestamptz)
      from returned where pool.tenant_id = ${work.tenantId} and pool.id = returned.id
      returning pool.id, pool.allocated, pool.size`);
  if (pool === undefined) return;
  const { id, allocated, size } = pool;
  await work.emit({ type: 'pool.returned', subjectId: id, licenseId, data: { allocated, size } });
}
