import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getVariableValues,
  isAbstractType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import { getArgumentValues } from 'graphql/execution/values.js';
import { type FeatureMark, marksOf } from './marks.js';
import { markedBelow } from './reach.js';

/** A feature that one response path of an operation needs; an amount of 0 only asks whether it is granted. */
export interface PathNeed {
  /** Response names from the root on, aliases in place of field names, list positions left out. */
  readonly path: string;
  readonly feature: string;
  readonly amount: number;
  /** The field of the schema that asks it: `License.advancedAnalytics`. */
  readonly field: string;
}

/** A feature is decided for a response path: every type that marks the path with it shares the decision. */
export const needKey = (path: string, feature: string): string => `${path} ${feature}`;

export interface OperationDocument {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Whether the variables are what resolvers get: coerced a second time, a scalar's own values would not fit. */
  readonly areCoerced?: boolean;
}

type Field = GraphQLField<unknown, unknown>;
/** Whether a field will run at all: what its caller may not ask for needs nothing. */
export type MayRun = (field: Field) => boolean;

interface Walk {
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  readonly variables: Record<string, unknown>;
  readonly mayRun: MayRun;
  /** By path and feature: two types of a union may mark one path differently. */
  readonly needs: Map<string, PathNeed>;
  /** What was walked before: the types of an interface share their fields, and each would walk all below it again. */
  readonly walked: Set<string>;
  readonly numbers: Map<FieldNode, number>;
  fields: number;
}

/** Fields that a walk looks at, at most. A host that bounds nothing else is asked for no more than this costs. */
const FIELD_LIMIT = 10_000;
/** What the license server takes in one question. */
const NEED_LIMIT = 500;

type Collected = Map<string, readonly FieldNode[]>;

/** What GraphQL cannot work out, because @skip or an argument is given null, it will not run either. */
function attempt<Result>(run: () => Result): Result | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof GraphQLError) return undefined;
    throw error;
  }
}

function collected(collect: () => Collected): Collected {
  return attempt(collect) ?? new Map();
}

function valueAt(values: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.hasOwn(value, name) ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
  }, values);
}

/**
 * How many times its amount a mark charges. An argument that is null counts once, one below 0 not at all, and one that is
 * larger than can be counted as much as can be: nobody has so many units.
 */
function timesOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  const count = value === undefined || value === null ? 1 : Number(value);
  return Number.isNaN(count)
    ? Number.MAX_SAFE_INTEGER
    : Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, count));
}

/** The units of a mark at this place; undefined where the arguments do not fit, and the field will not run. */
function unitsOf(walk: Walk, mark: FeatureMark, field: Field, node: FieldNode): number | undefined {
  if (!mark.consumeQuota) return 0;
  const { amountFrom } = mark;
  if (amountFrom === undefined) return mark.amount;
  const values = attempt(() => getArgumentValues(field, node, walk.variables));
  if (values === undefined) return undefined;
  return Math.min(Number.MAX_SAFE_INTEGER, mark.amount * timesOf(valueAt(values, amountFrom)));
}

function addNeed(walk: Walk, need: PathNeed): void {
  const key = needKey(need.path, need.feature);
  const amount = Math.max(need.amount, walk.needs.get(key)?.amount ?? 0);
  walk.needs.set(key, { ...need, amount });
}

/** Whether these selections were walked from this type at this path already. */
function isWalked(walk: Walk, type: GraphQLNamedType, nodes: readonly FieldNode[], path: string): boolean {
  const numbers = nodes.map((node) => {
    const number = walk.numbers.get(node) ?? walk.numbers.size;
    walk.numbers.set(node, number);
    return number;
  });
  const name = `${path} ${type.name} ${numbers.join()}`;
  if (walk.walked.has(name)) return true;
  walk.walked.add(name);
  return false;
}

function tooLarge(): GraphQLError {
  const message = `The operation asks for too much: at most ${NEED_LIMIT} features at a time.`;
  return new GraphQLError(message, { extensions: { code: 'OPERATION_TOO_LARGE' } });
}

function walkField(walk: Walk, parent: GraphQLObjectType, nodes: readonly FieldNode[], path: string): void {
  const [node] = nodes;
  const field = parent.getFields()[node?.name.value ?? ''];
  if (field === undefined || node === undefined || !walk.mayRun(field)) return;
  for (const mark of marksOf(field)) {
    const amount = unitsOf(walk, mark, field, node);
    if (amount === undefined) return;
    addNeed(walk, { path, feature: mark.feature, amount, field: `${parent.name}.${field.name}` });
  }
  walkBelow(walk, getNamedType(field.type), nodes, path);
}

function walkBelow(walk: Walk, type: GraphQLNamedType, nodes: readonly FieldNode[], path: string): void {
  if (!markedBelow(walk.schema).has(type) || isWalked(walk, type, nodes, path)) return;
  const types = isObjectType(type) ? [type] : isAbstractType(type) ? walk.schema.getPossibleTypes(type) : [];
  for (const possible of types) {
    const below = collected(() =>
      collectSubfields(walk.schema, walk.fragments, walk.variables, possible, [...nodes]),
    );
    walk.fields += below.size;
    if (walk.fields > FIELD_LIMIT || walk.needs.size > NEED_LIMIT) throw tooLarge();
    for (const [name, children] of below) walkField(walk, possible, children, `${path}.${name}`);
  }
}

function coercedVariables({ schema, operation, variables, areCoerced }: OperationDocument) {
  if (areCoerced === true) return { ...variables };
  const options = { maxErrors: 1, hideSuggestions: true };
  return getVariableValues(schema, operation.variableDefinitions ?? [], variables, options).coerced;
}

export function variablesFit(asked: OperationDocument): boolean {
  return (asked.operation.variableDefinitions ?? []).length === 0 || coercedVariables(asked) !== undefined;
}

/** The root fields that will run, by response name, and what it takes to walk on; undefined if the variables do not fit. */
function rootOf(asked: OperationDocument) {
  const { schema, document, operation } = asked;
  const variables = coercedVariables(asked);
  const root = schema.getRootType(operation.operation);
  if (variables === undefined || !root) return undefined;
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  const fields = collected(() => collectFields(schema, fragments, variables, root, operation.selectionSet));
  return { schema, root, fields, fragments, variables };
}

/** How many root fields an operation asks, aliases apart; one at the least. */
export function rootsOf(asked: OperationDocument): number {
  return Math.max(1, rootOf(asked)?.fields.size ?? 0);
}

/**
 * What an operation needs, from document, variables, @skip and @include, before anything runs: one need a mark and
 * response path, aliases apart, list elements not. Variables that do not fit need nothing: execution will refuse them.
 * Throws a GraphQLError with the code `OPERATION_TOO_LARGE` on what would take too long to find out.
 */
export function needsOf(asked: OperationDocument, mayRun: MayRun = () => true): PathNeed[] {
  const begun = rootOf(asked);
  if (begun === undefined) return [];
  const walk: Walk = {
    ...begun,
    mayRun,
    needs: new Map(),
    walked: new Set(),
    numbers: new Map(),
    fields: begun.fields.size,
  };
  for (const [name, nodes] of begun.fields) walkField(walk, begun.root, nodes, name);
  if (walk.needs.size > NEED_LIMIT) throw tooLarge();
  return [...walk.needs.values()];
}
