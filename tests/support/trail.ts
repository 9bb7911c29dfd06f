import { sealEvents } from '../../src/audit/jobs.js';
import { readConfig } from '../../src/core/config.js';
import { connect, drizzleOn } from '../../src/core/db.js';
import { startTrailKeeper, type TrailKeeper } from '../../src/server/events/trailKeeper.js';
import { openMachinery } from '../../src/server/start.js';
import type { TestServer } from './server.js';

/** Numbers what waits, as the sealer does, at the server's instant. */
export async function sealAllEvents(server: TestServer): Promise<void> {
  const sql = connect(server.url, { max: 1, connection: { role: 'lg_worker', TimeZone: 'UTC' } });
  try {
    for (;;) {
      const sealed = await sql.begin((transaction) =>
        sealEvents(drizzleOn(transaction, sql.options), server.now),
      );
      if (sealed.length === 0) return;
    }
  } finally {
    await sql.end();
  }
}

export type TestKeeper = TrailKeeper;

/** A keeper that acts when it is told to. */
export function keeperOf(server: TestServer, folder?: string): TestKeeper {
  const { log } = server.machinery;
  const config = readConfig({ NODE_ENV: 'test' });
  const parts = { config, keys: server.keys, url: server.url, log, clock: () => server.now };
  const machinery = openMachinery(parts, 'lg_worker');
  const keeper = startTrailKeeper({ machinery, log, folder, personalDataDays: 180, everyMillis: 86_400_000 });
  return {
    keep: keeper.keep,
    stop: async () => {
      await keeper.stop();
      await machinery.pool.end();
    },
  };
}
