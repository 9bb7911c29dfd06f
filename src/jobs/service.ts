import { eq, sql } from 'drizzle-orm';
import type { Work } from '../core/work.js';
import { jobNotFound } from './model.js';
import type { RunJobInput } from './schema.js';
import { type ScheduledJob, scheduledJobs } from './table.js';

/** Has a job of the schedule run once more, as soon as somebody who runs jobs looks. Asked for twice before that, it runs once. */
export async function runJob(work: Work, { name }: RunJobInput): Promise<ScheduledJob> {
  // The door has asked for the permission; row-level security asks for this.
  await work.db.execute(sql.raw("set local app.operator = 'on'"));
  const [job] = await work.db
    .update(scheduledJobs)
    .set({ requestedAt: work.now })
    .where(eq(scheduledJobs.name, name))
    .returning();
  await work.db.execute(sql.raw("set local app.operator = 'off'"));
  if (job === undefined) throw jobNotFound(name);
  await work.emit({ type: 'job.requested', subjectId: name });
  return job;
}
