import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/server/database/embeddedPostgres.js';
import { migrate } from '../../src/server/database/migrate.js';
import { newKeys } from '../../tests/support/server.js';

/** A migrated database that writes to disk before it answers, as production does; that of the tests does not. */
export async function openDurable() {
  const folder = await mkdtemp(join(tmpdir(), 'lg-bench-'));
  const { url, stop } = await startEmbeddedPostgres({ folder, durable: true, maxConnections: 100 });
  await migrate(url);
  const end = async (): Promise<void> => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { url, adminUrl: url, keys: newKeys(), end };
}

export type Durable = Awaited<ReturnType<typeof openDurable>>;
