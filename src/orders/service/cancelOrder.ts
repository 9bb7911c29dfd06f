import { amountKeptOf } from '../../billing/model/standing.js';
import { lockInvoice } from '../../billing/queries.js';
import { voidUnpaid } from '../../billing/service/voidUnpaid.js';
import type { Invoice } from '../../billing/table.js';
import { scopeOf } from '../../core/actor.js';
import type { NewEvent } from '../../core/event.js';
import { isZero } from '../../core/money.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { orderNotFound, orderPaid, requireStep } from '../model.js';
import { lockOrderOfInvoice, ordersById } from '../queries.js';
import type { CancelOrderInput } from '../schema/inputs.js';
import type { Order } from '../table.js';
import { aboutOrder, changeOrder, orderingSubject, orderToChange } from './changeOrder.js';
import { suspendOrdered } from './suspendOrdered.js';

/** Who buys or sells may think better of it until the vendor has approved it. */
function requireOwnStep(work: Work, { status }: Order): void {
  const { customerId, resellerId } = scopeOf(work.actor);
  if ((customerId === undefined && resellerId === undefined) || status === 'PENDING') return;
  const message = `The order is ${status}: only the vendor can cancel it now.`;
  throw new Refusal('INVALID_TRANSITION', message, { from: status, to: 'CANCELLED' });
}

interface Cancelling {
  readonly order: Order;
  readonly invoice: Invoice | undefined;
}

/** The invoice is locked before its order, as by whoever brings money: one of them comes first as a whole. */
async function orderToCancel(work: Work, id: string): Promise<Cancelling> {
  const seen = (await ordersById(work, [id])).get(id);
  if (seen === undefined) throw orderNotFound(id);
  const invoice = seen.invoiceId === null ? undefined : await lockInvoice(work, seen.invoiceId);
  return { order: await orderToChange(work, id), invoice };
}

/**
 * Money is not sent back on the side: a paid order is refunded first, by whom that is allowed, with a reason and a record of
 * its own. An invoice that nobody has paid is voided.
 */
export async function cancelOrder(work: Work, input: CancelOrderInput): Promise<Order> {
  const { order, invoice } = await orderToCancel(work, input.orderId);
  requireStep('cancelOrder', order.status);
  requireOwnStep(work, order);
  if (invoice !== undefined && !isZero(amountKeptOf(invoice))) throw orderPaid();
  const row = await cancel(work, order, input.reason);
  if (invoice !== undefined) await voidUnpaid(work, invoice, 'The order was cancelled');
  await suspendOrdered(work, row);
  return row;
}

async function cancel(work: Work, order: Order, reason: string): Promise<Order> {
  const row = await changeOrder(work, order, {
    status: 'CANCELLED',
    cancelledBy: orderingSubject(work),
    cancelledAt: work.now,
    cancellationReason: reason,
  });
  const { subjectId, data } = aboutOrder(row);
  await work.emit({ type: 'order.cancelled', subjectId, data: { ...data, from: order.status, reason } });
  return row;
}

/** Follows `invoice.voided`: an order that nobody is to pay is not made. Whoever still wants it orders anew. */
export async function cancelVoided(work: Work, { subjectId, data }: NewEvent): Promise<void> {
  const order = await lockOrderOfInvoice(work, subjectId as Invoice['id']);
  if (order?.status !== 'PENDING' && order?.status !== 'APPROVED') return;
  await suspendOrdered(work, await cancel(work, order, String(data?.reason)));
}
