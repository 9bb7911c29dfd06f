import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSchema,
  isObjectType,
  printSchema,
} from 'graphql';
import { requiresFeatureDirective as directive, type FeatureMark, marksOf } from './directive/marks.js';
import { markProblems } from './directive/problems.js';
import { closed, type GatedOperation, operationOf } from './operation.js';
import { beginStream, Ended, GrantedStream, gateIn } from './streams.js';

type Field = GraphQLField<unknown, unknown>;
type Resolve = GraphQLFieldResolver<unknown, unknown>;

/** What `requiresFeatureDirective` takes. */
export interface DirectiveOptions {
  /** Every feature that there is: a schema that names another one is refused at its start. */
  readonly features?: readonly string[];
}

/** The directive for a schema. */
export interface FeatureDirective {
  /** The definition of `@requiresFeature`, to stand beside those of the schema. */
  readonly typeDefs: string;
  /**
   * Puts the guards on the fields that are marked, in place, and answers the same schema. Throws an `Error` that lists
   * every mark that cannot be obeyed: such a server had better not start.
   */
  readonly transformer: (schema: GraphQLSchema) => GraphQLSchema;
}

/** Response names from the root on, without list positions. */
function pathOf({ path }: GraphQLResolveInfo): string {
  const names: string[] = [];
  for (let step: GraphQLResolveInfo['path'] | undefined = path; step !== undefined; step = step.prev) {
    if (typeof step.key === 'string') names.unshift(step.key);
  }
  return names.join('.');
}

/** The operation of a field; undefined where the field needs none. */
function decided(context: unknown, marks: readonly FeatureMark[]): GatedOperation | undefined {
  const operation = operationOf(context);
  if (operation === undefined && marks.length > 0) throw closed();
  return operation;
}

/** A marked field. */
function guarded(field: Field, marks: readonly FeatureMark[]): Resolve {
  const original = field.resolve ?? defaultFieldResolver;
  return async (source, args, context, info) => {
    const operation = decided(context, marks);
    const path = pathOf(info);
    operation?.check(path, marks);
    const answer = await original(source, args, context, info);
    operation?.used(path, marks);
    return answer;
  };
}

/** A root field of a mutation, marked or not: its payload may need something. */
function charged(field: Field, marks: readonly FeatureMark[]): Resolve {
  const original = marks.length > 0 ? guarded(field, marks) : (field.resolve ?? defaultFieldResolver);
  return async (source, args, context, info) => {
    const operation = operationOf(context);
    if (operation === undefined) return original(source, args, context, info);
    const root = pathOf(info);
    operation.check(root, marks);
    await operation.chargeRoot(root);
    try {
      return await original(source, args, context, info);
    } catch (error) {
      await operation.settle(root);
      throw error;
    }
  };
}

/** A root field of a subscription, where its stream begins. */
function followed(field: Field, marks: readonly FeatureMark[]): Resolve {
  const original = field.subscribe ?? defaultFieldResolver;
  return async (source, args, context, info) => {
    const gate = gateIn(context);
    const operation = gate === undefined ? undefined : await beginStream(gate, context, info);
    if (gate === undefined || operation === undefined) {
      decided(context, marks);
      return original(source, args, context, info);
    }
    try {
      operation.check(pathOf(info), marks);
      const events = await original(source, args, context, info);
      return new GrantedStream(events as AsyncIterable<unknown>, operation, gate.recheckMillis);
    } catch (error) {
      await operation.settle();
      throw error;
    }
  };
}

/** The same field, where an event is answered: the last one may be a refusal. */
function answered(field: Field, marks: readonly FeatureMark[]): Resolve {
  const original = marks.length > 0 ? guarded(field, marks) : (field.resolve ?? defaultFieldResolver);
  return (source, args, context, info) => {
    if (source instanceof Ended) throw source.refusal;
    return original(source, args, context, info);
  };
}

function guard(schema: GraphQLSchema, type: GraphQLObjectType, field: Field): void {
  const marks = marksOf(field);
  if (type === schema.getSubscriptionType()) {
    field.subscribe = followed(field, marks);
    field.resolve = answered(field, marks);
  } else if (type === schema.getMutationType()) field.resolve = charged(field, marks);
  else if (marks.length > 0) field.resolve = guarded(field, marks);
}

const transformed = new WeakSet<GraphQLSchema>();

/**
 * `@requiresFeature` for anybody's graphql-js schema. Beside the guards of its `transformer` a server needs one of the
 * adapters, which decides on each operation: a marked field on which nobody decided stays closed.
 */
export function requiresFeatureDirective({ features }: DirectiveOptions = {}): FeatureDirective {
  const typeDefs = `${printSchema(new GraphQLSchema({ directives: [directive] }))}\n`;
  const transformer = (schema: GraphQLSchema): GraphQLSchema => {
    const problems = markProblems(schema, features);
    if (problems.length > 0)
      throw new Error(`@requiresFeature cannot be obeyed:\n  ${problems.join('\n  ')}`);
    if (transformed.has(schema)) return schema;
    transformed.add(schema);
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || type.name.startsWith('__')) continue;
      for (const field of Object.values(type.getFields())) guard(schema, type, field);
    }
    return schema;
  };
  return { typeDefs, transformer };
}
