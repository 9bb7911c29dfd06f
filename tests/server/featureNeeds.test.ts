import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLicense, type Issued } from '../support/fixtures.js';
import {
  askAnalytics,
  askExport,
  eventCount,
  type FeatureShop,
  grantAnalytics,
  openFeatureShop,
  refusalsByPath,
  unitsUsed,
} from '../support/meters.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: FeatureShop;
let license: Issued;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
  license = await grantAnalytics(server, shop, 100);
});
afterAll(() => server.stop());

const missing = '00000000-0000-7000-8000-000000000000';
const units = async (): Promise<number> => (await unitsUsed(server, shop.tenantId)).analytics_advanced ?? 0;
const used = 'advancedAnalytics { operatingSystems { name } }';

interface Case {
  readonly name: string;
  readonly query: string;
  readonly variables?: object;
  readonly units: number;
}

const cases: readonly Case[] = [
  { name: 'a marked field is one', query: `query ($id: ID!) { license(id: $id) { ${used} } }`, units: 1 },
  {
    name: 'a query without it is none',
    query: 'query ($id: ID!) { license(id: $id) { id __typename } __schema { types { name } } }',
    units: 0,
  },
  {
    name: 'aliases stand apart',
    query: `query ($id: ID!) { license(id: $id) { a: ${used} b: ${used} ${used} } }`,
    units: 3,
  },
  {
    name: 'aliases above it stand apart too',
    query: `query ($id: ID!) { one: license(id: $id) { ${used} } two: license(id: $id) { ${used} } }`,
    units: 2,
  },
  {
    name: 'a field that stands twice at one path is merged',
    query: `query ($id: ID!) { license(id: $id) { ${used} advancedAnalytics { applicationVersions { name } } } license(id: $id) { ${used} } }`,
    units: 1,
  },
  {
    name: 'fragments and inline fragments meet at one path',
    query: `query ($id: ID!) { license(id: $id) { ...A ... on License { ${used} } ... { ...B } } }
      fragment A on License { ${used} ...B } fragment B on License { ${used} }`,
    units: 1,
  },
  {
    name: 'elements of a list are one path',
    query: `{ licenses(first: 20) { nodes { ${used} } } }`,
    units: 1,
  },
  {
    name: 'nodes and edges are two paths',
    query: `{ licenses(first: 20) { nodes { ${used} } edges { node { ${used} } } } }`,
    units: 2,
  },
  {
    name: 'what is skipped needs nothing',
    query: `query ($id: ID!, $no: Boolean!) { license(id: $id) { id
      a: advancedAnalytics @skip(if: true) { operatingSystems { name } }
      b: advancedAnalytics @include(if: $no) { operatingSystems { name } }
      ...C @include(if: $no) ... @skip(if: true) { d: ${used} } } }
      fragment C on License { c: ${used} }`,
    variables: { no: false },
    units: 0,
  },
  {
    name: 'a path is needed if one of its fields is not skipped',
    query: `query ($id: ID!, $no: Boolean!) { license(id: $id) { advancedAnalytics @include(if: $no) { operatingSystems { name } } ... @skip(if: $no) { ${used} } } }`,
    variables: { no: false },
    units: 1,
  },
  {
    name: "a variable's default decides when none is sent",
    query: `query ($id: ID!, $yes: Boolean! = true) { license(id: $id) { a: advancedAnalytics @include(if: $yes) { operatingSystems { name } } b: advancedAnalytics @skip(if: $yes) { operatingSystems { name } } } }`,
    units: 1,
  },
  {
    name: 'below a root that is skipped nothing is needed',
    query: `query ($id: ID!) { viewer { kind } license(id: $id) @skip(if: true) { ${used} } }`,
    units: 0,
  },
];

describe('the needs of an operation', () => {
  test.each(cases)('$name', async ({ query, variables, units: expected }) => {
    const needsId = query.includes('$id');

    await server.ok(query, { ...(needsId ? { id: license.id } : {}), ...variables }, shop.admin);

    expect(await units()).toBe(expected);
  });

  test('twenty licenses in a list cost one unit, and every one answers', async () => {
    for (let made = 0; made < 19; made += 1) await createLicense(server, shop);
    const query = `{ licenses(first: 20) { nodes { advancedAnalytics { operatingSystems { name } } } } }`;

    const data = await server.ok(query, {}, shop.admin);

    expect(data.licenses?.nodes).toEqual(
      Array.from({ length: 20 }, () => ({ advancedAnalytics: { operatingSystems: [] } })),
    );
    expect(await units()).toBe(1);
  });

  test('are those of the operation that is named', async () => {
    const query = `query Marked { licenses { nodes { ${used} } } } query Plain { licenses { nodes { id } } }`;
    const run = async (operationName: string): Promise<void> => {
      await server.app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { authorization: `Bearer ${await server.token(shop.admin)}` },
        payload: { query, operationName },
      });
    };

    await run('Plain');
    expect(await units()).toBe(0);
    await run('Marked');
    expect(await units()).toBe(1);
  });

  test('are charged over GET as well', async () => {
    const response = await server.app.inject({
      method: 'GET',
      url: '/graphql',
      headers: {
        authorization: `Bearer ${await server.token(shop.admin)}`,
        'content-type': 'application/json',
      },
      query: { query: `{ licenses { nodes { ${used} } } }` },
    });

    expect(response.statusCode).toBe(200);
    expect(await units()).toBe(1);
  });
});

