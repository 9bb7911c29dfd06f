import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Clock, Instant } from './clock.js';
import { parseInstant } from './clock.js';
import type { Config } from './config.js';
import type { KeyRing } from './crypto.js';
import type { Db, Pool } from './db.js';
import type { EventType } from './event.js';
import type { Held } from './held.js';
import type { EventId, TenantId } from './id.js';
import type { Log } from './log.js';
import type { Sign } from './tokenTypes.js';
import type { Work } from './work.js';

/** What a job says that it did: counts, and few words. Operators read it. */
export type JobResult = Readonly<Record<string, number | string>>;

/** What a job stands on. It runs as the database's worker, over all tenants. */
export interface JobContext {
  /** As `lg_worker`: row-level security shows every tenant, so that each statement names the tenants that it means. */
  readonly pool: Pool;
  /** Our own clock; of a job of the schedule, set to the one that all servers share. What is due is due by it, never by the queue's. */
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly config: Config;
  readonly log: Log;
  /** Signs as this deployment. */
  readonly sign: Sign;
  /** What this process keeps open for all its jobs, as the connections to a mail server. */
  readonly held: Held;
  /** Aborted when the process stops and has waited long enough. */
  readonly signal: AbortSignal;
  /** One committed transaction in a tenant as the system, with its events and what follows them. */
  act<Result>(tenantId: TenantId, run: (work: Work) => Promise<Result>): Promise<Result>;
  /** Shows how far a job has come; where it runs by the schedule, operators see it. */
  progress(made: JobResult): Promise<void>;
}

/**
 * Something to be done behind the answers. It runs at least once: again when it fails, when its process dies, and now and
 * then beside itself, so that whatever it does has to be safe to do twice.
 */
export interface Job<Payload> {
  readonly name: string;
  /** Reads what was queued, which another version of the program may have done. Throws where it is nothing to run on. */
  parse(payload: unknown): Payload;
  /** What it answers is shown as its last result. */
  run(context: JobContext, payload: Payload): Promise<JobResult | undefined>;
  /**
   * Counts a run whose process died in the middle of it as one that failed, where the job counts those itself; whether it is
   * given up by that. The queue counts them for every job.
   */
  lost?(context: JobContext, payload: Payload): Promise<boolean>;
}

/** What is known of a run whose process is gone. */
export const LOST = 'The process that ran it is gone.';

const instantText = z.string().transform((text, context): Instant => {
  const read = parseInstant(text);
  if (read === undefined) context.addIssue({ code: 'custom', message: 'is no instant' });
  return read ?? ('' as Instant);
});

/** What a reaction is told of the fact that it reacts to. */
export interface ReactionPayload {
  readonly tenantId: TenantId;
  readonly sequence: number;
  readonly eventId: EventId;
  readonly type: EventType;
}

const reactionPayload = z.object({
  tenantId: z.string(),
  sequence: z.number(),
  eventId: z.string(),
  type: z.string(),
});

export function parseReaction(payload: unknown): ReactionPayload {
  const { tenantId, sequence, eventId, type } = reactionPayload.parse(payload);
  return { tenantId: tenantId as TenantId, sequence, eventId: eventId as EventId, type: type as EventType };
}

/** What a job of the schedule is told. */
export interface SweepPayload {
  /** The instant that it is run for. */
  readonly dueAt: Instant;
  /** The latest earlier one for which it has done all that there was: what lies between is to be caught up. */
  readonly since: Instant;
}

const sweepPayload = z.object({ dueAt: instantText, since: instantText });

export function parseSweep(payload: unknown): SweepPayload {
  return sweepPayload.parse(payload);
}

/** One job to be put into the queue. */
export interface QueuedJob {
  readonly name: string;
  readonly payload: object;
  /** Of jobs with one key that nobody has begun, the last one stays. */
  readonly key?: string;
  /** Jobs of one line run one after the other. Few words, never an id. */
  readonly line?: string;
  /** Whatever does not wait is taken before it, however long it has been there. */
  readonly waits?: boolean;
}

/** Of a job that waits; of two that can be taken the queue takes the one with the lower number. */
const WAITING_PRIORITY = 10;

/**
 * Puts jobs into the queue in the caller's transaction: they are there when it commits, and only then. Needs lg_worker.
 * A batch is one statement and one notification, whose price is in the commit.
 */
export async function enqueueJobs(db: Db, jobs: readonly QueuedJob[]): Promise<void> {
  if (jobs.length === 0) return;
  const specs = JSON.stringify(jobs);
  await db.execute(sql`select count(*) from graphile_worker.add_jobs(array(
    select (spec.name, spec.payload, spec.line, null, null, spec.key, case when spec.waits then ${WAITING_PRIORITY}::int end,
      null)::graphile_worker.job_spec
    from json_to_recordset(${specs}::text::json) as spec (name text, payload json, line text, key text, waits boolean)))`);
}

/**
 * Puts one job of the caller's own tenant into the queue, in the act's transaction, by whichever role: of those with one
 * name and key that nobody has begun, the last one stays.
 */
export async function enqueueJob(
  work: Work,
  { name, payload, key }: Required<Omit<QueuedJob, 'line' | 'waits'>>,
): Promise<void> {
  await work.db.execute(sql`select enqueue_job(${name}, ${JSON.stringify(payload)}::text::json, ${key})`);
}

export interface EachTenant<Due> {
  /** How many one look finds at the most. */
  readonly most: number;
  codeOf(due: Due): string;
  run(due: Due): Promise<number>;
}

/**
 * Does something for each tenant that needs it, found some at a time by their codes, and sums up what came of it. One whose
 * turn fails keeps none behind it from theirs; the first failure is the job's in the end.
 */
export async function eachTenant<Due>(
  { log, signal }: Pick<JobContext, 'log' | 'signal'>,
  look: (after: string) => Promise<readonly Due[]>,
  { most, codeOf, run }: EachTenant<Due>,
): Promise<number> {
  const failures: unknown[] = [];
  let sum = 0;
  for (let after = '', found = most; found === most; ) {
    const due = await look(after);
    for (const each of due) {
      signal.throwIfAborted();
      after = codeOf(each);
      sum += await run(each).catch((error: unknown) => {
        log.error({ err: error, tenant: after }, 'a job failed for one tenant and goes on with the others');
        failures.push(error);
        return 0;
      });
    }
    found = due.length;
  }
  if (failures.length > 0) throw failures[0];
  return sum;
}
