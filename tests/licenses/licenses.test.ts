import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays, DAY_MILLIS } from '../../src/core/clock.js';
import { actOn, listIn } from '../support/acts.js';
import {
  createCustomer,
  createLicense,
  createProduct,
  createTemplate,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const document = `query ($first: Int! = 20, $after: String, $filter: LicenseFilter, $sort: LicenseSort) {
  licenses(first: $first, after: $after, filter: $filter, sort: $sort) {
    totalCount nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;

async function page(as: Claims, variables: object): Promise<Json> {
  const { licenses } = await server.ok(document, variables, as);
  if (licenses === undefined) throw new Error('no list');
  return licenses;
}

const idsIn = (list: Json): string[] => listIn<{ id: string }>(list.nodes).map((node) => node.id);
const found = async (as: Claims, filter: object): Promise<string[]> => {
  const list = await page(as, { first: 100, filter });
  const ids = idsIn(list);
  expect(list.totalCount).toBe(ids.length);
  return ids.toSorted();
};

describe('filters', () => {
  let shop: Shop;
  const ids: Record<string, string> = {};
  let bo = '';
  let reseller = '';
  let otherProduct = '';

  beforeAll(async () => {
    shop = await openShop(server);
    bo = await createCustomer(server, shop.admin, 'Bo');
    otherProduct = await createProduct(server, shop.admin);
    const made = await server.ok(
      'mutation { createReseller(input: { name: "North" }) { reseller { id } } }',
      {},
      shop.admin,
    );
    reseller = String(made.createReseller?.reseller?.id);
    const make = async (name: string, input: object) => {
      ids[name] = (await createLicense(server, shop, input)).id;
    };
    await make('plain', { expiryDate: '2026-06-01T00:00:00Z' });
    await make('bo', { customerId: bo, issuedTo: '100% Bo_Ltd \\ Søn' });
    await make('sold', { resellerId: reseller, expiryDate: '2026-07-01T00:00:00Z' });
    await make('other', { productId: otherProduct, productName: 'Sonar', autoRenewal: true });
    await make('perpetual', { licenseType: 'PERPETUAL', licenseModel: 'SITE_LICENSE' });
    await make('seats', {
      licenseType: 'NAMED_USER',
      licenseModel: 'PER_SEAT',
      expiryDate: '2026-05-01T00:00:00Z',
    });
    const templateId = await createTemplate(server, shop.admin, shop.productId, {
      autoRenewalEnabled: false,
    });
    ids.template = (await issueLicense(server, shop, { templateId, trial: true, customerId: bo })).id;
    ids.templateId = templateId;
  });

  const named = (names: readonly string[]): (string | undefined)[] =>
    names.map((name) => ids[name]).toSorted();

  test.each<[string, () => object, string[]]>([
    ['a customer', () => ({ customerId: bo }), ['bo', 'template']],
    ['a reseller', () => ({ resellerId: reseller }), ['sold']],
    ['a product', () => ({ productId: otherProduct }), ['other']],
    ['a template', () => ({ templateId: ids.templateId }), ['template']],
    ['a status', () => ({ status: ['PENDING'] }), ['template']],
    ['several types', () => ({ licenseType: ['PERPETUAL', 'TRIAL'] }), ['perpetual', 'template']],
    ['several models', () => ({ licenseModel: ['PER_SEAT', 'SITE_LICENSE'] }), ['perpetual', 'seats']],
    ['automatic renewal', () => ({ autoRenewal: true }), ['other']],
    ['an expiry from an instant on', () => ({ expiryDateFrom: '2026-06-01T00:00:00Z' }), ['plain', 'sold']],
    ['an expiry up to an instant', () => ({ expiryDateTo: '2026-06-01T00:00:00Z' }), ['plain', 'seats']],
    [
      'both ends',
      () => ({ expiryDateFrom: '2026-05-02T00:00:00Z', expiryDateTo: '2026-06-30T00:00:00Z' }),
      ['plain'],
    ],
    ['part of a holder, in any case', () => ({ search: 'bo_lTD' }), ['bo']],
    ['part of a product name', () => ({ search: 'ona' }), ['other']],
    ['a per cent sign as it stands', () => ({ search: '0%' }), ['bo']],
    ['a backslash as it stands', () => ({ search: '\\' }), ['bo']],
    ['a wildcard that matches nothing', () => ({ search: 'B_o' }), []],
    ['a quote that ends no statement', () => ({ search: "'; drop table licenses; --" }), []],
    ['several at once', () => ({ customerId: bo, licenseType: ['TRIAL'] }), ['template']],
    ['no status at all', () => ({ status: [] }), []],
    [
      'nulls that mean nothing',
      () => ({ customerId: null, status: null, search: null, licenseType: ['PERPETUAL'] }),
      ['perpetual'],
    ],
  ])('by %s', async (_, filter, names) => {
    expect(await found(shop.admin, filter())).toEqual(named(names));
  });

  test('a status in the filter is the one at this moment', async () => {
    server.now = addDays(START, 62);
    const lapsed = await found(shop.admin, { status: ['SUSPENDED'] });
    server.now = START;

    expect(lapsed).toEqual(named(['seats']));
    expect(await found(shop.admin, { status: ['SUSPENDED'] })).toEqual([]);
  });

  test.each([
    [
      'an id that is none',
      { filter: { customerId: 'x', templateId: 'y' } },
      ['filter.customerId', 'filter.templateId'],
    ],
    ['an empty search', { filter: { search: ' ' } }, ['filter.search']],
    ['a NUL', { filter: { search: 'a\0' } }, ['filter.search']],
    ['more statuses than there are', { filter: { status: Array(7).fill('ACTIVE') } }, ['filter.status']],
    ['a page of nothing', { first: 0 }, ['first']],
    ['a page of 101', { first: 101 }, ['first']],
    ['a cursor that is none', { after: 'nonsense' }, ['after']],
    ['an empty cursor', { after: '' }, ['after']],
  ])('%s is refused by its name', async (_, variables, fields) => {
    const answer = await server.graphql(document, variables, shop.admin);

    expect(answer.code).toBe('INVALID_INPUT');
    expect(answer.errors[0]?.extensions.fields?.map((problem) => problem.field)).toEqual(fields);
  });

  test('who is bound to a part of the tenant lists that part, whatever the filter says', async () => {
    const tenant_id = shop.admin.tenant_id;
    const customer: Claims = { tenant_id, roles: ['customer'], customer_id: bo };
    const seller: Claims = { tenant_id, roles: ['reseller'], reseller_id: reseller };

    expect(await found(customer, {})).toEqual(named(['bo', 'template']));
    expect(await found(seller, {})).toEqual(named(['sold']));
    expect(await found(customer, { customerId: shop.customerId })).toEqual([]);
    expect(await found(seller, { resellerId: null, productId: shop.productId })).toEqual(named(['sold']));
  });

  test('another tenant lists nothing of it', async () => {
    const other = await openShop(server);

    expect(await found(other.admin, {})).toEqual([]);
    expect(await found(other.admin, { customerId: bo })).toEqual([]);
  });
});

interface Entry {
  readonly id: string;
  readonly [value: string]: string | null;
}

const fields = {
  CREATED_AT: 'createdAt',
  EXPIRY_DATE: 'expiryDate',
  ISSUED_DATE: 'issuedDate',
  ISSUED_TO: 'issuedTo',
};
type SortField = keyof typeof fields;

describe('sorting and paging', () => {
  let shop: Shop;

  /** Few distinct values, so that every page ends among equals. */
  beforeAll(async () => {
    shop = await openShop(server);
    for (let index = 0; index < 24; index += 1) {
      if (index % 8 === 0) server.pass(1000);
      await createLicense(server, shop, {
        issuedTo: ['Ada', 'Bo', 'Cy'][index % 3],
        issuedDate: addDays(START, -(index % 2)),
        ...(index % 4 === 0 ? {} : { expiryDate: addDays(START, 100 + (index % 2)) }),
      });
    }
  });

  const everyPage = async (first: number, sort: object, between = async () => {}): Promise<string[]> => {
    const ids: string[] = [];
    for (let after: string | null = null; ; await between()) {
      const list = await page(shop.admin, { first, after, sort });
      ids.push(...idsIn(list));
      expect(String(list.pageInfo?.hasPreviousPage)).toBe(String(after !== null));
      if (String(list.pageInfo?.hasNextPage) === 'false') return ids;
      expect(idsIn(list)).toHaveLength(first);
      after = String(list.pageInfo?.endCursor);
    }
  };
  const valuesOf = async (field: SortField): Promise<ReadonlyMap<string, string | null>> => {
    const name = fields[field];
    const { licenses } = await server.ok(`{ licenses(first: 100) { nodes { id ${name} } } }`, {}, shop.admin);
    return new Map(listIn<Entry>(licenses?.nodes).map((entry) => [entry.id, entry[name] ?? null]));
  };

  const orders = (Object.keys(fields) as SortField[]).flatMap((field) =>
    (['ASC', 'DESC'] as const).map((direction) => ({ field, direction })),
  );

  test.each(orders)(
    'pages by $field $direction reach the end without gaps or repeats, in order',
    async (sort) => {
      const values = await valuesOf(sort.field);

      const ids = await everyPage(7, sort);

      expect(ids).toHaveLength(24);
      expect(new Set(ids)).toEqual(new Set(values.keys()));
      expect(ids).toEqual(await everyPage(100, sort));
      const listed = ids.map((id) => values.get(id) ?? null);
      const dated = listed.filter((value) => value !== null);
      const ascending = dated.toSorted();
      expect(dated).toEqual(sort.direction === 'ASC' ? ascending : ascending.toReversed());
      expect(listed.slice(dated.length).every((value) => value === null)).toBe(true);
    },
  );

  test('a list is ordered by the newest first unless told otherwise, and by itself ascending', async () => {
    const newest = await everyPage(9, { field: 'CREATED_AT', direction: 'DESC' });
    const ascending = await everyPage(9, { field: 'EXPIRY_DATE', direction: 'ASC' });

    expect(idsIn(await page(shop.admin, { first: 100 }))).toEqual(newest);
    expect(await everyPage(9, { field: 'EXPIRY_DATE' })).toEqual(ascending);
  });

  test('every entry has its own cursor, and the page begins and ends with one', async () => {
    const list = await page(shop.admin, { first: 5 });
    const cursors = listIn<{ cursor: string }>(list.edges).map((edge) => edge.cursor);

    const third = await page(shop.admin, { first: 2, after: cursors[2] });

    expect([list.pageInfo?.startCursor, list.pageInfo?.endCursor]).toEqual([cursors[0], cursors[4]]);
    expect(idsIn(third)).toEqual(idsIn(list).slice(3));
  });

  test('the count is of the whole list, on every page and with every filter', async () => {
    const filter = { expiryDateFrom: START };
    const first = await page(shop.admin, { first: 5, filter });
    const next = await page(shop.admin, { first: 5, filter, after: String(first.pageInfo?.endCursor) });

    expect([first.totalCount, next.totalCount]).toEqual([18, 18]);
  });

  test('nothing is counted unless asked for', async () => {
    server.statements.length = 0;

    await server.ok('{ licenses { nodes { id } } }', {}, shop.admin);

    expect(server.statements).toHaveLength(1);
  });

  test.each(orders.filter(({ field }) => field !== 'CREATED_AT'))(
    'a cursor of the newest first is refused by the list by $field $direction',
    async (sort) => {
      const { pageInfo } = await page(shop.admin, { first: 5 });

      const answer = await server.graphql(document, { after: pageInfo?.endCursor, sort }, shop.admin);

      expect(answer.code).toBe('INVALID_INPUT');
      expect(answer.errors[0]?.extensions.fields?.[0]?.field).toBe('after');
    },
  );

  test('a cursor of one direction is refused by the other', async () => {
    const sort = { field: 'ISSUED_TO', direction: 'ASC' };
    const { pageInfo } = await page(shop.admin, { first: 5, sort });

    const answer = await server.graphql(
      document,
      { after: pageInfo?.endCursor, sort: { ...sort, direction: 'DESC' } },
      shop.admin,
    );

    expect(answer.code).toBe('INVALID_INPUT');
  });

  test("another tenant's cursor shows nothing of that tenant", async () => {
    const other = await openShop(server);
    const { pageInfo } = await page(shop.admin, { first: 5 });

    expect(idsIn(await page(other.admin, { after: pageInfo?.endCursor }))).toEqual([]);
  });

  test('licenses that are made while one pages shift nothing', async () => {
    const before = await everyPage(100, { field: 'CREATED_AT', direction: 'DESC' });
    server.pass(DAY_MILLIS);

    const ids = await everyPage(5, { field: 'CREATED_AT', direction: 'DESC' }, async () => {
      const { id } = await createLicense(server, shop);
      await actOn(server, shop.admin, 'revokeLicense', { licenseId: id, reason: 'Test' });
    });

    expect(ids).toEqual(before);
  });
});
