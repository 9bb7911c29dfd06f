import { jsonb, pgTable, varchar } from 'drizzle-orm/pg-core';
import { instantColumn } from '../core/columns.js';
import type { JobResult } from '../core/job.js';

/** No tenant's: what runs by the clock runs over all of them. Times are those of our own clock. */
export const scheduledJobs = pgTable('scheduled_jobs', {
  name: varchar('name', { length: 100 }).primaryKey(),
  /** The instant for which it was put into the queue last. */
  dueAt: instantColumn('due_at'),
  /** The latest such instant for which it has done all that there was. */
  doneThrough: instantColumn('done_through'),
  /** Somebody asked for it to run besides. */
  requestedAt: instantColumn('requested_at'),
  startedAt: instantColumn('started_at'),
  finishedAt: instantColumn('finished_at'),
  /** How far a run that has not finished has come. */
  progress: jsonb('progress').$type<JobResult>(),
  result: jsonb('result').$type<JobResult>(),
  /** Why the last run failed; null once one has succeeded. */
  error: varchar('error', { length: 1000 }),
});

export type ScheduledJob = typeof scheduledJobs.$inferSelect;
