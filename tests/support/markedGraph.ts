import { buildSchema, isObjectType } from 'graphql';
import type { Context } from '../../src/graph/context.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';

/** A graph whose own marks an application may ask: the product's stand on what it may not read. */
export function markedGraph() {
  const schema = buildSchema(`
    directive @requiresFeature(feature: String!, consumeQuota: Boolean = false, amount: Int = 1) on FIELD_DEFINITION | OBJECT
    type Query { maps: Int @requiresFeature(feature: "maps", consumeQuota: true) open: Int who: String }
    type Mutation { draw: Int @requiresFeature(feature: "maps", consumeQuota: true, amount: 2) }`);
  const answers: Record<string, (ctx: Context) => unknown> = {
    maps: () => 1,
    open: () => 2,
    draw: () => 3,
    who: ({ actor }) => (actor.kind === 'application' ? actor.subject : actor.kind),
  };
  for (const name of ['Query', 'Mutation']) {
    const type = schema.getType(name);
    if (!isObjectType(type)) throw new Error(`there is no type ${name}`);
    for (const field of Object.values(type.getFields())) {
      field.resolve = (_source, _args, ctx) => answers[field.name]?.(ctx);
      field.extensions = { permission: 'anyone' };
    }
  }
  return protectSchema(schema);
}
