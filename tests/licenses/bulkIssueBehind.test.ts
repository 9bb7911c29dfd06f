import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsDuring, listIn, mutation } from '../support/acts.js';
import { onlyJobs } from '../support/batches.js';
import { createCustomer, openShop, type Shop } from '../support/fixtures.js';
import { openChannel } from '../support/pools.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  onlyJobs(server, ['license.issue_in_bulk']);
  shop = await openShop(server);
});
afterAll(() => server.stop());

const query = mutation('bulkIssueLicenses', 'bulkIssue { id status } results { status licenseKey }');

/** A list that is too long for its act. */
async function ask(
  input: object,
  as: Claims = shop.admin,
  headers = {},
): Promise<{ id: string; results: readonly Json[] }> {
  const data = await server.ok(query, { input: { templateId: shop.templateId, ...input } }, as, headers);
  const payload = data.bulkIssueLicenses;
  return { id: String(payload?.bulkIssue?.id), results: listIn<Json>(payload?.results) };
}

async function listNow(id: string): Promise<Json> {
  const data = await server.ok(
    `query ($id: ID!) { bulkIssue(id: $id) { status rowCount issuedCount refusedCount
      results(first: 3) { totalCount nodes { row status code column license { issuedTo } } } } }`,
    { id },
    shop.admin,
  );
  if (data.bulkIssue === undefined) throw new Error('no list was answered');
  return data.bulkIssue;
}

const statuses = async (id: string) => {
  const rows = await server.sql`select status, count(*)::int as count from bulk_issue_results
    where bulk_issue_id = ${id} group by status order by status`;
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
};
const made = (id: string) =>
  server.count(
    'license_event_logs',
    `event_type = 'license.created' and event_data ->> 'bulk_issue_id' = '${id}'`,
  );

test('a long list is taken by the act and issued behind it, in parts; its keys are shown to whoever may reveal them', async () => {
  const customers = await Promise.all(['Ada', 'Lin'].map((name) => createCustomer(server, shop.admin, name)));
  const rows = Array.from({ length: 1_200 }, (_, place) => `${customers[place % 2]},No. ${place}`);

  const { id, results } = await ask({ csv: `customerId,issuedTo\n${rows.join('\n')}` });

  expect(results).toEqual([]);
  expect(await statuses(id)).toEqual({ WAITING: 1_200 });
  expect(await listNow(id)).toMatchObject({ status: 'RUNNING', issuedCount: 0, rowCount: 1_200 });
  const events = await eventsDuring(server, shop.admin.tenant_id, () => server.jobs.drain());
  expect(await listNow(id)).toEqual({
    status: 'FINISHED',
    rowCount: 1_200,
    issuedCount: 1_200,
    refusedCount: 0,
    results: {
      totalCount: 1_200,
      nodes: [0, 1, 2].map((place) => ({
        row: place + 1,
        status: 'ISSUED',
        code: null,
        column: null,
        license: { issuedTo: `No. ${place}` },
      })),
    },
  });
  expect(await made(id)).toBe(1_200);
  expect(events.filter(({ type }) => type === 'bulk_issue.finished').map(({ data }) => data)).toEqual([
    { issued: 1_200, refused: 0 },
  ]);
  const [kept] = await server.sql`select count(*)::int as count from bulk_issue_results
    where bulk_issue_id = ${id} and num_nonnulls(customer_id, template_id, issued_to) > 0`;
  expect(kept?.count).toBe(0);
});

test('what was switched off before its turn is refused by itself', async () => {
  const gone = await createCustomer(server, shop.admin, 'Gone');
  const rows = [
    { customerId: shop.customerId, quantity: 700 },
    { customerId: gone, quantity: 20 },
  ];
  const { id } = await ask({ rows });
  await server.ok(
    mutation('updateCustomer', '__typename'),
    { input: { customerId: gone, status: 'INACTIVE' } },
    shop.admin,
  );

  await server.jobs.drain();

  expect(await listNow(id)).toMatchObject({ status: 'FINISHED', issuedCount: 700, refusedCount: 20 });
  expect(await statuses(id)).toEqual({ ISSUED: 700, REFUSED: 20 });
});

