import type { Work } from '../../core/work.js';
import { requireStep } from '../model.js';
import type { ApproveOrderInput } from '../schema/inputs.js';
import type { Order } from '../table.js';
import { aboutOrder, changeOrder, orderingSubject, orderOfVendor } from './changeOrder.js';
import { fulfilByItself } from './fulfillOrder.js';
import { requireSecondPerson } from './persons.js';

/** The vendor's word that an order may be fulfilled; whoever is bound to a part of the tenant gives none. */
export async function approveOrder(work: Work, input: ApproveOrderInput): Promise<Order> {
  const order = await orderOfVendor(work, input.orderId, 'order.approve');
  requireStep('approveOrder', order.status);
  await requireSecondPerson(work, order);
  const row = await changeOrder(work, order, {
    status: 'APPROVED',
    approvedBy: orderingSubject(work),
    approvedAt: work.now,
    approvalNotes: input.notes ?? null,
  });
  const { subjectId, data } = aboutOrder(row);
  await work.emit({ type: 'order.approved', subjectId, data: { ...data, ordered_by: row.orderedBy } });
  return fulfilByItself(work, row);
}
