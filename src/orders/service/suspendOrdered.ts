import type { OrderId } from '../../core/id.js';
import { enqueueJob } from '../../core/job.js';
import type { Work } from '../../core/work.js';
import { suspendLicenses } from '../../licenses/service/suspendLicenses.js';
import { MADE_AT_ONCE, suspensionOf } from '../model.js';
import { lockSuspendable } from '../queries/suspendable.js';
import { lockOrder } from '../queries.js';
import type { Order } from '../table.js';

/** The job that suspends licenses of orders behind the acts. */
export const SUSPEND_ORDERED = 'order.suspend';

/** Suspends what an order has generated, so many licenses; whether there may be more. The caller has locked the order. */
async function suspendSome(work: Work, order: Order): Promise<boolean> {
  const reason = suspensionOf(order);
  if (reason === undefined) return false;
  const found = await lockSuspendable(work, order, MADE_AT_ONCE);
  await suspendLicenses(work, found, reason, { order_id: order.id });
  return found.length === MADE_AT_ONCE;
}

/**
 * Suspends what an order has generated that was paid back, or cancelled while its licenses were made: the first ones in this
 * act, and more of them behind it.
 */
export async function suspendOrdered(work: Work, order: Order): Promise<void> {
  if (!(await suspendSome(work, order))) return;
  await enqueueJob(work, { name: SUSPEND_ORDERED, payload: { orderId: order.id }, key: order.id });
}

/** One chunk behind the act; whether there may be more. Of an order that was paid again since nothing is suspended. */
export async function suspendMore(work: Work, orderId: OrderId): Promise<boolean> {
  const order = await lockOrder(work, orderId);
  return order !== undefined && suspendSome(work, order);
}
