import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  GraphQLSchema,
  isObjectType,
  printSchema,
} from 'graphql';
import { requiresFeatureDirective as directive, marksOf } from './directive/marks.js';
import { markProblems } from './directive/problems.js';
import { closed, operationOf } from './operation.js';

type Field = GraphQLField<unknown, unknown>;
type Resolve = GraphQLFieldResolver<unknown, unknown>;

export interface DirectiveOptions {
  /** Every feature that there is: a schema that names another one is refused at its start. */
  readonly features?: readonly string[];
}

/** Response names from the root on, without list positions. */
function pathOf({ path }: GraphQLResolveInfo): string {
  const names: string[] = [];
  for (let step: GraphQLResolveInfo['path'] | undefined = path; step !== undefined; step = step.prev) {
    if (typeof step.key === 'string') names.unshift(step.key);
  }
  return names.join('.');
}

function guard(field: Field): void {
  const marks = marksOf(field);
  if (marks.length === 0) return;
  const original = field.resolve ?? defaultFieldResolver;
  const guarded: Resolve = async (source, args, context, info) => {
    const operation = operationOf(context);
    if (operation === undefined) throw closed();
    const path = pathOf(info);
    operation.check(path, marks);
    const answer = await original(source, args, context, info);
    operation.used(path, marks);
    return answer;
  };
  field.resolve = guarded;
  const { subscribe } = field;
  if (subscribe === undefined) return;
  field.subscribe = async (source, args, context, info) => {
    const operation = operationOf(context);
    if (operation === undefined) throw closed();
    operation.check(pathOf(info), marks);
    return subscribe(source, args, context, info);
  };
}

const transformed = new WeakSet<GraphQLSchema>();

/**
 * The directive for anybody's schema: `typeDefs` go beside those of the schema, and `transformer` puts the guards on
 * the fields that are marked, in place. A schema whose marks cannot be obeyed throws: it had better not start.
 */
export function requiresFeatureDirective({ features }: DirectiveOptions = {}): {
  readonly typeDefs: string;
  readonly transformer: (schema: GraphQLSchema) => GraphQLSchema;
} {
  const typeDefs = printSchema(new GraphQLSchema({ directives: [directive] }));
  const transformer = (schema: GraphQLSchema): GraphQLSchema => {
    const problems = markProblems(schema, features);
    if (problems.length > 0)
      throw new Error(`@requiresFeature cannot be obeyed:\n  ${problems.join('\n  ')}`);
    if (transformed.has(schema)) return schema;
    transformed.add(schema);
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || type.name.startsWith('__')) continue;
      for (const field of Object.values(type.getFields())) guard(field);
    }
    return schema;
  };
  return { typeDefs, transformer };
}
