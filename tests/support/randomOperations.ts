import fc from 'fast-check';
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';

/** A value that is known when the operation is sent only: the id of a license that is there by then. */
export class Known {
  constructor(
    readonly kind: string,
    readonly index: number,
  ) {}
}

/** A word that stands in a document without quotes. */
class Word {
  constructor(readonly text: string) {}
  toJSON(): string {
    return this.text;
  }
}

export interface RandomOperation {
  readonly type: 'query' | 'mutation';
  readonly roots: readonly RandomRoot[];
  /** Whether arguments are sent as variables, or stand in the document. */
  readonly asVariables: boolean;
}

interface RandomRoot {
  readonly field: string;
  readonly args: readonly (readonly [string, string, unknown])[];
  readonly selection: string;
}

/** Many sound values to one odd one: an operation with ten odd values only ever meets the first check. */
function mostly(sound: readonly unknown[], odd: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { arbitrary: fc.constantFrom(...sound), weight: 40 },
    { arbitrary: fc.constantFrom(...odd), weight: 1 },
  );
}

const oddTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udc00b',
  'x'.repeat(256),
  'x'.repeat(5001),
  'x'.repeat(100_000),
  5,
  true,
  ['x'],
  {},
  null,
];
const soundTexts = [
  'Radar',
  'a',
  'é'.repeat(50),
  '終'.repeat(255),
  '💾💾',
  '\u0001\u2028\u202e"\\\'`$x{{y}}%_\\',
  "'; drop table licenses; --",
  '=1+1',
  'null',
  '__proto__',
];

export function cursor(...parts: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

const cursors = [
  null,
  cursor('CREATED_AT_DESC', '2999-03-01 12:00:00.5+00', 'x'),
  cursor('ACTIVATED_AT_DESC', '2999-03-01 12:00:00+00', 'x'),
  cursor('NAME_ASC', 'A', ''),
  cursor('CODE_ASC', 'A', 'A'),
];
const forgedCursors = [
  cursor('CREATED_AT_DESC', '2026-03-01 12:00:00+00', 'x'),
  cursor('CREATED_AT_DESC', 'yesterday', 'x'),
  cursor('CREATED_AT_DESC', '2026-02-30 12:00:00+00', 'x'),
  cursor('ACTIVATED_AT_DESC', 'infinity', 'x'),
  cursor('EXPIRY_DATE_ASC', 'infinity', 'x'),
  cursor('EXPIRY_DATE_DESC', '99999-01-01 00:00:00+00', 'x'),
  cursor('ISSUED_TO_ASC', '\ud800', 'x'),
  cursor('NAME_ASC', 'a\0', 'x'),
  cursor('CODE_ASC', "x'", 'y'.repeat(513)),
  cursor('CREATED_AT_DESC', null, 1),
  cursor(),
  Buffer.from('[1').toString('base64url'),
  '####',
  'eyJhIjox',
];

const restrictionValues = [
  'US',
  '*.example.com',
  '10.0.0.0/8',
  '2001:db8::/32',
  '00:1A:2B:3C:4D:5E',
  'HW-1',
  'MON-FRI 08:00-18:00 Europe/Berlin',
];

const soundByName: Readonly<Record<string, readonly unknown[]>> = {
  first: [1, 2, 20, 100],
  licenseKey: [new Known('licenseKey', 0), new Known('licenseKey', 1), 'AAAA-BBBB-CCCC-DDDD-EEEE', 'no key'],
  activationToken: [new Known('token', 0), new Known('token', 1), 'act_x'],
  after: cursors,
  email: ['a@b.example', 'a@b'],
  currency: ['USD', 'JPY', 'usd'],
  featureId: ['api_access', 'bulk_export', 'analytics_dashboard', 'analytics_advanced', 'x'],
  values: restrictionValues,
  defaultValues: restrictionValues,
  country: ['DE', 'US', 'x'],
  timezone: ['Europe/Berlin', 'Nowhere'],
  macAddress: ['00:1A:2B:3C:4D:5E', '001A2B3C4D5E'],
  deviceFingerprint: ['device-1', 'device-2', 'device-3'],
  user: ['ada', 'bob'],
  types: ['license.created', 'x'],
};
const oddByName: Readonly<Record<string, readonly unknown[]>> = { after: forgedCursors };

const kinds: Readonly<Record<string, string>> = {
  licenseId: 'license',
  customerId: 'customer',
  newCustomerId: 'customer',
  templateId: 'template',
  productId: 'product',
  resellerId: 'reseller',
  activationId: 'activation',
};

function ids(name: string): fc.Arbitrary<unknown> {
  const kind = kinds[name] ?? name;
  const known = [0, 1, 2, 3].map((index) => new Known(kind, index));
  const foreign = [new Known(`foreign ${kind}`, 0), '019ca945-0a00-7459-b9d3-433f12674c0f', 'P-NEW'];
  return mostly(
    [...known, ...known, ...foreign],
    [...oddTexts, 7, 1.5, 'ABCDEF00-0000-0000-0000-000000000000'],
  );
}

const instants = [
  '2026-03-01T12:00:00Z',
  '2026-09-01T12:00:00.123456+02:00',
  '1970-01-01T00:00:00Z',
  '9000-01-01T00:00:00Z',
  '2027-02-28t23:59:60z',
];
const oddInstants = [
  '2026-03-01T12:00:00',
  '2026-03-01',
  '2026-13-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '10000-01-01T00:00:00Z',
  '+010000-01-01T00:00:00Z',
  '9000-01-01T00:00:00.001Z',
  '1969-12-31T23:59:59.999Z',
  '2026-03-01T25:00:00+99:00',
  1_772_366_400_000,
  ...oddTexts,
];

function nested(levels: number): object {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}

const scalars: Readonly<Record<string, readonly [readonly unknown[], readonly unknown[]]>> = {
  String: [soundTexts, oddTexts],
  Int: [
    [0, 1, 2, 12, 60, 100],
    [-1, 61, 101, 2_147_483_647, 2_147_483_648, -2_147_483_649, 1.5, 1e21, '5', '', true, null, [1]],
  ],
  Float: [
    [0, 0.1, 52.52, 1e12, -0],
    [-1, 90.1, -180.1, 1e13, 1e308, '1', true, null],
  ],
  SafeInt: [
    [0, 1, 10, 1_000_000_000_000, Number.MAX_SAFE_INTEGER],
    [-1, Number.MAX_SAFE_INTEGER + 1, 1e300, 0.5, '5', null],
  ],
  Boolean: [
    [true, false],
    ['true', 1, null],
  ],
  DateTime: [instants, oddInstants],
  Decimal: [
    ['0', '299.99', 5, 0.1, '999999999999999.9999'],
    ['-1', '1e5', '0.00001', '1000000000000000', 'NaN', '', '1,5', 1e21, 0.1 + 0.2, true, null, '-0', '٣'],
  ],
  JSONObject: [
    [{}, { a: 1 }, { calls: 5, exports: 0.5 }, { constructor: 1, toString: null, a: [1, null, { b: 'ü' }] }],
    [
      nested(8),
      nested(9),
      { 'a\0': 1 },
      { a: '\0' },
      { '\ud800': 1 },
      { a: ['\udfff'] },
      { a: '\\u0000' },
      { a: 1e308 },
      { a: -1 },
      { a: 'x'.repeat(17_000) },
      Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index])),
      [],
      'x',
      1,
      null,
    ],
  ],
};

