import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { connect } from '../core/db.js';
import { LOST } from '../core/job.js';
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

export interface LostJob {
  readonly name: string;
  readonly payload: unknown;
}

/** What is to be done with a job whose process is gone; UNKNOWN is asked again, because that could not be written down. */
export type AfterLoss = 'AGAIN' | 'OVER' | 'UNKNOWN';

/** Takes down that a job lost its process. */
export type OnLost = (job: LostJob) => Promise<AfterLoss>;

interface Holding {
  readonly sql: postgres.Sql;
  readonly ids: Set<string>;
  /** The connection that holds the locks; another has to take them anew. */
  backend: number;
}

/** Takes the locks that the connection does not hold. */
async function holdAll({ sql, ids }: Holding, backend: number): Promise<number> {
  const [row] = await sql<{ pid: number; missed: boolean }[]>`
    select pg_backend_pid() as pid, exists (
      select from unnest(${[...ids]}::text[]) as known (id)
      where pg_backend_pid() <> ${backend} and not pg_try_advisory_lock(${PRESENCE_LOCK}, hashtext(id))) as missed`;
  // One that a peer holds at this moment, because it was thought to be gone, is asked for again.
  return row === undefined || row.missed ? 0 : row.pid;
}

/** Workers of which nobody shows that they live. They are this transaction's alone. */
async function lostWorkers(transaction: postgres.TransactionSql, { ids }: Holding): Promise<string[]> {
  const lost = await transaction<{ id: string }[]>`
    with seen as materialized (
      select locked_by as id from graphile_worker._private_jobs where locked_by is not null
      union select locked_by from graphile_worker._private_job_queues where locked_by is not null)
    select id from seen
    where id <> all(${[...ids]}::text[]) and pg_try_advisory_xact_lock(${PRESENCE_LOCK}, hashtext(id))`;
  return lost.map(({ id }) => id);
}

/**
 * Their attempts were counted when they were taken: what happens to them is what happens to a job that failed, so that one
 * which ends its process each time is not tried for ever, and not without a wait. The first loss waits for nothing: most
 * often the process ended of something else.
 */
async function freeJobs(
  transaction: postgres.TransactionSql,
  workers: readonly string[],
  onLost: OnLost,
): Promise<void> {
  const jobs = await transaction<(LostJob & { id: string })[]>`
    select job.id, task.identifier as name, job.payload from graphile_worker._private_jobs as job
      join graphile_worker._private_tasks as task on task.id = job.task_id
    where job.locked_by = any(${workers}::text[]) order by job.id`;
  const freed: Record<AfterLoss, string[]> = { AGAIN: [], OVER: [], UNKNOWN: [] };
  for (const { id, name, payload } of jobs) freed[await onLost({ name, payload })].push(id);
  await transaction`delete from graphile_worker._private_jobs where id = any(${freed.OVER}::text[]::bigint[])`;
  await transaction`
    update graphile_worker._private_jobs set locked_by = null, locked_at = null, last_error = ${LOST},
      run_at = case when attempts > 1 then greatest(now(), run_at) + exp(least(attempts, 10)) * interval '1 second' else run_at end
    where id = any(${freed.AGAIN}::text[]::bigint[])`;
  await transaction`
    update graphile_worker._private_job_queues set locked_by = null, locked_at = null
    where locked_by = any(${workers}::text[])`;
}

async function freeLost(holding: Holding, onLost: OnLost): Promise<number> {
  return holding.sql.begin(async (transaction) => {
    const workers = await lostWorkers(transaction, holding);
    if (workers.length > 0) await freeJobs(transaction, workers, onLost);
    return workers.length;
  });
}

export function openPresence(url: string, log: Log, onLost: OnLost): Presence {
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
      const freed = await freeLost(holding, onLost);
      if (freed > 0) log.warn({ workers: freed }, 'jobs of workers that are gone were freed');
      return freed;
    },
    end: () => holding.sql.end({ timeout: 2 }),
  };
}
