import type { Work } from '../../core/work.js';
import { requireStep } from '../model.js';
import type { Order } from '../table.js';
import { aboutOrder, changeOrder, untroubled } from './changeOrder.js';

/** An order that is locked has all that it is for. */
export async function fulfilled(work: Work, order: Order): Promise<Order> {
  requireStep('fulfillOrder', order.status);
  const row = await changeOrder(work, order, {
    status: 'FULFILLED',
    fulfilledAt: work.now,
    ...untroubled,
  });
  const { subjectId, data } = aboutOrder(row);
  await work.emit({ type: 'order.fulfilled', subjectId, data: { ...data, quantity: row.quantity } });
  return row;
}