function scalarOf(type: GraphQLNamedType, name: string): fc.Arbitrary<unknown> {
  if (type.name === 'ID') return ids(name);
  const [sound, odd] = scalars[type.name] ?? [];
  if (sound === undefined || odd === undefined) throw new Error(`no values are known for ${type.name}`);
  return mostly(soundByName[name] ?? sound, [...(oddByName[name] ?? []), ...odd]);
}

function listOf(item: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const repeated = fc
    .tuple(item, fc.constantFrom(2, 51, 201, 1001))
    .map(([one, times]) => Array(times).fill(one));
  return fc.oneof(
    { arbitrary: fc.array(item, { maxLength: 3 }), weight: 20 },
    { arbitrary: repeated, weight: 1 },
    { arbitrary: item, weight: 1 },
  );
}

function objectOf(fields: readonly GraphQLInputField[]): fc.Arbitrary<unknown> {
  const given = fields.map((field) => {
    const present = inputOf(field.type, field.name).map((value) => [[field.name, value]]);
    const absent = fc.constant([]);
    return isNonNullType(field.type) && field.defaultValue === undefined
      ? fc.oneof({ arbitrary: present, weight: 60 }, { arbitrary: absent, weight: 1 })
      : fc.oneof({ arbitrary: present, weight: 1 }, { arbitrary: absent, weight: 2 });
  });
  const unknown = fc.oneof(
    { arbitrary: fc.constant([]), weight: 60 },
    { arbitrary: fc.constant([['nobodyKnows', 1]]), weight: 1 },
  );
  return fc.tuple(...given, unknown).map((parts) => Object.fromEntries(parts.flat()));
}

/** Values of an input's type: mostly sound, each at times odd. */
function inputOf(type: GraphQLInputType, name: string): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return inputOf(type.ofType, name);
  if (isListType(type)) return listOf(inputOf(type.ofType, name));
  if (isInputObjectType(type)) return objectOf(Object.values(type.getFields()));
  if (!isEnumType(type)) return scalarOf(type, name);
  const words = type.getValues().map((value) => new Word(value.name));
  return mostly(words, [new Word('NOBODY'), 'ACTIVE', 1, null]);
}

