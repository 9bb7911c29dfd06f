import { sql } from 'drizzle-orm';
import { addDays, addMillis } from '../core/clock.js';
import { type Job, parseSweep, type SweepPayload } from '../core/job.js';
import { SPARE_MILLIS, SWEEP_BATCH, type SweepBatch, sweep } from '../core/sweep.js';
import type { Scheduled } from '../jobs/schedule.js';
import { RATE_WINDOW_MILLIS } from './limits/rateLimits.js';
import { KEPT_DAYS } from './operation/storedAnswers.js';
import { idempotencyKeys, rateLimits } from './table.js';

/** Answers that are replayed no more. The index begins with the tenant, so that each tenant is asked for its oldest. */
const answerBatch: SweepBatch = (now) => {
  const end = addMillis(addDays(now, -KEPT_DAYS), -SPARE_MILLIS);
  return sql`delete from ${idempotencyKeys} as gone using (
      select old.* from tenants cross join lateral (
        select known.tenant_id, known.actor, known.key, known.response_name from ${idempotencyKeys} as known
        where known.tenant_id = tenants.id and known.created_at < ${end}::timestamptz
        order by known.created_at limit ${SWEEP_BATCH}
      ) as old limit ${SWEEP_BATCH}
    ) as old
    where gone.tenant_id = old.tenant_id and gone.actor = old.actor and gone.key = old.key
      and gone.response_name = old.response_name
    returning 1`;
};

/** Windows that weigh on none that is open. */
const windowBatch: SweepBatch = (now) => {
  const end = addMillis(now, -2 * RATE_WINDOW_MILLIS - SPARE_MILLIS);
  return sql`delete from ${rateLimits} as gone using (
      select bucket, window_start from ${rateLimits} where window_start < ${end}::timestamptz
      order by window_start limit ${SWEEP_BATCH}
    ) as old
    where gone.bucket = old.bucket and gone.window_start = old.window_start
    returning 1`;
};

const forgetAnswers: Job<SweepPayload> = {
  name: 'answer.forget',
  parse: parseSweep,
  run: async (context) => ({ answers: await sweep(context, 'answer.forget', answerBatch) }),
};

const forgetWindows: Job<SweepPayload> = {
  name: 'rate_window.forget',
  parse: parseSweep,
  run: async (context) => ({ windows: await sweep(context, 'rate_window.forget', windowBatch) }),
};

/** What the server itself has kept long enough. */
export const serverSchedule: readonly Scheduled[] = [
  {
    job: forgetAnswers,
    everyMinutes: 1,
    about: 'Forgets answers to idempotency keys that are replayed no more.',
  },
  { job: forgetWindows, everyMinutes: 1, about: 'Forgets counts of callers whose time is over.' },
];
