import { getOperationAST, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsOf, type OperationDocument } from '../../src/sdk/directive/needs.js';
import { costOf, costs } from '../../src/server/limits/cost.js';
import { checkDocument } from '../../src/server/limits/limits.js';
import { createSchema } from '../../src/server/schema.js';
import { times } from '../support/attacks.js';
import { createLicense, grantToTenant, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

const schema = createSchema();

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  await issueLicense(server, shop);
});
afterAll(() => server.stop());

function askedOf(query: string, variables: object = {}): OperationDocument {
  const document = parse(query);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  return { schema, document, operation, variables: { ...variables } };
}

describe('the cost of an operation', () => {
  /** What a guarded field of one object costs, and a page of so many. */
  const asked = costs.guarded + costs.statement;
  const page = (entries: number): number => asked + entries * costs.row;
  const cases: readonly [what: string, query: string, cost: number, variables?: object][] = [
    ['a field with a permission, and one without', '{ viewer { kind } }', asked + 1],
    ['each field that is named twice', '{ viewer { kind kind } }', asked + 2],
    ['a page by its entries', '{ licenses(first: 7) { nodes { id } } }', page(7) + 1 + 7],
    ['a page by its default', '{ licenses { nodes { id } } }', page(20) + 1 + 20],
    [
      'a page by a variable',
      'query ($n: Int!) { licenses(first: $n) { nodes { id } } }',
      page(9) + 1 + 9,
      { n: 9 },
    ],
    [
      "a page by a variable's default",
      'query ($n: Int! = 8) { licenses(first: $n) { nodes { id } } }',
      page(8) + 1 + 8,
    ],
    [
      'no page by more than may be asked for',
      '{ licenses(first: 2000000000) { nodes { id } } }',
      page(100) + 1 + 100,
    ],
    ['no page by less than one', '{ licenses(first: -5) { nodes { id } } }', page(1) + 1 + 1],
    ['edges as nodes', '{ licenses(first: 7) { edges { node { id } } } }', page(7) + 1 + 7 + 7],
    [
      'a plain list as five',
      '{ licenses(first: 2) { nodes { features { featureId } } } }',
      page(2) + 1 + 2 + 10,
    ],
    [
      'a page in a page',
      '{ licenses(first: 3) { nodes { events(first: 4) { nodes { id } } } } }',
      page(3) + 1 + 3 * costs.guarded + costs.statement + 12 * costs.row + 3 + 12,
    ],
    ['a count', '{ licenses(first: 1) { totalCount } }', page(1) + 1 + costs.count],
    [
      'a mutation',
      'mutation { __typename suspendLicense(input: {licenseId: "1", reason: "a"}) { license { id } } }',
      1 + costs.mutation + 1 + 1,
    ],
    ['a fragment as what is in it', '{ viewer { ...F ...F } } fragment F on Viewer { kind }', asked + 2],
    [
      'a document in JSON',
      '{ licenses(first: 2) { nodes { metadata } } }',
      page(2) + 1 + 2 * costs.json + 2 * costs.guarded + costs.statement,
    ],
    [
      'a document that is asked about',
      '{ checkOperation(document: "{ viewer { kind } }") { __typename } }',
      costs.document + 1,
    ],
    ['the same value under another name', '{ viewer { a: kind } }', asked + costs.alias],
    ['no other name of what is selected from', '{ a: viewer { kind } }', asked + 1],
    [
      'nothing that is skipped',
      '{ viewer { kind @skip(if: true) subject } licenses @include(if: false) { totalCount } }',
      asked + 1,
    ],
    [
      'what is skipped by a variable',
      'query ($no: Boolean! = false) { viewer { kind ... @include(if: $no) { subject } } }',
      asked + 1,
    ],
    [
      'what is not skipped after all',
      'query ($no: Boolean! = true) { viewer { kind @skip(if: $no) subject } }',
      asked + 2,
      { no: false },
    ],
    [
      'introspection',
      '{ __schema { types { name fields { name } } } __type(name: "License") { name } }',
      1 + 1 + 5 + (5 * costs.guarded + costs.statement) + 25 + asked + 1,
    ],
  ];

  test.each(cases)('counts %s', (_what, query, cost, variables = {}) => {
    const asked = askedOf(query, variables);

    expect(validate(schema, asked.document)).toEqual([]);
    expect(costOf(asked)).toBe(cost);
  });

  /** Counts make up most of it, other names of a field most of the rest, and plain fields what is left. */
  function costing(cost: number): string {
    const each = page(1) + 1 + costs.count;
    const counts = Math.floor((cost - page(1) - 1) / each);
    const left = cost - page(1) - 1 - counts * each;
    const names = Math.floor(left / costs.alias);
    const parts = [
      times(counts, (at) => `c${at}: events(first: 1) { totalCount }`),
      times(names, (at) => `n${at}: id`),
      times(left - names * costs.alias, () => 'id'),
    ];
    return `{ licenses(first: 1) { nodes { ${parts.join(' ')} } } }`;
  }

  test('may be as high as the limit', async () => {
    const answer = await server.graphql(costing(costs.limit), {}, shop.admin);

    expect(answer.errors).toEqual([]);
  });

  test('is told when it is one too high', async () => {
    const answer = await server.graphql(costing(costs.limit + 1), {}, shop.admin);

    expect(answer.status).toBe(400);
    expect(answer.errors.map((error) => error.extensions)).toEqual([
      { code: 'OPERATION_TOO_COSTLY', cost: costs.limit + 1, limit: costs.limit },
    ]);
  });

  test('is looked at before units are charged', async () => {
    const charged = await openShop(server);
    await grantToTenant(server, charged, [{ featureId: 'analytics_advanced', limitValue: 100 }]);
    const query = `{ licenses(first: 100) { nodes { advancedAnalytics { __typename } activations(first: 100) { nodes { id } } } } }`;

    const answer = await server.graphql(query, {}, charged.admin);

    expect(answer.code).toBe('OPERATION_TOO_COSTLY');
    expect(await server.count('feature_usage', `tenant_id = '${charged.admin.tenant_id}'`)).toBe(0);
  });
});

