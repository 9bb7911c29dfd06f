import { and, eq } from 'drizzle-orm';
import { tenantOf } from '../../access/queries.js';
import { type EventRow, licenseEventLogs } from '../../audit/table.js';
import type { EventId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { drafters } from './drafts.js';
import { type Draft, recordMail } from './recordMail.js';

export interface Told {
  readonly fact: EventRow;
  /** Undefined where there is nothing to be told, or nothing any more. */
  readonly draft: Draft | undefined;
}

/** A fact, and what it has to be told of by mail now; undefined where the log holds it no longer. */
export async function draftOf(work: Work, eventId: EventId): Promise<Told | undefined> {
  const [fact] = await work.db
    .select()
    .from(licenseEventLogs)
    .where(and(eq(licenseEventLogs.tenantId, work.tenantId), eq(licenseEventLogs.id, eventId)));
  return fact === undefined ? undefined : { fact, draft: await drafters[fact.eventType]?.(work, fact) };
}

/** Writes down the mails that tell of a fact, each once. Answers how many there are to be sent. */
export async function tellFact(work: Work, eventId: EventId, domain: string): Promise<number> {
  const draft = (await draftOf(work, eventId))?.draft;
  if (draft === undefined) return 0;
  return recordMail(work, draft, { tenant: await tenantOf(work), eventId, domain });
}
