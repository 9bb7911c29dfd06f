import {
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  getNamedType,
  isObjectType,
} from 'graphql';
import { collectSubfields } from 'graphql/execution/collectFields.js';
import { costOfEntries } from '../limits/cost.js';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Objects of one type are asked for the same fields: they are walked together. */
function costBelow(
  info: GraphQLResolveInfo,
  type: GraphQLObjectType,
  nodes: readonly FieldNode[],
  sources: readonly unknown[],
): number {
  const objects = sources.filter(isObject);
  if (objects.length === 0) return 0;
  const { schema, fragments, variableValues } = info;
  let cost = 0;
  for (const children of collectSubfields(schema, { ...fragments }, variableValues, type, [
    ...nodes,
  ]).values()) {
    const field = type.getFields()[children[0]?.name.value ?? ''];
    if (field === undefined) continue;
    const values = objects.map((object) => object[field.name]);
    const lists = values.filter(Array.isArray);
    for (const list of lists) cost += costOfEntries(list.length, { fieldNodes: children, fragments });
    const target = getNamedType(field.type);
    if (isObjectType(target)) cost += costBelow(info, target, children, values.flat());
  }
  return cost;
}

/**
 * What the lists cost that a payload holds already: how long they are nobody knows before the act. Found while it can still
 * be undone; what is read of a payload once it is committed comes in pages.
 */
export function costOfPayload(payload: unknown, info: GraphQLResolveInfo): number {
  const type = getNamedType(info.returnType);
  return isObjectType(type) ? costBelow(info, type, info.fieldNodes, [payload]) : 0;
}