/** An argument as name, type and value; the arguments that may be left out are at times. */
function argumentsOf(args: readonly GraphQLArgument[], field: string) {
  const each = args.map((argument) => {
    const name = argument.name === 'id' ? field : argument.name;
    const present = inputOf(argument.type, name).map((value) => [
      [argument.name, String(argument.type), value] as const,
    ]);
    const optional = !isNonNullType(argument.type) || argument.defaultValue !== undefined;
    return optional ? fc.oneof(present, fc.constant([])) : present;
  });
  return fc.tuple(...each).map((parts) => parts.flat());
}

/** The value as it stands in a document. */
export function literal(value: unknown): string {
  if (value instanceof Word) return value.text;
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${name}: ${literal(member)}`);
  return `{${members.join(', ')}}`;
}

function fieldSelection(field: GraphQLField<unknown, unknown>, depth: number): fc.Arbitrary<string> {
  const conditions = fc.oneof(
    { arbitrary: fc.constant(''), weight: 20 },
    {
      arbitrary: fc.constantFrom(' @skip(if: true)', ' @include(if: false)', ' @skip(if: false)'),
      weight: 1,
    },
  );
  const page = field.args.length === 0 ? fc.constant([]) : argumentsOf(field.args, field.name);
  return fc.tuple(page, conditions, selectionOf(field.type, depth)).map(([args, condition, below]) => {
    const given = args.map(([name, , value]) => `${name}: ${literal(value)}`).join(', ');
    return `${field.name}${given === '' ? '' : `(${given})`}${condition}${below}`;
  });
}

/** Some fields of a type, four levels down at the most. */
function selectionOf(type: GraphQLOutputType, depth: number): fc.Arbitrary<string> {
  const named = getNamedType(type);
  if (!isObjectType(named)) return fc.constant('');
  const fields = Object.values(named.getFields()).filter(
    (field) => depth > 0 || !isObjectType(getNamedType(field.type)),
  );
  if (fields.length === 0) return fc.constant(' { __typename }');
  return fc
    .subarray(fields, { minLength: 1, maxLength: Math.min(6, fields.length) })
    .chain((chosen) => fc.tuple(...chosen.map((field) => fieldSelection(field, depth - 1))))
    .map((parts) => ` { ${parts.join(' ')} }`);
}

function rootOf(field: GraphQLField<unknown, unknown>): fc.Arbitrary<RandomRoot> {
  return fc
    .tuple(argumentsOf(field.args, field.name), selectionOf(field.type, 4))
    .map(([args, selection]) => ({ field: field.name, args, selection }));
}

/** Operations on one to three root fields of a schema. */
export function randomOperations(schema: GraphQLSchema): fc.Arbitrary<RandomOperation> {
  const roots = { query: schema.getQueryType(), mutation: schema.getMutationType() };
  const fieldsOf = (type: 'query' | 'mutation') => Object.values(roots[type]?.getFields() ?? {}).map(rootOf);
  const operations = (type: 'query' | 'mutation', most: number) =>
    fc.record({
      type: fc.constant(type),
      roots: fc.array(fc.oneof(...fieldsOf(type)), { minLength: 1, maxLength: most }),
      asVariables: fc.boolean(),
    });
  return fc.oneof(operations('query', 3), operations('mutation', 2));
}

type Resolve = (known: Known) => unknown;

function resolved(value: unknown, resolve: Resolve): unknown {
  if (value instanceof Known) return resolve(value);
  if (value instanceof Word || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => resolved(item, resolve));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolved(member, resolve)]));
}

/** The document and variables of an operation, with what is known by now put in. */
export function written(operation: RandomOperation, resolve: Resolve): { query: string; variables: object } {
  const variables: Record<string, unknown> = {};
  const declared: string[] = [];
  const roots = operation.roots.map(({ field, args, selection }, root) => {
    const given = args.map(([name, type, value]) => {
      const now = resolved(value, resolve);
      if (!operation.asVariables) return `${name}: ${literal(now)}`;
      const variable = `${name}${root}`;
      variables[variable] = now;
      declared.push(`$${variable}: ${type}`);
      return `${name}: $${variable}`;
    });
    return `r${root}: ${field}${given.length === 0 ? '' : `(${given.join(', ')})`}${selection}`;
  });
  const heads = declared.length === 0 ? '' : `(${declared.join(', ')})`;
  return { query: `${operation.type} ${heads} { ${roots.join(' ')} }`, variables };
}
