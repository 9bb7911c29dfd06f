import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskList } from 'graphile-worker';
import type pg from 'pg';
import type { Instant } from '../../src/core/clock.js';
import type { Config } from '../../src/core/config.js';
import type { JobResult } from '../../src/core/job.js';
import type { Log } from '../../src/core/log.js';
import { openPresence } from '../../src/jobs/presence.js';
import type { Reactions } from '../../src/jobs/reactions.js';
import { periodBefore } from '../../src/jobs/schedule.js';
import { type JobList, type Surroundings, taskList } from '../../src/jobs/tasks.js';
import { sealBatch } from '../../src/server/events/sealer.js';
import { jobs as everyJob, jobSurroundings } from '../../src/server/jobs.js';
import type { Machinery } from '../../src/server/operation/operation.js';

interface TestJobsOptions {
  readonly url: string;
  readonly config: Config;
  /** Opens the machinery of the worker's role, on the clock of the test. */
  readonly openWorker: () => Machinery;
}

interface Opened {
  readonly surroundings: Surroundings;
  readonly end: () => Promise<void>;
}

/** The queue itself, and what runs what is in it. */
interface Queue {
  readonly pool: pg.Pool;
  readonly runOnce: (tasks: TaskList) => Promise<void>;
  readonly tick: (surroundings: Surroundings, list: JobList) => Promise<number>;
  readonly end: () => Promise<void>;
}

/** Loaded for the tests that run jobs: most do not. */
async function openQueue(url: string, log: Log): Promise<Queue> {
  const { openQueuePool, queueLogger } = await import('../../src/jobs/queue.js');
  const { tick } = await import('../../src/jobs/runner.js');
  const { runTaskListOnce } = await import('graphile-worker');
  const pool = openQueuePool(url, 'lg_worker', 2, log);
  const presence = openPresence(url, log, async () => 'AGAIN');
  const options = {
    noHandleSignals: true,
    logger: queueLogger(log),
    preset: { plugins: [presence.plugin] },
  };
  const runOnce = async (tasks: TaskList): Promise<void> => {
    const client = await pool.connect();
    try {
      await runTaskListOnce(options, tasks, client).promise;
    } finally {
      client.release();
    }
  };
  const end = async (): Promise<void> => {
    await pool.end();
    await presence.end();
  };
  return { pool, runOnce, tick, end };
}

/** Runs what is due at the test's instant, in this process and without waiting on real time. */
export class TestJobs {
  /** What follows facts, and which jobs there are; the product's own until a test says otherwise. */
  reactions: Reactions | undefined;
  list: JobList = everyJob;
  /** What time it is by the clock that all servers share, where this server's clock is wrong. */
  sharedTime: (() => Instant) | undefined;
  #opened: Opened | undefined;
  #queue: Promise<Queue> | undefined;

  constructor(private readonly parts: TestJobsOptions) {}

  #open(): Opened {
    const { config, openWorker } = this.parts;
    const worker = openWorker();
    const sharedTime = async (): Promise<Instant> => this.sharedTime?.() ?? worker.clock();
    const surroundings = jobSurroundings(worker, config, sharedTime);
    const end = async (): Promise<void> => {
      surroundings.held.close();
      await (await this.#queue)?.end();
      await worker.pool.end();
    };
    return { surroundings, end };
  }

  #theQueue(): Promise<Queue> {
    this.#queue ??= openQueue(this.parts.url, this.surroundings.log);
    return this.#queue;
  }

  get #parts(): Opened {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** What a job stands on here. */
  get surroundings(): Surroundings {
    return this.#parts.surroundings;
  }

  /** Numbers what was committed, and queues what follows; how many facts there were. */
  async seal(): Promise<number> {
    const { surroundings } = this.#parts;
    for (let sum = 0; ; ) {
      const sealed = await sealBatch(surroundings.pool, surroundings.clock(), this.reactions);
      // Another sealer is at it; what it leaves is ours.
      if (sealed === undefined) await sleep(5);
      else if (sealed === 0) return sum;
      else sum += sealed;
    }
  }

  /** Jobs that failed and were put off come again at once. */
  async #hurry(): Promise<void> {
    const { pool } = await this.#theQueue();
    await pool.query(
      'update graphile_worker._private_jobs set run_at = now() where run_at > now() and locked_at is null',
    );
  }

  /** Of the jobs that this list knows: nobody here would take another. */
  async #waiting(): Promise<number> {
    const { pool } = await this.#theQueue();
    const { rows } = await pool.query(
      `select count(*)::int as count from graphile_worker._private_jobs as job
        join graphile_worker._private_tasks as task on task.id = job.task_id
        where job.is_available and job.run_at <= now() and task.identifier = any($1)`,
      [Object.keys(taskList(this.surroundings, this.list))],
    );
    return Number(rows[0]?.count);
  }

  /** Until nothing is left that is due at this instant: facts, what follows them, and what the clock finds due. */
  async drain(): Promise<void> {
    const { surroundings } = this;
    const { runOnce, tick } = await this.#theQueue();
    await this.#hurry();
    for (;;) {
      const sealed = await this.seal();
      const queued = await tick(surroundings, this.list);
      const waiting = await this.#waiting();
      if (sealed + queued + waiting === 0) return;
      await runOnce(taskList(surroundings, this.list));
    }
  }

  /** Runs one job of the schedule now, by itself and with these settings; what it says that it did. */
  async run(name: string, settings: Partial<Config> = {}): Promise<JobResult> {
    const { surroundings } = this.#parts;
    const scheduled = this.list.scheduled.find(({ job }) => job.name === name);
    if (scheduled === undefined) throw new Error(`there is no job ${name}`);
    const now = surroundings.clock();
    const config = { ...surroundings.config, ...settings };
    const { signal } = new AbortController();
    const context = { ...surroundings, config, signal, progress: async () => undefined };
    return (await scheduled.job.run(context, { dueAt: now, since: periodBefore(scheduled, now) })) ?? {};
  }

  async end(): Promise<void> {
    await this.#opened?.end();
  }
}
