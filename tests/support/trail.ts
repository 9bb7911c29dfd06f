import { sealEvents } from '../../src/audit/jobs.js';
import { connect, drizzleOn } from '../../src/core/db.js';
import { startCheckpointKeeper } from '../../src/server/events/checkpointKeeper.js';
import type { TestServer } from './server.js';

/** Numbers what waits, as the sealer does, at the server's instant. */
export async function sealAllEvents(server: TestServer): Promise<void> {
  const sql = connect(server.url, { max: 1, connection: { role: 'lg_worker', TimeZone: 'UTC' } });
  try {
    for (;;) {
      const sealed = await sql.begin((transaction) =>
        sealEvents(drizzleOn(transaction, sql.options), server.now),
      );
      if (sealed.facts.length === 0) return;
    }
  } finally {
    await sql.end();
  }
}

export interface TestKeeper {
  /** Has signed, handed out and deleted what is due, as the jobs and a server with a folder do. */
  keep(): Promise<void>;
  stop(): Promise<void>;
}

/** A keeper that acts when it is told to. */
export function keeperOf(server: TestServer, folder?: string): TestKeeper {
  const { log } = server.machinery;
  const { pool } = server.jobs.surroundings;
  const files =
    folder === undefined ? undefined : startCheckpointKeeper({ pool, log, folder, everyMillis: 86_400_000 });
  return {
    keep: async () => {
      for (const name of ['trail.erase', 'trail.checkpoint', 'trail.forget']) await server.jobs.run(name);
      await files?.handOut();
    },
    stop: async () => files?.stop(),
  };
}
