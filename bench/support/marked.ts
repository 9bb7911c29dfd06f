import { buildSchema, type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from 'graphql';
import type { Context } from '../../src/graph/context.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';

const directive =
  'directive @requiresFeature(feature: String!, consumeQuota: Boolean = false, amount: Int = 1) on FIELD_DEFINITION | OBJECT';

type Resolvers = Readonly<Record<string, GraphQLFieldResolver<unknown, Context>>>;

/** A graph of the product's server with its guards; its fields ask for no permission. */
export function guarded(types: string, resolvers: Resolvers): GraphQLSchema {
  const schema = buildSchema(`${directive}\n${types}`);
  for (const [path, resolve] of Object.entries(resolvers)) {
    const [name = '', fieldName = ''] = path.split('.');
    const type = schema.getType(name);
    const field = isObjectType(type) ? type.getFields()[fieldName] : undefined;
    if (field === undefined) throw new Error(`there is no field ${path}`);
    field.resolve = resolve;
    field.extensions = { permission: 'anyone' };
  }
  return protectSchema(schema);
}
