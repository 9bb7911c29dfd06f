import { eq } from 'drizzle-orm';
import type { Db } from '../../core/db.js';
import { anyOf } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { bodyBinding, type InboundWebhookId } from '../model/inbound.js';
import { inboundBodies } from '../table/inbound.js';

/** What webhooks said, as it came, of those whose time is not over. The database shows a tenant its own alone. */
export async function bodiesById(
  { db, keys }: Pick<Reading, 'db' | 'keys'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db.select().from(inboundBodies).where(anyOf(inboundBodies.webhookId, ids));
  return new Map(rows.map(({ webhookId, body }) => [webhookId, keys.decrypt(body, bodyBinding(webhookId))]));
}

export async function isBodyKept(db: Db, id: InboundWebhookId): Promise<boolean> {
  const rows = await db
    .select({ id: inboundBodies.webhookId })
    .from(inboundBodies)
    .where(eq(inboundBodies.webhookId, id));
  return rows.length > 0;
}
