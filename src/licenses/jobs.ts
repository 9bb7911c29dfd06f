import { sql } from 'drizzle-orm';
import { jobInParts, resumeStalled } from '../core/behind.js';
import { type Job, type JobContext, type JobResult, parseSweep, type SweepPayload } from '../core/job.js';
import { sweep } from '../core/sweep.js';
import { dueReminders } from './model/reminders.js';
import { ISSUE_IN_BULK, noteFailedPart } from './service/bulkIssue/bulkIssueFailures.js';
import { continueBulkIssue } from './service/bulkIssue/continueBulkIssue.js';
import { REMINDER_BATCH, reminderBatch, reminderZones } from './service/remind.js';
import { expiryBatch, lapseBatch } from './service/tellLapses.js';
import { bulkIssues } from './table/bulkIssues.js';

async function remind(context: JobContext, { dueAt, since }: SweepPayload): Promise<number> {
  const due = dueReminders(await reminderZones(context.pool.db), since, dueAt);
  const options = { most: REMINDER_BATCH, isFoundAgain: false };
  let reminded = 0;
  for (const each of due.filter(({ mornings }) => mornings.length > 0))
    reminded += await sweep(context, 'license.remind', (now) => reminderBatch(now, each), options);
  return reminded;
}

/** Says which licenses have expired and which are about to. It runs each hour, because each hour it is morning somewhere. */
export const checkExpiries: Job<SweepPayload> = {
  name: 'license.check_expiries',
  parse: parseSweep,
  run: async (context, payload): Promise<JobResult> => {
    const reminded = await remind(context, payload);
    return { reminded, expired: await sweep(context, 'license.expire', expiryBatch) };
  },
};

/** Says which licenses are at the end of their grace. */
export const endGrace: Job<SweepPayload> = {
  name: 'license.end_grace',
  parse: parseSweep,
  run: async (context): Promise<JobResult> => ({
    suspended: await sweep(context, 'license.end_grace', lapseBatch),
  }),
};

/**
 * Issues a long list, part by part. Each row is issued in the transaction that marks it so, under the list's lock: run beside
 * itself, or again after its process died, it goes on with the rows that wait.
 */
export const issueInBulk = jobInParts<'BulkIssue'>(ISSUE_IN_BULK, (context, { tenantId, id }) => ({
  part: () => context.act(tenantId, (work) => continueBulkIssue(work, id)),
  note: (error) => context.act(tenantId, (work) => noteFailedPart(work, id, error)),
}));

/** Begins lists again that were begun and stand still. */
export const resumeBulkIssues: Job<SweepPayload> = {
  name: 'bulk_issue.resume',
  parse: parseSweep,
  run: async (context): Promise<JobResult> => ({
    resumed: await resumeStalled(context, ISSUE_IN_BULK, bulkIssues, sql`status = 'RUNNING'`),
  }),
};
