import { and, eq } from 'drizzle-orm';
import { latest } from '../../core/clock.js';
import { enqueueJob } from '../../core/job.js';
import type { Work } from '../../core/work.js';
import { orderNotFound } from '../model.js';
import { licenseOrders, type Order } from '../table.js';

/** The job that makes licenses of orders behind the acts. */
export const FULFILL_ORDER = 'order.fulfill';

/**
 * Has the licenses of an order, which the caller has locked, made behind the act, in chunks. The job is there when the act
 * commits and only then; of those for one order that nobody has begun one stays.
 */
export async function makeBehind(work: Work, order: Order): Promise<Order> {
  const [row] = await work.db
    .update(licenseOrders)
    .set({ startedAt: order.startedAt ?? work.now, updatedAt: latest(order.updatedAt, work.now) })
    .where(and(eq(licenseOrders.tenantId, work.tenantId), eq(licenseOrders.id, order.id)))
    .returning();
  if (row === undefined) throw orderNotFound(order.id);
  await enqueueJob(work, { name: FULFILL_ORDER, payload: { orderId: order.id }, key: order.id });
  return row;
}
