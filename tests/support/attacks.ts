import { getIntrospectionQuery } from 'graphql';
import type { RefusalCode } from '../../src/core/refusal.js';
import type { LimitName } from '../../src/server/limits/limits.js';

/** A request made to cost the server more than its sender. */
export interface Attack {
  readonly what: string;
  readonly query: string;
  /** JSON as it is sent: some of it is deeper than what writes JSON could follow. */
  readonly variables?: string;
  readonly code: RefusalCode;
  /** Which limit of size has to name itself. */
  readonly limit?: LimitName;
}

export function times(count: number, part: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => part(index)).join(' ');
}

/** A text inside so many pairs of brackets. */
export function inside(levels: number, open: string, text: string, close: string): string {
  return open.repeat(levels) + text + close.repeat(levels);
}

/** The body of a POST that carries it. */
export function bodyOf({ query, variables = '{}' }: Pick<Attack, 'query' | 'variables'>): string {
  return `{"query":${JSON.stringify(query)},"variables":${variables}}`;
}

function tooLarge(limit: LimitName, what: string, query: string, variables = '{}'): Attack {
  return { what, query, variables, code: 'OPERATION_TOO_LARGE', limit };
}

function tooCostly(what: string, query: string, variables = '{}'): Attack {
  return { what, query, variables, code: 'OPERATION_TOO_COSTLY' };
}

function invalid(what: string, query: string): Attack {
  return { what, query, code: 'GRAPHQL_VALIDATION_FAILED' };
}

/** Each fragment spreads the next one twice: written out, two to the power of their number. */
const doubling = times(
  30,
  (at) =>
    `fragment F${at} on License { ${at === 29 ? 'id' : `a: customer { licenses { nodes { ...F${at + 1} } } } b: customer { licenses { nodes { ...F${at + 1} } } }`} }`,
);
const doublingSpreads = times(
  45,
  (at) => `fragment F${at} on License { ${at === 44 ? 'id' : `...F${at + 1} ...F${at + 1}`} }`,
);
/** Each spreads all that follow it. */
const fan = times(
  40,
  (at) => `fragment F${at} on License { id ${times(39 - at, (step) => `...F${at + 1 + step}`)} }`,
);
const cyclic = `fragment A on License { id customer { licenses { nodes { ...B } } } }
  fragment B on License { id ...C } fragment C on License { id ...A }`;
const everyTwo = times(
  20,
  (at) => `fragment F${at} on License { id ${times(20, (other) => `...F${other}`)} }`,
);
const hundredByHundred = '{ licenses(first: 100) { nodes { activations(first: 100) { nodes { id } } } } }';
const byVariable =
  'query ($n: Int!) { licenses(first: $n) { nodes { activations(first: $n) { nodes { id } } } } }';
const byDefault = byVariable.replace('Int!', 'Int! = 100');
const introspection = getIntrospectionQuery();
const introspectionFragments = introspection.slice(introspection.indexOf('fragment FullType'));

