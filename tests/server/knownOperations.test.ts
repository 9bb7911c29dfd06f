import { buildSchema, type GraphQLSchema, isObjectType, parse } from 'graphql';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { permissionsOf } from '../../src/access/permissions.js';
import type { UserActor } from '../../src/core/actor.js';
import type { TenantId } from '../../src/core/id.js';
import { Refusal } from '../../src/core/refusal.js';
import type { Context } from '../../src/graph/context.js';
import { HttpOperation } from '../../src/server/http/httpOperation.js';
import { answerKnown } from '../../src/server/http/knownOperations.js';
import { inFull } from '../../src/server/limits/documents.js';
import { KnownDocuments } from '../../src/server/limits/knownDocuments.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';
import { grantToTenant } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';

const directive =
  'directive @requiresFeature(feature: String!, consumeQuota: Boolean = false, amount: Int = 1, amountFrom: String) on FIELD_DEFINITION | OBJECT';

const plain = buildSchema(`${directive}
  type Query {
    one: Int
    echo(text: String!, list: [Int!]): String
    broken: Int
    refused: Int
    needed: Int!
    staff: Int
    rows: [Row!]
    metered: Int @requiresFeature(feature: "gold", consumeQuota: true)
    lost: Int @requiresFeature(feature: "gold", consumeQuota: true)
    counted(count: Int! = 1): Int @requiresFeature(feature: "gold", consumeQuota: true, amountFrom: "count")
    foreign: Int @requiresFeature(feature: "silver")
  }
  type Row { id: Int self: Row }
  type Mutation { write(input: Int): Int fail: Int }
  type Subscription { ticks: Int }`);

const runs: string[] = [];

type Resolve = (args: Record<string, unknown>, ctx: Context) => unknown;

function field(path: string, resolve: Resolve, permission = 'anyone'): void {
  const [type = '', name = ''] = path.split('.');
  const owner = plain.getType(type);
  const target = isObjectType(owner) ? owner.getFields()[name] : undefined;
  if (target === undefined) throw new Error(`there is no field ${path}`);
  target.resolve = (_source, args, ctx: Context) => {
    runs.push(name);
    return resolve(args, ctx);
  };
  target.extensions = { permission };
}

function schemaOfTest(): GraphQLSchema {
  field('Query.one', () => 1);
  field('Query.echo', ({ text, list }) => `${text} ${list}`);
  field('Query.broken', () => Promise.reject(new Error('a secret of ours')));
  field('Query.refused', () => {
    throw new Refusal('NOT_FOUND', 'There is no such thing.');
  });
  field('Query.needed', () => null);
  field('Query.staff', () => 7, 'license.read');
  field('Query.rows', () => [{ id: 1, self: { id: 2 } }, { id: 3 }]);
  field('Query.metered', () => 1);
  field('Query.lost', () => {
    throw new Error('lost');
  });
  field('Query.counted', () => 1);
  field('Query.foreign', () => 1);
  field('Mutation.write', ({ input }) => input);
  field('Mutation.fail', () => {
    throw new Refusal('INVALID_TRANSITION', 'It is done already.');
  });
  field('Subscription.ticks', () => 1);
  return protectSchema(plain);
}

const schema = schemaOfTest();
let office: TestServer;
let server: TestServer;
let shop: FeatureShop;
beforeAll(async () => {
  office = await startTestServer();
  server = await startTestServer({ beside: office, graph: schema, events: true });
});
beforeEach(async () => {
  runs.length = 0;
  shop = await openFeatureShop(office);
  await grantToTenant(office, shop, [{ featureId: 'gold', limitValue: 100 }]);
});
afterAll(async () => {
  await server.stop();
  await office.stop();
});

async function post(body: object, headers: Readonly<Record<string, string>> = {}) {
  const authorization = `Bearer ${await server.token(shop.admin)}`;
  const response = await server.app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', authorization, ...headers },
    payload: JSON.stringify(body),
  });
  const { 'x-request-id': requestId, date: _date, ...others } = response.headers;
  return {
    status: response.statusCode,
    others,
    body: response.body.replaceAll(String(requestId), 'REQUEST'),
  };
}

