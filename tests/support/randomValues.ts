import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql';
import type { Random } from './random.js';

/** A value that is known when the operation is sent only: the id of a license that is there by then. */
export class Known {
  constructor(
    readonly kind: string,
    readonly index: number,
  ) {}
}

/** What stands in a document or in JSON as it is: an enum's value, a number that JavaScript would write otherwise. */
export class Word {
  constructor(
    readonly text: string,
    /** As JSON writes it in the variables. */
    readonly json = JSON.stringify(text),
  ) {}
}

const number = (text: string): Word => new Word(text, text);

const oddTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udc00b',
  '\ufeff',
  'x'.repeat(256),
  'x'.repeat(5001),
  'x'.repeat(60_000),
  '💾'.repeat(300),
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
  'e\u0301\u0327',
  '\u0001\u2028\u202e"\\\'`$x{{y}}%_\\',
  "'; drop table licenses; --",
  '=1+1',
  'null',
  '__proto__',
  '"""block"""',
  '\n\r\t ',
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
  cursor('EXPIRY_DATE_ASC', null, null),
  cursor('EXPIRY_DATE_DESC', '99999-01-01 00:00:00+00', 'x'),
  cursor('ISSUED_TO_ASC', '\ud800', 'x'),
  cursor('NAME_ASC', 'a\0', 'x'),
  cursor('CODE_ASC', "x'", 'y'.repeat(513)),
  cursor('CREATED_AT_DESC', null, 1),
  cursor('__proto__', 'x', 'x'),
  cursor(['CREATED_AT_DESC'], {}, []),
  cursor(),
  Buffer.from('[1').toString('base64url'),
  Buffer.from('null').toString('base64url'),
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
const oddRestrictions = [
  '*',
  '**.x',
  '10.0.0.0/33',
  '::/129',
  '0.0.0.0/0',
  '::ffff:10.0.0.1/104',
  'MON-MON 24:00-25:00 UTC',
  'FRI-MON 18:00-08:00 Nowhere/City',
  'ZZ',
  'us',
  '00-1a-2b-3c-4d-5g',
];

const features = ['api_access', 'bulk_export', 'analytics_dashboard', 'analytics_advanced', 'x'];

const soundByName: Readonly<Record<string, readonly unknown[]>> = {
  first: [1, 2, 3, 5, 20],
  licenseKey: [new Known('licenseKey', 0), new Known('licenseKey', 1), 'AAAA-BBBB-CCCC-DDDD-EEEE', 'no key'],
  activationToken: [new Known('token', 0), new Known('token', 1), 'act_x'],
  after: cursors,
  email: ['a@b.example', 'a@b'],
  currency: ['USD', 'JPY', 'usd'],
  featureId: features,
  values: restrictionValues,
  defaultValues: restrictionValues,
  country: ['DE', 'US', 'x'],
  timezone: ['Europe/Berlin', 'Nowhere'],
  macAddress: ['00:1A:2B:3C:4D:5E', '001A2B3C4D5E'],
  deviceFingerprint: ['device-1', 'device-2', 'device-3'],
  user: ['ada', 'bob'],
  types: ['license.created', 'x'],
  withinDays: [1, 30, 365],
  roles: ['admin', 'manager', 'customer', 'support'],
  permissions: ['license.read', 'customer.read', 'nobody.knows'],
  nonce: ['n1', 'x'.repeat(64)],
};
const oddByName: Readonly<Record<string, readonly unknown[]>> = {
  after: forgedCursors,
  values: oddRestrictions,
  defaultValues: oddRestrictions,
  licenseKey: ['ⅨAAA-BBBB-CCCC-DDDD-EEEE', 'aaaabbbbccccddddeeee', '----', 'AAAA-BBBB-CCCC-DDDD-EEEE-FFFF'],
  timezone: ['Etc/GMT+99', '../etc/passwd', 'UTC\0'],
};

const kinds: Readonly<Record<string, string>> = {
  licenseId: 'license',
  customerId: 'customer',
  newCustomerId: 'customer',
  templateId: 'template',
  productId: 'product',
  resellerId: 'reseller',
  activationId: 'activation',
  apiKeyId: 'apiKey',
  subjectId: 'license',
};

function ids(name: string): readonly [readonly unknown[], readonly unknown[]] {
  const kind = kinds[name] ?? name;
  const known = [0, 1, 2, 3].map((index) => new Known(kind, index));
  const foreign = [new Known(`foreign ${kind}`, 0), '019ca945-0a00-7459-b9d3-433f12674c0f', 'P-NEW'];
  const odd = [
    ...oddTexts,
    7,
    1.5,
    -1,
    number('99999999999999999999'),
    'ABCDEF00-0000-0000-0000-000000000000',
  ];
  return [[...known, ...known, ...foreign], odd];
}

const instants = [
  '2026-03-01T12:00:00Z',
  '2026-09-01T12:00:00.123456+02:00',
  '1970-01-01T00:00:00Z',
  '9000-01-01T00:00:00Z',
  '2027-02-28t23:59:60z',
  '2028-02-29T23:59:59.999999999Z',
  '2026-03-29T02:30:00+14:00',
];
const oddInstants = [
  '2026-03-01T12:00:00',
  '2026-03-01',
  '2026-13-01T00:00:00Z',
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '10000-01-01T00:00:00Z',
  '+010000-01-01T00:00:00Z',
  '-000001-01-01T00:00:00Z',
  '9000-01-01T00:00:00.001Z',
  '1969-12-31T23:59:59.999Z',
  '2026-03-01T25:00:00+99:00',
  '2026-03-01T12:00:00[Europe/Berlin]',
  'now',
  'infinity',
  1_772_366_400_000,
  ...oddTexts,
];

