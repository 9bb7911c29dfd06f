import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
} from 'graphql';
import type { Random } from './random.js';
import { Known, RandomValues, Word } from './randomValues.js';

export type OperationKind = 'query' | 'mutation' | 'subscription';

/** What is sent, with ids that are put in when it goes. */
export interface RandomOperation {
  readonly kind: OperationKind;
  /** Parts of the document: text, and literals of what is known later. */
  readonly document: readonly (string | Known)[];
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName?: unknown;
  readonly extensions?: unknown;
  /** The response names of its root fields, as far as the document was left whole. */
  readonly roots: readonly string[];
}

type Field = GraphQLField<unknown, unknown>;

const introspections = [
  '__typename',
  '__schema { queryType { name } types { name kind } }',
  '__schema { directives { name args { name defaultValue } } }',
  '__type(name: "License") { fields(includeDeprecated: true) { name type { name ofType { name } } } }',
  '__type(name: "\\u0000") { name }',
  '__type(name: "__Type") { possibleTypes { name } interfaces { name } }',
];
const soundDirectives = [
  ' @skip(if: false)',
  ' @include(if: true)',
  ' @skip(if: true)',
  ' @include(if: false)',
];
const oddDirectives = [
  ' @skip',
  ' @skip(if: null)',
  ' @skip(if: "true")',
  ' @nobody',
  ' @requiresFeature(feature: "x")',
  ' @deprecated',
  ' @skip(if: false) @skip(if: false)',
  ' @specifiedBy(url: "x")',
];

/** One operation on a schema: its text as it grows, with the variables and fragments that it comes to need. */
class Writer {
  readonly #random: Random;
  readonly #values: RandomValues;
  readonly variables: Record<string, unknown> = {};
  readonly #declared: (string | Known)[][] = [];
  readonly #fragments = new Map<string, { readonly type: string; readonly text: (string | Known)[] }>();
  #names = 0;
  /** Within a default, which takes no variables. */
  #constant = false;

  constructor(
    private readonly schema: GraphQLSchema,
    random: Random,
    oddness: number,
  ) {
    this.#random = random;
    this.#values = new RandomValues(random, oddness);
  }