/** A comment makes a text of its own: no other test has asked it. */
let texts = 0;
function newText(query: string): string {
  texts += 1;
  return `${query} # ${texts}`;
}

describe('what is asked again is answered to the byte as the first time, and runs once each time:', () => {
  test.each<[string, string, object, Readonly<Record<string, string>>, readonly string[]]>([
    ['a field', '{ one }', {}, {}, ['one']],
    [
      'fields in the order of the document',
      '{ b: one rows { self { id } id } a: one }',
      {},
      {},
      ['one', 'rows', 'one'],
    ],
    ['the type of an object', '{ __typename rows { __typename } }', {}, {}, ['rows']],
    ['variables', 'query ($t: String!) { echo(text: $t) }', { variables: { t: 'ä\n"' } }, {}, ['echo']],
    ['a default', 'query ($t: String! = "x") { echo(text: $t, list: 1) }', { variables: null }, {}, ['echo']],
    [
      'one of two operations',
      'query A { one } query B { rows { id } }',
      { operationName: 'B' },
      {},
      ['rows'],
    ],
    ['the media type of GraphQL', '{ one }', {}, { accept: 'application/graphql-response+json' }, ['one']],
    ['what takes JSON only', '{ one }', {}, { accept: 'application/json' }, ['one']],
    ['what takes anything', '{ one }', {}, { accept: 'text/html, */*;q=0.1' }, ['one']],
    ['no operation of that name', '{ one }', { operationName: 'Other' }, {}, []],
    ['none of two operations named', 'query A { one } query B { one }', {}, {}, []],
    ['a variable that is missing', 'query ($t: String!) { echo(text: $t) }', {}, {}, []],
    [
      'a variable of another type',
      'query ($t: String!) { echo(text: $t) }',
      { variables: { t: [1] } },
      {},
      [],
    ],
    ['variables that are no object', '{ one }', { variables: [1] }, {}, []],
    ['an operation name that is no text', '{ one }', { operationName: 1 }, {}, []],
    ['extensions that are no object', '{ one }', { extensions: 'x' }, {}, []],
    ['a persisted query', '{ one }', { extensions: { persistedQuery: { version: 1 } } }, {}, []],
    ['a document that is not valid', '{ none }', {}, {}, []],
    ['a document that is none', '{ one ', {}, {}, []],
    ['a subscription', 'subscription { ticks }', {}, {}, []],
    ['a defect', '{ one broken }', {}, {}, ['one', 'broken']],
    ['a refusal', '{ refused one }', {}, {}, ['refused', 'one']],
    ['a refusal beside JSON only', '{ refused one }', {}, { accept: 'application/json' }, ['refused', 'one']],
    ['null where none may stand', '{ one needed }', {}, {}, ['one', 'needed']],
    ['what the caller may not ask', '{ staff foreign }', {}, {}, ['staff']],
    ['a mutation', 'mutation { write(input: 3) again: write }', {}, {}, ['write', 'write']],
    ['a mutation that is refused', 'mutation { write(input: 3) fail }', {}, {}, ['write', 'fail']],
    ['a token that is none', '{ one }', {}, { authorization: 'Bearer x' }, []],
    ['an Idempotency-Key that is none', 'mutation { write }', {}, { 'idempotency-key': 'ü' }, []],
  ])('%s', async (_name, query, more, headers, ran) => {
    const body = { query: newText(query), ...more };

    const first = await post(body, headers);
    const later = [await post(body, headers), await post(body, headers)];

    expect(later).toEqual([first, first]);
    expect(runs).toEqual([...ran, ...ran, ...ran]);
  });
});

test('a defect is masked and logged each time, under the id of its request', async () => {
  const body = { query: newText('{ broken }') };
  await post(body);
  const before = server.logged.length;

  const { body: answered } = await post(body);

  const failures = server.logged.slice(before).filter((line) => line.includes('an operation failed'));
  expect(failures).toHaveLength(1);
  expect(answered).not.toContain('secret of ours');
  const [failed, requested] = server.logged.slice(before).map((line) => JSON.parse(line).requestId);
  expect(failed).toBe(requested);
});

test('units are charged once each time, and those of a field that fails return', async () => {
  const [kept, lost] = [newText('{ metered }'), newText('{ metered lost }')];

  for (const query of [kept, kept, kept, lost, lost]) await post({ query });

  expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 5 });
});

