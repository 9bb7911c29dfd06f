import {
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  getArgumentValues,
  getNamedType,
  isObjectType,
} from 'graphql';
import { collectSubfields } from 'graphql/execution/collectFields.js';
import { applicationPermissions } from '../../access/permissions.js';
import { type Actor, requirePermission } from '../../core/actor.js';
import { checkArguments } from './checkArguments.js';

/** Nobody becomes the application of the license that it shows, and reads the payload as that. */
function readerOf(actor: Actor): Actor {
  return actor.kind === 'anonymous' ? { ...actor, permissions: applicationPermissions } : actor;
}

function checkBelow(
  reader: Actor,
  info: GraphQLResolveInfo,
  type: GraphQLObjectType,
  nodes: readonly FieldNode[],
): void {
  const { schema, fragments, variableValues } = info;
  const below = collectSubfields(schema, { ...fragments }, variableValues, type, [...nodes]);
  for (const children of below.values()) {
    const [node] = children;
    const field = type.getFields()[node?.name.value ?? ''];
    if (node === undefined || field === undefined) continue;
    const { permission } = field.extensions;
    if (typeof permission === 'string') requirePermission(reader, permission);
    if (field.args.length > 0) checkArguments(field, getArgumentValues(field, node, variableValues));
    const target = getNamedType(field.type);
    if (isObjectType(target)) checkBelow(reader, info, target, children);
  }
}

/**
 * The payload of a mutation is read once it is committed. What a selection would be refused for, a permission or an
 * argument of a list in it, is found before the act: nobody is told no of what was done, or loses a key that is
 * shown once.
 */
export function checkPayload(actor: Actor, info: GraphQLResolveInfo): void {
  const payload = getNamedType(info.returnType);
  if (isObjectType(payload)) checkBelow(readerOf(actor), info, payload, info.fieldNodes);
}