export const attacks: readonly Attack[] = [
  tooLarge('aliases', 'one field under 450 names', `{ viewer { ${times(450, (at) => `a${at}: kind`)} } }`),
  tooLarge(
    'rootFields',
    'guesses at keys',
    `{ ${times(100, (at) => `k${at}: licenseByKey(licenseKey: "AAAA-AAAA-AAAA-AAAA-${1000 + at}") { id }`)} }`,
  ),
  tooLarge('rootFields', 'one mutation of 51 acts', `mutation { ${times(51, () => '__typename')} }`),
  tooLarge('directives', 'a directive 1,200 times', `{ viewer ${'@a'.repeat(1_200)} { kind } }`),
  tooLarge(
    'directives',
    '@include on every field',
    `{ viewer { ${times(300, () => 'kind @include(if: true)')} } }`,
  ),
  tooLarge('directives', 'directives on an operation', `query ${'@a'.repeat(51)} { viewer { kind } }`),
  tooLarge(
    'directives',
    'directives on variables',
    `query (${times(51, (at) => `$a${at}: Int @a`)}) { viewer { kind } }`,
  ),
  tooLarge('selections', 'fragments that double', `{ licenses { nodes { ...F0 } } } ${doubling}`),
  tooLarge('selections', 'spreads that double', `{ licenses { nodes { ...F0 } } } ${doublingSpreads}`),
  tooLarge(
    'selections',
    'fragments that double and that nobody spreads',
    `{ viewer { kind } } ${doublingSpreads}`,
  ),
  tooLarge('selections', 'each fragment spreads all others', `{ licenses { nodes { ...F0 } } } ${fan}`),
  tooLarge('selections', 'one field 2,000 times', `{ viewer { ${times(2_000, () => 'kind')} } }`),
  invalid(
    'a fragment that spreads itself',
    '{ licenses { nodes { ...A } } } fragment A on License { id ...A }',
  ),
  invalid('a cycle of three fragments', `{ licenses { nodes { ...A } } } ${cyclic}`),
  invalid('a cycle that nobody spreads', `{ viewer { kind } } ${cyclic}`),
  invalid('20 fragments, each spreading every one', `{ licenses { nodes { ...F0 } } } ${everyTwo}`),
  tooLarge(
    'depth',
    'a way through the graph without end',
    inside(9, '{ licenses(first: 1) { nodes { customer', '{ id }', '} } }'),
  ),
  tooLarge('nesting', '2,500 nested selections', inside(2_500, '{a', '', '}')),
  tooLarge('nesting', '2,500 nested selections without an end', '{a'.repeat(2_400)),
  tooLarge('nesting', 'nested inline fragments', `{ viewer ${inside(1_000, '{ ... ', '{ kind }', '}')} }`),
  tooLarge(
    'nesting',
    'nested lists',
    `{ licenses(filter: ${inside(2_000, '[', '1', ']')}) { nodes { id } } }`,
  ),
  tooLarge(
    'nesting',
    'nested objects',
    `{ licenses(filter: ${inside(1_200, '{a:', '1', '}')}) { nodes { id } } }`,
  ),
  tooLarge('nesting', 'nested types', `query ($a: ${inside(2_000, '[', 'Int', ']')}) { viewer { kind } }`),
  tooLarge('characters', 'a long string', `{ license(id: "${'x'.repeat(60_000)}") { id } }`),
  tooLarge('characters', 'a long block string', `{ license(id: """${'\n '.repeat(30_000)}""") { id } }`),
  tooLarge('characters', 'comments', `${'#\n'.repeat(40_000)}{ viewer { kind } }`),
  tooLarge('characters', 'commas', `{ viewer { kind${','.repeat(60_000)} } }`),
  tooLarge(
    'tokens',
    'a list of 4,000 values',
    `{ licenses(filter: {status: [${'1,'.repeat(4_000)}]}) { nodes { id } } }`,
  ),
  tooLarge(
    'operations',
    '200 operations',
    times(200, (at) => `query Q${at} { viewer { kind } }`),
  ),
  tooLarge(
    'fragments',
    '200 fragments',
    `{ viewer { kind } } ${times(200, (at) => `fragment F${at} on Viewer { kind }`)}`,
  ),
  tooLarge(
    'arguments',
    '500 arguments',
    `{ licenses { nodes { events(${times(500, (at) => `a${at}: 1`)}) { nodes { id } } } } }`,
  ),
  tooLarge('variables', '400 variables', `query (${times(400, (at) => `$a${at}: Int`)}) { viewer { kind } }`),
  invalid('variables that nobody uses', `query (${times(100, (at) => `$a${at}: Int`)}) { viewer { kind } }`),
  invalid(
    'names that resemble others',
    `query (${times(99, (at) => `$a${at}: LicenseConectionx${at}`)}) { viewer { kind } }`,
  ),
  invalid(
    'fields that resemble others',
    `{ licenses { nodes { ${times(400, (at) => `productNane${at}`)} } } }`,
  ),
  invalid(
    '200 types',
    times(200, (at) => `type T${at} { a: Int }`),
  ),
  tooLarge(
    'values',
    '60,000 values',
    '{ viewer { kind } }',
    `{${Array.from({ length: 60 }, (_, at) => `"v${at}":[1${',1'.repeat(999)}]`)}}`,
  ),
  tooLarge(
    'entries',
    'a list of 200,000 values',
    '{ viewer { kind } }',
    `{"list":[1${',1'.repeat(199_999)}]}`,
  ),
  tooLarge(
    'members',
    'an object of 30,000 members',
    '{ viewer { kind } }',
    `{"o":{${Array.from({ length: 30_000 }, (_, at) => `"m${at}":1`)}}}`,
  ),
  tooLarge(
    'valueNesting',
    'JSON 50,000 levels deep',
    '{ viewer { kind } }',
    inside(50_000, '{"a":', '1', '}'),
  ),
  tooCostly('a hundred times a hundred', hundredByHundred),
  tooCostly('the same by a variable', byVariable, '{"n":100}'),
  tooCostly("the same by a variable's default", byDefault),
  tooCostly('a page without an end', byVariable, '{"n":2147483647}'),
  tooCostly(
    '30 lists of a hundred',
    `{ ${times(30, (at) => `a${at}: licenses(first: 100) { nodes { id status issuedTo } }`)} }`,
  ),
  tooCostly(
    'what is refused, for each of a hundred',
    `{ licenses(first: 100) { nodes { ${times(60, (at) => `a${at}: advancedAnalytics { __typename }`)} } } }`,
  ),
  tooCostly(
    'counts',
    `{ licenses(first: 1) { nodes { ${times(60, (at) => `a${at}: events(first: 1) { totalCount }`)} } } }`,
  ),
  tooCostly(
    'one field with fields 120 times',
    `{ licenses { nodes { ${times(120, () => 'customer { id name }')} } } }`,
  ),
  tooLarge(
    'selections',
    'introspection four times',
    `{ ${times(4, (at) => `a${at}: __schema { types { ...FullType } }`)} } ${introspectionFragments}`,
  ),
  invalid(
    'introspection of types of fields of types',
    '{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }',
  ),
];
