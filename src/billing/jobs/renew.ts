import type { LicenseId } from '../../core/id.js';
import { type Job, type JobContext, type JobResult, parseSweep, type SweepPayload } from '../../core/job.js';
import type { Work } from '../../core/work.js';
import type { RenewalId } from '../model/renewals.js';
import {
  type DueCharge,
  type DueLicense,
  type DueRow,
  licensesToRenew,
  overtakenRenewals,
  renewalsToCharge,
} from '../queries/charges.js';
import { beginRenewal } from '../service/beginRenewal.js';
import { cancelOvertaken, chargeRenewal } from '../service/chargeRenewal.js';
import { askCharges } from './askCharges.js';

/** How many are found by one statement. */
const PAGE = 500;

/** What has to be done of many, each in a transaction of its own, and how often it was done. */
interface Chore<Row extends DueRow> {
  readonly find: (behind?: Row) => Promise<Row[]>;
  readonly act: (work: Work, row: Row) => Promise<string | boolean | undefined>;
}

/**
 * Goes through what is due once, page by page. One that fails holds nobody else up: it is told, found again by the next
 * run, and makes this one fail at its end.
 */
async function each<Row extends DueRow>(context: JobContext, { find, act }: Chore<Row>): Promise<number> {
  let done = 0;
  const failures: unknown[] = [];
  for (let behind: Row | undefined; ; ) {
    const page: Row[] = await find(behind);
    for (const row of page) {
      context.signal.throwIfAborted();
      const made = await context
        .act(row.tenantId, (work) => act(work, row))
        .catch((error: unknown) => {
          context.log.error(
            { err: error, tenantId: row.tenantId, id: row.id },
            'a renewal could not be done',
          );
          failures.push(error);
        });
      if (made) done += 1;
    }
    behind = page.at(-1);
    if (page.length < PAGE) break;
  }
  if (failures.length > 0) throw failures[0];
  return done;
}

/** Each step finds what those before it have left; one that fails keeps none of the others from what is due. */
async function runAll(steps: readonly (() => Promise<JobResult>)[]): Promise<JobResult> {
  const results: JobResult[] = [];
  const failures: unknown[] = [];
  for (const step of steps) {
    await step().then(
      (result) => results.push(result),
      (error: unknown) => failures.push(error),
    );
  }
  if (failures.length > 0) throw failures[0];
  return Object.assign({}, ...results);
}

/** Each step asks what time it is: what the one before it made is due by then. */
async function renew(context: JobContext): Promise<JobResult> {
  const { pool, clock, config } = context;
  const days = config.LG_RENEWAL_DAYS;
  return runAll([
    async () => ({
      cancelled: await each(context, {
        find: (behind) => overtakenRenewals(pool.db, clock(), behind, PAGE),
        act: (work, { id }) => cancelOvertaken(work, id as RenewalId),
      }),
    }),
    async () => ({
      begun: await each(context, {
        find: (behind?: DueLicense) => licensesToRenew(pool.db, clock(), days, behind, PAGE),
        act: (work, { id, expiryDate }) => beginRenewal(work, id as LicenseId, expiryDate, days),
      }),
    }),
    async () => ({
      asked: await each(context, {
        find: (behind?: DueCharge) => renewalsToCharge(pool.db, clock(), behind, PAGE),
        act: (work, { id }) => chargeRenewal(work, id as RenewalId),
      }),
    }),
    async () => ({ ...(await askCharges(context)) }),
  ]);
}

/** Bills, charges and renews what renews itself, and asks what became of charges without an answer. */
export const renewLicenses: Job<SweepPayload> = {
  name: 'license.renew',
  parse: parseSweep,
  run: renew,
};
