import { scopeOf, subjectOf } from '../../../core/actor.js';
import { type LicenseId, newId } from '../../../core/id.js';
import { rowsToInsert } from '../../../core/insertRows.js';
import { enqueueJob } from '../../../core/job.js';
import { invalidInput } from '../../../core/refusal.js';
import type { Work } from '../../../core/work.js';
import { ISSUED_AT_ONCE, MOST_LICENSES, REFUSED_SHOWN } from '../../model/bulkIssue.js';
import type { BulkIssueLicensesInput } from '../../schema/bulkIssue.js';
import { type BulkIssue, bulkIssueResults, bulkIssues } from '../../table/bulkIssues.js';
import { insertLicenses, sellingReseller } from '../newLicense.js';
import { ISSUE_IN_BULK } from './bulkIssueFailures.js';
import { type IssuableRow, type JudgedRow, judgeRows } from './judgeRows.js';
import { type ReadRow, type RowProblem, readRows, type WantedRow } from './readRows.js';

type ResultRow = Omit<
  typeof bulkIssueResults.$inferInsert,
  'tenantId' | 'id' | 'bulkIssueId' | 'createdAt' | 'updatedAt'
>;

/** What became of a license or a row, with the key where the act has made it. */
export type RowResult = Pick<ResultRow, 'row' | 'status'> & {
  readonly licenseId: LicenseId | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly column: RowProblem['column'];
  readonly licenseKey: string | null;
};

export interface BulkIssued {
  /** None where nothing was to be written. */
  readonly bulkIssue: BulkIssue | null;
  readonly licenseCount: number;
  readonly refusedCount: number;
  readonly results: readonly RowResult[];
}

const isWanted = (row: ReadRow): row is WantedRow => !('problem' in row);
const isIssuable = (row: JudgedRow): row is IssuableRow => !('problem' in row);

/** Every row of the list in its order, judged by itself or by what it names. */
async function judgedRows(work: Work, input: BulkIssueLicensesInput): Promise<readonly JudgedRow[]> {
  const rows = readRows(input);
  const named = await judgeRows(work, rows.filter(isWanted), scopeOf(work.actor).resellerId ?? null);
  const byRow = new Map(named.map((judged) => [judged.row, judged]));
  return rows.flatMap((row) => (isWanted(row) ? (byRow.get(row.row) ?? []) : row));
}

/** One for each license that would be made, or for the row that is refused. */
function resultsOf(judged: readonly JudgedRow[], issuable: 'ISSUABLE' | 'WAITING'): ResultRow[] {
  return judged.flatMap((row): ResultRow[] => {
    if (!isIssuable(row)) return [{ row: row.row, status: 'REFUSED', ...row.problem }];
    const { customerId = null, templateId = null, issuedTo } = row.license;
    const one = { row: row.row, status: issuable, customerId, templateId, issuedTo } as const;
    return Array.from({ length: row.quantity }, () => one);
  });
}

const shown = (result: ResultRow, licenseKey: string | null = null): RowResult => ({
  row: result.row,
  status: result.status,
  licenseId: result.licenseId ?? null,
  code: result.code ?? null,
  message: result.message ?? null,
  column: result.column ?? null,
  licenseKey,
});

/** What is answered of many: the licenses of a list that is done at once, and of the rows that are refused the first. */
function answered(results: readonly RowResult[], licenses: number): RowResult[] {
  let refused = 0;
  return results.filter(({ status }) => {
    if (status !== 'REFUSED') return licenses <= ISSUED_AT_ONCE;
    refused += 1;
    return refused <= REFUSED_SHOWN;
  });
}

async function issueNow(work: Work, bulk: BulkIssue, judged: readonly JudgedRow[]): Promise<RowResult[]> {
  const wanted = judged.filter(isIssuable);
  const licenses = wanted.flatMap(({ license, quantity }) => Array.from({ length: quantity }, () => license));
  const issued = await insertLicenses(work, licenses, { cause: { bulk_issue_id: bulk.id } });
  let place = 0;
  return resultsOf(judged, 'ISSUABLE').map((result) => {
    if (result.status === 'REFUSED') return shown(result);
    const made = issued[place];
    place += 1;
    if (made === undefined) throw new Error('fewer licenses were made than rows asked for');
    return shown({ ...result, status: 'ISSUED', licenseId: made.license.id }, made.licenseKey);
  });
}

