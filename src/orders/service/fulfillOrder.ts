import { customerInactive, customerNotFound } from '../../access/model.js';
import { shareCustomer } from '../../access/queries.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import {
  isForPool,
  isFulfillable,
  isMadeBehind,
  MADE_AT_ONCE,
  orderForPool,
  orderNotPaid,
  requireStep,
} from '../model.js';
import type { FulfillOrderInput } from '../schema/inputs.js';
import type { Order } from '../table.js';
import { changeOrder, orderOfVendor } from './changeOrder.js';
import { fulfilled } from './fulfilled.js';
import { makeBehind } from './makeBehind.js';
import { makeLicenses } from './makeLicenses.js';
import { renewableOf, renewOrdered } from './renewOrdered.js';

/** What fulfilment stands on, locked and looked at before anything is written. */
interface Readiness {
  readonly renewals: readonly License[];
}

/**
 * The customer receives licenses, and what is to be renewed can be. Whether template and product are still sold does not
 * count: the order was taken while they were.
 */
async function requireReady(work: Work, order: Order): Promise<Readiness> {
  const { customerId } = order;
  if (isForPool(order)) throw orderForPool();
  const customer = customerId === null ? undefined : await shareCustomer(work, customerId);
  if (customerId !== null && customer === undefined) throw customerNotFound(customerId);
  if (customerId !== null && customer?.status !== 'ACTIVE') throw customerInactive(customerId);
  return { renewals: order.isRenewal ? await renewableOf(work, order) : [] };
}

async function readinessOf(work: Work, order: Order): Promise<Readiness | Refusal> {
  try {
    return await requireReady(work, order);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

async function fulfil(work: Work, order: Order, { renewals }: Readiness): Promise<Order> {
  if (isMadeBehind(order)) return makeBehind(work, order);
  if (order.isRenewal) await renewOrdered(work, order, renewals);
  else await makeLicenses(work, order, MADE_AT_ONCE);
  return fulfilled(work, order);
}

/**
 * Fulfils an order, which the caller has locked, as soon as it is approved and paid, unless it waits for a person. What
 * keeps it from that is noted and undoes neither the payment nor the approval: a person mends it and fulfils.
 */
export async function fulfilByItself(work: Work, order: Order): Promise<Order> {
  if (!isFulfillable(order) || order.fulfillmentMethod === 'MANUAL') return order;
  const ready = await readinessOf(work, order);
  return ready instanceof Refusal
    ? changeOrder(work, order, { fulfillmentError: ready.code })
    : fulfil(work, order, ready);
}

/** Twice is the same as once: an order that has its licenses is answered as it is. */
export async function fulfillOrder(work: Work, input: FulfillOrderInput): Promise<Order> {
  const order = await orderOfVendor(work, input.orderId, 'order.fulfill');
  if (order.status === 'FULFILLED') return order;
  requireStep('fulfillOrder', order.status);
  if (order.paymentStatus !== 'PAID') throw orderNotPaid(order.paymentStatus);
  return fulfil(work, order, await requireReady(work, order));
}
