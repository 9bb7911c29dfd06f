import type { OrderId } from '../../core/id.js';
import { Refusal, type RefusalCode } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { isFulfillable, MADE_AT_ONCE } from '../model.js';
import { lockOrder } from '../queries.js';
import { aboutOrder, changeOrder } from './changeOrder.js';
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
  else await changeOrder(work, order, { startedAt: order.startedAt ?? work.now, fulfillmentError: null });
  return left > 0;
}

function codeOf(error: unknown): RefusalCode {
  return error instanceof Refusal ? error.code : 'INTERNAL_SERVER_ERROR';
}

/** A chunk that failed is tried again, and the order says so until one succeeds. Of one failure once. */
export async function noteFailure(work: Work, orderId: OrderId, error: unknown): Promise<void> {
  const order = await lockOrder(work, orderId);
  const code = codeOf(error);
  if (order === undefined || !isFulfillable(order) || order.fulfillmentError === code) return;
  await changeOrder(work, order, { fulfillmentError: code });
  await work.emit({ type: 'order.delayed', subjectId: order.id, data: { code } });
}
