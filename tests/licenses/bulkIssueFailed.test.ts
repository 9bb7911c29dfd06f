import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, mutation, refusedAct } from '../support/acts.js';
import { onlyJobs, tryQueued } from '../support/batches.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { openChannel } from '../support/pools.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  onlyJobs(server, ['license.issue_in_bulk']);
  shop = await openShop(server);
});
afterEach(() => mend());
afterAll(() => server.stop());

const LIST = 'id status rowCount issuedCount refusedCount failure';

async function ask(quantity: number, mode = 'ROW_BY_ROW'): Promise<string> {
  const rows = Array.from({ length: quantity }, (_, place) => `${shop.customerId},No. ${place}`);
  const input = { templateId: shop.templateId, csv: `customerId,issuedTo\n${rows.join('\n')}`, mode };
  const data = await server.ok(mutation('bulkIssueLicenses', 'bulkIssue { id }'), { input }, shop.admin);
  return String(data.bulkIssueLicenses?.bulkIssue?.id);
}

/** From this row of the list on the database takes no license. */
async function spoil(id: string, from: number): Promise<void> {
  const list = server.sql.unsafe(`'${id}'`);
  const row = server.sql.unsafe(String(from));
  await server.sql`alter table bulk_issue_results add constraint spoilt
    check (bulk_issue_id <> ${list} or status <> 'ISSUED' or row_number < ${row}) not valid`;
}
const mend = () => server.sql`alter table bulk_issue_results drop constraint if exists spoilt`;

const tries = (times: number) => tryQueued(server, times);

const listNow = async (id: string): Promise<Json | undefined> =>
  (await server.ok(`query ($id: ID!) { bulkIssue(id: $id) { ${LIST} } }`, { id }, shop.admin)).bulkIssue;
const retry = (bulkIssueId: string, as: Claims = shop.admin) =>
  server.graphql(mutation('retryBulkIssue', `bulkIssue { ${LIST} }`), { input: { bulkIssueId } }, as);
const made = (id: string) =>
  server.count(
    'license_event_logs',
    `event_type = 'license.created' and event_data ->> 'bulk_issue_id' = '${id}'`,
  );
const queued = () => server.count('graphile_worker._private_jobs');

const hasFailed = (id: string, times: number) =>
  server.sql`update bulk_issues set failures = ${times} where id = ${id}`;

async function failedList(quantity: number, from: number, mode?: string): Promise<string> {
  const id = await ask(quantity, mode);
  await spoil(id, from);
  await tries(1);
  await hasFailed(id, 9);
  await tries(1);
  return id;
}

describe('a list of which a part fails time and again', () => {
  test('says so after the first failure, and after ten that it is given up: how far it got, and why', async () => {
    const id = await ask(501);
    await spoil(id, 501);

    const first = await eventsDuring(server, shop.admin.tenant_id, () => tries(1));
    const delayed = await listNow(id);
    const events = await eventsDuring(server, shop.admin.tenant_id, () => tries(12));

    const code = 'INTERNAL_SERVER_ERROR';
    const told = { code, issued: 500, refused: 0, waiting: 1 };
    expect(first.filter(({ type }) => type.startsWith('bulk_issue.'))).toMatchObject([
      { type: 'bulk_issue.delayed', subjectId: id, data: told },
    ]);
    expect(delayed).toMatchObject({ status: 'RUNNING', issuedCount: 500, failure: code });
    expect(events).toMatchObject([{ type: 'bulk_issue.failed', subjectId: id, data: told }]);
    expect(await listNow(id)).toMatchObject({ status: 'FAILED', issuedCount: 500, failure: code });
    expect(await queued()).toBe(0);
  });

  test('is begun again by nobody but a person', async () => {
    const id = await failedList(501, 501);
    await mend();

    server.pass(60 * 60_000);
    const resumed = await server.jobs.run('bulk_issue.resume');
    await server.jobs.drain();

    expect(resumed).toEqual({ resumed: 0 });
    expect(await made(id)).toBe(500);
  });

  test('goes on from where it stopped when it is retried, by ten at once too, and makes each license once', async () => {
    const id = await failedList(501, 501);
    await mend();

    const answers = await Promise.all(Array.from({ length: 10 }, () => retry(id)));
    await tries(1);

    for (const answer of answers)
      expect(answer.data?.retryBulkIssue?.bulkIssue).toMatchObject({ status: 'RUNNING', failure: null });
    expect(await listNow(id)).toMatchObject({ status: 'FINISHED', issuedCount: 501, failure: null });
    expect(await made(id)).toBe(501);
    const told = await server.sql`select event_type as type from license_event_logs
      where subject_id = ${id} order by id`;
    expect(told.map(({ type }) => type)).toEqual([
      'bulk_issue.created',
      'bulk_issue.delayed',
      'bulk_issue.failed',
      'bulk_issue.retried',
      'bulk_issue.finished',
    ]);
  });

  test('and is to be done as a whole has made nothing, and then makes all of it', async () => {
    const id = await failedList(501, 490, 'ALL_OR_NOTHING');
    const before = await made(id);
    await mend();

    await retry(id);
    await tries(1);

    expect([before, await made(id)]).toEqual([0, 501]);
    expect(await listNow(id)).toMatchObject({ status: 'FINISHED', issuedCount: 501 });
  });

  test('that goes on between two failures has them counted anew', async () => {
    const id = await ask(501);
    await spoil(id, 251);
    await tries(1);
    await hasFailed(id, 9);
    await mend();
    await spoil(id, 501);

    await tries(1);

    expect(await listNow(id)).toMatchObject({ status: 'RUNNING', issuedCount: 500 });
    const [row] = await server.sql`select failures from bulk_issues where id = ${id}`;
    expect(row?.failures).toBe(1);
  });
});

test('a list that is done, another tenant’s and another reseller’s are not retried', async () => {
  const done = await ask(501);
  await tries(1);
  const channel = await openChannel(server);

  await refusedAct(server, shop.admin, 'retryBulkIssue', { bulkIssueId: done }, 'INVALID_TRANSITION');
  await refusedAct(server, channel.admin, 'retryBulkIssue', { bulkIssueId: done }, 'BULK_ISSUE_NOT_FOUND');
  const reseller = { ...shop.admin, roles: ['reseller' as const], reseller_id: channel.resellerId };
  await refusedAct(server, reseller, 'retryBulkIssue', { bulkIssueId: done }, 'BULK_ISSUE_NOT_FOUND');
});