function nested(levels: number): object {
  return levels === 0 ? {} : { a: nested(levels - 1) };
}
function nestedLists(levels: number): unknown {
  return levels === 0 ? [] : [nestedLists(levels - 1)];
}

const huge = number(`1${'0'.repeat(400)}`);

type Values = readonly [sound: readonly unknown[], odd: readonly unknown[]];
const scalars: Readonly<Record<string, Values>> = {
  String: [soundTexts, oddTexts],
  Int: [
    [0, 1, 2, 12, 60, 100],
    [
      -1,
      61,
      101,
      2_147_483_647,
      2_147_483_648,
      -2_147_483_649,
      1.5,
      number('1e3'),
      number('1e400'),
      huge,
      '5',
      '',
      true,
      null,
      [1],
    ],
  ],
  Float: [
    [0, 0.1, 52.52, 1e12, number('-0'), number('1.0')],
    [-1, 90.1, -180.1, 1e13, 1e308, number('1e400'), number('-1e400'), number('5e-324'), '1', true, null],
  ],
  SafeInt: [
    [0, 1, 10, 1_000_000_000_000, Number.MAX_SAFE_INTEGER],
    [-1, Number.MAX_SAFE_INTEGER + 1, 1e300, number('9007199254740993'), number('1e400'), 0.5, '5', null],
  ],
  Boolean: [
    [true, false],
    ['true', 1, null],
  ],
  DateTime: [instants, oddInstants],
  Decimal: [
    ['0', '299.99', 5, 0.1, '999999999999999.9999', number('12.50')],
    [
      '-1',
      '1e5',
      '0.00001',
      '1000000000000000',
      'NaN',
      'Infinity',
      '',
      '1,5',
      '0x10',
      ' 5',
      1e21,
      number('1e400'),
      0.1 + 0.2,
      true,
      null,
      '-0',
      '٣',
    ],
  ],
  JSONObject: [
    [{}, { a: 1 }, { calls: 5, exports: 0.5 }, { constructor: 1, toString: null, a: [1, null, { b: 'ü' }] }],
    [
      nested(8),
      nested(9),
      nested(500),
      { a: nestedLists(500) },
      { 'a\0': 1 },
      { a: '\0' },
      { '\ud800': 1 },
      { a: ['\udfff'] },
      { a: '\\u0000' },
      { a: 1e308 },
      { a: number('1e400') },
      { a: huge },
      { a: -1 },
      { a: 'x'.repeat(17_000) },
      new Word('{__proto__: {a: 1}}', '{"__proto__":{"a":1},"a":{"__proto__":null}}'),
      new Word('{a: 1, a: 2}', '{"a":1,"a":2}'),
      Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index])),
      [],
      'x',
      1,
      null,
    ],
  ],
};

function valuesOf(type: GraphQLNamedType, name: string): Values {
  if (type.name === 'ID') return ids(name);
  if (isEnumType(type)) {
    const words = type.getValues().map((value) => new Word(value.name));
    return [
      words,
      [new Word('NOBODY'), new Word('__proto__'), new Word('lower'), 'ACTIVE', '', 1, null, ['ACTIVE']],
    ];
  }
  const values = scalars[type.name];
  if (values === undefined) throw new Error(`no values are known for ${type.name}`);
  return [soundByName[name] ?? values[0], [...(oddByName[name] ?? []), ...values[1]]];
}

const LONGEST_LIST = 1_200_000;

/** Makes values of input types; the odd ones as often as it is told. */
export class RandomValues {
  constructor(
    private readonly random: Random,
    /** The share of values that no client would send. */
    readonly oddness: number,
  ) {}

  of(type: GraphQLInputType, name: string): unknown {
    const { random } = this;
    if (isNonNullType(type)) return this.of(type.ofType, name);
    if (isListType(type)) return this.#list(type.ofType, name);
    if (isInputObjectType(type)) return this.#object(type);
    const [sound, odd] = valuesOf(type, name);
    return random.pick(random.chance(this.oddness) ? odd : sound);
  }

  #list(item: GraphQLInputType, name: string): unknown {
    const { random } = this;
    if (random.chance(this.oddness)) {
      const one = this.of(item, name);
      // Lists of lists of long texts: beyond what is sent at all.
      const most = Math.max(2, Math.floor(LONGEST_LIST / (jsonText(one).length + 1)));
      return Array(Math.min(most, random.pick([2, 51, 201, 1001]))).fill(one);
    }
    if (random.chance(0.05)) return this.of(item, name);
    return Array.from({ length: random.below(4) }, () => this.of(item, name));
  }

  #object(type: GraphQLInputObjectType): unknown {
    const { random, oddness } = this;
    if (random.chance(oddness / 4)) return random.pick([null, [], 'x', 5, [{}], {}]);
    const members = Object.values(type.getFields()).flatMap((field): [string, unknown][] => {
      const needed = isNonNullType(field.type) && field.defaultValue === undefined;
      const given = needed ? !random.chance(oddness / 2) : random.chance(0.35);
      return given ? [[field.name, this.of(field.type, field.name)]] : [];
    });
    if (random.chance(oddness / 4)) members.push([random.pick(['nobodyKnows', 'constructor']), 1]);
    return Object.fromEntries(members);
  }
}

/** The value as JSON, with what JavaScript would write otherwise. */
export function jsonText(value: unknown): string {
  if (value instanceof Word) return value.json;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`,
  );
  return `{${members.join(',')}}`;
}

/** The value with what is known by now put in. */
export function resolved(value: unknown, resolve: (known: Known) => unknown): unknown {
  if (value instanceof Known) return resolve(value);
  if (value instanceof Word || value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item) => resolved(item, resolve));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, resolved(member, resolve)]));
}
