import { sql } from 'drizzle-orm';
import type { BulkIssueId } from '../../../core/id.js';
import type { Work } from '../../../core/work.js';
import { lockBulkIssue, waitingResults } from '../../queries/bulkIssues.js';
import { type BulkIssue, type BulkIssueResult, bulkIssueResults } from '../../table/bulkIssues.js';
import { insertLicenses } from '../newLicense.js';
import { changeBulkIssue, untroubled } from './bulkIssueFailures.js';
import { type IssuableRow, type JudgedRow, judgeRows } from './judgeRows.js';
import type { WantedRow } from './readRows.js';

/** Licenses of one transaction; of a list that is done as a whole, of one of its statements. */
const CHUNK = 250;

type Outcome = Pick<BulkIssueResult, 'id' | 'status' | 'licenseId' | 'code' | 'message' | 'column'>;

/** What was asked for, by the names that were found when it was. It is judged again: meanwhile much may have changed. */
function wantedAgain({ customerId, templateId, issuedTo }: BulkIssueResult, place: number): WantedRow {
  return {
    row: place,
    customer: { column: 'customerId', value: customerId ?? '' },
    template: { column: 'templateId', value: templateId ?? '' },
    issuedTo,
    quantity: 1,
  };
}

const isIssuable = (row: JudgedRow): row is IssuableRow => !('problem' in row);
const nothing = { licenseId: null, code: null, message: null, column: null } as const;

async function issue(
  work: Work,
  bulk: BulkIssue,
  rows: readonly BulkIssueResult[],
  judged: readonly JudgedRow[],
): Promise<Outcome[]> {
  const wanted = judged.filter(isIssuable).map(({ license }) => license);
  const issued = await insertLicenses(work, wanted, { cause: { bulk_issue_id: bulk.id } });
  const made = [...issued];
  return rows.map(({ id }, place): Outcome => {
    const row = judged[place];
    if (row !== undefined && !isIssuable(row))
      return { id, status: 'REFUSED', licenseId: null, ...row.problem };
    const next = made.shift();
    if (next === undefined) throw new Error('fewer licenses were made than rows asked for');
    return { ...nothing, id, status: 'ISSUED', licenseId: next.license.id };
  });
}

/** Whom a license is for is forgotten here: from now on the license tells. */
async function store(work: Work, outcomes: readonly Outcome[]): Promise<void> {
  await work.db.execute(sql`
    update ${bulkIssueResults} as result set status = told.status, license_id = told."licenseId", code = told.code,
      message = told.message, column_name = told."column", customer_id = null, template_id = null, issued_to = null,
      updated_at = greatest(result.updated_at, ${work.now}::timestamptz)
    from json_to_recordset(${JSON.stringify(outcomes)}::text::json)
      as told (id text, status text, "licenseId" text, code text, message text, "column" text)
    where result.tenant_id = ${work.tenantId} and result.id = told.id`);
}

async function count(
  work: Work,
  bulk: BulkIssue,
  outcomes: readonly Outcome[],
  isOver: boolean,
): Promise<void> {
  const issued = bulk.issuedCount + outcomes.filter(({ status }) => status === 'ISSUED').length;
  const refused = bulk.refusedCount + outcomes.filter(({ status }) => status === 'REFUSED').length;
  await changeBulkIssue(work, bulk, {
    issuedCount: issued,
    refusedCount: refused,
    ...untroubled,
    ...(isOver ? { status: 'FINISHED', finishedAt: work.now } : {}),
  });
  if (isOver) await work.emit({ type: 'bulk_issue.finished', subjectId: bulk.id, data: { issued, refused } });
}

const judged = (work: Work, bulk: BulkIssue, rows: readonly BulkIssueResult[]) =>
  judgeRows(work, rows.map(wantedAgain), bulk.resellerId);

async function oneChunk(work: Work, bulk: BulkIssue): Promise<boolean> {
  const rows = await waitingResults(work, bulk.id, CHUNK + 1);
  const some = rows.slice(0, CHUNK);
  const outcomes = await issue(work, bulk, some, await judged(work, bulk, some));
  await store(work, outcomes);
  const isOver = rows.length === some.length;
  await count(work, bulk, outcomes, isOver);
  return !isOver;
}

/** All of it in this transaction, or nothing of it: a row that is refused by now takes the others with it. */
async function asOne(work: Work, bulk: BulkIssue): Promise<boolean> {
  const rows = await waitingResults(work, bulk.id);
  const verdicts = await judged(work, bulk, rows);
  const outcomes: Outcome[] = [];
  if (verdicts.every(isIssuable)) {
    for (let from = 0; from < rows.length; from += CHUNK) {
      const to = from + CHUNK;
      outcomes.push(...(await issue(work, bulk, rows.slice(from, to), verdicts.slice(from, to))));
    }
  } else {
    outcomes.push(
      ...rows.map(({ id }, place): Outcome => {
        const row = verdicts[place];
        const isRefused = row !== undefined && !isIssuable(row);
        return isRefused
          ? { id, status: 'REFUSED', licenseId: null, ...row.problem }
          : { ...nothing, id, status: 'ISSUABLE' };
      }),
    );
  }
  await store(work, outcomes);
  await count(work, bulk, outcomes, true);
  return false;
}

/** The next part of a list that is done behind its act; whether there is more. One process at a time is at a list. */
export async function continueBulkIssue(work: Work, id: BulkIssueId): Promise<boolean> {
  const bulk = await lockBulkIssue(work, id);
  if (bulk?.status !== 'RUNNING') return false;
  return bulk.mode === 'ALL_OR_NOTHING' ? asOne(work, bulk) : oneChunk(work, bulk);
}
