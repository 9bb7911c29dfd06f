import { readFileSync } from 'node:fs';
import { buildSchema, type GraphQLSchema, Kind, parse } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsOf } from '../../src/sdk/directive/needs.js';
import { markProblems } from '../../src/sdk/directive/problems.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';
import { createSchema, printedSchema } from '../../src/server/schema.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

describe('the directive shows', () => {
  const printed = printedSchema(createSchema());
  const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

  test.each([
    '  analytics: LicenseAnalytics @requiresFeature(feature: "analytics_dashboard")\n',
    '  advancedAnalytics: AdvancedAnalytics @requiresFeature(feature: "analytics_advanced", consumeQuota: true)\n',
    '  ): ExportLicensesPayload @requiresFeature(feature: "bulk_export", consumeQuota: true)\n',
    'type ApiAccess @requiresFeature(feature: "api_access") {\n',
  ])('where it is applied, in schema.graphql: %s', (line) => {
    expect(committed).toContain(line);
    expect(printed).toContain(line);
  });

  test('its definition in schema.graphql and by introspection', async () => {
    const data = await server.ok(
      '{ __schema { directives { name locations isRepeatable args { name defaultValue type { name kind ofType { name } } } } } }',
    );

    expect(committed).toMatch(
      /directive @requiresFeature\([^)]*feature: String![^)]*consumeQuota: Boolean = false[^)]*amount: Int = 1[^)]*amountFrom: String\s*\) repeatable on FIELD_DEFINITION \| OBJECT/,
    );
    const directives = Object.values(data.__schema?.directives ?? {});
    expect(directives.filter((each) => String(each.name) === 'requiresFeature')).toEqual([
      {
        name: 'requiresFeature',
        locations: ['FIELD_DEFINITION', 'OBJECT'],
        isRepeatable: true,
        args: [
          {
            name: 'feature',
            defaultValue: null,
            type: { name: null, kind: 'NON_NULL', ofType: { name: 'String' } },
          },
          {
            name: 'consumeQuota',
            defaultValue: 'false',
            type: { name: 'Boolean', kind: 'SCALAR', ofType: null },
          },
          { name: 'amount', defaultValue: '1', type: { name: 'Int', kind: 'SCALAR', ofType: null } },
          { name: 'amountFrom', defaultValue: null, type: { name: 'String', kind: 'SCALAR', ofType: null } },
        ],
      },
    ]);
  });

  test.each([
    ['License', 'analytics', 'Feature: `analytics_dashboard`.'],
    ['License', 'advancedAnalytics', 'Feature: `analytics_advanced`, 1 unit a use.'],
    ['Query', 'apiAccess', 'Feature: `api_access`.'],
    ['Mutation', 'exportLicenses', 'Feature: `bulk_export`, 1 unit a use.'],
  ])('in the description of %s.%s', async (type, name, says) => {
    const data = await server.ok(
      'query ($type: String!) { __type(name: $type) { fields { name description } } }',
      { type },
    );

    const field = Object.values(data.__type?.fields ?? {}).find((each) => String(each.name) === name);
    expect(field?.description).toMatch(new RegExp(`${says.replaceAll('.', '\\.')}$`));
  });
});

const CODE_FORM =
  'must be 1 to 50 letters, digits, dots, dashes or underscores, beginning with a letter or digit';

