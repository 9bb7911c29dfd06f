/**
 * Jobs own what is done behind the answers: what the clock finds due (schedule), what facts make necessary (reactions), and
 * the queue that both go through. What is done is each domain's own, in its jobs.ts; what happens in the same transaction as
 * a change is no job but a follower.
 * Whatever is due at an instant stands in our own tables, by the clock that all servers share. The queue carries, spreads and tries again what
 * is to be done now, and knows no dates.
 */
import type { Instant } from '../core/clock.js';
import type { JobResult } from '../core/job.js';
import { Refusal } from '../core/refusal.js';

export const jobEvents = ['job.requested'] as const;

/** How a job of the schedule stands. */
export const jobStates = ['NEVER_RUN', 'QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED'] as const;
export type JobState = (typeof jobStates)[number];

export interface RunFacts {
  readonly dueAt: Instant | null;
  readonly doneThrough: Instant | null;
  readonly requestedAt: Instant | null;
  readonly startedAt: Instant | null;
  readonly finishedAt: Instant | null;
  readonly error: string | null;
  readonly result: JobResult | null;
}

export function jobStateOf({
  dueAt,
  doneThrough,
  requestedAt,
  startedAt,
  finishedAt,
  error,
}: RunFacts): JobState {
  if (requestedAt !== null) return 'QUEUED';
  if (startedAt !== null && finishedAt === null) return 'RUNNING';
  if (error !== null) return 'FAILED';
  if (dueAt !== null && (doneThrough === null || doneThrough < dueAt)) return 'QUEUED';
  return finishedAt === null ? 'NEVER_RUN' : 'SUCCEEDED';
}

export function jobNotFound(name: string): Refusal {
  return new Refusal('JOB_NOT_FOUND', `There is no job ${name}.`, { name });
}
