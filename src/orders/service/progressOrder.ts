import { failed, type NotedFailure } from '../../core/behind.js';
import type { OrderId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { isFulfillable, MADE_AT_ONCE } from '../model.js';
import { licensesOfOrder } from '../queries/progress.js';
import { lockOrder } from '../queries.js';
import type { Order } from '../table.js';
import { aboutOrder, changeOrder, untroubled } from './changeOrder.js';
import { fulfilled } from './fulfilled.js';
import { makeLicenses } from './makeLicenses.js';

/**
 * One chunk of an order: so many licenses at once, in one transaction with the event that tells of them. The last one
 * fulfils the order. What was sold is made as it was sold: a template, a product or a customer that was switched off since
 * does not stop it. An order that was paid back or cancelled makes nothing more. Answers whether there is more to make.
 */
export async function progressOrder(work: Work, orderId: OrderId): Promise<boolean> {
  const order = await lockOrder(work, orderId);
  if (order === undefined || !isFulfillable(order)) return false;
  const { made, left } = await makeLicenses(work, order, MADE_AT_ONCE);
  const { subjectId, data } = aboutOrder(order);
  await work.emit({ type: 'order.progressed', subjectId, data: { ...data, made, quantity: order.quantity } });
  if (left === 0) await fulfilled(work, order);
  else await changeOrder(work, order, { startedAt: order.startedAt ?? work.now, ...untroubled });
  return left > 0;
}

/** Nobody tries any more: what is made stays, and whoever fulfils the order goes on with the rest. */
async function stop(work: Work, order: Order, { code, failures }: NotedFailure): Promise<void> {
  await changeOrder(work, order, {
    fulfillmentError: code,
    fulfillmentFailures: failures,
    fulfillmentStoppedAt: work.now,
    startedAt: null,
  });
  const { subjectId, data } = aboutOrder(order);
  const made = await licensesOfOrder(work, order.id);
  const told = { ...data, code, made, quantity: order.quantity };
  await work.emit({ type: 'order.stopped', subjectId, data: told });
}

/**
 * A chunk that failed is tried again, and the order says so until one succeeds; of one failure once. Whether it is given up,
 * because it failed time and again.
 */
export async function noteFailure(work: Work, orderId: OrderId, error: unknown): Promise<boolean> {
  const order = await lockOrder(work, orderId);
  if (order === undefined || !isFulfillable(order)) return false;
  if (order.fulfillmentStoppedAt !== null) return true;
  const noted = failed(error, order.fulfillmentFailures);
  if (noted.isGivenUp) {
    await stop(work, order, noted);
    return true;
  }
  const { code, failures } = noted;
  await changeOrder(work, order, { fulfillmentError: code, fulfillmentFailures: failures });
  if (order.fulfillmentError !== code)
    await work.emit({ type: 'order.delayed', subjectId: order.id, data: { code } });
  return false;
}
