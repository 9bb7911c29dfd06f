import { eq, sql } from 'drizzle-orm';
import type { Instant } from '../core/clock.js';
import type { Db } from '../core/db.js';
import type { Work } from '../core/work.js';
import { jobNotFound } from './model.js';
import type { RunJobInput } from './schema.js';
import { type ScheduledJob, scheduledJobs } from './table.js';

/** Asked for twice before anybody looks, a job runs once. */
export async function requestJob(db: Db, name: string, now: Instant): Promise<ScheduledJob> {
  const [job] = await db
    .update(scheduledJobs)
    .set({ requestedAt: now })
    .where(eq(scheduledJobs.name, name))
    .returning();
  if (job === undefined) throw jobNotFound(name);
  return job;
}

/** Has a job of the schedule run once more, as soon as somebody who runs jobs looks. */
export async function runJob(work: Work, { name }: RunJobInput): Promise<ScheduledJob> {
  // The door has asked for the permission; row-level security asks for this.
  await work.db.execute(sql.raw("set local app.operator = 'on'"));
  const job = await requestJob(work.db, name, work.now);
  await work.db.execute(sql.raw("set local app.operator = 'off'"));
  await work.emit({ type: 'job.requested', subjectId: name });
  return job;
}
