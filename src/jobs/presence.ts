import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { connect } from '../core/db.js';
import type { Log } from '../core/log.js';

/** The first half of the lock that a group of workers holds for as long as its process lives. */
const PRESENCE_LOCK = 746_120_053;
const RETRY_MILLIS = 500;

/**
 * Shows that the workers of this process live. The queue keeps the jobs of a killed worker for four hours; so each group
 * of workers holds an advisory lock under its id, which goes with its connection, and whoever finds the lock of an id
 * free takes that id's jobs away from it.
 */
export interface Presence {
  /** Has workers hold their lock before they take their first job. */
  readonly plugin: GraphileConfig.Plugin;
  /** Frees the jobs of groups that are gone, and answers of how many. */
  rescue(): Promise<number>;
  end(): Promise<void>;
}

interface Holding {
  readonly sql: postgres.Sql;
  readonly ids: Set<string>;
  /** The connection that holds the locks; another has to take them anew. */
  backend: number;
}

/** Takes the locks that the connection does not hold. */
async function holdAll({ sql, ids }: Holding, backend: number): Promise<number> {
  const [row] = await sql<{ pid: number }[]>`
    select pg_backend_pid() as pid, (
      select count(pg_try_advisory_lock(${PRESENCE_LOCK}, hashtext(id)))
      from unnest(${[...ids]}::text[]) as known (id) where pg_backend_pid() <> ${backend})`;
  return row?.pid ?? 0;
}

async function freeLost({ sql, ids }: Holding): Promise<number> {
  return sql.begin(async (transaction) => {
    const lost = await transaction<{ id: string }[]>`
      with seen as materialized (
        select locked_by as id from graphile_worker._private_jobs where locked_by is not null
        union select locked_by from graphile_worker._private_job_queues where locked_by is not null)
      select id from seen
      where id <> all(${[...ids]}::text[]) and pg_try_advisory_xact_lock(${PRESENCE_LOCK}, hashtext(id))`;
    if (lost.length > 0)
      await transaction`select graphile_worker.force_unlock_workers(${lost.map(({ id }) => id)}::text[])`;
    return lost.length;
  });
}

export function openPresence(url: string, log: Log): Presence {
  const options = { max: 1, idle_timeout: 0, max_lifetime: null, connection: { role: 'lg_worker' } };
  const holding: Holding = { sql: connect(url, options), ids: new Set(), backend: 0 };
  const beat = async (): Promise<void> => {
    holding.backend = await holdAll(holding, holding.backend);
  };
  const take = async (id: string, isActive: () => boolean): Promise<void> => {
    const { sql, ids } = holding;
    for (;;) {
      try {
        await sql`select pg_try_advisory_lock(${PRESENCE_LOCK}, hashtext(${id}))`;
        ids.add(id);
        return;
      } catch (error) {
        if (!isActive()) return;
        log.warn({ err: error }, 'a worker waits for its lock');
        await sleep(RETRY_MILLIS);
      }
    }
  };
  return {
    plugin: {
      name: 'presence',
      version: '1.0.0',
      worker: {
        hooks: {
          startWorker: async (_ctx, { worker }) => {
            const { id } = worker.workerPool;
            if (!holding.ids.has(id)) await take(id, () => !worker.workerPool.abortSignal.aborted);
          },
        },
      },
    },
    rescue: async () => {
      await beat();
      const freed = await freeLost(holding);
      if (freed > 0) log.warn({ workers: freed }, 'jobs of workers that are gone were freed');
      return freed;
    },
    end: () => holding.sql.end({ timeout: 2 }),
  };
}