describe('what an operation needs', () => {
  /** Two to the power of `levels` ways to the marked field. */
  function branching(levels: number): string {
    const way = (at: number): string => `customer { licenses(first: 1) { nodes { ...F${at + 1} } } }`;
    const fragments = times(levels, (at) => `fragment F${at} on License { a: ${way(at)} b: ${way(at)} }`);
    return `{ licenses(first: 1) { nodes { ...F0 } } } ${fragments} fragment F${levels} on License { advancedAnalytics { __typename } }`;
  }

  test('is found by a walk no longer than the operation may be', () => {
    const asked = askedOf(branching(5));
    checkDocument(asked.document);

    expect(needsOf(asked)).toHaveLength(32);
  });

  test('is not looked for in what doubles beyond that', async () => {
    const answer = await server.graphql(branching(8), {}, shop.admin);

    expect(answer.code).toBe('OPERATION_TOO_LARGE');
  });
});

test('a list that is no page costs what it is long, once that is known', async () => {
  const vendor = await openShop(server);
  const features = Array.from({ length: 200 }, (_, at) => ({
    featureId: `feature-${at}`,
    featureName: `Feature ${at}`,
  }));
  const { id } = await createLicense(server, vendor, { features });
  const names = (count: number): string =>
    `query ($id: ID!) { license(id: $id) { ${times(10, () => `features { ${times(count, () => 'featureId')} }`)} } }`;

  const fair = await server.graphql(names(9), { id }, vendor.admin);
  const greedy = await server.graphql(names(10), { id }, vendor.admin);

  expect(fair.errors).toEqual([]);
  expect(greedy.errors.map(({ extensions }) => extensions)).toEqual([
    { code: 'OPERATION_TOO_COSTLY', cost: 200 * 101, limit: costs.limit },
  ]);
});
