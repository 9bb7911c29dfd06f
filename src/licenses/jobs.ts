import { type Job, type JobContext, type JobResult, parseSweep, type SweepPayload } from '../core/job.js';
import { sweep } from '../core/sweep.js';
import { dueReminders } from './model/reminders.js';
import { REMINDER_BATCH, reminderBatch, reminderZones } from './service/remind.js';
import { expiryBatch, lapseBatch } from './service/tellLapses.js';

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
