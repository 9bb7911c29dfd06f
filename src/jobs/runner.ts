import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { runTaskList, type TaskList, type WorkerPool } from 'graphile-worker';
import type pg from 'pg';
import { Bell } from '../core/bell.js';
import { committed } from '../core/db.js';
import type { Log } from '../core/log.js';
import { openPresence, type Presence } from './presence.js';
import { enqueueDue, forgetJobsBut } from './queries.js';
import { openQueuePool, queueLogger } from './queue.js';
import { dueJobs } from './schedule.js';
import { type JobList, LET_GO, lossesOf, type Surroundings, taskList } from './tasks.js';

/** Between two looks at the clock. */
const TICK_MILLIS = 5_000;
/** Between two looks for jobs of processes that are gone. */
const RESCUE_MILLIS = 15_000;
/** Whoever is told of a job looks at once; this is for what was put off, and for words that were lost. */
const POLL_MILLIS = 4_000;
const RESTART_MILLIS = 1_000;
/** So many looks that failed, one after the other, and the workers begin anew. */
const FAILED_LOOKS = 5;
/** Of the queue: one listens, the others take jobs and put them away. */
const QUEUE_CONNECTIONS = 3;

export interface RunnerParts {
  readonly url: string;
  readonly surroundings: Surroundings;
  readonly jobs: JobList;
  /** How many jobs run at once. */
  readonly concurrency: number;
  /** How long a stop waits for what runs. */
  readonly stopSeconds: number;
  readonly rescueMillis?: number;
  readonly tickMillis?: number;
}

export interface JobRunner {
  /** Takes no more, waits for what runs as long as it may, and lets go of the rest, which others do again. */
  stop(): Promise<void>;
}

/** Puts what is due by the clock that all servers share into the queue. */
export async function tick({ pool, sharedTime }: Surroundings, { scheduled }: JobList): Promise<number> {
  const session = await pool.begin('write');
  return committed(session, async () => {
    const now = await sharedTime(session.db);
    return enqueueDue(session.db, dueJobs(scheduled, now), now);
  });
}

interface Workers {
  readonly pool: WorkerPool;
  /** Settles when they work no more, for whatever reason. */
  readonly ended: Promise<void>;
}

/** Workers that hold their lock before they take the first job, and end when they cannot reach the queue any more. */
function startWorkers(parts: RunnerParts, queue: pg.Pool, tasks: TaskList, presence: Presence): Workers {
  const events = new EventEmitter();
  const options = {
    concurrency: parts.concurrency,
    noHandleSignals: true,
    pollInterval: POLL_MILLIS,
    gracefulShutdownAbortTimeout: parts.stopSeconds * 500,
    logger: queueLogger(parts.surroundings.log),
    events,
    preset: { plugins: [presence.plugin] },
  };
  const pool = runTaskList(options, tasks, queue);
  let failed = 0;
  events.on('worker:getJob:empty', () => {
    failed = 0;
  });
  events.on('worker:getJob:error', () => {
    failed += 1;
    // What graphile-worker could not read at its start it never reads again.
    if (failed === FAILED_LOOKS * parts.concurrency)
      Promise.resolve(pool.gracefulShutdown()).catch(() => undefined);
  });
  const ended = pool.promise.catch((error: unknown) => {
    parts.surroundings.log.error({ err: error }, 'the workers of the queue ended and begin anew');
  });
  return { pool, ended };
}

async function shutDown(workers: WorkerPool, queue: pg.Pool, stopSeconds: number): Promise<void> {
  const graceful = Promise.resolve(workers.gracefulShutdown()).then(
    () => true,
    () => true,
  );
  const limit = new AbortController();
  const late = sleep(stopSeconds * 1000, false, { signal: limit.signal }).catch(() => true);
  const isOver = await Promise.race([graceful, late]);
  // What is broken off graphile-worker leaves in their hands: a peer would think that it ended its process.
  await queue.query(LET_GO, [workers.id, null]).catch(() => undefined);
  if (!isOver) await Promise.resolve(workers.forcefulShutdown('the process stops')).catch(() => undefined);
  limit.abort();
}

/** Does something over and over until it is stopped; a failure is told, and the next turn comes all the same. */
function repeat(every: number, log: Log, what: string, run: () => Promise<unknown>): () => Promise<void> {
  const bell = new Bell();
  let stopping = false;
  const turns = async (): Promise<void> => {
    while (!stopping) {
      await run().catch((error: unknown) => {
        if (!stopping) log.error({ err: error }, what);
      });
      if (!stopping) await bell.wait(every);
    }
  };
  const running = turns();
  return async () => {
    stopping = true;
    bell.ring();
    await running;
  };
}

/** Runs jobs in this process: those of the queue, and those that its clock finds due. */
export function startRunner(parts: RunnerParts): JobRunner {
  const { surroundings, jobs, url, stopSeconds } = parts;
  const { log } = surroundings;
  const queue = openQueuePool(url, 'lg_worker', QUEUE_CONNECTIONS, log);
  const presence = openPresence(url, log, lossesOf(surroundings, jobs));
  const tasks = taskList(surroundings, jobs);
  let workers: Workers | undefined;
  let stopping = false;
  const work = async (): Promise<void> => {
    workers = startWorkers(parts, queue, tasks, presence);
    await workers.ended;
  };
  const names = jobs.scheduled.map(({ job }) => job.name);
  let isTidy = false;
  const look = async (): Promise<void> => {
    if (!isTidy && names.length > 0) await forgetJobsBut(surroundings.pool.db, names);
    isTidy = true;
    await tick(surroundings, jobs);
  };
  const endings = [
    repeat(
      parts.rescueMillis ?? RESCUE_MILLIS,
      log,
      'jobs of lost workers could not be looked for',
      async () => {
        if ((await presence.rescue()) > 0) workers?.pool.nudge(parts.concurrency);
      },
    ),
    repeat(parts.tickMillis ?? TICK_MILLIS, log, 'the schedule could not be looked at', look),
    repeat(RESTART_MILLIS, log, 'the workers of the queue failed', async () => {
      if (!stopping) await work();
    }),
  ];
  return {
    stop: async () => {
      stopping = true;
      const ended = Promise.all(endings.map((end) => end()));
      if (workers !== undefined) await shutDown(workers.pool, queue, stopSeconds);
      await ended;
      await queue.end();
      await presence.end();
    },
  };
}
