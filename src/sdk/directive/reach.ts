import {
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import { marksOf } from './marks.js';

/** What an answer of this type may hold next: other types by its fields, or the types that it stands for. */
function nextOf(schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLNamedType[] {
  const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
  const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : [];
  return [...fields.map((field) => getNamedType(field.type)), ...possible];
}

function isMarked(type: GraphQLNamedType): boolean {
  return isObjectType(type) && Object.values(type.getFields()).some((field) => marksOf(field).length > 0);
}

/** Goes back from the types with marked fields to all that lead to them: each edge is looked at once. */
function reachOf(schema: GraphQLSchema): ReadonlySet<GraphQLNamedType> {
  const types = Object.values(schema.getTypeMap());
  const leadingTo = new Map<GraphQLNamedType, GraphQLNamedType[]>();
  for (const type of types) {
    for (const next of nextOf(schema, type)) {
      const known = leadingTo.get(next);
      if (known === undefined) leadingTo.set(next, [type]);
      else known.push(type);
    }
  }
  const found = new Set(types.filter(isMarked));
  for (const type of found) for (const before of leadingTo.get(type) ?? []) found.add(before);
  return found;
}

const known = new WeakMap<GraphQLSchema, ReadonlySet<GraphQLNamedType>>();

/** The types below which a marked field may stand: whatever else an operation asks for is not walked through. */
export function markedBelow(schema: GraphQLSchema): ReadonlySet<GraphQLNamedType> {
  const reach = known.get(schema) ?? reachOf(schema);
  known.set(schema, reach);
  return reach;
}
