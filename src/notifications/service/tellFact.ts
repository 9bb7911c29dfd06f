import { and, eq } from 'drizzle-orm';
import { tenantOf } from '../../access/queries.js';
import { licenseEventLogs } from '../../audit/table.js';
import type { EventId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { drafters } from './drafts.js';
import { recordMail } from './recordMail.js';

/** Writes down the mails that tell of a fact, each once. Answers how many there are to be sent. */
export async function tellFact(work: Work, eventId: EventId, domain: string): Promise<number> {
  const [fact] = await work.db
    .select()
    .from(licenseEventLogs)
    .where(and(eq(licenseEventLogs.tenantId, work.tenantId), eq(licenseEventLogs.id, eventId)));
  const draft = fact === undefined ? undefined : await drafters[fact.eventType]?.(work, fact);
  if (draft === undefined) return 0;
  return recordMail(work, draft, { tenant: await tenantOf(work), eventId, domain });
}
