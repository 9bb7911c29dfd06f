import { amountDueOf } from '../../billing/model/standing.js';
import { invoicesById } from '../../billing/queries.js';
import type { Invoice } from '../../billing/table.js';
import type { NewEvent } from '../../core/event.js';
import { plainAmount } from '../../core/money.js';
import type { Work } from '../../core/work.js';
import { lockOrderOfInvoice } from '../queries.js';
import type { Order } from '../table.js';
import { aboutOrder, changeOrder } from './changeOrder.js';
import { fulfilByItself } from './fulfillOrder.js';
import { suspendOrdered } from './suspendOrdered.js';

/** An order that was cancelled stays so: its money is told of, and can be refunded. */
async function paid(work: Work, order: Order): Promise<void> {
  const row = await changeOrder(work, order, { paymentStatus: 'PAID', paidAt: work.now });
  await work.emit({ type: 'order.paid', ...aboutOrder(row) });
  await fulfilByItself(work, row);
}

/** What the money had bought is suspended; a license that was renewed by it as well, until somebody reinstates it. */
async function refunded(work: Work, order: Order): Promise<void> {
  const row = await changeOrder(work, order, { paymentStatus: 'REFUNDED', refundedAt: work.now });
  await work.emit({ type: 'order.refunded', ...aboutOrder(row) });
  await suspendOrdered(work, row);
}

async function follow(work: Work, order: Order, invoice: Invoice, { type }: NewEvent): Promise<void> {
  const { paymentStatus } = invoice;
  // A further part of the money is another step, and so is a further payment that failed.
  const isFurther =
    (paymentStatus === 'PARTIAL' && type === 'invoice.partially_paid') ||
    (paymentStatus === 'FAILED' && type === 'invoice.payment_failed');
  if (order.paymentStatus === paymentStatus && !isFurther) return;
  if (paymentStatus === 'PAID') return paid(work, order);
  if (paymentStatus === 'REFUNDED') return refunded(work, order);
  const row = await changeOrder(work, order, { paymentStatus });
  const { subjectId, data } = aboutOrder(row);
  const sums = { amount_paid: plainAmount(invoice.amountPaid), amount_due: amountDueOf(invoice) };
  const told = { subjectId, data: { ...data, ...sums, currency: invoice.currency } };
  if (paymentStatus === 'PARTIAL') await work.emit({ type: 'order.partially_paid', ...told });
  if (paymentStatus === 'FAILED') await work.emit({ type: 'order.payment_failed', ...told });
}

/** How far an order's payment is follows its invoice, in the transaction in which that is settled and locked. */
export async function followInvoice(work: Work, event: NewEvent): Promise<void> {
  const { subjectId } = event;
  const invoice = (await invoicesById(work, [subjectId])).get(subjectId);
  if (invoice === undefined || invoice.purpose !== 'ORDER') return;
  const order = await lockOrderOfInvoice(work, invoice.id);
  if (order !== undefined) await follow(work, order, invoice, event);
}
