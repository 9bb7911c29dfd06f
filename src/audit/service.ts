import type { Actor } from '../core/actor.js';
import type { NewEvent } from '../core/event.js';
import { newId } from '../core/id.js';
import type { Work } from '../core/work.js';
import { licenseEventLogs, unsealedEvents } from './table.js';

function subjectOf(actor: Actor): string | null {
  return actor.kind === 'anonymous' ? null : actor.subject;
}

/** Writes the fact into the log, in the transaction of the change that it tells. */
export async function appendEvent(work: Work, event: NewEvent): Promise<void> {
  const id = newId<'Event'>(work.now);
  await work.db.insert(licenseEventLogs).values({
    tenantId: work.tenantId,
    id,
    eventType: event.type,
    subjectId: event.subjectId,
    licenseId: event.licenseId ?? null,
    activationId: event.activationId ?? null,
    userId: subjectOf(work.actor),
    eventData: { ...event.data },
    metadata: { actorKind: work.actor.kind, requestId: work.requestId },
    createdAt: work.now,
  });
  await work.db.insert(unsealedEvents).values({ tenantId: work.tenantId, eventId: id });
}
