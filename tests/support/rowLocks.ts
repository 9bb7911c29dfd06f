import { expect } from 'vitest';
import type { TestServer } from './server.js';

/** Holds a license's row, so that every act on it waits, until it is let go. */
export async function holdLicense(server: TestServer, id: string): Promise<() => Promise<void>> {
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`select from licenses where id = ${id} for update`;
  return async () => {
    await connection`rollback`;
    connection.release();
  };
}

export interface Held {
  /** Connections of servers that are in a transaction. */
  readonly open: number;
  /** Those of them that wait for a row. */
  readonly waiting: number;
}

export async function held(server: TestServer): Promise<Held> {
  const [row] = await server.sql`select count(*)::int as open,
      count(*) filter (where wait_event_type = 'Lock')::int as waiting
    from pg_stat_activity where datname = current_database() and application_name = 'licensegraph lg_app'
      and xact_start is not null`;
  return { open: Number(row?.open), waiting: Number(row?.waiting) };
}

export const untilHeld = (server: TestServer, state: Held): Promise<void> =>
  expect.poll(() => held(server)).toEqual(state);

/** How many wait for a lock here: the other files' databases are copies of one, with the same numbers for the same tables. */
export function waitingLocks(server: TestServer, which = 'true'): Promise<number> {
  const here = 'database = (select oid from pg_database where datname = current_database())';
  return server.count('pg_locks', `not granted and ${here} and ${which}`);
}
