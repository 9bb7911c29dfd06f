import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getDirectiveValues,
  getNamedType,
  getVariableValues,
  isAbstractType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import type { Actor } from '../core/actor.js';
import { mayAct } from '../core/actor.js';
import { isCode } from '../core/id.js';
import { type FeatureMark, requiresFeatureDirective } from '../graph/requiresFeature.js';
import { needKey, type PathNeed } from './operationFeatures.js';

/** As far as marks are concerned, whatever the resolver's context is. */
type Field = Pick<GraphQLField<unknown, never>, 'type' | 'astNode' | 'extensions'>;

function markOn(node: { astNode?: unknown }): FeatureMark[] {
  const { astNode } = node;
  if (astNode === undefined || astNode === null) return [];
  const values = getDirectiveValues(
    requiresFeatureDirective,
    astNode as Parameters<typeof getDirectiveValues>[1],
  );
  if (values === undefined) return [];
  const { feature, consumeQuota, amount } = values;
  return [{ feature: String(feature), consumeQuota: consumeQuota === true, amount: Number(amount) }];
}

const marksByField = new WeakMap<object, readonly FeatureMark[]>();

/** The marks of a field: its own, and the one of the object type that it returns, which charges nothing. */
export function marksOf(field: Field): readonly FeatureMark[] {
  const known = marksByField.get(field);
  if (known !== undefined) return known;
  const type = getNamedType(field.type);
  const onType = isObjectType(type) ? markOn(type).map((mark) => ({ ...mark, consumeQuota: false })) : [];
  const marks = [...markOn(field), ...onType];
  marksByField.set(field, marks);
  return marks;
}

export interface OperationDocument {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

interface Walk {
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  readonly variables: Record<string, unknown>;
  readonly actor: Actor;
  /** By path and feature: two types of a union may mark one path differently. */
  readonly needs: Map<string, PathNeed>;
}

type Collected = Map<string, readonly FieldNode[]>;

/** What GraphQL cannot collect, because @skip or @include is given null, it will not run either: it needs nothing. */
function collected(collect: () => Collected): Collected {
  try {
    return collect();
  } catch (error) {
    if (error instanceof GraphQLError) return new Map();
    throw error;
  }
}

function addNeed(walk: Walk, path: string, { feature, consumeQuota, amount }: FeatureMark): void {
  const key = needKey(path, feature);
  const units = Math.max(consumeQuota ? amount : 0, walk.needs.get(key)?.amount ?? 0);
  walk.needs.set(key, { path, feature, amount: units });
}

function walkField(walk: Walk, parent: GraphQLObjectType, nodes: readonly FieldNode[], path: string): void {
  const field = parent.getFields()[nodes[0]?.name.value ?? ''];
  if (field === undefined) return;
  const permission = field.extensions.permission;
  // What the caller may not ask for will not run: it needs nothing.
  if (typeof permission === 'string' && !mayAct(walk.actor, permission)) return;
  for (const mark of marksOf(field)) addNeed(walk, path, mark);
  const type = getNamedType(field.type);
  const types = isObjectType(type) ? [type] : isAbstractType(type) ? walk.schema.getPossibleTypes(type) : [];
  for (const possible of types) {
    const below = collected(() =>
      collectSubfields(walk.schema, walk.fragments, walk.variables, possible, [...nodes]),
    );
    for (const [name, children] of below) walkField(walk, possible, children, `${path}.${name}`);
  }
}

/** The root fields that will run, by response name, and what it takes to walk on; undefined if the variables do not fit. */
function rootOf({ schema, document, operation, variables: given }: OperationDocument) {
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], given, {
    maxErrors: 1,
    hideSuggestions: true,
  });
  const root = schema.getRootType(operation.operation);
  if (coerced.errors !== undefined || !root) return undefined;
  const fragments: Record<string, FragmentDefinitionNode> = {};
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
  }
  const variables = coerced.coerced;
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
 */
export function needsOf(asked: OperationDocument, actor: Actor): PathNeed[] {
  const begun = rootOf(asked);
  if (begun === undefined) return [];
  const walk: Walk = { ...begun, actor, needs: new Map() };
  for (const [name, nodes] of begun.fields) walkField(walk, begun.root, nodes, name);
  return [...walk.needs.values()];
}

function typeProblems(type: GraphQLObjectType, isRoot: boolean): string[] {
  const marks = markOn(type);
  const charging = marks.some((mark) => mark.consumeQuota);
  return [
    ...(charging ? [`${type.name}: @requiresFeature on an object type charges nothing`] : []),
    ...(isRoot && marks.length > 0
      ? [`${type.name}: no field returns it that @requiresFeature could apply to`]
      : []),
  ];
}

function fieldProblems(schema: GraphQLSchema, name: string, field: Field): string[] {
  const marks = marksOf(field);
  const unsound = marks.filter(({ feature, amount }) => !isCode(feature) || !(amount >= 1));
  const target = getNamedType(field.type);
  const marked = isAbstractType(target)
    ? schema.getPossibleTypes(target).filter((type) => markOn(type).length > 0)
    : [];
  return [
    ...unsound.map(
      ({ feature, amount }) =>
        `${name}: @requiresFeature(feature: ${JSON.stringify(feature)}, amount: ${amount})`,
    ),
    ...(marks.length > 0 && isNonNullType(field.type)
      ? [`${name}: is not nullable, and a refused field is null`]
      : []),
    ...marked.map(
      (type) => `${name}: may return ${type.name}, and only a field of that very type obeys its mark`,
    ),
  ];
}

/** A schema whose marks cannot be obeyed does not start. */
export function markProblems(schema: GraphQLSchema): string[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith('__')) return [];
    if (isInterfaceType(type)) {
      const marked = Object.values(type.getFields()).filter((field) => markOn(field).length > 0);
      return marked.map(
        ({ name }) => `${type.name}.${name}: a mark belongs on the types that implement an interface`,
      );
    }
    if (!isObjectType(type)) return [];
    const fields = Object.values(type.getFields());
    return [
      ...typeProblems(type, roots.includes(type)),
      ...fields.flatMap((field) => fieldProblems(schema, `${type.name}.${field.name}`, field)),
    ];
  });
}
