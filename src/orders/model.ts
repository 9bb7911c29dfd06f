/**
 * Orders own the purchase: who ordered how many licenses of which template, on which terms, at what total, and how far it is.
 * An order is PENDING, then APPROVED, then FULFILLED, or CANCELLED before that: the table `orderSteps`. How far its payment
 * is follows its invoice, which billing owns. It is fulfilled once it is approved and paid, never by one of the two alone.
 * The licenses that it made name it by `order_id`; no list of them is kept here. Those that it renews are named by it.
 */
import type { PaymentStatus } from '../billing/model/invoice.js';
import { Refusal } from '../core/refusal.js';

export const orderEvents = [
  'order.created',
  'order.approved',
  'order.paid',
  'order.partially_paid',
  'order.payment_failed',
  'order.progressed',
  'order.delayed',
  'order.stopped',
  'order.fulfilled',
  'order.cancelled',
  'order.refunded',
] as const;

export const orderStatuses = ['PENDING', 'APPROVED', 'FULFILLED', 'CANCELLED'] as const;
export type OrderStatus = (typeof orderStatuses)[number];

export const fulfillmentMethods = ['AUTO', 'MANUAL', 'BATCH'] as const;
export type FulfillmentMethod = (typeof fulfillmentMethods)[number];

/** How many licenses one order may make. */
export const MOST_LICENSES = 100_000;
/** How many licenses are made within an act; of more, the rest is made behind it. */
export const MADE_AT_ONCE = 250;
/** How many licenses one order may renew: it does so within one act. */
export const MOST_RENEWALS = 250;

const ORDER_REFUNDED = 'Order refunded';
const ORDER_CANCELLED = 'Order cancelled';

export const orderActs = ['approveOrder', 'fulfillOrder', 'cancelOrder'] as const;
export type OrderAct = (typeof orderActs)[number];

/** Every step that an act may take. To fulfil what is fulfilled is no step: it changes nothing and is answered. */
export const orderSteps = [
  { act: 'approveOrder', from: 'PENDING', to: 'APPROVED' },
  { act: 'fulfillOrder', from: 'APPROVED', to: 'FULFILLED' },
  { act: 'cancelOrder', from: 'PENDING', to: 'CANCELLED' },
  { act: 'cancelOrder', from: 'APPROVED', to: 'CANCELLED' },
] as const satisfies readonly { act: OrderAct; from: OrderStatus; to: OrderStatus }[];

const targets: Readonly<Record<OrderAct, OrderStatus>> = {
  approveOrder: 'APPROVED',
  fulfillOrder: 'FULFILLED',
  cancelOrder: 'CANCELLED',
};

export function requireStep(act: OrderAct, from: OrderStatus): void {
  if (orderSteps.some((step) => step.act === act && step.from === from)) return;
  const to = targets[act];
  throw new Refusal('INVALID_TRANSITION', `${act} cannot take an order from ${from} to ${to}.`, { from, to });
}

/** Whether licenses may be made for it: approved and paid. */
export function isFulfillable(order: { status: OrderStatus; paymentStatus: PaymentStatus }): boolean {
  return order.status === 'APPROVED' && order.paymentStatus === 'PAID';
}

/** Whether its licenses are made behind the act that lets them be made. */
export function isMadeBehind(order: {
  fulfillmentMethod: FulfillmentMethod;
  quantity: number;
  isRenewal: boolean;
}): boolean {
  return !order.isRenewal && (order.fulfillmentMethod === 'BATCH' || order.quantity > MADE_AT_ONCE);
}

/** Why licenses of an order are to be suspended: it was paid back, or cancelled while they were made. */
export function suspensionOf(order: {
  status: OrderStatus;
  paymentStatus: PaymentStatus;
}): string | undefined {
  if (order.paymentStatus === 'REFUNDED') return ORDER_REFUNDED;
  return order.status === 'CANCELLED' ? ORDER_CANCELLED : undefined;
}

/** A reseller's own order buys a pool: licenses that nobody holds would be the whole tenant's. */
export function isForPool(order: { customerId: unknown; resellerId: unknown }): boolean {
  return order.customerId === null && order.resellerId !== null;
}

export function orderForPool(): Refusal {
  const message =
    "The order is a reseller's own, for no customer: it is fulfilled by a pool of its licenses.";
  return new Refusal('ORDER_FOR_POOL', message);
}

/** What was ordered, sold and renewed in one currency is not asked for in another one behind it. */
export function templateInUse(id: string): Refusal {
  const message =
    'Licenses, orders or pools go by the currency of this template. Duplicate it to sell in another currency.';
  return new Refusal('TEMPLATE_IN_USE', message, { id });
}

export function orderNotFound(id: string): Refusal {
  return new Refusal('ORDER_NOT_FOUND', `There is no order ${id}.`, { id });
}

export function orderNotPaid(paymentStatus: PaymentStatus): Refusal {
  const message = `The order's payment is ${paymentStatus}: it is fulfilled once it is paid in full.`;
  return new Refusal('ORDER_NOT_PAID', message, { paymentStatus });
}

export function orderPaid(): Refusal {
  const message = 'Money was received for the order: refund it first, then cancel the order.';
  return new Refusal('ORDER_PAID', message);
}

export function secondPersonNeeded(): Refusal {
  const message = 'Whoever ordered does not approve: the order needs another person.';
  return new Refusal('SECOND_PERSON_NEEDED', message);
}
