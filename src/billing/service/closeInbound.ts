import { eq, sql } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import { subjectOf } from '../../core/actor.js';
import { enqueueJob } from '../../core/job.js';
import type { Work } from '../../core/work.js';
import {
  type InboundWebhookId,
  inboundBodyGone,
  inboundWebhookNotFound,
  mayClose,
  nextTry,
  notClosed,
  PROCESS_INBOUND,
} from '../model/inbound.js';
import { invoiceNotFound } from '../model/refusals.js';
import { lockInboundWebhook, lockUnclaimedWebhook } from '../queries/inbound.js';
import { isBodyKept } from '../queries/inboundBodies.js';
import type { AssignUnclaimedWebhookInput, CloseInboundWebhookInput } from '../schema/closeInbound.js';
import { type InboundWebhook, inboundWebhooks } from '../table/inbound.js';
import { findReferredInvoice } from './references.js';

type Change = Partial<Omit<InboundWebhook, 'id'>>;

async function change(work: Work, id: InboundWebhookId, values: Change): Promise<InboundWebhook> {
  const [row] = await work.db
    .update(inboundWebhooks)
    .set(values)
    .where(eq(inboundWebhooks.id, id))
    .returning();
  if (row === undefined) throw inboundWebhookNotFound(id);
  return row;
}

function told({ processor, eventType, status }: InboundWebhook): Readonly<Record<string, unknown>> {
  return { processor, event_type: eventType, from: status };
}

async function close(work: Work, webhook: InboundWebhook, note: string): Promise<InboundWebhook> {
  return change(work, webhook.id, {
    ...{ status: 'CLOSED', nextAttemptAt: null, processedAt: work.now },
    ...{ closedBy: subjectOf(work.actor) ?? 'nobody', closeNote: note },
  });
}

/** A person has looked at what had no effect, and says what became of it. Twice is the same as once. */
export async function closeInboundWebhook(
  work: Work,
  { webhookId, note }: CloseInboundWebhookInput,
): Promise<InboundWebhook> {
  requireWholeTenant(work, 'inbound_webhook.close');
  const webhook = await lockInboundWebhook(work, webhookId);
  if (webhook === undefined) throw inboundWebhookNotFound(webhookId);
  if (webhook.status === 'CLOSED') return webhook;
  if (!mayClose(webhook.status)) throw notClosed(webhookId, webhook.status);
  const row = await close(work, webhook, note);
  await work.emit({ type: 'inbound_webhook.closed', subjectId: webhookId, data: { ...told(webhook), note } });
  return row;
}

/**
 * Does something with what is nobody's. The door has asked for the permission; row-level security asks for this, and shows
 * an operator no more than that.
 */
async function asOperator<Result>(work: Work, run: () => Promise<Result>): Promise<Result> {
  await work.db.execute(sql.raw("set local app.operator = 'on'"));
  const result = await run();
  await work.db.execute(sql.raw("set local app.operator = 'off'"));
  return result;
}

async function unclaimed(work: Work, id: InboundWebhookId): Promise<InboundWebhook> {
  const webhook = await lockUnclaimedWebhook(work.db, id);
  if (webhook === undefined) throw inboundWebhookNotFound(id);
  return webhook;
}

/** The same for what came to an address of the deployment and found no tenant: its operator is told of in his own. */
export async function closeUnclaimedWebhook(
  work: Work,
  { webhookId, note }: CloseInboundWebhookInput,
): Promise<InboundWebhook> {
  return asOperator(work, async () => {
    const webhook = await unclaimed(work, webhookId);
    if (webhook.status === 'CLOSED') return webhook;
    if (!mayClose(webhook.status)) throw notClosed(webhookId, webhook.status);
    const row = await close(work, webhook, note);
    await work.emit({
      type: 'inbound_webhook.closed',
      subjectId: webhookId,
      data: { ...told(webhook), note },
    });
    return row;
  });
}

/**
 * Gives it to the tenant of an invoice that it is about, and has it processed there, behind this act: who acts sees nothing of
 * that tenant. It is written down for whom it is, so that the sweep finds it should the job be lost. An event counts once all
 * the same.
 */
export async function assignUnclaimedWebhook(
  work: Work,
  { webhookId, invoiceId }: AssignUnclaimedWebhookInput,
): Promise<InboundWebhook> {
  return asOperator(work, async () => {
    const webhook = await unclaimed(work, webhookId);
    if (!mayClose(webhook.status)) throw notClosed(webhookId, webhook.status);
    if ((await findReferredInvoice(work.db, work.keys, 'INVOICE', invoiceId)) === undefined)
      throw invoiceNotFound(invoiceId);
    if (!(await isBodyKept(work.db, webhookId))) throw inboundBodyGone(webhookId);
    const again = {
      status: 'RECEIVED',
      reason: null,
      assignedTo: invoiceId,
      attempts: 0,
      nextAttemptAt: nextTry(1, work.now),
      processedAt: null,
    } as const;
    const row = await change(work, webhookId, again);
    await enqueueJob(work, { name: PROCESS_INBOUND, payload: { id: webhookId }, key: webhookId });
    const data = { ...told(webhook), invoice_id: invoiceId };
    await work.emit({ type: 'inbound_webhook.assigned', subjectId: webhookId, data });
    return row;
  });
}
