import { enqueueJob } from '../../core/job.js';
import type { Work } from '../../core/work.js';
import type { Order } from '../table.js';
import { changeOrder, untroubled } from './changeOrder.js';

/** The job that makes licenses of orders behind the acts. */
export const FULFILL_ORDER = 'order.fulfill';

/**
 * Has the licenses of an order, which the caller has locked, made behind the act, in chunks. The job is there when the act
 * commits and only then; of those for one order that nobody has begun one stays. One that was given up begins anew.
 */
export async function makeBehind(work: Work, order: Order): Promise<Order> {
  const row = await changeOrder(work, order, { startedAt: order.startedAt ?? work.now, ...untroubled });
  await enqueueJob(work, { name: FULFILL_ORDER, payload: { id: order.id }, key: order.id });
  return row;
}
