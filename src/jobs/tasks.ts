import type { Task, TaskList } from 'graphile-worker';
import { parseInstant } from '../core/clock.js';
import type { Job, JobContext, JobResult, SweepPayload } from '../core/job.js';
import { beginRun, failRun, finishRun, showProgress } from './queries.js';
import { periodBefore, type Scheduled } from './schedule.js';

/** What jobs find around them, whoever runs them. */
export type Surroundings = Omit<JobContext, 'signal' | 'progress'>;

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

/** Our log tells the whole; the queue keeps the reason alone. */
async function told<Result>(
  { log }: Surroundings,
  name: string,
  run: () => Promise<Result>,
): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    log.error({ err: error, job: name }, 'a job failed');
    throw new Error(plainReason(error));
  }
}

const nothing = async (): Promise<void> => undefined;

function taskOf(surroundings: Surroundings, job: Job<unknown>): Task {
  return async (payload, { abortSignal: signal }) => {
    const context = { ...surroundings, signal, progress: nothing };
    await told(surroundings, job.name, () => job.run(context, job.parse(payload)));
  };
}

/** The instant that a run is for, and from where on it has to catch up. */
function sweepOf(
  scheduled: Scheduled,
  payload: unknown,
  doneThrough: SweepPayload['since'] | null,
): SweepPayload {
  const text =
    typeof payload === 'object' && payload !== null && 'dueAt' in payload ? payload.dueAt : undefined;
  const dueAt = typeof text === 'string' ? parseInstant(text) : undefined;
  if (dueAt === undefined) throw new Error('a job of the schedule does not know what it is run for');
  // A run that was done for a later instant, by whatever clock, says nothing of what came before this one.
  const isKnown = doneThrough !== null && doneThrough <= dueAt;
  return scheduled.job.parse({ dueAt, since: isKnown ? doneThrough : periodBefore(scheduled, dueAt) });
}

function scheduledTask(surroundings: Surroundings, scheduled: Scheduled): Task {
  const { job } = scheduled;
  const { pool, clock } = surroundings;
  const progress = (made: JobResult): Promise<void> => showProgress(pool.db, job.name, made);
  const run = async (payload: unknown, signal: AbortSignal): Promise<void> => {
    const sweep = sweepOf(scheduled, payload, await beginRun(pool.db, job.name, clock()));
    const result = (await job.run({ ...surroundings, signal, progress }, sweep)) ?? {};
    await finishRun(pool.db, job.name, { now: clock(), dueAt: sweep.dueAt, result });
    if (Object.values(result).some((made) => made !== 0))
      surroundings.log.info({ job: job.name, ...result }, 'swept');
  };
  return async (payload, { abortSignal }) => {
    const ran = told(surroundings, job.name, () => run(payload, abortSignal));
    await ran.catch(async (error: unknown) => {
      await failRun(pool.db, job.name, clock(), plainReason(error)).catch(nothing);
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
