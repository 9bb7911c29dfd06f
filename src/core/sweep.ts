import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from './clock.js';
import type { JobContext } from './job.js';
import { isLockTimeout } from './lockTimeout.js';

/** Rows of one transaction: changed in a few milliseconds, so that nobody waits for them. */
export const SWEEP_BATCH = 1000;
/** The first half of the lock that keeps one run of a sweep at a time; the name is the second. */
const SWEEP_LOCK = 746_120_054;
/** As long as anybody who serves may have to wait for rows that a batch has locked, and a batch for others'. */
const LOCK_MILLIS = 50;

/** Servers do not agree on the time to the second: to one whose clock is behind, what is over goes on for a while. */
export const SPARE_MILLIS = 600_000;

/** A statement that changes at most `SWEEP_BATCH` rows and returns a row for each. */
export type SweepBatch = (now: Instant) => SQL;

async function runBatch({ pool, clock }: JobContext, name: string, batch: SweepBatch): Promise<number> {
  const session = await pool.begin('write');
  try {
    await session.db.execute(sql`select pg_advisory_xact_lock(${SWEEP_LOCK}, hashtext(${name}))`);
    await session.db.execute(sql.raw(`set local lock_timeout = ${LOCK_MILLIS}`));
    const changed = await session.db.execute(batch(clock()));
    await session.commit();
    return changed.length;
  } catch (error) {
    await session.rollback();
    throw error;
  }
}

/**
 * Runs a statement batch by batch until it finds no more, each in a transaction of its own, and never two of one name at
 * once. What somebody else holds at this moment is left for the next run. A process that dies in between has done the
 * batches that it has committed.
 */
export async function sweep(context: JobContext, name: string, batch: SweepBatch): Promise<number> {
  let sum = 0;
  for (;;) {
    context.signal.throwIfAborted();
    const changed = await runBatch(context, name, batch).catch((error: unknown) => {
      if (isLockTimeout(error)) return 0;
      throw error;
    });
    sum += changed;
    if (changed < SWEEP_BATCH) return sum;
    await context.progress({ changed: sum });
  }
}
