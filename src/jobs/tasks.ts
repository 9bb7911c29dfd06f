import type { JobHelpers, Task, TaskList } from 'graphile-worker';
import { addMillis, type Clock, type Instant, millis, parseInstant } from '../core/clock.js';
import type { Db } from '../core/db.js';
import { type Job, type JobContext, type JobResult, LOST, type SweepPayload } from '../core/job.js';
import { isLockTimeout } from '../core/lockTimeout.js';
import { SPARE_MILLIS } from '../core/sweep.js';
import type { OnLost } from './presence.js';
import { beginRun, failRun, finishRun, showProgress } from './queries.js';
import { dueAt as latestDue, periodBefore, type Scheduled } from './schedule.js';

/** What jobs find around them, whoever runs them. */
export interface Surroundings extends Omit<JobContext, 'signal' | 'progress'> {
  /** What time it is by the clock that all servers share. */
  sharedTime(db: Db): Promise<Instant>;
  /** The same by another clock. */
  by(clock: Clock): Surroundings;
}

/**
 * By our own clock as far as it is off from the one that all servers share, which is asked once: a server whose clock is a
 * day fast reminds nobody a day early, and one whose clock is slow leaves nothing for the next.
 */
async function onSharedTime(surroundings: Surroundings): Promise<Surroundings> {
  const { clock, pool, sharedTime, log } = surroundings;
  const shared = await sharedTime(pool.db);
  const off = millis(shared) - millis(clock());
  if (Math.abs(off) > SPARE_MILLIS)
    log.warn(
      { seconds: Math.round(-off / 1000) },
      'the clock of this server is wrong: jobs go by the database',
    );
  return surroundings.by(() => addMillis(clock(), off));
}

/** Every job that a process knows. */
export interface JobList {
  /** Those of the queue: reactions, and what other jobs put there. */
  readonly queued: readonly Job<unknown>[];
  /** Those of the clock. */
  readonly scheduled: readonly Scheduled[];
}

/** A failed statement carries its parameters in its message: what is kept of it is what the database said. */
export function plainReason(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed without a reason';
  const said = 'query' in error && error.cause instanceof Error ? error.cause : error;
  return said.message.slice(0, 1000) || said.name;
}

const nothing = async (): Promise<void> => undefined;

/**
 * Workers let go of one job, or of all that they hold, because they stop: that is no failure, and the attempt that was counted
 * as it was taken is given back. What was queued anew meanwhile has no attempts left, and keeps none.
 */
export const LET_GO = `with freed as (
    update graphile_worker._private_jobs set locked_by = null, locked_at = null, run_at = now(),
      attempts = case when attempts < max_attempts then greatest(0, attempts - 1) else attempts end
    where locked_by = $1 and ($2::bigint is null or id = $2::bigint) returning job_queue_id
  )
  update graphile_worker._private_job_queues set locked_by = null, locked_at = null
  where locked_by = $1 and id in (select job_queue_id from freed)`;

/** Our log tells the whole; the queue keeps the reason alone. */
async function told<Result>(
  { log }: Surroundings,
  { job, query, abortSignal }: JobHelpers,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (abortSignal?.aborted) await query(LET_GO, [job.locked_by, job.id]).catch(nothing);
    log.error({ err: error, job: job.task_identifier }, 'a job failed');
    throw new Error(plainReason(error));
  }
}

function taskOf(surroundings: Surroundings, job: Job<unknown>): Task {
  return async (payload, helpers) => {
    const context = { ...surroundings, signal: helpers.abortSignal, progress: nothing };
    await told(surroundings, helpers, () => job.run(context, job.parse(payload)));
  };
}

/** The instant that a run is for, and from where on it has to catch up. */
function sweepOf(
  scheduled: Scheduled,
  payload: unknown,
  doneThrough: SweepPayload['since'] | null,
  now: Instant,
): SweepPayload {
  const text =
    typeof payload === 'object' && payload !== null && 'dueAt' in payload ? payload.dueAt : undefined;
  const read = typeof text === 'string' ? parseInstant(text) : undefined;
  if (read === undefined) throw new Error('a job of the schedule does not know what it is run for');
  // Whoever put it into the queue may have had another clock.
  const dueAt = read > addMillis(now, SPARE_MILLIS) ? latestDue(scheduled, now) : read;
  // A run that was done for a later instant, by whatever clock, says nothing of what came before this one.
  const isKnown = doneThrough !== null && doneThrough <= dueAt;
  return scheduled.job.parse({ dueAt, since: isKnown ? doneThrough : periodBefore(scheduled, dueAt) });
}

function scheduledTask(surroundings: Surroundings, scheduled: Scheduled): Task {
  const { job } = scheduled;
  const { pool } = surroundings;
  const progress = (made: JobResult): Promise<void> => showProgress(pool.db, job.name, made);
  const run = async (payload: unknown, signal: AbortSignal): Promise<void> => {
    const context = await onSharedTime(surroundings);
    const { clock } = context;
    const sweep = sweepOf(scheduled, payload, await beginRun(pool.db, job.name, clock()), clock());
    const result = (await job.run({ ...context, signal, progress }, sweep)) ?? {};
    await finishRun(pool.db, job.name, { now: clock(), dueAt: sweep.dueAt, result });
    if (Object.values(result).some((made) => made !== 0))
      surroundings.log.info({ job: job.name, ...result }, 'swept');
  };
  return async (payload, helpers) => {
    const ran = told(surroundings, helpers, () => run(payload, helpers.abortSignal));
    await ran.catch(async (error: unknown) => {
      await failRun(pool.db, job.name, surroundings.clock(), plainReason(error)).catch(nothing);
      throw error;
    });
  };
}

export function taskList(surroundings: Surroundings, { queued, scheduled }: JobList): TaskList {
  return Object.fromEntries([
    ...queued.map((job) => [job.name, taskOf(surroundings, job)]),
    ...scheduled.map((each) => [each.job.name, scheduledTask(surroundings, each)]),
  ]);
}

/**
 * What becomes of jobs whose process is gone. Where somebody holds what it is to be noted in, it is noted next time; where it
 * cannot be noted at all, the queue still counts.
 */
export function lossesOf(surroundings: Surroundings, { queued, scheduled }: JobList): OnLost {
  const { pool, clock, log } = surroundings;
  const context = { ...surroundings, signal: new AbortController().signal, progress: nothing };
  const note = async (name: string, payload: unknown): Promise<boolean> => {
    if (scheduled.some(({ job }) => job.name === name)) await failRun(pool.db, name, clock(), LOST);
    const job = queued.find((each) => each.name === name);
    return (await job?.lost?.(context, job.parse(payload))) ?? false;
  };
  return async ({ name, payload }) => {
    try {
      return (await note(name, payload)) ? 'OVER' : 'AGAIN';
    } catch (error) {
      log.error({ err: error, job: name }, 'that a job lost its process could not be noted');
      return isLockTimeout(error) ? 'UNKNOWN' : 'AGAIN';
    }
  };
}
