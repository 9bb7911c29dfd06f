import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsDuring, listIn, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createCustomer, createTemplate, openShop, type Shop } from '../support/fixtures.js';
import { openChannel } from '../support/pools.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

interface Result {
  readonly row: number;
  readonly status: string;
  readonly code: string | null;
  readonly column: string | null;
  readonly licenseId: string | null;
  readonly licenseKey: string | null;
  readonly license: { readonly issuedTo: string } | null;
}

const bulk = mutation(
  'bulkIssueLicenses',
  `bulkIssue { id status rowCount issuedCount refusedCount results(first: 100) { nodes { row status code column licenseId } } }
    results { row status code message column licenseId licenseKey license { issuedTo } }`,
);

async function issue(
  input: object,
  as: Claims = shop.admin,
): Promise<{ list: Json | undefined; results: readonly Result[] }> {
  const data = await server.ok(bulk, { input: { templateId: shop.templateId, ...input } }, as);
  const payload = data.bulkIssueLicenses;
  return { list: payload?.bulkIssue, results: listIn<Result>(payload?.results) };
}

const verdicts = (results: readonly Result[]) =>
  results.map(({ row, status, code, column }) => [row, status, code, column]);

async function party(
  name: string,
  changes: { email?: string; external?: string; status?: string } = {},
): Promise<string> {
  const id = await createCustomer(server, shop.admin, name);
  await server.sql`update customers set email = ${changes.email ?? null}, external_id = ${changes.external ?? null},
    status = ${changes.status ?? 'ACTIVE'} where id = ${id}`;
  return id;
}

