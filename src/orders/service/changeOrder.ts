import { and, eq } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import { subjectOf } from '../../core/actor.js';
import { latest } from '../../core/clock.js';
import type { NewEvent } from '../../core/event.js';
import type { Work } from '../../core/work.js';
import { orderNotFound } from '../model.js';
import { lockOrder } from '../queries.js';
import { licenseOrders, type Order } from '../table.js';

/** The order that an act is about to change, locked. */
export async function orderToChange(work: Work, id: string): Promise<Order> {
  const order = await lockOrder(work, id);
  if (order === undefined) throw orderNotFound(id);
  return order;
}

/** The same for what the vendor alone does, whatever else a token grants to those who are bound to a part of the tenant. */
export function orderOfVendor(work: Work, id: string, permission: string): Promise<Order> {
  requireWholeTenant(work, permission);
  return orderToChange(work, id);
}

type OrderChanges = Partial<
  Pick<
    Order,
    | 'status'
    | 'paymentStatus'
    | 'paidAt'
    | 'refundedAt'
    | 'approvedBy'
    | 'approvedAt'
    | 'approvalNotes'
    | 'cancelledBy'
    | 'cancelledAt'
    | 'cancellationReason'
    | 'startedAt'
    | 'fulfillmentError'
    | 'fulfillmentFailures'
    | 'fulfillmentStoppedAt'
    | 'fulfilledAt'
  >
>;

/** What an order is when nothing keeps its licenses from being made. */
export const untroubled = {
  fulfillmentError: null,
  fulfillmentFailures: 0,
  fulfillmentStoppedAt: null,
} as const;

/** The one place where rows of orders are changed; what was ordered stays as it was. */
export async function changeOrder(work: Work, order: Order, changes: OrderChanges): Promise<Order> {
  const [row] = await work.db
    .update(licenseOrders)
    .set({ ...changes, updatedAt: latest(order.updatedAt, work.now) })
    .where(and(eq(licenseOrders.tenantId, work.tenantId), eq(licenseOrders.id, order.id)))
    .returning();
  if (row === undefined) throw orderNotFound(order.id);
  return row;
}

/** Who acts, in the words of the audit trail. */
export function orderingSubject({ actor }: Work): string {
  return subjectOf(actor) ?? actor.kind;
}

/** What every event of an order says of it. */
export function aboutOrder(order: Order): Pick<NewEvent, 'subjectId'> & { data: Record<string, unknown> } {
  return {
    subjectId: order.id,
    data: { order_number: order.orderNumber, status: order.status, payment_status: order.paymentStatus },
  };
}
