import { and, asc, count, eq, type SQL, sql } from 'drizzle-orm';
import type { Customer } from '../../access/table.js';
import { type Invoice, invoices } from '../../billing/table.js';
import type { Work } from '../../core/work.js';
import { graceEnd } from '../../licenses/model.js';
import { type License, licenses } from '../../licenses/table.js';
import { licensesOfOrder } from '../../orders/queries/progress.js';
import { ordersById } from '../../orders/queries.js';
import { type Order, orderRenewals } from '../../orders/table.js';
import { templatesById } from '../../templates/queries.js';
import { failureOf, TOLD_SINGLY, type ToldFailure } from '../model/letters.js';
import { customerOf, type Drafter, instantIn, licenseOf, numberIn, textIn, told } from './drafter.js';

async function invoiceOf(work: Work, id: string | null): Promise<Invoice | undefined> {
  if (id === null) return undefined;
  const [row] = await work.db
    .select()
    .from(invoices)
    .where(and(eq(invoices.tenantId, work.tenantId), eq(invoices.id, id as Invoice['id'])));
  return row;
}

/** What was to be paid. */
function toldInvoice(invoice: Invoice | undefined) {
  const { number: invoiceNumber = null, total: amount = null, currency = null } = invoice ?? {};
  return { invoiceNumber, amount, currency };
}

/** Whoever holds the license since it was billed has nothing to do with the bill. */
function isOfAnother(invoice: Invoice | undefined, { customerId }: License): boolean {
  return invoice !== undefined && invoice.customerId !== customerId;
}

/** A receipt for what was charged. Whoever renews by hand knows it, and an order has a mail of its own. */
export const renewed: Drafter = async (work, { licenseId, eventData, createdAt, id }) => {
  const found = await licenseOf(work, licenseId);
  if (found === undefined || textIn(eventData, 'by') !== 'CHARGE') return undefined;
  const { license, customer } = found;
  const invoice = await invoiceOf(work, textIn(eventData, 'invoice_id'));
  if (isOfAnother(invoice, license)) return undefined;
  const facts = {
    ...told(license),
    ...toldInvoice(invoice),
    renewedAt: createdAt,
    expiryDate: instantIn(eventData, 'to'),
  };
  const about = id;
  return { kind: 'LICENSE_RENEWED', facts, audiences: ['customer'], about, customer, licenseId: license.id };
};

/** Money came for what could not be given: the vendor's people are to pay it back. */
const unsettled: readonly ToldFailure[] = ['NOT_RENEWABLE', 'TRANSFERRED', 'OVERTAKEN'];

/** Once it was paid after all, there is nothing to be worried about, unless nothing was given for it. */
export const renewalFailed: Drafter = async (work, { licenseId, eventData, createdAt, id }) => {
  const found = await licenseOf(work, licenseId);
  const invoice = await invoiceOf(work, textIn(eventData, 'invoice_id'));
  const reason = failureOf(textIn(eventData, 'reason'));
  const isUnsettled = unsettled.includes(reason);
  if (found === undefined || (invoice?.paymentStatus === 'PAID' && !isUnsettled)) return undefined;
  const { license, customer } = found;
  const end = graceEnd(license);
  const facts = {
    ...told(license),
    ...toldInvoice(invoice),
    failedAt: createdAt,
    reason,
    attempt: numberIn(eventData, 'attempt'),
    attempts: numberIn(eventData, 'attempts'),
    nextAttemptAt: instantIn(eventData, 'next_at'),
    expiryDate: license.expiryDate,
    graceEndDate: end === license.expiryDate ? null : end,
  };
  return {
    kind: 'RENEWAL_FAILED',
    facts,
    audiences: isUnsettled || isOfAnother(invoice, license) ? ['staff'] : ['customer', 'staff'],
    about: id,
    customer,
    licenseId: license.id,
  };
};

/** Licenses that an order made, or renewed. */
function ofOrder(work: Work, { id, isRenewal }: Order): SQL | undefined {
  const made = sql`${licenses.orderId} = ${id}`;
  const renewedBy = sql`exists (select from ${orderRenewals} where ${orderRenewals.tenantId} = ${work.tenantId}
    and ${orderRenewals.orderId} = ${id} and ${orderRenewals.licenseId} = ${licenses.id})`;
  return and(eq(licenses.tenantId, work.tenantId), isRenewal ? renewedBy : made);
}

/** What an order made or renewed, unless that is too much to be read; and how many they are. */
async function toldLicenses(work: Work, order: Order) {
  const where = ofOrder(work, order);
  const [counted] = await work.db.select({ count: count() }).from(licenses).where(where);
  const licenseCount = counted?.count ?? 0;
  if (licenseCount > TOLD_SINGLY) return { licenseCount, licenses: [] };
  const rows = await work.db
    .select()
    .from(licenses)
    .where(where)
    .orderBy(asc(licenses.createdAt), asc(licenses.id))
    .limit(TOLD_SINGLY);
  return { licenseCount, licenses: rows.map(told) };
}

interface Bought {
  readonly order: Order;
  readonly productName: string;
  readonly licenseCount: number;
  readonly customer: Customer | undefined;
}

async function bought(work: Work, id: string): Promise<Bought | undefined> {
  const order = (await ordersById(work, [id])).get(id);
  if (order === undefined) return undefined;
  const template = (await templatesById(work, [order.templateId])).get(order.templateId);
  return {
    order,
    productName: template?.templateName ?? '',
    licenseCount: await licensesOfOrder(work, order.id),
    customer: await customerOf(work, order.customerId),
  };
}

export const orderFulfilled: Drafter = async (work, fact) => {
  const found = await bought(work, fact.subjectId);
  if (found === undefined) return undefined;
  const { order, productName, customer } = found;
  const facts = {
    orderNumber: order.orderNumber,
    productName,
    quantity: order.quantity,
    totalAmount: order.totalAmount,
    currency: order.currency,
    fulfilledAt: order.fulfilledAt ?? fact.createdAt,
    ...(await toldLicenses(work, order)),
    isRenewal: order.isRenewal,
  };
  const about = order.id;
  return { kind: 'ORDER_FULFILLED', facts, audiences: ['customer'], about, customer, licenseId: null };
};

/** What was paid back before anything was made of it is between buyer and seller. */
export const orderRefunded: Drafter = async (work, fact) => {
  const found = await bought(work, fact.subjectId);
  if (found === undefined || found.licenseCount === 0) return undefined;
  const { order, productName, licenseCount, customer } = found;
  const facts = { orderNumber: order.orderNumber, productName, refundedAt: fact.createdAt, licenseCount };
  const about = order.id;
  return { kind: 'ORDER_REFUNDED', facts, audiences: ['customer'], about, customer, licenseId: null };
};
