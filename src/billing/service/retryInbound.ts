import { and, eq, sql } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import type { Work } from '../../core/work.js';
import {
  type InboundWebhookId,
  inboundBodyGone,
  inboundWebhookNotFound,
  mayRetry,
  notRetried,
  PROCESS_INBOUND,
} from '../model/inbound.js';
import { lockInboundWebhook } from '../queries/inbound.js';
import { isBodyKept } from '../queries/inboundBodies.js';
import { type InboundWebhook, inboundWebhooks } from '../table/inbound.js';

/** Has a webhook processed once more that had no effect, from the beginning. */
export async function retryInboundWebhook(
  work: Work,
  { webhookId }: { readonly webhookId: InboundWebhookId },
): Promise<InboundWebhook> {
  requireWholeTenant(work, 'inbound_webhook.retry');
  const webhook = await lockInboundWebhook(work, webhookId);
  if (webhook === undefined) throw inboundWebhookNotFound(webhookId);
  if (!mayRetry(webhook.status)) throw notRetried(webhookId, webhook.status);
  if (!(await isBodyKept(work.db, webhookId))) throw inboundBodyGone(webhookId);
  const [row] = await work.db
    .update(inboundWebhooks)
    .set({ status: 'RECEIVED', reason: null, attempts: 0, nextAttemptAt: work.now, processedAt: null })
    .where(and(eq(inboundWebhooks.tenantId, work.tenantId), eq(inboundWebhooks.id, webhookId)))
    .returning();
  if (row === undefined) throw inboundWebhookNotFound(webhookId);
  const payload = JSON.stringify({ id: webhookId });
  await work.db.execute(sql`select enqueue_job(${PROCESS_INBOUND}, ${payload}::text::json, ${webhookId})`);
  const { processor, eventType, status } = webhook;
  await work.emit({
    type: 'inbound_webhook.retried',
    subjectId: webhookId,
    data: { processor, event_type: eventType, from: status },
  });
  return row;
}
