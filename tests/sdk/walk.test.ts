import { buildSchema, type GraphQLSchema, getOperationAST, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { needsOf, type PathNeed } from '../../src/sdk/directive/needs.js';
import { requiresFeatureDirective } from '../../src/sdk/index.js';
import { effort } from '../support/effort.js';

/** What an operation needs, found without anything that bounds documents before. */
function needs(schema: GraphQLSchema, text: string): PathNeed[] {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (operation == null) throw new Error('no operation');
  return needsOf({ schema, document, operation, variables: {} });
}

const schemaOf = (sdl: string): GraphQLSchema => buildSchema(`${requiresFeatureDirective().typeDefs} ${sdl}`);
const times = (count: number, text: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => text(at)).join(' ');
const nested = (depth: number, inner: string): string =>
  `${'next { '.repeat(depth)}${inner}${' }'.repeat(depth)}`;

/** Two to the power of `levels` ways to the last fragment. */
const doubling = (levels: number, inner: string): string =>
  `{ first { ...F0 } } ${times(levels, (at) => `fragment F${at} on T { a: next { ...F${at + 1} } b: next { ...F${at + 1} } }`)}
   fragment F${levels} on T { ${inner} }`;

describe('finding out what an operation needs takes no longer than the document is long', () => {
  test('through an interface that 300 types share, 30 levels deep', () => {
    const types = times(300, (at) => {
      const mark = at === 7 ? '@requiresFeature(feature: "gold", consumeQuota: true, amount: 2)' : '';
      return `type T${at} implements Node { next: Node value: Int ${mark} }`;
    });
    const schema = schemaOf(`interface Node { next: Node value: Int } type Query { next: Node } ${types}`);
    const taken = effort();

    const found = needs(schema, `{ ${nested(30, 'value')} }`);

    expect(found).toEqual([
      {
        path: `${times(30, () => 'next').replaceAll(' ', '.')}.value`,
        feature: 'gold',
        amount: 2,
        field: 'T7.value',
      },
    ]);
    // 300 to the power of 30 ways; a tenth of a second on an idle machine.
    expect(taken()).toBeLessThan(5_000);
  });

  test('through fragments that double what they spread: it is refused', () => {
    const schema = schemaOf(
      'type Query { first: T } type T { next: T value: Int @requiresFeature(feature: "gold") }',
    );
    const taken = effort();

    expect(needs(schema, doubling(8, 'value'))).toHaveLength(256);
    expect(() => needs(schema, doubling(40, 'value'))).toThrow('at most 500 features at a time');
    expect(taken()).toBeLessThan(5_000);
  });

  test('and what leads to no mark is not walked through at all', () => {
    const schema = schemaOf(
      'type Query { first: T gold: Int @requiresFeature(feature: "gold") } type T { next: T value: Int }',
    );
    const text = doubling(40, 'value').replace('{ first', '{ gold first');

    expect(needs(schema, text).map(({ path }) => path)).toEqual(['gold']);
  });

  test('500 needs are asked for at once, and one more is refused', () => {
    const schema = schemaOf('type Query { gold: Int @requiresFeature(feature: "gold") }');
    const asking = (count: number): string => `{ ${times(count, (at) => `a${at}: gold`)} }`;

    expect(needs(schema, asking(500))).toHaveLength(500);
    expect(() => needs(schema, asking(501))).toThrow('at most 500 features at a time');
  });
});

test('types that differ under one path are each walked', () => {
  const schema = schemaOf(`
    interface Node { next: Node }
    type Query { next: Node }
    type A implements Node { next: Node a: Int @requiresFeature(feature: "a") }
    type B implements Node { next: Node b: Int @requiresFeature(feature: "b") }`);

  const found = needs(
    schema,
    '{ next { ... on A { next { ... on B { b } } } ... on B { next { ... on A { a } } } } }',
  );

  expect(found.map(({ path, feature }) => [path, feature])).toEqual([
    ['next.next.b', 'b'],
    ['next.next.a', 'a'],
  ]);
});
