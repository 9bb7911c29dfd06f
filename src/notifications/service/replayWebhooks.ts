import { and, eq } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import type { Instant } from '../../core/clock.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import {
  REPLAY_LIMIT,
  type WebhookDeliveryId,
  type WebhookEndpointId,
  webhookDeliveryNotFound,
  webhookEndpointDisabled,
  webhookEndpointNotFound,
} from '../model/webhooks.js';
import { lockWebhookDelivery, webhookEndpointsById } from '../queries/webhooks.js';
import type { ReplayWebhookDeliveryInput } from '../schema/webhookInputs.js';
import { type WebhookDelivery, webhookDeliveries } from '../table/webhooks.js';
import { redeliverSince } from './webhookDeliveries.js';

export interface Replayed {
  readonly count: number;
  readonly delivery: WebhookDelivery | null;
}

async function requireEnabled(work: Work, id: WebhookEndpointId): Promise<void> {
  const endpoint = (await webhookEndpointsById(work, [id])).get(id);
  if (endpoint === undefined) throw webhookEndpointNotFound(id);
  if (!endpoint.enabled) throw webhookEndpointDisabled(id);
}

/** Due at once. What somebody is sending at this moment is sent: there is nothing to add. */
async function replayOne(work: Work, id: WebhookDeliveryId): Promise<Replayed> {
  const delivery = await lockWebhookDelivery(work, id);
  if (delivery === undefined) throw webhookDeliveryNotFound(id);
  await requireEnabled(work, delivery.endpointId);
  if (delivery.leasedUntil !== null && delivery.leasedUntil > work.now) return { count: 0, delivery };
  const [row] = await work.db
    .update(webhookDeliveries)
    .set({ status: 'PENDING', nextAttemptAt: work.now, attemptCount: 0, lastError: null, finishedAt: null })
    .where(and(eq(webhookDeliveries.tenantId, work.tenantId), eq(webhookDeliveries.id, id)))
    .returning();
  if (row === undefined) throw webhookDeliveryNotFound(id);
  const data = { endpoint_id: row.endpointId, event_id: row.eventId, count: 1 };
  await work.emit({ type: 'webhook_delivery.replayed', subjectId: id, data });
  return { count: 1, delivery: row };
}

async function replaySince(work: Work, endpointId: WebhookEndpointId, since: Instant): Promise<Replayed> {
  await requireEnabled(work, endpointId);
  const request = { endpointId, since, most: REPLAY_LIMIT };
  const count = await redeliverSince(work.db, work.tenantId, work.now, request);
  const data = { endpoint_id: endpointId, since, count };
  if (count > 0) await work.emit({ type: 'webhook_delivery.replayed', subjectId: endpointId, data });
  return { count, delivery: null };
}

export async function replayWebhookDelivery(
  work: Work,
  { deliveryId, endpointId, since }: ReplayWebhookDeliveryInput,
): Promise<Replayed> {
  requireWholeTenant(work, 'webhook.replay');
  if (deliveryId && !endpointId && !since) return replayOne(work, deliveryId);
  if (endpointId && since && !deliveryId) return replaySince(work, endpointId, since);
  const message = 'name one delivery, or an endpoint and since when';
  throw invalidInput([{ field: 'input.deliveryId', message }]);
}
