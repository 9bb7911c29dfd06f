import { type GraphQLField, type GraphQLObjectType, type GraphQLSchema, isObjectType } from 'graphql';
import { type FeatureMark, marksOf } from './directive/marks.js';

export interface LintOptions {
  /** Every feature that there is; without them none is looked for. */
  readonly features?: readonly string[];
  /** The name of the directive by which a schema marks fields and types as sensitive. */
  readonly sensitive?: string;
}

export interface LintFindings {
  /** Fields that change something and need no feature. */
  readonly mutating: readonly string[];
  /** Fields that are marked as sensitive, or stand on a type that is, and need no feature. */
  readonly sensitive: readonly string[];
  /** Features that no field needs. */
  readonly unused: readonly string[];
}

type Field = GraphQLField<unknown, unknown>;
interface Place {
  readonly name: string;
  readonly type: GraphQLObjectType;
  readonly field: Field;
  readonly marks: readonly FeatureMark[];
}

function placesOf(schema: GraphQLSchema): Place[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type))
    .filter((type) => !type.name.startsWith('__'))
    .flatMap((type) =>
      Object.values(type.getFields()).map((field) => ({
        name: `${type.name}.${field.name}`,
        type,
        field,
        marks: marksOf(field),
      })),
    );
}

function hasDirective(
  node: Pick<Field, 'astNode'> | Pick<GraphQLObjectType, 'astNode'>,
  name: string,
): boolean {
  return node.astNode?.directives?.some((directive) => directive.name.value === name) ?? false;
}

/** Looks for fields that nobody has to have licensed, and for features that license nothing. */
export function lintFeatures(
  schema: GraphQLSchema,
  { features = [], sensitive = 'sensitive' }: LintOptions = {},
): LintFindings {
  const places = placesOf(schema);
  const open = places.filter(({ marks }) => marks.length === 0);
  const inUse = new Set(places.flatMap(({ marks }) => marks.map(({ feature }) => feature)));
  const isSensitive = ({ type, field }: Place): boolean =>
    hasDirective(field, sensitive) || hasDirective(type, sensitive);
  return {
    mutating: open.filter(({ type }) => type === schema.getMutationType()).map(({ name }) => name),
    sensitive: open.filter(isSensitive).map(({ name }) => name),
    unused: features.filter((feature) => !inUse.has(feature)),
  };
}
