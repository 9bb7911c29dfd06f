/**
 * Webhooks out: addresses of the tenant that are told of its events, signed, as Standard Webhooks 1.0 has it. An endpoint
 * names the events that it wants; each of them becomes one delivery for it, tried until it is taken or given up. What
 * is due when stands in the delivery's row, by the server's clock. Owns neither the events (audit) nor what they mean.
 * A delivery is never an event itself: an endpoint that fails makes no traffic of its own.
 */
import { addMillis, DAY_MILLIS, type Instant, millis } from '../../core/clock.js';
import type { Id } from '../../core/id.js';
import { Refusal } from '../../core/refusal.js';

export type WebhookEndpointId = Id<'WebhookEndpoint'>;
export type WebhookDeliveryId = Id<'WebhookDelivery'>;

export const webhookEvents = [
  'webhook_endpoint.created',
  'webhook_endpoint.updated',
  'webhook_endpoint.deleted',
  'webhook_endpoint.disabled',
  'webhook_endpoint.tested',
  'webhook_delivery.replayed',
] as const;

/** FAILED is the dead letter: nothing more happens to it unless somebody replays it. */
export const deliveryStatuses = ['PENDING', 'DELIVERED', 'FAILED'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** Why an endpoint is told of nothing. */
export const disabledReasons = ['SWITCHED_OFF', 'GONE', 'FAILING'] as const;
export type DisabledReason = (typeof disabledReasons)[number];

/** Why an attempt was none that counts. */
export const deliveryErrors = [
  'REFUSED',
  'RESET',
  'UNREACHABLE',
  'DNS',
  'TLS',
  'TIMEOUT',
  'ADDRESS_NOT_PUBLIC',
  'INVALID_RESPONSE',
  'REDIRECT',
  'CLIENT_ERROR',
  'GONE',
  'SERVER_ERROR',
  'ENDPOINT_DISABLED',
  'EVENT_ERASED',
  'INTERRUPTED',
] as const;
export type DeliveryError = (typeof deliveryErrors)[number];

/** One try of a delivery, as it is kept. */
export interface DeliveryAttempt {
  readonly at: Instant;
  readonly durationMillis: number;
  readonly statusCode: number | null;
  readonly error: DeliveryError | null;
  /** The beginning of what was answered. */
  readonly response: string | null;
}

export const ENDPOINT_LIMIT = 20;
export const EVENTS_LIMIT = 50;
export const URL_LIMIT = 2_000;
/** How many attempts of a delivery are listed, over all of its replays. */
export const ATTEMPTS_KEPT = 30;
/** How many deliveries one replay sets going. */
export const REPLAY_LIMIT = 10_000;
/** For how long finished deliveries are kept, of tenants that say nothing else. */
export const DELIVERY_DAYS = 30;

/** Seconds before each attempt: the schedule that Standard Webhooks suggests, ten attempts over 75 hours. */
export const attemptDelays = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;
/** So much longer a wait may be than the schedule's, so that what failed together does not come back together. */
const JITTER = 0.1;
const LONGEST_WAIT_MILLIS = DAY_MILLIS;

/** From 0 to 1, the same for the same attempt of the same delivery: what is tested once holds always. */
export function spreadOf(id: string, attempt: number): number {
  const drawn = Number.parseInt(id.replaceAll('-', '').slice(-8), 16) / 2 ** 32;
  return (drawn + attempt * 0.618_033_988_749_895) % 1;
}

/**
 * When the next attempt is due after so many that failed; undefined when that was the last. A receiver that says how
 * long it wants to be left alone (`Retry-After`) is left alone so long, a day at the most.
 */
export function nextAttempt(
  id: string,
  attemptsMade: number,
  now: Instant,
  retryAfterSeconds = 0,
): Instant | undefined {
  const seconds = attemptDelays[attemptsMade];
  if (seconds === undefined) return undefined;
  const scheduled = seconds * 1000 * (1 + JITTER * spreadOf(id, attemptsMade));
  const asked = Math.min(retryAfterSeconds * 1000, LONGEST_WAIT_MILLIS);
  return addMillis(now, Math.round(Math.max(scheduled, asked)));
}

/** A week without a success, and never two days without a failure in it. */
export const FAILING_MILLIS = 7 * DAY_MILLIS;
/** No schedule waits longer between two attempts: behind a longer silence failures begin anew. */
const SILENCE_MILLIS = 2 * DAY_MILLIS;

export interface EndpointHealth {
  readonly failingSince: Instant | null;
  readonly lastFailureAt: Instant | null;
}

/** Since when an endpoint has been failing that fails now. */
export function failingSince({ failingSince: since, lastFailureAt }: EndpointHealth, now: Instant): Instant {
  const isOngoing = lastFailureAt !== null && addMillis(lastFailureAt, SILENCE_MILLIS) > now;
  return since !== null && isOngoing && since < now ? since : now;
}

export function hasFailedForLong(since: Instant, now: Instant): boolean {
  return millis(now) - millis(since) >= FAILING_MILLIS;
}

/** Does not change with attempts and replays: a receiver knows by it what it has had. It has no full stop, which delimits. */
export function messageIdOf(eventId: string, endpointId: string): string {
  return `msg_${eventId}_${endpointId}`;
}

/** What of an event goes out: what anybody may see who reads the trail, and no personal field. */
export interface ToldEvent {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly at: Instant;
  readonly subjectId: string;
  readonly licenseId: string | null;
  readonly activationId: string | null;
  readonly data: unknown;
}

/** The same text at every attempt, since events never change. */
export function bodyOf({
  id,
  sequence,
  type,
  at,
  subjectId,
  licenseId,
  activationId,
  data,
}: ToldEvent): string {
  return JSON.stringify({
    type,
    timestamp: at,
    data: { id, sequence, subject_id: subjectId, license_id: licenseId, activation_id: activationId, data },
  });
}

/** A secret is bound to its endpoint: moved to another row it does not open. */
export function secretBinding(tenantId: string, endpointId: string): string {
  return `webhook secret ${tenantId} ${endpointId}`;
}

export function webhookEndpointNotFound(id: string): Refusal {
  return new Refusal('WEBHOOK_ENDPOINT_NOT_FOUND', `There is no webhook endpoint ${id}.`, { id });
}

export function webhookDeliveryNotFound(id: string): Refusal {
  return new Refusal('WEBHOOK_DELIVERY_NOT_FOUND', `There is no webhook delivery ${id}.`, { id });
}

export function webhookEndpointDisabled(id: string): Refusal {
  const message = `Webhook endpoint ${id} is disabled; enable it first.`;
  return new Refusal('WEBHOOK_ENDPOINT_DISABLED', message, { id });
}

export function tooManyWebhookEndpoints(): Refusal {
  const message = `The tenant has ${ENDPOINT_LIMIT} webhook endpoints; delete one that nobody uses.`;
  return new Refusal('WEBHOOK_ENDPOINT_LIMIT_EXCEEDED', message, { limit: ENDPOINT_LIMIT });
}
