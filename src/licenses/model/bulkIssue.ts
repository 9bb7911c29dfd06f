/**
 * A bulk issue owns what became of a list of licenses that were asked for at once: one result a license, or one a row that
 * was refused. Small lists are done in the act itself; of larger ones the act takes the list, and a job makes the licenses.
 */
import { Refusal } from '../../core/refusal.js';

export const bulkIssueEvents = [
  'bulk_issue.created',
  'bulk_issue.delayed',
  'bulk_issue.failed',
  'bulk_issue.retried',
  'bulk_issue.finished',
] as const;

/** RUNNING while licenses are made behind the act; FAILED where that went wrong time and again, until somebody retries it. */
export const bulkIssueStatuses = ['RUNNING', 'FINISHED', 'FAILED'] as const;
export type BulkIssueStatus = (typeof bulkIssueStatuses)[number];

export const bulkIssueModes = ['ROW_BY_ROW', 'ALL_OR_NOTHING'] as const;
export type BulkIssueMode = (typeof bulkIssueModes)[number];

/** WAITING for the job; ISSUABLE is what a dry run says of a row that would be issued. */
export const bulkIssueResults = ['ISSUED', 'REFUSED', 'WAITING', 'ISSUABLE'] as const;
export type BulkIssueResultStatus = (typeof bulkIssueResults)[number];

/** What a row is called by, in CSV as in the graph. */
export const bulkIssueColumns = [
  'customerId',
  'externalId',
  'email',
  'templateId',
  'templateName',
  'issuedTo',
  'quantity',
] as const;
export type BulkIssueColumn = (typeof bulkIssueColumns)[number];

/** As many licenses as one list may make, and as many rows as it may have. */
export const MOST_LICENSES = 10_000;
/** Bytes of a list that comes as a file: so many rows of two ids, a name of 255 letters and a number. */
export const LONGEST_CSV = 4_000_000;
/** So many are made within the act, and their keys stand in its answer; of more, all are made behind it. */
export const ISSUED_AT_ONCE = 500;
/** Of the rows that are refused, the act answers so many; the list keeps them all. */
export const REFUSED_SHOWN = 1_000;

export function bulkIssueNotFound(id: string): Refusal {
  return new Refusal('BULK_ISSUE_NOT_FOUND', `There is no list ${id}.`, { id });
}

export function bulkIssueFinished(id: string): Refusal {
  const step = { from: 'FINISHED', to: 'RUNNING' };
  return new Refusal('INVALID_TRANSITION', `List ${id} is FINISHED: only one that FAILED is retried.`, step);
}
