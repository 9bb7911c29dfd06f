import type { Instant } from '../../core/clock.js';
import type { KeyRing } from '../../core/crypto.js';
import type { Db } from '../../core/db.js';
import { newId, type TenantId } from '../../core/id.js';
import { enqueueJobs } from '../../core/job.js';
import {
  bodyBinding,
  DEPLOYMENT,
  type InboundProcessor,
  type InboundWebhookId,
  nextTry,
  type PaymentEndpointId,
  PROCESS_INBOUND,
} from '../model/inbound.js';
import { inboundBodies, inboundWebhooks } from '../table/inbound.js';

/** A webhook that is signed and in time. */
export interface Arrival {
  readonly processor: InboundProcessor;
  /** Of an address that is one tenant's. */
  readonly endpoint: { readonly tenantId: TenantId; readonly id: PaymentEndpointId } | undefined;
  readonly eventId: string;
  readonly eventType: string;
  readonly transmission: string | null;
  readonly body: string;
}

/**
 * Stores what came with the job that processes it, in the caller's transaction: whoever is answered can forget it. An
 * event that is there already is left as it is, and answered in the same way. Needs lg_worker: it may have no tenant yet.
 */
export async function storeInbound(
  { db, keys, now }: { readonly db: Db; readonly keys: KeyRing; readonly now: Instant },
  { processor, endpoint, eventId, eventType, transmission, body }: Arrival,
): Promise<InboundWebhookId | undefined> {
  const id = newId<'InboundWebhook'>(now);
  const stored = await db
    .insert(inboundWebhooks)
    .values({
      id,
      tenantId: endpoint?.tenantId ?? null,
      endpointId: endpoint?.id ?? null,
      processor,
      source: endpoint?.id ?? DEPLOYMENT,
      eventId,
      transmission,
      eventType,
      status: 'RECEIVED',
      // Should the job be lost, the sweep finds it.
      nextAttemptAt: nextTry(1, now),
      receivedAt: now,
    })
    .onConflictDoNothing()
    .returning({ id: inboundWebhooks.id });
  if (stored.length === 0) return undefined;
  await db
    .insert(inboundBodies)
    .values({ webhookId: id, body: keys.encrypt(body, bodyBinding(id)), receivedAt: now });
  await enqueueJobs(db, [{ name: PROCESS_INBOUND, payload: { id }, key: `${PROCESS_INBOUND}:${id}` }]);
  return id;
}
