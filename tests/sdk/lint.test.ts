import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lintFeatures, requiresFeatureDirective } from '../../src/sdk/index.js';
import { lintReport } from '../../src/server/lintFeatures.js';
import { effort } from '../support/effort.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-lint-'));
  path = join(folder, 'schema.graphql');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The lines of a report; none if there is nothing to say. */
async function report(sdl: string, options: object = {}): Promise<string[]> {
  await writeFile(path, sdl);
  const { text, code } = await lintReport(path, { sensitive: 'sensitive', ...options });
  const lines = text === '' ? [] : text.split('\n');
  expect(code).toBe(lines.length === 0 ? 0 : 1);
  return lines;
}

const sdl = `
  type Query { open: Int secret: Int @sensitive licensed: Int @sensitive @requiresFeature(feature: "gold") box: Box }
  type Box @sensitive @requiresFeature(feature: "box") { size: Int inner: Int @requiresFeature(feature: "gold") }
  type Mutation { tin: Int gild: Int @requiresFeature(feature: "gold") wrap: Box }`;

test('lists what changes or is sensitive without a feature, and features that nothing needs', async () => {
  expect(await report(sdl, { features: 'gold, box, silver' })).toEqual([
    'Mutation.tin: changes something and needs no feature',
    'Query.secret: is sensitive and needs no feature',
    'Box.size: is sensitive and needs no feature',
    'silver: no field needs this feature',
  ]);
});

test('has nothing to say of a schema in which everything carries a feature', async () => {
  const tight = 'type Query { a: Int } type Mutation { b: Int @requiresFeature(feature: "gold") }';

  expect(await report(tight, { features: 'gold' })).toEqual([]);
});

test('takes the name of another directive, and a schema that declares its own', async () => {
  const own = `directive @private on FIELD_DEFINITION
    directive @requiresFeature(feature: String!, consumeQuota: Boolean = false, amount: Int = 1, amountFrom: String) repeatable on FIELD_DEFINITION | OBJECT
    type Query { a: Int @private }`;

  expect(await report(own, { sensitive: 'private' })).toEqual(['Query.a: is sensitive and needs no feature']);
});

test('takes a list of sensitive places, of a schema that cannot be marked', async () => {
  const plain =
    'type Query { user: User } type User { name: String email: String address: Address } type Address { street: String }';

  expect(await report(plain, { sensitivePlaces: 'User.email, Address' })).toEqual([
    'User.email: is sensitive and needs no feature',
    'Address.street: is sensitive and needs no feature',
  ]);
});

describe('schemas of others', () => {
  test('a subgraph of a federation, which extends what others define', async () => {
    const subgraph = `
      extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@shareable", "@external"])
      extend type Query { me: User @shareable topSecrets: Int @sensitive }
      extend type Mutation { rename(name: String!): User  charge: Int @requiresFeature(feature: "billing") }
      extend type User @key(fields: "id") { id: ID! @external  orders: [Order!] }
      extend type User { spent: Int @sensitive }
      type Order @key(fields: "id") { id: ID! }`;

    expect(await report(subgraph, { features: 'billing' })).toEqual([
      'Mutation.rename: changes something and needs no feature',
      'Query.topSecrets: is sensitive and needs no feature',
      'User.spent: is sensitive and needs no feature',
    ]);
  });

  test('interfaces: what they say of a field holds for the types that implement them', async () => {
    const interfaces = `
      interface Node { id: ID!  secret: Int @sensitive }
      interface Owned @sensitive { owner: ID }
      type Query { node: Node }
      type A implements Node { id: ID! secret: Int }
      type B implements Node & Owned { id: ID! secret: Int @requiresFeature(feature: "gold") owner: ID free: Int }
      extend type A @sensitive`;

    expect(await report(interfaces)).toEqual([
      'A.id: is sensitive and needs no feature',
      'A.secret: is sensitive and needs no feature',
      'B.owner: is sensitive and needs no feature',
    ]);
  });

  test('roots by other names, inputs of which one is given, scalars and descriptions', async () => {
    const odd = `
      """A schema: type Mutation { fake: Int } directive @requiresFeature"""
      schema { query: Reads mutation: Writes }
      scalar JSON @specifiedBy(url: "https://example.com")
      input By @oneOf { id: ID name: String }
      type Reads { find(by: By!): JSON }
      type Writes { put(by: By!, value: JSON = {a: [1, "}"]}): JSON }
      type Mutation { unrelated: Int }`;

    expect(await report(odd)).toEqual(['Writes.put: changes something and needs no feature']);
  });

  test('5,000 types are looked over in moments', async () => {
    const types = Array.from(
      { length: 5_000 },
      (_, index) =>
        `type T${index} { next: T${(index + 1) % 5_000} a: Int b(c: Int): [String!] secret: Int @sensitive }`,
    );
    const taken = effort();

    const found = await report(`type Query { first: T0 } ${types.join('\n')}`);

    expect(found).toHaveLength(5_000);
    // 0.3 s on an idle machine.
    expect(taken()).toBeLessThan(10_000);
  });

  test('a schema that was built in code', () => {
    const schema = buildSchema(
      `${requiresFeatureDirective().typeDefs} type Query { a: Int } type Mutation { b: Int }`,
    );

    expect(
      lintFeatures(schema, { features: ['gold'], sensitivePlaces: ['Query.a', 'Query.z', 'Nope'] }),
    ).toEqual({
      mutating: ['Mutation.b'],
      sensitive: ['Query.a'],
      unused: ['gold'],
      unknown: ['Query.z', 'Nope'],
    });
  });
});

test.each([
  ['no schema', 'type Query {', {}, 'Syntax Error'],
  ['a type that there is not', 'type Query { a: Absent }', {}, 'Unknown type: "Absent"'],
  ['a name that is none', 'type Query { a: Int }', { sensitive: 'a b' }, '--sensitive takes a name.'],
  [
    'a place that there is not',
    'type Query { a: Int }',
    { sensitivePlaces: 'Query.a,Query.b,Int' },
    '--sensitive-places: not in the schema: Query.b, Int',
  ],
])('says what is wrong with %s', async (_what, text, options, message) => {
  await expect(report(text, options)).rejects.toThrow(message);
});

test('the command exits with 0, 1 and 2, and tells its findings as JSON', async () => {
  await writeFile(path, sdl);
  const tight = join(folder, 'tight.graphql');
  await writeFile(tight, 'type Query { a: Int }');
  const lint = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'lint-features', ...words]);
    return [status, stdout.toString(), stderr.toString()];
  };

  const [code, found] = lint(path, '--json', '--features', 'gold');

  expect(lint(tight)).toEqual([0, '', '']);
  expect([code, JSON.parse(String(found))]).toEqual([
    1,
    { mutating: ['Mutation.tin'], sensitive: ['Query.secret', 'Box.size'], unused: [] },
  ]);
  expect(lint(join(folder, 'absent.graphql'))).toEqual([
    2,
    '',
    `cannot read ${join(folder, 'absent.graphql')}\n`,
  ]);
});