describe('bulkIssueLicenses', () => {
  test('issues each row of CSV to the customer that it names by id, number or address, with keys', async () => {
    await party('North Fiber', { external: 'C-7', email: 'Office@North.example' });
    const csv = `customer_id;External ID;Email;Issued To;Quantity
${shop.customerId};;;"Team; Berlin";2
;C-7;;;
;;OFFICE@north.EXAMPLE;Lin;1`;

    const { list, results } = await issue({ csv });

    expect(results.map(({ row, license }) => [row, license?.issuedTo])).toEqual([
      [1, 'Team; Berlin'],
      [1, 'Team; Berlin'],
      [2, 'North Fiber'],
      [3, 'Lin'],
    ]);
    const keys = results.map(({ licenseKey }) => licenseKey);
    expect(new Set(keys).size).toBe(4);
    const [{ licenseKey, licenseId } = { licenseKey: '', licenseId: '' }] = results;
    const found = await server.ok(
      'query ($key: String!) { licenseByKey(licenseKey: $key) { id } }',
      { key: licenseKey },
      shop.admin,
    );
    expect(found.licenseByKey?.id).toBe(licenseId);
    expect(list).toMatchObject({ status: 'FINISHED', rowCount: 3, issuedCount: 4, refusedCount: 0 });
  });

  test('refuses each wrong row by its code and column, and issues the others', async () => {
    await party('Twin', { email: 'twin@example.com' });
    await party('Twin', { email: 'TWIN@example.com' });
    await party('Gone', { external: 'GONE', status: 'INACTIVE' });
    const other = await openShop(server);
    const off = await createTemplate(server, shop.admin, shop.productId, {
      templateName: 'Switched off',
      active: false,
    });
    await createTemplate(server, shop.admin, shop.productId, { templateName: 'Two of one name' });
    await createTemplate(server, shop.admin, shop.productId, { templateName: 'Two of one name' });
    const rows = [
      `${shop.customerId},,,,`,
      `${other.customerId},,,,`,
      ',,,,',
      ',nobody,,,',
      ',GONE,,,',
      `,,twin@example.com,,`,
      `${shop.customerId},,,${off},`,
      `${shop.customerId},,,${other.templateId},`,
      `${shop.customerId},,,,0`,
      `${shop.customerId},,,,many`,
      `no uuid,,,,`,
      `${shop.customerId},,,,1,and more`,
      `${shop.customerId}`,
    ];
    const csv = ['customerId,externalId,email,templateId,quantity', ...rows].join('\n');

    const { list, results } = await issue({ csv });

    expect(verdicts(results)).toEqual([
      [1, 'ISSUED', null, null],
      [2, 'REFUSED', 'CUSTOMER_NOT_FOUND', 'customerId'],
      [3, 'REFUSED', 'INVALID_INPUT', 'customerId'],
      [4, 'REFUSED', 'CUSTOMER_NOT_FOUND', 'externalId'],
      [5, 'REFUSED', 'CUSTOMER_INACTIVE', 'externalId'],
      [6, 'REFUSED', 'INVALID_INPUT', 'email'],
      [7, 'REFUSED', 'TEMPLATE_INACTIVE', 'templateId'],
      [8, 'REFUSED', 'TEMPLATE_NOT_FOUND', 'templateId'],
      [9, 'REFUSED', 'INVALID_INPUT', 'quantity'],
      [10, 'REFUSED', 'INVALID_INPUT', 'quantity'],
      [11, 'REFUSED', 'INVALID_INPUT', 'customerId'],
      [12, 'REFUSED', 'INVALID_INPUT', null],
      [13, 'ISSUED', null, null],
    ]);
    expect(list).toMatchObject({ issuedCount: 2, refusedCount: 11 });
    const kept = listIn<Result>(list?.results?.nodes);
    expect(verdicts(kept)).toEqual(verdicts(results));
    const [twoOfOneName] = (
      await issue({ rows: [{ customerId: shop.customerId, templateName: 'Two of one name' }] })
    ).results;
    expect(twoOfOneName).toMatchObject({ code: 'INVALID_INPUT', column: 'templateName' });
  });

  test('a list that is done as a whole issues nothing if one row is refused, and says what of each row would have become', async () => {
    const rows = [{ customerId: shop.customerId }, { externalId: 'nobody' }];
    const before = await server.count('licenses');

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const { list, results } = await issue({ rows, mode: 'ALL_OR_NOTHING' });
      expect(list).toBeNull();
      expect(verdicts(results)).toEqual([
        [1, 'ISSUABLE', null, null],
        [2, 'REFUSED', 'CUSTOMER_NOT_FOUND', 'externalId'],
      ]);
    });

    expect(events).toEqual([]);
    expect(await server.count('licenses')).toBe(before);
    const whole = await issue({
      rows: [{ customerId: shop.customerId, quantity: 2 }],
      mode: 'ALL_OR_NOTHING',
    });
    expect(verdicts(whole.results)).toEqual([
      [1, 'ISSUED', null, null],
      [1, 'ISSUED', null, null],
    ]);
  });

  test('a dry run tells the same and writes nothing', async () => {
    const lists = await server.count('bulk_issues');

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const { list, results } = await issue({
        csv: `customerId\n${shop.customerId}\n${shop.templateId}`,
        dryRun: true,
      });
      expect(list).toBeNull();
      expect(verdicts(results)).toEqual([
        [1, 'ISSUABLE', null, null],
        [2, 'REFUSED', 'CUSTOMER_NOT_FOUND', 'customerId'],
      ]);
    });

    expect(events).toEqual([]);
    expect(await server.count('bulk_issues')).toBe(lists);
  });

  test('formulas, foreign letters and marks of a spreadsheet are data', async () => {
    const names = [
      '=HYPERLINK("http://evil.example")',
      '+1',
      '@SUM(A1)',
      '-2+3',
      'Łódź 東京 😀',
      "'; drop table licenses; --",
      'two\nlines',
    ];
    const cells = names.map((name) => `${shop.customerId},"${name.replaceAll('"', '""')}"`);

    const { results } = await issue({ csv: `\ufeffcustomerId,issuedTo\r\n${cells.join('\r\n')}\r\n\r\n` });

    expect(results.map(({ license }) => license?.issuedTo)).toEqual(names);
  });

  test.each<[string, object, string]>([
    ['neither CSV nor rows', {}, 'input.csv'],
    ['both', { csv: 'customerId\nx', rows: [] }, 'input.rows'],
    ['no rows', { csv: 'customerId\n' }, 'input.csv'],
    ['a column that is not known', { csv: 'customer,price\nx,1' }, 'input.csv'],
    ['a column twice', { csv: 'email,Customer Email\nx,y' }, 'input.csv'],
    ['a quote that nobody closes', { csv: 'customerId,issuedTo\nx,"y' }, 'input.csv'],
    ['a quote in the middle of a cell', { csv: 'customerId,issuedTo\nx,y"z"' }, 'input.csv'],
    ['a cell of twenty thousand letters', { csv: `customerId\n${'x'.repeat(20_000)}` }, 'input.csv'],
    ['a row of thousands of cells', { csv: `customerId\n${','.repeat(20_000)}` }, 'input.csv'],
    ['more rows than a list may have', { csv: `externalId\n${'x\n'.repeat(10_001)}` }, 'input.csv'],
    ['a header of hundreds of thousands of columns', { csv: ','.repeat(450_000) }, 'input.csv'],
    ['a text behind a quote that was closed', { csv: 'customerId\n"x"y' }, 'input.csv'],
    ['half of a letter', { csv: 'customerId\n\ud83d' }, 'input.csv'],
    ['more licenses than a list may make', { rows: [{ customerId: '', quantity: 1 }] }, 'input.rows'],
  ])('a list with %s is refused as a whole', async (what, input, field) => {
    const asked = what.startsWith('more licenses')
      ? { rows: [{ customerId: shop.customerId, quantity: 10_001 }] }
      : input;

    const fields = await refusedFields(server, shop.admin, 'bulkIssueLicenses', {
      templateId: shop.templateId,
      ...asked,
    });

    expect(fields).toEqual([field]);
  });

  test('of rows that are refused the first thousand are answered, all are counted and all are kept', async () => {
    const csv = `externalId\n${shop.customerId}\n${'nobody\n'.repeat(1_200)}`;
    const query = mutation(
      'bulkIssueLicenses',
      'licenseCount refusedCount results { row status } bulkIssue { results(first: 1) { totalCount } }',
    );

    const data = await server.ok(query, { input: { templateId: shop.templateId, csv } }, shop.admin);

    const payload = data.bulkIssueLicenses;
    expect(payload).toMatchObject({
      licenseCount: 0,
      refusedCount: 1_201,
      bulkIssue: { results: { totalCount: 1_201 } },
    });
    const rows = listIn<Result>(payload?.results).map(({ row }) => row);
    expect(rows).toEqual(Array.from({ length: 1_000 }, (_, place) => place + 1));
  });

  test('what would cost too much to answer is not done: no key is lost behind an error', async () => {
    const wide = Array.from({ length: 60 }, (_, place) => `k${place}: status`).join(' ');
    const input = { templateId: shop.templateId, rows: [{ customerId: shop.customerId, quantity: 400 }] };
    const before = await server.count('licenses');

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const query = mutation('bulkIssueLicenses', `bulkIssue { id } results { licenseKey ${wide} }`);
      const { code, data } = await server.graphql(query, { input }, shop.admin);
      expect({ code, data }).toEqual({ code: 'OPERATION_TOO_COSTLY', data: { bulkIssueLicenses: null } });
    });

    expect(events).toEqual([]);
    expect(await server.count('licenses')).toBe(before);
  });

  test('two hundred who ask under one key have one effect and one answer', async () => {
    const before = await server.count('licenses');
    const input = { templateId: shop.templateId, rows: [{ customerId: shop.customerId, quantity: 3 }] };
    const query = mutation('bulkIssueLicenses', 'bulkIssue { id } results { licenseKey }');
    const ask = () => server.ok(query, { input }, shop.admin, { 'idempotency-key': 'bulk 200' });

    const answers = await Promise.all(Array.from({ length: 200 }, ask));

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(await server.count('licenses')).toBe(before + 3);
  });

  test('five hundred rows take as many statements as one', async () => {
    const statementsOf = async (quantity: number): Promise<number> => {
      const rows = Array.from({ length: quantity }, () => ({ customerId: shop.customerId }));
      const input = { templateId: shop.templateId, rows };
      server.statements.length = 0;
      await server.ok(mutation('bulkIssueLicenses', 'bulkIssue { issuedCount }'), { input }, shop.admin);
      return server.statements.length;
    };

    const one = await statementsOf(1);

    expect(await statementsOf(500)).toBe(one);
  });
});