test('what a variable decides is decided anew each time', async () => {
  const counted = newText('query ($n: Int! = 1) { counted(count: $n) }');
  const skipped = newText('query ($no: Boolean!) { metered @skip(if: $no) one }');

  for (const n of [2, 3, undefined]) await post({ query: counted, variables: { n } });
  const used = await unitsUsed(office, shop.tenantId);
  const skips: string[] = [];
  for (const no of [true, false, true]) skips.push((await post({ query: skipped, variables: { no } })).body);

  expect(used).toEqual({ gold: 6 });
  expect(skips.map((text) => JSON.parse(text).data)).toEqual([
    { one: 1 },
    { metered: 1, one: 1 },
    { one: 1 },
  ]);
  expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 7 });
});

test('variables that do not fit charge nothing, whether the document is known with some that do or not', async () => {
  const query = newText('query ($t: String!) { metered echo(text: $t) }');
  const wrong = await post({ query, variables: { t: 1 } });
  await post({ query, variables: { t: 'x' } });

  const again = await post({ query, variables: { t: 1 } });

  expect(again).toEqual(wrong);
  expect(JSON.parse(again.body).errors[0].extensions.code).toBe('BAD_USER_INPUT');
  expect(await unitsUsed(office, shop.tenantId)).toEqual({ gold: 1 });
});

test('who asks decides what an operation needs, however often another has asked it', async () => {
  const query = newText('{ staff foreign }');
  const asked = await Promise.all(
    [['license.read'], [], ['license.read']].map((permissions) =>
      server.graphql(query, {}, { tenant_id: shop.tenantId, permissions }),
    ),
  );

  expect(asked.map(({ data }) => data)).toEqual([
    { staff: 7, foreign: null },
    { staff: null, foreign: null },
    { staff: 7, foreign: null },
  ]);
});

describe('by itself, without Apollo,', () => {
  const ada = (): UserActor => ({
    kind: 'user',
    subject: 'ada',
    tenantId: shop.tenantId as TenantId,
    permissions: permissionsOf([], []),
    expiresAt: null,
  });
  const operation = (): HttpOperation =>
    new HttpOperation(server.machinery, { actor: ada(), requestId: 'of-this-test', address: undefined });
  const rules = { schema, introspection: true, suggestions: true };

  function knowing(...queries: readonly string[]) {
    const known = new KnownDocuments();
    for (const query of queries) known.keep(query, parse(query));
    return (body: unknown) => answerKnown({ rules, documents: inFull, known }, body, operation());
  }

  test('a known operation that is refused nothing is answered, and nothing else is', async () => {
    const ask = knowing(
      '{ one }',
      '{ refused }',
      'subscription { ticks }',
      'query A { one } query B { one }',
    );

    const answers = await Promise.all([
      ask({ query: '{ one }' }),
      ask({ query: 'query A { one } query B { one }', operationName: 'A', variables: null, extensions: {} }),
      ask({ query: '{one}' }),
      ask({ query: '{ refused }' }),
      ask({ query: 'subscription { ticks }' }),
      ask({ query: 'query A { one } query B { one }' }),
      ask({ query: '{ one }', variables: [] }),
      ask([{ query: '{ one }' }]),
      ask(null),
    ]);

    const one = `${JSON.stringify({ data: { one: 1 } })}\n`;
    expect(answers).toEqual([one, one, ...Array.from({ length: 7 }, () => undefined)]);
  });
});

test('of too many documents the one that was not used for longest is forgotten, by their number and by their length', () => {
  const known = new KnownDocuments();
  const document = parse('{ one }');
  for (let index = 0; index < 1_000; index += 1) known.keep(`${index}`, document);
  known.find('0');

  known.keep('one more', document);

  expect(['0', '1', '2', 'one more'].map((text) => known.find(text) !== undefined)).toEqual([
    true,
    false,
    true,
    true,
  ]);
  for (const letter of ['a', 'b', 'c']) known.keep(letter.repeat(200_000), document);
  expect(
    ['0', 'a'.repeat(200_000), 'b'.repeat(200_000)].map((text) => known.find(text) !== undefined),
  ).toEqual([false, false, true]);
});
