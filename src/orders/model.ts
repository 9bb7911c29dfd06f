/**
 * Orders own the purchase: who ordered how many licenses of which template, at what total, and how far it is.
 * An order is PENDING, then APPROVED, then FULFILLED, or CANCELLED before that; its payment has a status of its own.
 * The licenses that it made name it by `order_id`; no list of them is kept here.
 */
export const orderEvents = ['order.progressed'] as const;

export const orderStatuses = ['PENDING', 'APPROVED', 'FULFILLED', 'CANCELLED'] as const;
export type OrderStatus = (typeof orderStatuses)[number];

export const fulfillmentMethods = ['AUTO', 'MANUAL', 'BATCH'] as const;
export type FulfillmentMethod = (typeof fulfillmentMethods)[number];
