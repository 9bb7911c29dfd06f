import {
  type ArgumentNode,
  type DirectiveNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  OperationTypeNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
  valueFromASTUntyped,
} from 'graphql';
import type { Actor } from '../../core/actor.js';
import { PAGE_LIMIT } from '../../core/page.js';
import { Refusal } from '../../core/refusal.js';
import { JsonObject } from '../../graph/scalars.js';
import type { OperationDocument } from '../../sdk/directive/needs.js';
import { oncePerDocument } from './fixed.js';

/** What fields cost. One is what a plain field of one object takes to answer, about four microseconds. */
export const costs = {
  /** The most that one operation may cost: sixty milliseconds. Fifty licenses with devices, orders and history are within. */
  limit: 20_000,
  /** What costs no more waits for nobody: a page of twenty licenses is within, and two milliseconds of the processor. */
  plain: 500,
  /** An application without a user shows a key and reads one license; what the schema says of itself is not counted. */
  anonymousLimit: 2_500,
  /** A stream executes its selection again for each event. */
  streamLimit: 500,
  /** An entry of a page is a row to be found, read and given a cursor. */
  row: 6,
  /** A field with a permission or with arguments, for each object: it may be refused for each, with an error. */
  guarded: 10,
  /** Such a field runs a statement, however many objects it stands below. */
  statement: 10,
  /** A root of a mutation is a transaction of several statements. */
  mutation: 50,
  /** Counting stops at 100,000 rows, which takes as long as hundreds of pages. */
  count: 500,
  /** A document of up to 16,384 characters, read and written. */
  json: 50,
  /** A hundred thousand events of the trail are read and hashed: two such questions an operation at the most, few at a time. */
  trail: 12_000,
  /** An event of the trail that is answered in full. */
  exported: 2,
  /** A document that is given as a value is parsed and validated: `checkOperation`. */
  document: 2_000,
  /** The same value under another name: a text of 5,000 characters a hundred times, for a hundred rows, is 50 MB. */
  alias: 10,
  /** How many entries a list without `first` is taken to have: features of a license, fields of a type. */
  plainList: 5,
} as const;

/** Root fields that go along the audit trail, and what their arguments make of the cost. */
const ofTrail: Readonly<Record<string, (given: (name: string) => number | undefined) => number>> = {
  verifyAuditTrail: (given) => {
    const events = (given('to') ?? Number.POSITIVE_INFINITY) - (given('from') ?? 1) + 1;
    return Math.ceil(costs.trail * Math.min(Math.max(events, 1) / 100_000, 1));
  },
  exportAuditTrail: (given) => costs.exported * Math.max(given('first') ?? PAGE_LIMIT, 1),
};

type Field = Pick<GraphQLField<unknown, unknown>, 'name' | 'type' | 'args' | 'extensions'>;

interface Walk {
  /** Whether a root field is weighed. */
  readonly counts: (rootField: string) => boolean;
  readonly asked: OperationDocument;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Variables that were not sent stand with their defaults. */
  readonly variables: Record<string, unknown>;
  readonly isMutation: boolean;
}

/** Where a selection stands: on a type, below so many objects, in a connection of so many entries. */
interface Place {
  readonly type: GraphQLNamedType | undefined;
  readonly objects: number;
  readonly page: number | undefined;
  readonly isRoot: boolean;
}

function givenValue(walk: Walk, name: string, args: readonly ArgumentNode[] | undefined): unknown {
  const node = args?.find((argument) => argument.name.value === name);
  return node === undefined ? undefined : valueFromASTUntyped(node.value, walk.variables);
}

/** As the executor decides; what a value that is no boolean makes of it is refused anyway. */
function isSkipped(walk: Walk, directives: readonly DirectiveNode[] | undefined): boolean {
  return (directives ?? []).some(({ name, arguments: args }) => {
    if (name.value === 'skip') return givenValue(walk, 'if', args) === true;
    return name.value === 'include' && givenValue(walk, 'if', args) === false;
  });
}

/** How many entries a field asks for; a value that does not fit is refused before anything is read. */
function pageOf(walk: Walk, field: Field, node: FieldNode): number | undefined {
  const first = field.args.find((argument) => argument.name === 'first');
  if (first === undefined) return undefined;
  const asked = givenValue(walk, 'first', node.arguments) ?? first.defaultValue;
  return typeof asked === 'number' ? Math.min(Math.max(asked, 1), PAGE_LIMIT) : PAGE_LIMIT;
}

function trailCost(walk: Walk, { name, args }: Field, node: FieldNode): number {
  const given = (argument: string): number | undefined => {
    const known = args.find((one) => one.name === argument);
    const value = givenValue(walk, argument, node.arguments) ?? known?.defaultValue;
    return typeof value === 'number' ? value : undefined;
  };
  return costs.statement + (ofTrail[name]?.(given) ?? 0);
}