describe('what charges nothing', () => {
  /** Nothing was charged, and nobody paid in between: no counter was ever made. */
  async function expectNoCharge(): Promise<void> {
    expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  }

  test.each([
    ['variables that do not coerce', 'query ($id: ID!) { license(id: $id) { USED } }', { id: { no: 'id' } }],
    ['a variable that is missing', 'query ($id: ID!) { license(id: $id) { USED } }', {}],
    ['a document that does not parse', 'query { license(id: "x") { USED }', {}],
    ['a document that does not fit the schema', 'query ($id: ID!) { license(id: $id) { USED nope } }', {}],
  ])('%s', async (_what, query, variables) => {
    const answer = await server.graphql(query.replace('USED', used), variables, shop.admin);

    expect(answer.status).toBe(400);
    expect(answer.data).toBeNull();
    await expectNoCharge();
  });

  test('a short document that unfolds to hundreds of thousands of selections', async () => {
    const depth = 16;
    const fragments = Array.from({ length: depth }, (_, index) => {
      const below = index + 1 < depth ? `...F${index + 1}` : used;
      return `fragment F${index} on License { a: template { ...T${index} } b: template { ...T${index} } }
        fragment T${index} on LicenseTemplate { licenses { nodes { ${below} } } }`;
    });

    const answer = await server.graphql(
      `{ licenses { nodes { ...F0 } } } ${fragments.join(' ')}`,
      {},
      shop.admin,
    );

    expect([answer.status, answer.code]).toEqual([400, 'OPERATION_TOO_LARGE']);
    await expectNoCharge();
  });

  test('a field that the caller may not ask for', async () => {
    const reader = { tenant_id: shop.tenantId, permissions: ['license.read'] };

    const answer = await askAnalytics(server, reader, license.id);

    expect(refusalsByPath(answer)).toEqual({ 'license.advancedAnalytics': 'FORBIDDEN' });
    await expectNoCharge();
  });

  test('a field below one that the caller may not ask for', async () => {
    const analyst = { tenant_id: shop.tenantId, permissions: ['license.analyze'] };

    const answer = await askAnalytics(server, analyst, license.id);

    expect(refusalsByPath(answer)).toEqual({ license: 'FORBIDDEN' });
    await expectNoCharge();
  });

  test('a mutation whose input does not fit', async () => {
    const features = [{ featureId: 'bulk_export', featureName: 'Export', limitValue: 5 }];
    await createLicense(server, shop, { features });

    const answer = await askExport(server, shop.admin, { format: 'JSON', filter: { customerId: 'nobody' } });

    expect(refusalsByPath(answer)).toEqual({ exportLicenses: 'INVALID_INPUT' });
    await expectNoCharge();
    expect(await eventCount(server, shop.tenantId, 'license.exported')).toBe(0);
  });
});

describe('a refused need', () => {
  /** Two units of one field, one of another that is not metered, and plain fields. */
  const query = `query ($id: ID!) { viewer { kind } license(id: $id) { id
    a: advancedAnalytics { operatingSystems { name } } b: advancedAnalytics { operatingSystems { name } }
    analytics { totalActivations } } }`;

  async function askTwo(limitValue: number, more: object[] = []): Promise<Answer> {
    const features = [{ featureId: 'analytics_advanced', featureName: 'Advanced', limitValue }, ...more];
    shop = await openFeatureShop(server);
    license = await createLicense(server, shop, { features });
    return server.graphql(query, { id: license.id }, shop.admin);
  }

  const dashboard = { featureId: 'analytics_dashboard', featureName: 'Dashboard' };

  test('of two when one unit is left refuses both, charges none, and leaves the rest alone', async () => {
    const answer = await askTwo(1, [dashboard]);

    expect(answer.data).toEqual({
      viewer: { kind: 'user' },
      license: { id: license.id, a: null, b: null, analytics: { totalActivations: 0 } },
    });
    expect(answer.errors.map((error) => error.message)).toEqual([
      'Feature quota exceeded: 0/1',
      'Feature quota exceeded: 0/1',
    ]);
    expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}'`)).toBe(0);
  });

  test('that is not metered refuses only itself, and metered fields are charged', async () => {
    const answer = await askTwo(2);

    expect(refusalsByPath(answer)).toEqual({ 'license.analytics': 'FEATURE_NOT_LICENSED' });
    expect(answer.data?.license).toMatchObject({ a: { operatingSystems: [] }, b: { operatingSystems: [] } });
    expect(await units()).toBe(2);
  });

  test('in a list is null in every element, with one error each', async () => {
    shop = await openFeatureShop(server);
    await grantAnalytics(server, shop, 0);
    await createLicense(server, shop);

    const answer = await server.graphql(`{ licenses { nodes { status ${used} } } }`, {}, shop.admin);

    expect(refusalsByPath(answer)).toEqual({
      'licenses.nodes.0.advancedAnalytics': 'QUOTA_EXCEEDED',
      'licenses.nodes.1.advancedAnalytics': 'QUOTA_EXCEEDED',
    });
    expect(answer.data?.licenses?.nodes).toEqual([
      { status: 'ACTIVE', advancedAnalytics: null },
      { status: 'ACTIVE', advancedAnalytics: null },
    ]);
  });
});

