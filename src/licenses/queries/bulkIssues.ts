import { and, count, eq, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../../core/actor.js';
import type { BulkIssueId } from '../../core/id.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading } from '../../core/work.js';
import { type BulkIssue, type BulkIssueResult, bulkIssueResults, bulkIssues } from '../table/bulkIssues.js';

/** A reseller's caller sees the lists of that reseller; a customer and an application see none. */
function bulkIssueScope(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  return and(
    eq(bulkIssues.tenantId, reading.tenantId),
    resellerId === undefined ? undefined : eq(bulkIssues.resellerId, resellerId),
    customerId === undefined && licenseId === undefined ? undefined : sql`false`,
  );
}

export async function bulkIssuesById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, BulkIssue>> {
  const rows = await reading.db
    .select()
    .from(bulkIssues)
    .where(and(bulkIssueScope(reading), anyOf(bulkIssues.id, ids)));
  return byKey(rows, (row) => row.id);
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: bulkIssues.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function bulkIssuesPage(reading: Reading, page: PageArguments): Promise<Page<BulkIssue>> {
  return pageOf(reading.db, bulkIssues, { where: bulkIssueScope(reading), sorting: newestFirst, page });
}

/** The ids stand in the order of the list. */
const inOrder: Sorting = { name: 'ROW', by: bulkIssueResults.id, type: 'text', direction: 'ASC' };

/** The results of each list; whoever asks has seen the list. */
export function resultsByBulkIssue(reading: Reading, owners: readonly string[], page: PageArguments) {
  const where = eq(bulkIssueResults.tenantId, reading.tenantId);
  const request = { where, sorting: inOrder, page, owner: bulkIssueResults.bulkIssueId, owners };
  return pagesByOwner(reading.db, bulkIssueResults, request, (row) => row.bulkIssueId);
}

/** Locked for as long as a part of it is done. */
export async function lockBulkIssue(reading: Reading, id: BulkIssueId): Promise<BulkIssue | undefined> {
  const [row] = await reading.db
    .select()
    .from(bulkIssues)
    .where(and(bulkIssueScope(reading), eq(bulkIssues.id, id)))
    .for('no key update');
  return row;
}

const waiting = (reading: Reading, id: BulkIssueId): SQL | undefined =>
  and(
    eq(bulkIssueResults.tenantId, reading.tenantId),
    eq(bulkIssueResults.bulkIssueId, id),
    eq(bulkIssueResults.status, 'WAITING'),
  );

/** How much of a list waits. */
export async function waitingCount(reading: Reading, id: BulkIssueId): Promise<number> {
  const [row] = await reading.db
    .select({ waiting: count() })
    .from(bulkIssueResults)
    .where(waiting(reading, id));
  return row?.waiting ?? 0;
}

/** What of a list waits, in its order. */
export function waitingResults(reading: Reading, id: BulkIssueId, most?: number): Promise<BulkIssueResult[]> {
  const rows = reading.db
    .select()
    .from(bulkIssueResults)
    .where(waiting(reading, id))
    .orderBy(bulkIssueResults.id);
  return most === undefined ? rows : rows.limit(most);
}
