import type { Actor } from '../core/actor.js';
import type { NewEvent } from '../core/event.js';
import { newId } from '../core/id.js';
import type { Work } from '../core/work.js';
import { licenseEventLogs, unsealedEvents } from './table.js';

function subjectOf(actor: Actor): string | null {
  return actor.kind === 'anonymous' ? null : actor.subject;
}

/** PostgreSQL takes 65,535 parameters a statement, and an event has eleven. */
const ROWS_A_STATEMENT = 4000;

/** Writes facts into the log, in their order, in the transaction of the change that they tell: two statements. */
export async function appendEvents(work: Work, events: readonly NewEvent[]): Promise<void> {
  const rows = events.map((event) => ({
    tenantId: work.tenantId,
    id: newId<'Event'>(work.now),
    eventType: event.type,
    subjectId: event.subjectId,
    licenseId: event.licenseId ?? null,
    activationId: event.activationId ?? null,
    userId: subjectOf(work.actor),
    eventData: { ...event.data },
    metadata: { actorKind: work.actor.kind, requestId: work.requestId },
    createdAt: work.now,
  }));
  for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
    const some = rows.slice(from, from + ROWS_A_STATEMENT);
    await work.db.insert(licenseEventLogs).values(some);
    await work.db.insert(unsealedEvents).values(some.map(({ tenantId, id }) => ({ tenantId, eventId: id })));
  }
}
