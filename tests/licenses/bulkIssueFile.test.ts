import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { onlyJobs } from '../support/batches.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let address: string;
beforeAll(async () => {
  server = await startTestServer();
  onlyJobs(server, ['license.issue_in_bulk']);
  shop = await openShop(server);
  address = await server.app.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => server.stop());

interface Sent {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly as?: Claims | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A file, sent as programs send it. */
async function send(
  body: string | Uint8Array<ArrayBuffer>,
  { parameters = {}, as = shop.admin, headers = {} }: Sent = {},
) {
  const url = `${address}/bulk-issues?${new URLSearchParams({ templateId: shop.templateId, ...parameters })}`;
  const bearer = as === null ? {} : { authorization: `Bearer ${await server.token(as)}` };
  const sent = { method: 'POST', headers: { 'content-type': 'text/csv', ...bearer, ...headers }, body };
  const answer = await fetch(url, sent);
  const { data, errors } = (await answer.json()) as {
    data?: Json;
    errors?: { extensions: { code: string } }[];
  };
  return { status: answer.status, payload: data?.bulkIssueLicenses, code: errors?.[0]?.extensions.code };
}

const lists = () => server.count('bulk_issues', `tenant_id = '${shop.admin.tenant_id}'`);

describe('a list as a file', () => {
  test('of ten thousand rows is taken as one, each row by itself', async () => {
    const long = 'Größe & Söhne, '.repeat(12);
    const row = (place: number) => `${shop.customerId},${shop.templateId},"${long}${place}",1`;
    const rows = Array.from({ length: 9_999 }, (_, place) => row(place + 1));
    const csv = ['customerId,templateId,issuedTo,quantity', ...rows, 'nobody,,,'].join('\r\n');
    expect(Buffer.byteLength(csv)).toBeGreaterThan(2_900_000);

    const { status, payload } = await send(csv);

    expect(status).toBe(200);
    expect(payload).toMatchObject({
      bulkIssue: { status: 'RUNNING', rowCount: 10_000, issuedCount: 0, refusedCount: 1 },
      licenseCount: 9_999,
      refusedCount: 1,
      results: [{ row: 10_000, status: 'REFUSED', code: 'INVALID_INPUT', column: 'customerId' }],
    });
    const kept =
      await server.sql`select count(*)::int as rows, max(issued_to) filter (where row_number = 9999) as last
      from bulk_issue_results where status = 'WAITING' and bulk_issue_id = ${String(payload?.bulkIssue?.id)}`;
    expect({ ...kept[0] }).toEqual({ rows: 9_999, last: `${long}9999` });
  });

  test('is answered as the mutation is, keys included, and is done once under one key', async () => {
    const csv = `\ufeffEmail;Customer ID\n;${shop.customerId}\n`;
    const headers = { 'idempotency-key': 'file 1' };

    const answers = await Promise.all(Array.from({ length: 20 }, () => send(csv, { headers })));

    const [{ payload } = { payload: undefined }] = answers;
    expect(payload).toMatchObject({
      bulkIssue: { status: 'FINISHED', mode: 'ROW_BY_ROW', issuedCount: 1 },
      results: [
        { row: 1, status: 'ISSUED', licenseKey: expect.stringMatching(/^([0-9A-F]{4}-){4}[0-9A-F]{4}$/) },
      ],
    });
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const other = await send(`${csv};${shop.customerId}\n`, { headers });
    expect(other.code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('takes what the mutation takes beside it from the address', async () => {
    const before = await lists();
    const csv = `customerId\n${shop.customerId}\nnobody\n`;

    const dry = await send(csv, { parameters: { dryRun: 'true' } });
    const whole = await send(csv, { parameters: { mode: 'ALL_OR_NOTHING' } });

    for (const { payload } of [dry, whole])
      expect(payload).toMatchObject({ bulkIssue: null, licenseCount: 1, refusedCount: 1 });
    expect(await lists()).toBe(before);
  });

  test.each<[string, Sent, string | Uint8Array<ArrayBuffer>, number, string]>([
    ['nobody', { as: null }, 'customerId', 401, 'UNAUTHENTICATED'],
    ['who may not issue', { as: { tenant_id: '', roles: ['auditor'] } }, 'customerId', 403, 'FORBIDDEN'],
    [
      'a parameter that there is not',
      { parameters: { dryrun: 'true' } },
      'customerId',
      400,
      'BAD_USER_INPUT',
    ],
    ['a word that is no yes or no', { parameters: { dryRun: '1' } }, 'customerId', 400, 'BAD_USER_INPUT'],
    ['a way that there is not', { parameters: { mode: 'SOME' } }, 'customerId', 400, 'BAD_USER_INPUT'],
    ['rows beside the file', { parameters: { rows: '[]' } }, 'customerId', 400, 'BAD_USER_INPUT'],
    [
      'another file than CSV',
      { headers: { 'content-type': 'application/json' } },
      '{}',
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['letters of another encoding', {}, new Uint8Array([0x65, 0xe9, 0x0a]), 422, 'INVALID_INPUT'],
    ['more than four megabytes', {}, 'x'.repeat(4_000_001), 413, 'PAYLOAD_TOO_LARGE'],
    [
      'hundreds of cells in each row',
      {},
      `email${`\n${','.repeat(390)}`.repeat(9_000)}`,
      200,
      'INVALID_INPUT',
    ],
    ['nothing', {}, '', 200, 'INVALID_INPUT'],
  ])('of %s is refused, and nothing is kept of it', async (_, given, body, status, code) => {
    const before = await lists();
    const as = given.as ? { ...given.as, tenant_id: shop.admin.tenant_id } : given.as;

    const answer = await send(body, as === undefined ? given : { ...given, as });

    expect({ status: answer.status, code: answer.code }).toEqual({ status, code });
    expect(await lists()).toBe(before);
  });

  test('whoever may not send one is told so before it is read', async () => {
    const headers = { 'content-type': 'text/csv', 'content-length': 4_000_000 };
    const asked = request(`${address}/bulk-issues`, { method: 'POST', headers });
    asked.flushHeaders();

    const [answer] = await once(asked, 'response');

    expect(answer.statusCode).toBe(401);
    asked.destroy();
  });

  test('a body of the graph is as small as before', async () => {
    const query = mutation('bulkIssueLicenses', 'licenseCount');
    const payload = { query, variables: { input: { csv: 'x'.repeat(500_000) } } };

    const answer = await server.graphql(payload.query, payload.variables, shop.admin);

    expect([answer.status, answer.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  });
});