  /** A document has many places, and one that is wrong is the end of it: what is odd in its values is met more often. */
  get #odd(): boolean {
    return this.#random.chance(this.#values.oddness / 10);
  }

  root(field: Field, name: string): (string | Known)[] {
    return [`${name}: `, ...this.#field(field, 4)];
  }

  /** Declarations, fragments and the selection of the roots as one document. */
  document(kind: OperationKind, selection: readonly (string | Known)[]): (string | Known)[] {
    const declared = this.#declared.flatMap((each, index) => (index === 0 ? each : [', ', ...each]));
    const head = declared.length === 0 ? [] : ['(', ...declared, ')'];
    const fragments = [...this.#fragments].flatMap(([name, { type, text }]) => [
      `\nfragment ${name} on ${type}`,
      ...text,
    ]);
    return [`${kind} Asked`, ...head, ' { ', ...selection, ' }', ...fragments];
  }

  #field(field: Field, depth: number): (string | Known)[] {
    const given = this.#arguments(field);
    const args = given.length === 0 ? [] : ['(', ...given, ')'];
    return [field.name, ...args, this.#directive(), ...this.#selection(field.type, depth)];
  }

  #arguments({ args, name: fieldName }: Field): (string | Known)[] {
    const written = args.flatMap((argument): (string | Known)[] => {
      const needed = isNonNullType(argument.type) && argument.defaultValue === undefined;
      if (needed ? this.#odd : this.#random.chance(0.5)) return [];
      const named = argument.name === 'id' ? fieldName : argument.name;
      return [
        `${argument.name}: `,
        ...this.#value(argument.type, this.#values.of(argument.type, named), argument),
        ', ',
      ];
    });
    return this.#odd ? [...written, 'nobodyKnows: 1'] : written;
  }

  /** A literal, or a variable in its place. */
  #value(type: GraphQLInputType, value: unknown, argument?: GraphQLArgument): (string | Known)[] {
    if (this.#constant) return this.#literal(type, value);
    // A literal cannot carry every name that JSON can.
    const asVariable = this.#random.chance(argument === undefined ? 0.1 : 0.5) || isJson(type);
    return asVariable ? this.#variable(type, value) : this.#literal(type, value);
  }

  #variable(type: GraphQLInputType, value: unknown): string[] {
    const name = `v${this.#names++}`;
    if (!this.#odd) this.variables[name] = value;
    this.#declared.push([`$${name}: ${this.#declaredType(type)}`, ...this.#default(type)]);
    return [`$${name}`];
  }

  #declaredType(type: GraphQLInputType): string {
    if (!this.#odd) return String(type);
    return this.#random.pick([
      String(getNullableType(type)),
      `${getNullableType(type)}!`,
      `[${type}]`,
      'Nobody',
      'Int',
      'License',
    ]);
  }

  #default(type: GraphQLInputType): (string | Known)[] {
    if (isJson(type) || !this.#random.chance(0.1)) return [];
    this.#constant = true;
    const written = this.#odd ? ['null'] : this.#literal(type, this.#values.of(type, ''));
    this.#constant = false;
    return [' = ', ...written];
  }

  #literal(type: GraphQLInputType, value: unknown): (string | Known)[] {
    const plain = isNonNullType(type) ? type.ofType : type;
    if (value instanceof Word) return [value.text];
    if (value instanceof Known) return [value];
    if (typeof value === 'string') return [this.#text(value)];
    if (Array.isArray(value)) {
      const item = isListType(plain) ? plain.ofType : plain;
      return ['[', ...value.flatMap((each) => [...this.#literal(item, each), ', ']), ']'];
    }
    if (typeof value !== 'object' || value === null) return [JSON.stringify(value)];
    const fields = isInputObjectType(plain) ? plain.getFields() : {};
    const members = Object.entries(value).flatMap(([name, member]) => {
      const known = Object.hasOwn(fields, name) ? fields[name]?.type : undefined;
      const written = known === undefined ? this.#literal(plain, member) : this.#value(known, member);
      return [`${name}: `, ...written, ', '];
    });
    return ['{', ...members, '}'];
  }

  #text(value: string): string {
    if (!this.#random.chance(0.05)) return JSON.stringify(value);
    return this.#random.pick([
      `"""${value.replaceAll('"""', '\\"""')}"""`,
      `"${[...value].map((letter) => `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`).join('')}"`,
      `"${value}"`,
    ]);
  }

  #directive(): string {
    if (!this.#random.chance(0.04)) return this.#odd ? this.#random.pick(oddDirectives) : '';
    if (this.#random.chance(0.7)) return this.#random.pick(soundDirectives);
    const name = `v${this.#names++}`;
    this.variables[name] = this.#odd ? null : this.#random.chance(0.5);
    this.#declared.push([
      `$${name}: Boolean${this.#random.pick(['', '!'])} = ${this.#random.pick(['true', 'false'])}`,
    ]);
    return ` @${this.#random.pick(['skip', 'include'])}(if: $${name})`;
  }

  /** Some fields of a type; at times within fragments, or under other names. */
  #selection(type: GraphQLOutputType, depth: number): (string | Known)[] {
    const named = getNamedType(type);
    if (isAbstractType(named)) return this.#possible(this.schema.getPossibleTypes(named), depth);
    if (!isObjectType(named)) return this.#odd ? [' { nobodyKnows }'] : [];
    if (this.#odd && this.#odd) return [];
    const fields = this.#chosen(named, depth).flatMap((field) => [' ', ...this.#named(field, depth)]);
    const below = fields.length === 0 ? [' __typename'] : fields;
    return [' {', ...(this.#random.chance(0.08) ? this.#inFragment(named, below) : below), ' }'];
  }

  #possible(types: readonly GraphQLObjectType[], depth: number): (string | Known)[] {
    const each = types.flatMap((type) => [` ... on ${type.name}`, ...this.#selection(type, depth)]);
    return [' { __typename', ...each, ' }'];
  }

  #chosen(type: GraphQLObjectType, depth: number): Field[] {
    const fields = Object.values(type.getFields());
    const leaves = fields.filter((field) => !isObjectType(getNamedType(field.type)));
    const most = this.#random.pick([2, 3, 6]);
    return depth > 0 && fields.length > 0
      ? this.#random.some(fields, depth > 2 ? most : Math.min(most, 3))
      : leaves.length > 0
        ? this.#random.some(leaves, most)
        : [];
  }

  #named(field: Field, depth: number): (string | Known)[] {
    const alias = this.#odd ? this.#random.pick(['id: ', 'x: ', '__proto__: ']) : `a${this.#names++}: `;
    return [this.#random.chance(0.1) ? alias : '', ...this.#field(field, depth - 1)];
  }

  #inFragment(type: GraphQLNamedType, below: (string | Known)[]): (string | Known)[] {
    const onType = this.#odd ? this.#random.pick(['Query', 'License', 'Nobody', 'ID']) : type.name;
    if (this.#random.chance(0.5)) return [` ... on ${onType}${this.#directive()} {`, ...below, ' }'];
    const name = `F${this.#names++}`;
    const cycle = this.#odd ? [` ...${name}`] : [];
    this.#fragments.set(name, { type: onType, text: [' {', ...below, ...cycle, ' }'] });
    return [` ...${name}`, this.#directive(), ...(this.#random.chance(0.3) ? [` ...${name}`] : [])];
  }
}

function isJson(type: GraphQLInputType): boolean {
  const named = getNamedType(type);
  return isScalarType(named) && named.name === 'JSONObject';
}

const scraps = [
  '{',
  '}',
  '(',
  ')',
  '"',
  '"""',
  '$',
  '@',
  '...',
  ':',
  '!',
  '\0',
  '\ufeff',
  '#',
  '&',
  '\ud800',
  'fragment',
  ' on ',
];

/** What a hand that slips, or means ill, makes of a document. */
function broken(random: Random, document: readonly (string | Known)[]): (string | Known)[] {
  const parts = [...document];
  const at = random.below(parts.length);
  const part = parts[at];
  const text = typeof part === 'string' ? part : '"x"';
  const cut = random.below(text.length + 1);
  const mends: readonly (() => (string | Known)[])[] = [
    () => parts.slice(0, at),
    () => parts.toSpliced(at, 1),
    () => parts.toSpliced(at, 0, random.pick(scraps)),
    () => parts.toSpliced(at, 1, `${text.slice(0, cut)}${random.pick(scraps)}${text.slice(cut)}`),
    () => parts.toSpliced(at, 1, text, text),
    () => [...parts, ' ', ...parts],
    () => [...parts, ' query Other { __typename }'],
    () => [...parts, ' type Mine { id: ID }'],
    () => ['extend ', ...parts],
    () => [
      random.pick(['', ' ', '#', ',,,', 'subscription', '{}', '{{}}', 'null', '{ __typename } '.repeat(20)]),
    ],
  ];
  return random.pick(mends)();
}

/** Streams cost more and tell less than what is asked once. */
const KINDS: readonly OperationKind[] = [
  ...Array.from({ length: 4 }, () => 'query' as const),
  ...Array.from({ length: 4 }, () => 'mutation' as const),
  'subscription',
];

/** Operations on a schema, as seen by its root types alone. */
export class RandomOperations {
  readonly #roots: Readonly<Record<OperationKind, readonly Field[]>>;
  readonly #turns = { query: 0, mutation: 0, subscription: 0 };

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly random: Random,
  ) {
    const fieldsOf = (type: GraphQLObjectType | null | undefined): Field[] =>
      Object.values(type?.getFields() ?? {});
    this.#roots = {
      query: fieldsOf(schema.getQueryType()),
      mutation: fieldsOf(schema.getMutationType()),
      subscription: fieldsOf(schema.getSubscriptionType()),
    };
  }

  /** Most are sound throughout, so that acts are done; some are a little odd; some are odd everywhere. */
  next(only?: OperationKind): RandomOperation {
    const { random } = this;
    const kind = only ?? random.pick(KINDS);
    const oddness = random.pick([0, 0, 0, 0.01, 0.01, 0.04, 0.25]);
    const writer = new Writer(this.schema, random, oddness);
    const count = kind === 'subscription' ? (random.chance(oddness) ? 2 : 1) : 1 + random.below(3);
    const fields = Array.from({ length: count }, () => this.#root(kind));
    const roots = fields.map((_, index) => `r${index}`);
    const selection = fields.flatMap((field, index) => [...writer.root(field, `r${index}`), ' ']);
    if (kind !== 'subscription' && random.chance(0.03)) selection.push(random.pick(introspections));
    const whole = writer.document(kind, selection);
    const document = random.chance(0.05 + oddness / 5) ? broken(random, whole) : whole;
    return { kind, document, variables: writer.variables, roots, ...this.#envelope(oddness) };
  }

  /** Every root field in turn: none is left to luck. */
  #root(kind: OperationKind): Field {
    const fields = this.#roots[kind];
    const turn = this.#turns[kind]++;
    return fields[turn % fields.length] ?? this.random.pick(fields);
  }

  #envelope(oddness: number): Pick<RandomOperation, 'operationName' | 'extensions'> {
    const { random } = this;
    const operationName = random.pick([undefined, undefined, 'Asked', null]);
    const named = operationName === undefined ? {} : { operationName };
    if (!random.chance(oddness)) return named;
    return {
      operationName: random.pick(['Other', '', 'Asked', '\0', '__proto__']),
      extensions: random.pick([
        {},
        null,
        { idempotencyKey: '\0' },
        { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } },
        { persistedQuery: { version: 2, sha256Hash: 5 } },
        { persistedQuery: null, clientLibrary: { name: 'x' } },
      ]),
    };
  }
}