/** What a field costs without what is selected below it. */
function ownCost(walk: Walk, field: Field, node: FieldNode, { objects, isRoot }: Place): number {
  if (isRoot && walk.isMutation) return costs.mutation;
  if (field.name === 'totalCount') return objects + costs.count;
  if (isRoot && Object.hasOwn(ofTrail, field.name)) return trailCost(walk, field, node);
  if (field.args.some(({ name }) => name === 'document')) return objects * costs.document;
  const isGuarded = field.extensions.permission !== undefined || field.args.length > 0;
  const content = getNamedType(field.type) === JsonObject ? objects * costs.json : 0;
  if (isGuarded) return content + objects * costs.guarded + costs.statement;
  if (content > 0) return content;
  return node.alias === undefined || node.selectionSet !== undefined ? objects : objects * costs.alias;
}

function fieldOf(type: GraphQLNamedType | undefined, name: string): Field | undefined {
  if (name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
  if (name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}

function costOfField(walk: Walk, node: FieldNode, place: Place): number {
  if (place.isRoot && !walk.counts(node.name.value)) return 0;
  const field = fieldOf(place.type, node.name.value);
  if (field === undefined) return place.objects;
  const page = pageOf(walk, field, node);
  const isList = isListType(getNullableType(field.type));
  const entries = isList ? (page ?? place.page ?? costs.plainList) : 1;
  const own = ownCost(walk, field, node, place);
  if (node.selectionSet === undefined) return own;
  const objects = place.objects * entries;
  const below = {
    type: getNamedType(field.type),
    objects,
    page: isList ? undefined : page,
    isRoot: false,
  };
  const rows = page === undefined ? 0 : place.objects * page * costs.row;
  return own + rows + costOfSet(walk, node.selectionSet, below);
}

function costOfSet(walk: Walk, set: SelectionSetNode, place: Place): number {
  let cost = 0;
  for (const node of set.selections) {
    if (isSkipped(walk, node.directives)) continue;
    if (node.kind === Kind.FIELD) {
      cost += costOfField(walk, node, place);
      continue;
    }
    const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : walk.fragments.get(node.name.value);
    if (fragment === undefined) continue;
    const type =
      fragment.typeCondition === undefined
        ? place.type
        : walk.asked.schema.getType(fragment.typeCondition.name.value);
    cost += costOfSet(walk, fragment.selectionSet, { ...place, type });
  }
  return cost;
}

/**
 * What an operation costs at the most, from document and variables. For documents that are within the limits and
 * valid: the walk is as long as the operation with its fragments written out.
 */
export function costOf(asked: OperationDocument, counts = (_rootField: string): boolean => true): number {
  const { schema, document, operation } = asked;
  const variables: Record<string, unknown> = Object.assign(Object.create(null), asked.variables);
  for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
    if (defaultValue !== undefined) variables[variable.name.value] ??= valueFromASTUntyped(defaultValue);
  }
  const fragments = new Map(
    document.definitions
      .filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  const walk: Walk = {
    counts,
    asked,
    fragments,
    variables,
    isMutation: operation.operation === OperationTypeNode.MUTATION,
  };
  const type = schema.getRootType(operation.operation) ?? undefined;
  return costOfSet(walk, operation.selectionSet, { type, objects: 1, page: undefined, isRoot: true });
}

/** By a document's own nodes: an execution makes new arrays of them. */
const sizes = new WeakMap<FieldNode, number>();

type Selected = Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>;

function fieldsIn(set: SelectionSetNode | undefined, info: Selected): number {
  return (set?.selections ?? []).reduce((sum, node) => {
    const below =
      node.kind === Kind.FRAGMENT_SPREAD ? info.fragments[node.name.value]?.selectionSet : node.selectionSet;
    return sum + (node.kind === Kind.FIELD ? 1 : 0) + fieldsIn(below, info);
  }, 0);
}

function sizeBelow(node: FieldNode, info: Selected): number {
  const known = sizes.get(node);
  if (known !== undefined) return known;
  const size = fieldsIn(node.selectionSet, info);
  sizes.set(node, size);
  return size;
}

/** What a list without `first` costs at its real length: before it was read it was taken to be short. */
export function costOfEntries(entries: number, info: Selected): number {
  return entries * info.fieldNodes.reduce((sum, node) => sum + sizeBelow(node, info), 1);
}

export function tooCostly(cost: number, limit: number): Refusal {
  const message = `The operation costs ${cost}; at most ${limit} is taken. Ask for smaller pages (\`first\`) or fewer fields.`;
  return new Refusal('OPERATION_TOO_COSTLY', message, { cost, limit });
}

/** What the schema says of itself is asked before anybody has signed in. */
const ofData = (rootField: string): boolean => !rootField.startsWith('__');

const knownCost = oncePerDocument((asked) => costOf(asked));
const knownDataCost = oncePerDocument((asked) => costOf(asked, ofData));

function requireWithin(cost: number, limit: number): void {
  if (cost > limit) throw tooCostly(cost, limit);
}

/** Before anything is charged or read: refuses an operation that costs too much. */
export function requireAffordable(asked: OperationDocument, actor: Actor): number {
  const cost = knownCost(asked);
  requireWithin(cost, costs.limit);
  if (asked.operation.operation === OperationTypeNode.SUBSCRIPTION) requireWithin(cost, costs.streamLimit);
  if (actor.kind === 'anonymous') requireWithin(knownDataCost(asked), costs.anonymousLimit);
  return cost;
}
