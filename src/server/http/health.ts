import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { millis } from '../../core/clock.js';
import { appliedMigrations } from '../database/migrate.js';
import type { Machinery } from '../operation/operation.js';

/** However many probes come, the database is asked once a second. */
const KEPT_MILLIS = 1000;
/** A database that hangs is not waited for: a probe that gets no answer tells nothing. */
const PATIENCE_MILLIS = 2000;

const READY = 'ready';
const SILENT = 'the database does not answer';

/** Why requests cannot be served, or that they can. A database that a newer program has migrated still serves us. */
function ask({ pool }: Machinery, known: number): Promise<string> {
  return appliedMigrations(pool.db).then(
    (applied) => (applied < known ? 'migrations are missing' : READY),
    () => SILENT,
  );
}

async function inTime(asked: Promise<string>): Promise<string> {
  const limit = new AbortController();
  const over = sleep(PATIENCE_MILLIS, SILENT, limit).catch(() => SILENT);
  return Promise.race([asked, over]).finally(() => limit.abort());
}

/** The last answer, for as long as it is fresh; those who come while the database is being asked share it. */
function shared(machinery: Machinery, known: number): () => Promise<string> {
  let asked: Promise<string> | undefined;
  let freshUntil = 0;
  let isOpen = false;
  return () => {
    const now = millis(machinery.clock());
    // A clock that was set back has nothing to say of what is fresh.
    const isFresh = now < freshUntil && freshUntil <= now + KEPT_MILLIS;
    if (asked === undefined || !(isOpen || isFresh)) {
      isOpen = true;
      freshUntil = now + KEPT_MILLIS;
      asked = ask(machinery, known).finally(() => {
        isOpen = false;
      });
    }
    return inTime(asked);
  };
}

/** Whether the process lives, and whether requests should come to it. */
export function addHealth(app: FastifyInstance, machinery: Machinery, knownMigrations: number): void {
  const status = shared(machinery, knownMigrations);
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const answer = machinery.drain.isLeaving ? 'stopping' : await status();
    return reply.code(answer === READY ? 200 : 503).send({ status: answer });
  });
}
