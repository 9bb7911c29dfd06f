import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from './clock.js';
import { committed } from './db.js';
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

/** A statement that changes at most so many rows as a batch has, and returns a row for each. */
export type SweepBatch = (now: Instant) => SQL;

/**
 * What is due is found by an index, for these very dates. A plan made for all dates took the due ones one by one, and a
 * table that looks empty to the planner was read from its beginning for each row that was just put into it: together 7
 * times as long for 5,000 reminders, for 4 ms of planning a batch. The statement alone is planned anew: to ask the server for
 * that (`force_custom_plan`) had it plan the check of each foreign key for each row too, as long as all the rest took.
 */
async function runBatch({ pool, clock }: JobContext, name: string, batch: SweepBatch): Promise<number> {
  const session = await pool.begin('write');
  return committed(session, async () => {
    await session.db.execute(sql`select pg_advisory_xact_lock(${SWEEP_LOCK}, hashtext(${name}))`);
    await session.db.execute(sql.raw(`set local lock_timeout = ${LOCK_MILLIS}`));
    await session.db.execute(sql.raw('set local enable_seqscan = off'));
    return (await session.planned.execute(batch(clock()))).length;
  });
}

export interface SweepOptions {
  /** How many rows a batch changes. */
  readonly most?: number;
  /** Whether the next run finds what this one leaves. What is due by the hour alone it does not: then the run has failed. */
  readonly isFoundAgain?: boolean;
}

/**
 * Runs a statement batch by batch until it finds no more, each in a transaction of its own, and never two of one name at
 * once. What somebody else holds at this moment is left for the next run. A process that dies in between has done the
 * batches that it has committed.
 */
export async function sweep(
  context: JobContext,
  name: string,
  batch: SweepBatch,
  { most = SWEEP_BATCH, isFoundAgain = true }: SweepOptions = {},
): Promise<number> {
  let sum = 0;
  for (;;) {
    context.signal.throwIfAborted();
    const changed = await runBatch(context, name, batch).catch((error: unknown) => {
      if (isFoundAgain && isLockTimeout(error)) return 0;
      throw error;
    });
    sum += changed;
    if (changed < most) return sum;
    await context.progress({ changed: sum });
  }
}