describe('who may', () => {
  test('a reseller issues to its own customers in its own name, and sees its own lists', async () => {
    const channel = await openChannel(server);
    const stranger = await createCustomer(server, channel.admin, 'Stranger');
    const input = {
      templateId: channel.templateId,
      rows: [{ customerId: channel.customerId }, { customerId: stranger }],
    };

    const { list, results } = await issue(input, channel.reseller);

    expect(verdicts(results)).toEqual([
      [1, 'ISSUED', null, null],
      [2, 'REFUSED', 'CUSTOMER_NOT_FOUND', 'customerId'],
    ]);
    const seen = `query ($id: ID!) { bulkIssue(id: $id) { requestedBy } bulkIssues { totalCount } }`;
    const own = await server.ok(seen, { id: list?.id }, channel.reseller);
    expect(own).toEqual({ bulkIssue: { requestedBy: 'rita' }, bulkIssues: { totalCount: 1 } });
    const others = [{ ...channel.reseller, reseller_id: stranger }, await server.tenant()];
    for (const as of others) {
      const answer = await server.ok(seen, { id: list?.id }, as);
      expect(answer).toEqual({ bulkIssue: null, bulkIssues: { totalCount: 0 } });
    }
    const sold = await server.count('licenses', `reseller_id = '${channel.resellerId}'`);
    expect(sold).toBe(1);
  });

  test('a reseller that is switched off issues none, and a dry run tells it so', async () => {
    const channel = await openChannel(server);
    const input = { templateId: channel.templateId, rows: [{ customerId: channel.customerId }] };
    const off = { resellerId: channel.resellerId, status: 'INACTIVE' };
    await server.ok(mutation('updateReseller', '__typename'), { input: off }, channel.admin);

    const { results } = await issue({ ...input, dryRun: true }, channel.reseller);

    expect(verdicts(results)).toEqual([[1, 'REFUSED', 'RESELLER_INACTIVE', null]]);
    await refusedAct(server, channel.reseller, 'bulkIssueLicenses', input, 'RESELLER_INACTIVE');
  });

  test('whoever may not issue licenses issues no list of them', async () => {
    const input = { csv: 'customerId\nx' };

    for (const roles of [['auditor'], ['support']] as const)
      await refusedAct(server, { ...shop.admin, roles }, 'bulkIssueLicenses', input, 'FORBIDDEN');
  });
});
