import { sql } from 'drizzle-orm';
import { addMillis, type Instant } from '../core/clock.js';
import type { Db } from '../core/db.js';
import type { Job, JobResult, QueuedJob, SweepPayload } from '../core/job.js';
import { SPARE_MILLIS } from '../core/sweep.js';
import { type ScheduledJob, scheduledJobs } from './table.js';

/** A job of the schedule and the latest instant that it is due for. */
export interface Due {
  readonly name: string;
  readonly dueAt: Instant;
}

/** What time it is by the one clock that all servers share. */
export async function databaseTime(db: Db): Promise<Instant> {
  const [row] = await db.execute<{ now: Instant }>(
    sql`select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now`,
  );
  if (row === undefined) throw new Error('the database does not say what time it is');
  return row.now;
}

/** Jobs of one name run one after the other: over many servers there is one run of each at a time. */
const specOf = sql`(taken.name, json_build_object('dueAt', ${sql.raw(
  `to_char(taken.due_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
)}), taken.name, null, null, 'schedule:' || taken.name, null, null)::graphile_worker.job_spec`;

/**
 * Puts into the queue what is due and was not put there yet, once over all servers that ask: whoever comes second finds
 * the row changed. What was missed several times is due once. An instant that lies ahead, which a clock that was wrong has
 * put down, holds nobody up. Answers how many were put there.
 */
export async function enqueueDue(db: Db, due: readonly Due[], now: Instant): Promise<number> {
  const names = due.map(({ name }) => name);
  await db.execute(
    sql`insert into ${scheduledJobs} (name) select unnest(${sql.param(names)}::text[]) on conflict do nothing`,
  );
  const rows = await db.execute<{ count: number }>(sql`
    with ready as materialized (
      select job.name, case when job.requested_at is null then given.due_at
        else greatest(given.due_at, ${now}::timestamptz) end as due_at
      from ${scheduledJobs} as job join unnest(${sql.param(names)}::text[],
        ${sql.param(due.map((each) => each.dueAt))}::text[]::timestamptz[]) as given (name, due_at) on job.name = given.name
      where job.due_at is null or job.due_at < given.due_at or job.requested_at is not null
        or job.due_at > ${addMillis(now, SPARE_MILLIS)}::timestamptz
      order by job.name for no key update of job skip locked
    ), taken as (
      update ${scheduledJobs} as job set due_at = ready.due_at, requested_at = null
      from ready where job.name = ready.name
      returning job.name, job.due_at
    ), specs as (select array_agg(${specOf}) as list, count(*)::int as count from taken)
    select count, (select count(*) from graphile_worker.add_jobs(list)) as queued from specs where count > 0`);
  return rows[0]?.count ?? 0;
}

/** A job of the schedule that is run before it is due, once for all who ask before it is. */
export function runNow({ name }: Job<SweepPayload>, now: Instant): QueuedJob {
  return { name, payload: { dueAt: now }, key: `schedule:${name}`, line: name };
}

/** Forgets jobs that this program does not know, and what was queued of them: nothing would ever run it. */
export async function forgetJobsBut(db: Db, names: readonly string[]): Promise<void> {
  await db.execute(sql`with gone as (
      delete from ${scheduledJobs} where name <> all(${sql.param(names)}::text[]) returning name
    )
    select graphile_worker.remove_job('schedule:' || name) from gone`);
}

/** Until when a job of the schedule has done all that there was; null before its first run has ended. */
export async function beginRun(db: Db, name: string, now: Instant): Promise<Instant | null> {
  const [row] = await db
    .update(scheduledJobs)
    .set({ startedAt: now, finishedAt: null, progress: null })
    .where(sql`${scheduledJobs.name} = ${name}`)
    .returning({ doneThrough: scheduledJobs.doneThrough });
  return row?.doneThrough ?? null;
}

export async function showProgress(db: Db, name: string, progress: JobResult): Promise<void> {
  await db.update(scheduledJobs).set({ progress }).where(sql`${scheduledJobs.name} = ${name}`);
}

/** What a run came to. */
export async function finishRun(
  db: Db,
  name: string,
  { now, dueAt, result }: { readonly now: Instant; readonly dueAt: Instant; readonly result: JobResult },
): Promise<void> {
  await db
    .update(scheduledJobs)
    .set({ finishedAt: now, result, error: null, doneThrough: dueAt })
    .where(sql`${scheduledJobs.name} = ${name}`);
}

export async function failRun(db: Db, name: string, now: Instant, error: string): Promise<void> {
  await db
    .update(scheduledJobs)
    .set({ finishedAt: now, error: error.slice(0, 1000) })
    .where(sql`${scheduledJobs.name} = ${name}`);
}

/** Every job of the schedule by name, for whoever is shown what stands above the tenants. */
export async function everyJob(db: Db): Promise<ScheduledJob[]> {
  return db.select().from(scheduledJobs).orderBy(scheduledJobs.name);
}