test.each([
  ['nothing of it, and says what of each row would have become', true, { ISSUABLE: 600, REFUSED: 1 }, 0],
  ['all of it at once', false, { ISSUED: 601 }, 601],
])('a long list that is done as a whole issues %s', async (_, isSpoiled, expected, licenses) => {
  const last = await createCustomer(server, shop.admin, 'Last');
  const rows = [{ customerId: shop.customerId, quantity: 600 }, { customerId: last }];
  const { id } = await ask({ rows, mode: 'ALL_OR_NOTHING' });
  if (isSpoiled) await server.sql`update customers set status = 'INACTIVE' where id = ${last}`;

  await server.jobs.drain();

  expect(await statuses(id)).toEqual(expected);
  expect(await made(id)).toBe(licenses);
  expect(await listNow(id)).toMatchObject({ status: 'FINISHED', issuedCount: licenses });
});

test('run by many at once it issues each row once; a list whose job was lost is begun again by the clock', async () => {
  const { id } = await ask({ rows: [{ customerId: shop.customerId, quantity: 900 }] });
  const job = server.jobs.list.queued.find(({ name }) => name === 'license.issue_in_bulk');
  const context = {
    ...server.jobs.surroundings,
    signal: new AbortController().signal,
    progress: async () => undefined,
  };
  const lost = await ask({ rows: [{ customerId: shop.customerId, quantity: 600 }] });
  await server.sql`delete from graphile_worker._private_jobs`;

  await Promise.all(
    Array.from({ length: 6 }, () => job?.run(context, { tenantId: shop.admin.tenant_id, id })),
  );
  server.pass(20 * 60_000);
  const resumed = await server.jobs.run('bulk_issue.resume');
  await server.jobs.drain();

  expect(resumed).toEqual({ resumed: 1 });
  expect(await statuses(id)).toEqual({ ISSUED: 900 });
  expect(await made(id)).toBe(900);
  expect(await statuses(lost.id)).toEqual({ ISSUED: 600 });
});

test('a reseller whose customer left it meanwhile issues nothing to that one', async () => {
  const channel = await openChannel(server);
  const input = { templateId: channel.templateId, rows: [{ customerId: channel.customerId, quantity: 501 }] };
  const { id } = await ask(input, channel.reseller);
  await server.sql`update customers set reseller_id = null where id = ${channel.customerId}`;

  await server.jobs.drain();

  expect(await statuses(id)).toEqual({ REFUSED: 501 });
  expect(await server.count('licenses', `customer_id = '${channel.customerId}'`)).toBe(0);
});

test('a reseller that was switched off meanwhile sells nothing more, and nobody else in its place', async () => {
  const channel = await openChannel(server);
  const input = { templateId: channel.templateId, rows: [{ customerId: channel.customerId, quantity: 501 }] };
  const { id } = await ask(input, channel.reseller);
  await server.ok(
    mutation('updateReseller', '__typename'),
    { input: { resellerId: channel.resellerId, status: 'INACTIVE' } },
    channel.admin,
  );

  await server.jobs.drain();

  const told =
    await server.sql`select distinct status, code from bulk_issue_results where bulk_issue_id = ${id}`;
  expect(told.map(({ status, code }) => [status, code])).toEqual([['REFUSED', 'RESELLER_INACTIVE']]);
  expect(await server.count('licenses', `customer_id = '${channel.customerId}'`)).toBe(0);
});

test('two hundred who ask for a long list under one key have it issued once', async () => {
  const input = { rows: [{ customerId: shop.customerId, quantity: 501 }] };
  const before = await server.count('bulk_issues');
  const short = mutation('bulkIssueLicenses', 'bulkIssue { id }');
  const send = () =>
    server.ok(short, { input: { templateId: shop.templateId, ...input } }, shop.admin, {
      'idempotency-key': 'long',
    });

  const answers = await Promise.all(Array.from({ length: 200 }, send));
  await server.jobs.drain();

  const ids = new Set(answers.map(({ bulkIssueLicenses }) => String(bulkIssueLicenses?.bulkIssue?.id)));
  expect(ids.size).toBe(1);
  expect(await server.count('bulk_issues')).toBe(before + 1);
  expect(await made([...ids].join())).toBe(501);
});