describe('units', () => {
  test.each([
    ['a license that is not there', `query { license(id: "${missing}") { ${used} } }`],
    ['an empty list', `query { licenses(filter: { search: "nobody" }) { nodes { ${used} } } }`],
    ['an argument above that does not fit', `query { license(id: "nothing") { ${used} } }`],
  ])('return when the marked field never ran: %s', async (_why, query) => {
    const answer = await server.graphql(query, {}, shop.admin);

    expect(answer.code ?? 'none').not.toBe('INTERNAL_SERVER_ERROR');
    expect(await server.count('feature_usage', `tenant_id = '${shop.tenantId}' and used > 0`)).toBe(0);
  });

  test('of the path that ran stay, of the one that did not return', async () => {
    const query = `query ($id: ID!) { is: license(id: $id) { ${used} } isNot: license(id: "${missing}") { ${used} } }`;

    await server.ok(query, { id: license.id }, shop.admin);

    expect(await units()).toBe(1);
  });

  test('that returned can be used by the next', async () => {
    shop = await openFeatureShop(server);
    license = await grantAnalytics(server, shop, 1);

    for (let tried = 0; tried < 3; tried += 1) await askAnalytics(server, shop.admin, missing);
    const answer = await askAnalytics(server, shop.admin, license.id);

    expect(answer.errors).toEqual([]);
    expect(await units()).toBe(1);
  });

  test('return to the licenses that they were drawn from', async () => {
    shop = await openFeatureShop(server);
    await grantAnalytics(server, shop, 1);
    await grantAnalytics(server, shop, 1);

    await server.ok(`{ a: license(id: "${missing}") { one: ${used} two: ${used} } }`, {}, shop.admin);

    const counters = await server.sql`select used::int from feature_usage where tenant_id = ${shop.tenantId}`;
    expect(counters.map((row) => row.used)).toEqual([0, 0]);
  });

  test('stay when the field ran and had nothing to tell', async () => {
    const data = await server.ok(
      `query ($id: ID!) { license(id: $id) { ${used} } }`,
      { id: license.id },
      shop.admin,
    );

    expect(data.license?.advancedAnalytics).toEqual({ operatingSystems: [] });
    expect(await units()).toBe(1);
  });
});

describe('what enforcement costs', () => {
  /** How many statements an operation runs, and how many of them touch counters. */
  async function statements(run: () => Promise<Answer>): Promise<{ all: number; counters: number }> {
    await server.ok('{ viewer { kind } }', {}, shop.admin);
    server.statements.length = 0;
    const answer = await run();
    expect(answer.errors).toEqual([]);
    const counters = server.statements.filter((text) => text.includes('feature_usage')).length;
    return { all: server.statements.length, counters };
  }

  const plain = 'query ($id: ID!) { license(id: $id) { id } }';

  test('a query without marked fields asks nothing of entitlements', async () => {
    const counts = await statements(() => server.graphql(plain, { id: license.id }, shop.admin));

    expect(counts).toEqual({ all: 1, counters: 0 });
  });

  test('a metered field adds seven statements, however many there are of it', async () => {
    const many = Array.from({ length: 20 }, (_, index) => `a${index}: ${used}`).join(' ');
    const query = (fields: string) => `query ($id: ID!) { license(id: $id) { ${fields} } }`;

    await server.graphql(query(used), { id: license.id }, shop.admin);

    const one = await statements(() => server.graphql(query(used), { id: license.id }, shop.admin));
    const twenty = await statements(() => server.graphql(query(many), { id: license.id }, shop.admin));

    expect(one).toEqual({ all: 9, counters: 2 });
    expect(twenty).toEqual({ all: 9, counters: 2 });
  });
});
