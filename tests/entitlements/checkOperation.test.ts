import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FeatureShop, grantAnalytics, openFeatureShop, unitsUsed } from '../support/meters.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const advanced = 'analytics_advanced';
const used = 'advancedAnalytics { operatingSystems { name } }';

async function check(shop: FeatureShop, document: string, variables: object = {}, operationName?: string) {
  const data = await server.ok(
    `query ($document: String!, $variables: JSONObject, $operationName: String) {
      checkOperation(document: $document, variables: $variables, operationName: $operationName) {
        passes problems features { featureId units }
        verdicts { path field featureId units granted code message } } }`,
    { document, variables, operationName },
    shop.admin,
  );
  return data.checkOperation as unknown as {
    passes: boolean;
    problems: string[];
    features: Json[];
    verdicts: Json[];
  };
}

/** A hundred licenses, of a hundred each … */
const pages = 'licenses(first: 100) { nodes { customer { ';

describe('checkOperation', () => {
  test('tells every path, its units and its verdict, and charges nothing', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 1);

    const checked = await check(
      shop,
      `{ a: license(id: "${id}") { ${used} } b: license(id: "${id}") { x: ${used} } }`,
    );

    expect(checked).toEqual({
      passes: false,
      problems: [],
      features: [{ featureId: advanced, units: 2 }],
      verdicts: [
        {
          path: 'a.advancedAnalytics',
          field: 'License.advancedAnalytics',
          featureId: advanced,
          units: 1,
          granted: true,
          code: null,
          message: null,
        },
        {
          path: 'b.x',
          field: 'License.advancedAnalytics',
          featureId: advanced,
          units: 1,
          granted: false,
          code: 'QUOTA_EXCEEDED',
          message: 'Feature quota exceeded: 0/1',
        },
      ],
    });
    expect(await unitsUsed(server, shop.tenantId)).toEqual({});
  });

  test('tells what variables, @skip and the name of the operation make of it', async () => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 1);
    const document = `query A($id: ID!, $skip: Boolean!) { license(id: $id) { id ${used.replace('{', '@skip(if: $skip) {')} } } query B { viewer { kind } }`;

    const skipped = await check(shop, document, { id, skip: true }, 'A');
    const taken = await check(shop, document, { id, skip: false }, 'A');
    const other = await check(shop, document, {}, 'B');

    expect([skipped.verdicts.length, taken.verdicts.length, other.verdicts.length]).toEqual([0, 1, 0]);
    expect([skipped.passes, taken.passes, other.passes]).toEqual([true, true, true]);
  });

  test('a mutation is looked at and not done', async () => {
    const shop = await openFeatureShop(server);

    const checked = await check(shop, 'mutation { exportLicenses(input: {}) { count } }');

    expect(checked.verdicts.map(({ field, code }) => [field, code])).toEqual([
      ['Mutation.exportLicenses', 'NO_ACTIVE_LICENSE'],
    ]);
    expect(
      await server.count(
        'license_event_logs',
        `tenant_id = '${shop.tenantId}' and event_type like 'license.%'`,
      ),
    ).toBe(0);
  });

  test.each([
    ['no document', '{', {}],
    ['a field that is not there', '{ nothing }', {}],
    ['a variable that is missing', 'query ($id: ID!) { license(id: $id) { id } }', {}],
    ['two operations and no name', 'query A { viewer { kind } } query B { viewer { kind } }', {}],
    [
      'more than a document may hold',
      `{ ${Array.from({ length: 200 }, (_, index) => `a${index}: __typename`).join(' ')} }`,
      {},
    ],
    ['more pages than an operation may cost', `{ ${pages.repeat(3)} id ${'} }'.repeat(3)} }`, {}],
    ['a document of more characters than one may have', `{ viewer { kind } } # ${'a'.repeat(40_000)}`, {}],
  ])('says why it would not run: %s', async (_what, document, variables) => {
    const shop = await openFeatureShop(server);

    const checked = await check(shop, document, variables);

    expect([checked.passes, checked.problems.length > 0, checked.verdicts]).toEqual([false, true, []]);
  });
});

/** What checkOperation says of a question about the schema, and what the door says to the question itself. */
async function askedOfSchema(asked: TestServer) {
  const { admin } = await openFeatureShop(asked);
  const question = '{ __schema { queryType { name } } }';
  const { checkOperation } = await asked.ok(
    'query ($document: String!) { checkOperation(document: $document) { passes problems } }',
    { document: question },
    admin,
  );
  const direct = await asked.graphql(question, {}, admin);
  return { ...checkOperation, direct: direct.code };
}

test('a question about the schema would run where the server answers it', async () => {
  const closed = await startTestServer({ environment: { LG_INTROSPECTION: 'false' } });
  try {
    const [here, there] = await Promise.all([server, closed].map(askedOfSchema));

    expect(here).toMatchObject({ passes: true, problems: [], direct: undefined });
    expect(there).toMatchObject({ passes: false, direct: 'GRAPHQL_VALIDATION_FAILED' });
  } finally {
    await closed.stop();
  }
});

test('schemaFeatures tells which fields each feature unlocks', async () => {
  const shop = await openFeatureShop(server);

  const data = await server.ok(
    '{ schemaFeatures { featureId fields { field consumesQuota units unitsFrom } } }',
    {},
    shop.admin,
  );

  const field = (name: string, units: number) => ({
    field: name,
    consumesQuota: units > 0,
    units,
    unitsFrom: null,
  });
  expect(data.schemaFeatures).toEqual([
    { featureId: advanced, fields: [field('License.advancedAnalytics', 1)] },
    { featureId: 'analytics_dashboard', fields: [field('License.analytics', 0)] },
    { featureId: 'api_access', fields: [field('Query.apiAccess', 0)] },
    { featureId: 'bulk_export', fields: [field('Mutation.exportLicenses', 1)] },
  ]);
});
