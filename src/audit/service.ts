import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { subjectOf } from '../core/actor.js';
import type { NewEvent } from '../core/event.js';
import { newId } from '../core/id.js';
import { prepared } from '../core/prepared.js';
import type { Work } from '../core/work.js';
import { personalHash } from './model/chain.js';
import { eventPersonalData, licenseEventLogs, unsealedEvents } from './table.js';

/** Events of one statement: what a single one of them costs does not fall any more. */
const ROWS_A_STATEMENT = 4000;

/** Facts, what of them is personal, and their place in the sealer's line: one statement, made once, for an act. */
const append = prepared(sql`
  with told as (
    select * from json_to_recordset(${sql.placeholder('events')}::text::json) as told (id text, type text, subject text,
      license text, activation text, data jsonb, hash text, salt text, personal jsonb)
  ), logged as (
    insert into ${licenseEventLogs} (tenant_id, id, event_type, subject_id, license_id, activation_id, user_id, event_data,
      metadata, personal_hash, created_at)
    select ${sql.placeholder('tenant')}, id, type, subject, license, activation, ${sql.placeholder('actor')}, data,
      ${sql.placeholder('cause')}::text::jsonb, hash, ${sql.placeholder('now')}::timestamptz
    from told
  ), personal as (
    insert into ${eventPersonalData} (tenant_id, event_id, salt, data, created_at)
    select ${sql.placeholder('tenant')}, id, salt, personal, ${sql.placeholder('now')}::timestamptz
    from told where personal is not null
  )
  insert into ${unsealedEvents} (tenant_id, event_id) select ${sql.placeholder('tenant')}, id from told`);

/** From where an act came is personal, whatever it was; a fact adds what else it tells of people. */
function personalPart(work: Work, { personal }: NewEvent) {
  const { address } = work;
  if (address === undefined && personal === undefined) return {};
  const part = {
    salt: randomBytes(16).toString('base64url'),
    data: { ...(address === undefined ? {} : { address }), ...personal },
  };
  return { salt: part.salt, personal: part.data, hash: personalHash(part) };
}

/**
 * Writes facts into the log, in their order, in the transaction of the change that they tell. They are sent and not
 * waited for: the commit is, and fails if they do.
 */
export async function appendEvents(work: Work, events: readonly NewEvent[]): Promise<void> {
  const rows = events.map((event) => ({
    id: newId<'Event'>(work.now),
    type: event.type,
    subject: event.subjectId,
    license: event.licenseId,
    activation: event.activationId,
    data: { ...event.data },
    ...personalPart(work, event),
  }));
  const common = {
    tenant: work.tenantId,
    actor: subjectOf(work.actor),
    cause: JSON.stringify({ actor_kind: work.actor.kind, request_id: work.requestId }),
    now: work.now,
  };
  for (let from = 0; from < rows.length; from += ROWS_A_STATEMENT) {
    const some = rows.slice(from, from + ROWS_A_STATEMENT);
    work.send(append(work.db, { ...common, events: JSON.stringify(some) }));
  }
}
