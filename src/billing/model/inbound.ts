/**
 * Webhooks in: what payment processors tell, at an address of the deployment or of one tenant. What is signed and in time is
 * stored as it came, then processed; each event counts once, in whatever order and however often it comes. Owns the
 * endpoints, the events and what has become of them; what a payment does to an invoice is the invoice's own.
 */
import { addMillis, DAY_MILLIS, type Instant } from '../../core/clock.js';
import type { Id } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';

export type PaymentEndpointId = Id<'PaymentEndpoint'>;
export type InboundWebhookId = Id<'InboundWebhook'>;

export const inboundEvents = [
  'payment_endpoint.created',
  'payment_endpoint.updated',
  'inbound_webhook.set_aside',
  'inbound_webhook.retried',
  'inbound_webhook.closed',
  'inbound_webhook.assigned',
] as const;

/** Who sends webhooks. BILLING is any processor that signs as Standard Webhooks has it, in a shape of our own. */
export const inboundProcessors = ['STRIPE', 'PAYPAL', 'BILLING'] as const;
export type InboundProcessor = (typeof inboundProcessors)[number];

/**
 * FAILED is set aside: nothing more happens to it unless somebody has it tried again. CLOSED had no effect, and a person has
 * said what became of it.
 */
export const inboundStatuses = ['RECEIVED', 'PROCESSED', 'IGNORED', 'UNMATCHED', 'FAILED', 'CLOSED'] as const;
export type InboundStatus = (typeof inboundStatuses)[number];

/** Why an event has no effect, or none yet. */
export const inboundReasons = [
  'UNKNOWN_INVOICE',
  'CURRENCY_MISMATCH',
  'REFERENCE_TAKEN',
  'UNREADABLE',
  'DISPUTED',
  'REFUND_FAILED',
  'PROCESSING_FAILED',
] as const;
export type InboundReason = (typeof inboundReasons)[number];

/** The job that processes one of them. */
export const PROCESS_INBOUND = 'inbound_webhook.process';
/** Whatever came without the address of a tenant. */
export const DEPLOYMENT = 'deployment';
export const PAYMENT_ENDPOINT_LIMIT = 20;
export const BODY_LIMIT_BYTES = 262_144;
/** For how long what was sent is kept; that it came, and what it did, is kept on. */
export const BODY_DAYS = 90;
/**
 * For how long it is kept that an event came which was done with: no processor sends one again for longer than weeks. What
 * it did counts once for good, by the names of its payments. What waits for a person is kept until somebody closes it.
 */
export const ROW_DAYS = 400;

/** Seconds before it is tried again, of what fails and of what names an invoice that nobody knows. */
const failureDelays = [5, 30, 120, 600, 3_600, 21_600, 86_400] as const;
const unmatchedDelays = [10, 60, 600, 3_600, 21_600] as const;
/** Tries that end in nothing, until it is set aside: two days of them. */
export const ATTEMPTS_LIMIT = failureDelays.length + 1;

const later = (now: Instant, seconds: number): Instant => addMillis(now, seconds * 1000);

/** When what was begun so often is taken up again unless it ends before; whoever died over it leaves it so. */
export function nextTry(attempts: number, now: Instant): Instant {
  return later(now, failureDelays[attempts - 1] ?? 86_400);
}

/** When an invoice is looked for again: soon for one that is about to be made, then daily while what was sent is kept. */
export function nextMatch(attempts: number, receivedAt: Instant, now: Instant): Instant | null {
  const next = later(now, unmatchedDelays[attempts - 1] ?? 86_400);
  return next < addMillis(receivedAt, BODY_DAYS * DAY_MILLIS) ? next : null;
}

/** What somebody may have tried again: what has had no effect. */
export function mayRetry(status: InboundStatus): boolean {
  return status === 'UNMATCHED' || status === 'FAILED' || status === 'IGNORED';
}

/** What somebody may be done with: what had no effect, and would be looked for or looked at. */
export function mayClose(status: InboundStatus): boolean {
  return status === 'UNMATCHED' || status === 'FAILED';
}

/** Where a processor sends to: the deployment's address for all tenants, or that of one endpoint. */
export function doorPath(processor: InboundProcessor, endpointId?: string): string {
  const path = `/webhooks/${processor.toLowerCase()}`;
  return endpointId === undefined ? path : `${path}/${endpointId}`;
}

/** What was sent is bound to its row: moved to another it does not open. */
export const bodyBinding = (id: string): string => `inbound webhook ${id}`;
export const secretBinding = (tenantId: string, endpointId: string): string =>
  `payment endpoint ${tenantId} ${endpointId}`;

export function paymentEndpointNotFound(id: string): Refusal {
  return new Refusal('PAYMENT_ENDPOINT_NOT_FOUND', `There is no payment endpoint ${id}.`, { id });
}

export function tooManyPaymentEndpoints(): Refusal {
  const message = `The tenant has ${PAYMENT_ENDPOINT_LIMIT} payment endpoints; use one that nobody needs any more.`;
  return new Refusal('PAYMENT_ENDPOINT_LIMIT_EXCEEDED', message, { limit: PAYMENT_ENDPOINT_LIMIT });
}

export function inboundWebhookNotFound(id: string): Refusal {
  return new Refusal('INBOUND_WEBHOOK_NOT_FOUND', `There is no inbound webhook ${id}.`, { id });
}

export function inboundBodyGone(id: string): Refusal {
  const message = `What inbound webhook ${id} said is kept no longer; record the payment by hand.`;
  return new Refusal('INBOUND_WEBHOOK_ERASED', message, { id });
}

export function notClosed(id: string, from: InboundStatus): Refusal {
  const message = `Inbound webhook ${id} is ${from}: only one that waits for a person is closed or assigned.`;
  return new Refusal('INVALID_TRANSITION', message, { from, to: 'CLOSED' });
}

export function notRetried(id: string, from: InboundStatus): Refusal {
  const message = `Inbound webhook ${id} is ${from}: only one that had no effect is tried again.`;
  return new Refusal('INVALID_TRANSITION', message, { from, to: 'RECEIVED' });
}
