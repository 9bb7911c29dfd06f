import { sql } from 'drizzle-orm';
import { addDays } from '../core/clock.js';
import { type Job, parseSweep, type SweepPayload } from '../core/job.js';
import { SWEEP_BATCH, sweep } from '../core/sweep.js';
import { reactionMarks } from './table.js';

/** Longer than the queue tries a job again. */
const MARKS_DAYS = 30;

/** Forgets that reactions had their effect, once nothing would run them again. */
export const forgetMarks: Job<SweepPayload> = {
  name: 'reaction_mark.forget',
  parse: parseSweep,
  run: async (context) => ({
    marks: await sweep(
      context,
      'reaction_mark.forget',
      (now) => sql`delete from ${reactionMarks} where ctid = any(array(
        select ctid from ${reactionMarks} where done_at < ${addDays(now, -MARKS_DAYS)}::timestamptz
        order by done_at limit ${SWEEP_BATCH})) returning 1`,
    ),
  }),
};
