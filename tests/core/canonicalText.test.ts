import { expect, test } from 'vitest';
import { canonicalText, exactText } from '../../src/core/canonicalText.js';
import { Random } from '../support/random.js';
import { SEED } from '../support/seed.js';

const names = ['a', 'b', 'ab', 'B', 'é', '1', '2', '10', '', '__proto__', 'toJSON', 'constructor'];
const plain = [null, true, false, 0, -1.5, 1e21, '', 'text', 'a"b\\\n', '\u2028', '\ud800', 'é'];

/** A value as JSON brings it, its members in any order. */
function anyValue(random: Random, depth: number): unknown {
  const kind = depth === 0 ? 0 : random.below(4);
  if (kind < 2) return plain[random.below(plain.length)];
  const parts = Array.from({ length: random.below(5) }, () => anyValue(random, depth - 1));
  if (kind === 2) return parts;
  const members = parts.map(
    (part) => `${JSON.stringify(names[random.below(names.length)])}:${JSON.stringify(part)}`,
  );
  return JSON.parse(`{${members.join()}}`);
}

/** What the text has to be, from sorted pairs. */
function expected(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(expected).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const pairs = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${pairs.map(([name, member]) => `${JSON.stringify(name)}:${expected(member)}`).join()}}`;
}

test(`one text for one value, in whatever order its members come (seed ${SEED})`, () => {
  const random = new Random(SEED);
  for (let round = 0; round < 5_000; round += 1) {
    const value = anyValue(random, 4);
    expect(exactText(value), `SEED=${SEED}`).toBe(expected(value));
  }
});

test('members that are not given are left out, and null is left out of one of the two alone', () => {
  const value = { b: null, a: undefined, c: [undefined, { d: undefined }] };

  expect(exactText(value)).toBe('{"b":null,"c":[null,{}]}');
  expect(canonicalText(value)).toBe('{"c":[null,{}]}');
  expect(exactText(undefined)).toBe('null');
});

test('no object says itself how it is written', () => {
  const said = { a: { toJSON: () => 'said', b: 1 } };

  expect(exactText({ a: new Date(0) })).toBe('{"a":{}}');
  expect(() => exactText(said)).not.toThrow();
  expect(exactText(said)).not.toContain('said');
});
