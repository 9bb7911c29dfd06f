import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lintReport } from '../../src/server/lintFeatures.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-lint-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function report(sdl: string, options: object = {}): Promise<string[]> {
  const path = join(folder, 'schema.graphql');
  await writeFile(path, sdl);
  return lintReport(path, { sensitive: 'sensitive', ...options });
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

test.each([
  ['no schema', 'type Query {', {}, 'Syntax Error'],
  ['a name that is none', 'type Query { a: Int }', { sensitive: 'a b' }, '--sensitive takes a name.'],
])('says what is wrong with %s', async (_what, text, options, message) => {
  await expect(report(text, options)).rejects.toThrow(message);
});
