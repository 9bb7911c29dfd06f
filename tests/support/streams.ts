import { expect } from 'vitest';
import type { EventType, NewEvent } from '../../src/core/event.js';
import type { TenantId } from '../../src/core/id.js';
import { systemCaller } from '../../src/server/database/seed.js';
import { openWork } from '../../src/server/operation/openWork.js';
import type { Json, TestServer } from './server.js';
import type { Heard, RawSocket } from './sockets.js';

/** Emits a fact as the act would that is still to come: in a transaction of its own, with its followers. */
export async function emit(server: TestServer, tenantId: string, event: NewEvent): Promise<void> {
  const { work, session } = await openWork(server.machinery, systemCaller(tenantId as TenantId));
  await work.emit(event);
  await session.commit();
}

interface Written {
  readonly type: EventType;
  readonly subjectId: string;
  readonly licenseId?: string | null;
  readonly data?: Readonly<Record<string, string>>;
  /** Told of people with each. */
  readonly personal?: Readonly<Record<string, string>>;
}

/** So many events of a tenant, written as its acts write them, in one statement. */
export async function writeEvents(
  { sql, now }: TestServer,
  tenantId: string,
  { type, subjectId, licenseId = null, data = {}, personal }: Written,
  count: number,
): Promise<void> {
  await sql`with made as (
    insert into license_event_logs (tenant_id, id, event_type, subject_id, license_id, event_data, metadata, created_at)
    select ${tenantId}, gen_random_uuid()::text, ${type}, ${subjectId}, ${licenseId}, ${sql.json(data)}, '{}', ${now}
    from generate_series(1, ${count}) returning tenant_id, id),
    told as (
      insert into event_personal_data (tenant_id, event_id, salt, data, created_at)
      select tenant_id, id, 'salt', ${sql.json(personal ?? {})}, ${now} from made where ${personal !== undefined})
    insert into unsealed_events (tenant_id, event_id) select tenant_id, id from made`;
}

/** Waits until every committed event has its number. */
export const sealed = (server: TestServer) => expect.poll(() => server.count('unsealed_events')).toBe(0);

/** The value of the one root field of a message. */
export const fieldOf = ({ payload }: Heard): Json | undefined => Object.values(payload?.data ?? {})[0];

/** What a stream has told so far. */
export function toldOf(raw: RawSocket, id = '1'): (Json | undefined)[] {
  return raw
    .of(id)
    .filter(({ type }) => type === 'next')
    .map(fieldOf);
}

/** Waits until so many streams are followed in a server. */
export const followed = (server: TestServer, count: number) =>
  expect.poll(() => server.machinery.feed?.readers, { interval: 5 }).toBe(count);