describe('a schema whose marks cannot be obeyed', () => {
  const directive =
    'directive @requiresFeature(feature: String!, consumeQuota: Boolean = false, amount: Int = 1, amountFrom: String) repeatable on FIELD_DEFINITION | OBJECT';
  const from = (args: string, path: string, more = 'consumeQuota: true, ') =>
    `type Query { a(${args}): Int @requiresFeature(feature: "x", ${more}amountFrom: "${path}") }
     input In { count: Int! some: Int ten: Int = 10 word: String! }`;

  /** A schema whose root fields state a permission, as far as the marks let it start. */
  function schemaOf(types: string): GraphQLSchema {
    const schema = buildSchema(`${directive}\n${types}`);
    for (const root of [schema.getQueryType(), schema.getMutationType()]) {
      for (const field of Object.values(root?.getFields() ?? {})) field.extensions = { permission: 'anyone' };
    }
    return schema;
  }

  test.each([
    [
      'a feature without a name',
      'type Query { a: Int @requiresFeature(feature: "") }',
      `Query.a: feature: "" ${CODE_FORM}`,
    ],
    [
      'a feature that no license can name',
      'type Query { a: Int @requiresFeature(feature: "two words") }',
      `Query.a: feature: "two words" ${CODE_FORM}`,
    ],
    [
      'an amount of nothing',
      'type Query { a: Int @requiresFeature(feature: "x", consumeQuota: true, amount: 0) }',
      'Query.a: amount: 0 must be a whole number from 1 on',
    ],
    [
      'an amount below nothing, which would give units away',
      'type Mutation { a: Int @requiresFeature(feature: "x", consumeQuota: true, amount: -5) } type Query { b: Int }',
      'Mutation.a: amount: -5 must be a whole number from 1 on',
    ],
    [
      'a type that charges',
      'type Query { a: Box } type Box @requiresFeature(feature: "x", consumeQuota: true) { b: Int }',
      'Box: @requiresFeature on an object type charges nothing',
    ],
    [
      'a root type, which no field returns',
      'type Query @requiresFeature(feature: "x") { a: Int }',
      'Query: no field returns it that @requiresFeature could apply to',
    ],
    [
      'a field that cannot be null',
      'type Query { a: Int! @requiresFeature(feature: "x") }',
      'Query.a: is not nullable, and a refused field is null',
    ],
    [
      'a field that cannot be null and returns a marked type',
      'type Query { a: [Box!]! } type Box @requiresFeature(feature: "x") { b: Int }',
      'Query.a: is not nullable, and a refused field is null',
    ],
    [
      'a union with a marked type in it',
      'type Query { a: Any } union Any = Box | Bag type Bag { b: Int } type Box @requiresFeature(feature: "x") { b: Int }',
      'Query.a: may return Box, and only a field of that very type obeys its mark',
    ],
    [
      'an interface',
      'type Query { a: Any } interface Any { b: Int @requiresFeature(feature: "x") } type Box implements Any { b: Int }',
      'Any.b: a mark belongs on the types that implement an interface',
    ],
    [
      'a number from an argument that is not there',
      from('count: Int!', 'number'),
      'Query.a: amountFrom: number leads to no whole number and no list among the arguments',
    ],
    [
      'a number from a field of an input that is not there',
      from('input: In!', 'input.number'),
      'Query.a: amountFrom: input.number leads to no whole number and no list among the arguments',
    ],
    [
      'a number from below a number',
      from('count: Int!', 'count.of'),
      'Query.a: amountFrom: count.of leads to no whole number and no list among the arguments',
    ],
    [
      'a number from below a list, of which there are many',
      from('inputs: [In!]!', 'inputs.count'),
      'Query.a: amountFrom: inputs.count leads to no whole number and no list among the arguments',
    ],
    [
      'a number from a text',
      from('input: In!', 'input.word'),
      'Query.a: amountFrom: input.word leads to no whole number and no list among the arguments',
    ],
    [
      'a number from a fraction',
      from('count: Float!', 'count'),
      'Query.a: amountFrom: count leads to no whole number and no list among the arguments',
    ],
    [
      'a number that may be left out',
      from('count: Int', 'count'),
      'Query.a: amountFrom: count may be left out: make it non-null, or give it a default',
    ],
    [
      'a number of an input that may be left out',
      from('input: In', 'input.count'),
      'Query.a: amountFrom: input.count may be left out: make it non-null, or give it a default',
    ],
    [
      'a number that may be left out of its input',
      from('input: In!', 'input.some'),
      'Query.a: amountFrom: input.some may be left out: make it non-null, or give it a default',
    ],
    [
      'a number for a mark that charges nothing',
      from('count: Int!', 'count', ''),
      'Query.a: amountFrom: count charges nothing without consumeQuota',
    ],
    [
      'a number on a type',
      'type Query { a: Box } type Box @requiresFeature(feature: "x", amountFrom: "n") { b: Int }',
      'Box: @requiresFeature on an object type charges nothing',
    ],
    [
      'one feature twice',
      'type Query { a: Int @requiresFeature(feature: "x") @requiresFeature(feature: "x", consumeQuota: true) }',
      "Query.a: is marked with 'x' more than once",
    ],
  ])('does not start: %s', (_what, types, problem) => {
    const schema = schemaOf(types);

    expect(markProblems(schema)).toEqual([problem]);
    expect(() => protectSchema(schema)).toThrow(`the schema cannot be enforced:\n  ${problem}`);
  });

  test.each([
    ['an argument', from('count: Int!', 'count')],
    ['a field of an input', from('input: In!', 'input.count')],
    ['a list, which is counted', from('ids: [ID!]!', 'ids')],
    ['an argument with a default', from('count: Int = 1', 'count')],
    ['a field with a default', from('input: In!', 'input.ten')],
  ])('starts with a number from %s', (_what, types) => {
    expect(markProblems(schemaOf(types))).toEqual([]);
  });

  test('does not start with a feature that is not in the list that it is given', () => {
    const schema = schemaOf(
      'type Query { a: Box b: Int @requiresFeature(feature: "golf") } type Box @requiresFeature(feature: "boxes") { c: Int }',
    );

    expect(markProblems(schema, ['gold', 'box'])).toEqual([
      "Query.b: there is no feature 'golf' in the list",
      "Box: there is no feature 'boxes' in the list",
    ]);
  });

  test('does not start for want of the feature', () => {
    const schema = buildSchema(`${directive} type Query { a: Int @requiresFeature(amount: 2) }`, {
      assumeValidSDL: true,
    });

    expect(() => protectSchema(schema)).toThrow(
      'Argument "feature" of required type "String!" was not provided.',
    );
  });

  test('starts when they can, on fields, types, lists and what implements an interface', () => {
    const schema =
      schemaOf(`type Query { a: [Box] b: Any c: Int @requiresFeature(feature: "x.y-z_1", consumeQuota: true, amount: 7) }
      interface Any { d: Int } type Bag implements Any { d: Int @requiresFeature(feature: "x") }
      type Box @requiresFeature(feature: "x") { e: Int @requiresFeature(feature: "x", consumeQuota: true) }`);

    expect(markProblems(schema)).toEqual([]);
    expect(() => protectSchema(schema)).not.toThrow();
    expect(schema.getQueryType()?.getFields().c?.description).toBe(
      'Permission: `anyone`. Feature: `x.y-z_1`, 7 units a use.',
    );
  });
});

test.each([
  ['0', 0],
  ['-5', 0],
  ['7', 14],
  ['9007199254740993', Number.MAX_SAFE_INTEGER],
  ['12345678901234567890123', Number.MAX_SAFE_INTEGER],
])('an argument that says %s times 2 charges %i: no number is too large to be charged', (count, units) => {
  const schema =
    buildSchema(`directive @requiresFeature(feature: String!, consumeQuota: Boolean, amount: Int, amountFrom: String) on FIELD_DEFINITION
    scalar Long
    type Query { a(count: Long!): Int @requiresFeature(feature: "x", consumeQuota: true, amount: 2, amountFrom: "count") }`);
  const document = parse(`{ a(count: "${count}") }`);
  const [operation] = document.definitions;
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('no operation');

  const needs = needsOf({ schema, document, operation, variables: {} });

  expect(needs.map(({ feature, amount }) => [feature, amount])).toEqual([['x', units]]);
});
