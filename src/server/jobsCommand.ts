import type { JobResult } from '../core/job.js';
import { jobStateOf } from '../jobs/model.js';
import { everyJob } from '../jobs/queries.js';
import type { Scheduled } from '../jobs/schedule.js';
import { requestJob } from '../jobs/service.js';
import type { ScheduledJob } from '../jobs/table.js';
import type { Machinery } from './operation/operation.js';
import { textTable } from './textTable.js';

type Jobs = readonly Scheduled[];

const counts = (result: JobResult | null): string =>
  Object.entries(result ?? {})
    .map(([name, made]) => `${name} ${made}`)
    .join(', ');

function rowOf({ job: { name }, everyMinutes }: Scheduled, row: ScheduledJob | undefined): string[] {
  if (row === undefined) return [name, 'NEVER_RUN', `${everyMinutes} min`, '', ''];
  const state = jobStateOf(row);
  const said = state === 'FAILED' ? (row.error ?? '') : counts(row.result);
  return [name, state, `${everyMinutes} min`, row.finishedAt ?? '', said];
}

/** What `licensegraph jobs` says: every job of the schedule, how it stands, and what its last run came to. */
export async function listJobs(
  { pool }: Pick<Machinery, 'pool'>,
  scheduled: Jobs,
  { json = false }: { readonly json?: boolean },
): Promise<string> {
  const known = new Map((await everyJob(pool.db)).map((row) => [row.name, row]));
  const jobs = scheduled.toSorted((one, other) => (one.job.name < other.job.name ? -1 : 1));
  if (!json) {
    const rows = jobs.map((each) => rowOf(each, known.get(each.job.name)));
    return textTable([['JOB', 'STATE', 'EVERY', 'LAST ENDED', 'CAME TO'], ...rows]);
  }
  const shown = jobs.map(({ job: { name }, everyMinutes, about }) => {
    const row = known.get(name);
    return { name, about, everyMinutes, state: row === undefined ? 'NEVER_RUN' : jobStateOf(row), ...row };
  });
  return JSON.stringify(shown, null, 2);
}

/** What `licensegraph run-job` says. It is asked for above all tenants: no tenant's trail tells of it. */
export async function askForJob({ pool, clock }: Pick<Machinery, 'pool' | 'clock'>, name: string) {
  await requestJob(pool.db, name, clock());
  return `${name} is asked for: whoever runs jobs begins it within seconds, and 'licensegraph jobs' shows what came of it.`;
}