async function insertBulkIssue(
  work: Work,
  values: Pick<BulkIssue, 'mode' | 'rowCount' | 'refusedCount' | 'status' | 'issuedCount'>,
): Promise<BulkIssue> {
  const { actor } = work;
  const [row] = await work.db
    .insert(bulkIssues)
    .values({
      ...values,
      tenantId: work.tenantId,
      id: newId<'BulkIssue'>(work.now),
      requestedBy: subjectOf(actor) ?? actor.kind,
      resellerId: await sellingReseller(work, undefined, undefined),
      finishedAt: values.status === 'FINISHED' ? work.now : null,
      createdAt: work.now,
      updatedAt: work.now,
    })
    .returning();
  if (row === undefined) throw new Error('an insert returned no row');
  return row;
}

async function insertResults(work: Work, { id }: BulkIssue, results: readonly ResultRow[]): Promise<void> {
  const own = { tenantId: work.tenantId, bulkIssueId: id, createdAt: work.now, updatedAt: work.now };
  const rows = results.map((result) => ({ ...result, ...own, id: newId<'BulkIssueResult'>(work.now) }));
  await work.db.insert(bulkIssueResults).select(rowsToInsert(bulkIssueResults, rows));
}

/** What is kept of a result once its license is there: whom it is for is told by the license. */
const settled = ({ licenseKey: _, ...result }: RowResult): ResultRow => result;

/** How many licenses a list asks for; refused where they are too many for one. */
function licensesOf(judged: readonly JudgedRow[], input: BulkIssueLicensesInput): number {
  const total = judged.filter(isIssuable).reduce((sum, { quantity }) => sum + quantity, 0);
  if (total <= MOST_LICENSES) return total;
  const message = `asks for ${total} licenses; ${MOST_LICENSES} are made of one list`;
  throw invalidInput([{ field: input.rows ? 'input.rows' : 'input.csv', message }]);
}

/**
 * Issues what a list asks for. Of a list that is to be done as a whole nothing is done if one row is refused. Small lists are
 * done here; of a large one a job makes the licenses, and its results are read from the bulk issue.
 */
export async function bulkIssueLicenses(work: Work, input: BulkIssueLicensesInput): Promise<BulkIssued> {
  const judged = await judgedRows(work, input);
  const licenseCount = licensesOf(judged, input);
  const refusedCount = judged.filter((row) => !isIssuable(row)).length;
  const counts = { licenseCount, refusedCount };
  if (input.dryRun || (input.mode === 'ALL_OR_NOTHING' && refusedCount > 0)) {
    const results = resultsOf(judged, 'ISSUABLE').map((result) => shown(result));
    return { bulkIssue: null, ...counts, results: answered(results, licenseCount) };
  }
  const isNow = licenseCount <= ISSUED_AT_ONCE;
  const bulkIssue = await insertBulkIssue(work, {
    mode: input.mode,
    status: isNow ? 'FINISHED' : 'RUNNING',
    rowCount: judged.length,
    issuedCount: isNow ? licenseCount : 0,
    refusedCount,
  });
  const data = { rows: judged.length, licenses: licenseCount, refused: refusedCount, mode: input.mode };
  await work.emit({ type: 'bulk_issue.created', subjectId: bulkIssue.id, data });
  const results = await (isNow ? finishNow(work, bulkIssue, judged) : startBehind(work, bulkIssue, judged));
  return { bulkIssue, ...counts, results: answered(results, licenseCount) };
}

async function finishNow(
  work: Work,
  bulkIssue: BulkIssue,
  judged: readonly JudgedRow[],
): Promise<RowResult[]> {
  const results = await issueNow(work, bulkIssue, judged);
  await insertResults(work, bulkIssue, results.map(settled));
  const data = { issued: bulkIssue.issuedCount, refused: bulkIssue.refusedCount };
  await work.emit({ type: 'bulk_issue.finished', subjectId: bulkIssue.id, data });
  return results;
}

async function startBehind(
  work: Work,
  bulkIssue: BulkIssue,
  judged: readonly JudgedRow[],
): Promise<RowResult[]> {
  const results = resultsOf(judged, 'WAITING');
  await insertResults(work, bulkIssue, results);
  const { id } = bulkIssue;
  await enqueueJob(work, { name: ISSUE_IN_BULK, payload: { id }, key: id });
  return results.map((result) => shown(result));
}
