import { type SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { addMillis } from './clock.js';
import { committed } from './db.js';
import type { Id, TenantId } from './id.js';
import { enqueueJobs, type Job, type JobContext, LOST } from './job.js';
import { isLockTimeout } from './lockTimeout.js';
import { Refusal, type RefusalCode } from './refusal.js';

/** What is done behind an act in parts, each a transaction: an order's licenses, a long list. */
export interface Behind<Noun extends string> {
  readonly tenantId: TenantId;
  readonly id: Id<Noun>;
}

const behindPayload = z.object({ tenantId: z.string(), id: z.string() });

function parseBehind<Noun extends string>(payload: unknown): Behind<Noun> {
  const { tenantId, id } = behindPayload.parse(payload);
  return { tenantId: tenantId as TenantId, id: id as Id<Noun> };
}

/** Puts it into the queue behind what others wait for, by the key under which its act did: one at most waits. */
async function putBack<Noun extends string>(
  { pool }: JobContext,
  name: string,
  all: readonly Behind<Noun>[],
): Promise<void> {
  const session = await pool.begin('write');
  const jobs = all.map((payload) => ({ name, payload, key: `${name}:${payload.tenantId}:${payload.id}` }));
  await committed(session, () => enqueueJobs(session.db, jobs));
}

/** Parts of one run: some seconds of work. */
const PARTS_A_RUN = 20;

/**
 * After so many failures one after the other it is given up, and a person has to begin it again: with the waits between them,
 * which grow to a quarter of an hour, they are more than an hour.
 */
const FAILURES_LIMIT = 10;

/** What a failure that is noted makes of what was failing. */
export interface NotedFailure {
  readonly code: RefusalCode;
  readonly failures: number;
  readonly isGivenUp: boolean;
}

/** Who waited in vain for others has not failed: that counts for nothing. Nothing internal is told of a failure. */
export function failed(error: unknown, before: number): NotedFailure {
  const code = error instanceof Refusal ? error.code : 'INTERNAL_SERVER_ERROR';
  const failures = before + (isLockTimeout(error) ? 0 : 1);
  return { code, failures, isGivenUp: failures >= FAILURES_LIMIT };
}

interface Parts {
  /** Whether there is more to do. */
  readonly part: () => Promise<boolean>;
  /** Notes a part that failed; whether it is given up by that. */
  readonly note: (error: unknown) => Promise<boolean>;
}

function tellGivenUp({ log }: JobContext, job: string, behind: Behind<string>, err: unknown): void {
  log.error({ err, job, ...behind }, 'what is done behind an act was given up');
}

/** Does part after part, as long as there is more; then others have their turn. The queue tries what fails again. */
async function inParts<Noun extends string>(
  context: JobContext,
  name: string,
  behind: Behind<Noun>,
  { part, note }: Parts,
): Promise<void> {
  try {
    for (let done = 0; done < PARTS_A_RUN; done += 1) {
      context.signal.throwIfAborted();
      if (!(await part())) return;
    }
    await putBack(context, name, [behind]);
  } catch (error) {
    if (context.signal.aborted) throw error;
    // Where that cannot be written either, the log and the queue still tell.
    const isGivenUp = await note(error).catch(() => false);
    if (!isGivenUp) throw error;
    tellGivenUp(context, name, behind, error);
  }
}

/** A job that does something part by part. A part that ends its process each time fails as one that throws each time. */
export function jobInParts<Noun extends string>(
  name: string,
  partsOf: (context: JobContext, behind: Behind<Noun>) => Parts,
): Job<Behind<Noun>> {
  return {
    name,
    parse: parseBehind,
    run: async (context, behind): Promise<undefined> => {
      await inParts(context, name, behind, partsOf(context, behind));
    },
    lost: async (context, behind) => {
      const error = new Error(LOST);
      const isGivenUp = await partsOf(context, behind).note(error);
      if (isGivenUp) tellGivenUp(context, name, behind, error);
      return isGivenUp;
    },
  };
}

/** What has not moved for so long has lost its job: the queue gives up after days of failures. */
const STALLED_MILLIS = 15 * 60_000;
const STALLED_BATCH = 1_000;

/** Begins again what was begun and stands still; how many there were. */
export async function resumeStalled(
  context: JobContext,
  name: string,
  table: PgTable,
  unfinished: SQL,
): Promise<number> {
  const before = addMillis(context.clock(), -STALLED_MILLIS);
  const rows = await context.pool.db.execute<{ tenant_id: TenantId; id: Id<string> }>(sql`
    select tenant_id, id from ${table} where ${unfinished} and updated_at < ${before}::timestamptz
    order by updated_at limit ${STALLED_BATCH}`);
  const stalled = [...rows].map((row) => ({ tenantId: row.tenant_id, id: row.id }));
  if (stalled.length > 0) await putBack(context, name, stalled);
  return stalled.length;
}
