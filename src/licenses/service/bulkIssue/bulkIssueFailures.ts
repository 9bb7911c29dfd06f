import { and, eq } from 'drizzle-orm';
import { failed } from '../../../core/behind.js';
import { latest } from '../../../core/clock.js';
import type { BulkIssueId } from '../../../core/id.js';
import { enqueueJob } from '../../../core/job.js';
import type { Work } from '../../../core/work.js';
import { bulkIssueFinished, bulkIssueNotFound } from '../../model/bulkIssue.js';
import { lockBulkIssue, waitingCount } from '../../queries/bulkIssues.js';
import { type BulkIssue, bulkIssues } from '../../table/bulkIssues.js';

/** The job that makes the licenses of lists behind their acts. */
export const ISSUE_IN_BULK = 'license.issue_in_bulk';

/** What a list is when nothing keeps its licenses from being made. */
export const untroubled = { failures: 0, failure: null } as const;

type Changes = Partial<
  Pick<BulkIssue, 'status' | 'issuedCount' | 'refusedCount' | 'finishedAt' | 'failures' | 'failure'>
>;

export async function changeBulkIssue(work: Work, bulk: BulkIssue, changes: Changes): Promise<BulkIssue> {
  const [row] = await work.db
    .update(bulkIssues)
    .set({ ...changes, updatedAt: latest(bulk.updatedAt, work.now) })
    .where(and(eq(bulkIssues.tenantId, work.tenantId), eq(bulkIssues.id, bulk.id)))
    .returning();
  if (row === undefined) throw bulkIssueNotFound(bulk.id);
  return row;
}

/** How far a list is, for whoever is told of it. */
async function told(work: Work, { id, issuedCount, refusedCount }: BulkIssue) {
  return { issued: issuedCount, refused: refusedCount, waiting: await waitingCount(work, id) };
}

/**
 * A part of a list failed: it is tried again, and told of once. Failing time and again it is given up, which is answered: what
 * was issued stays, and what waits is there for whoever retries it.
 */
export async function noteFailedPart(work: Work, id: BulkIssueId, error: unknown): Promise<boolean> {
  const bulk = await lockBulkIssue(work, id);
  if (bulk?.status !== 'RUNNING') return bulk?.status === 'FAILED';
  const { code, failures, isGivenUp } = failed(error, bulk.failures);
  await changeBulkIssue(work, bulk, {
    ...{ failures, failure: code },
    ...(isGivenUp ? { status: 'FAILED' } : {}),
  });
  const data = { code, ...(await told(work, bulk)) };
  if (isGivenUp) await work.emit({ type: 'bulk_issue.failed', subjectId: id, data });
  else if (bulk.failure !== code) await work.emit({ type: 'bulk_issue.delayed', subjectId: id, data });
  return isGivenUp;
}

/**
 * Goes on with a list that was given up, from where it stopped: the rows that wait are issued, each in the transaction that
 * marks it. One that runs is answered as it is.
 */
export async function retryBulkIssue(
  work: Work,
  { bulkIssueId }: { readonly bulkIssueId: BulkIssueId },
): Promise<BulkIssue> {
  const bulk = await lockBulkIssue(work, bulkIssueId);
  if (bulk === undefined) throw bulkIssueNotFound(bulkIssueId);
  if (bulk.status === 'FINISHED') throw bulkIssueFinished(bulkIssueId);
  if (bulk.status === 'RUNNING') return bulk;
  const row = await changeBulkIssue(work, bulk, { ...untroubled, status: 'RUNNING' });
  await enqueueJob(work, { name: ISSUE_IN_BULK, payload: { id: bulk.id }, key: bulk.id });
  const data = { code: bulk.failure, ...(await told(work, bulk)) };
  await work.emit({ type: 'bulk_issue.retried', subjectId: bulk.id, data });
  return row;
}
