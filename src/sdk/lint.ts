import {
  type GraphQLField,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isObjectType,
} from 'graphql';
import { type FeatureMark, marksOf } from './directive/marks.js';

/** What `lintFeatures` takes. */
export interface LintOptions {
  /** The ids of every feature that there is; without them none is looked for. */
  readonly features?: readonly string[];
  /** The name of the directive by which a schema marks fields, types and interfaces as sensitive; `sensitive`. */
  readonly sensitive?: string;
  /** Further sensitive places, as `Type` or `Type.field`; for schemas that cannot be marked. */
  readonly sensitivePlaces?: readonly string[];
}

/** What a schema leaves open; each field as `Type.field`. */
export interface LintFindings {
  /** Fields that change something and need no feature. */
  readonly mutating: readonly string[];
  /** Fields that are marked or listed as sensitive, or stand on a type that is, and need no feature. */
  readonly sensitive: readonly string[];
  /** Features that no field needs. */
  readonly unused: readonly string[];
  /** Sensitive places of the options that are not in the schema. */
  readonly unknown: readonly string[];
}

type Field = GraphQLField<unknown, unknown>;
type Fielded = GraphQLObjectType | GraphQLInterfaceType;
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

/** Tells of a field or type whether it is sensitive itself, by a mark on it or on an extension, or by the list. */
function sensitivity({ sensitive = 'sensitive', sensitivePlaces = [] }: LintOptions) {
  const listed = new Set(sensitivePlaces);
  const isMarked = (
    node: Field['astNode'] | Fielded['astNode'] | Fielded['extensionASTNodes'][number],
  ): boolean => node?.directives?.some(({ name }) => name.value === sensitive) ?? false;
  const ofType = (type: Fielded): boolean =>
    listed.has(type.name) || [type.astNode, ...type.extensionASTNodes].some(isMarked);
  const ofField = (type: Fielded, field: Field | undefined): boolean =>
    field !== undefined && (listed.has(`${type.name}.${field.name}`) || isMarked(field.astNode));
  /** What an interface says of a field holds for the types that implement it. */
  return ({ type, field }: Place): boolean =>
    [type, ...type.getInterfaces()].some((each) => {
      const own = each.getFields()[field.name];
      return ofField(each, own) || (own !== undefined && ofType(each));
    });
}

function isPlace(schema: GraphQLSchema, place: string): boolean {
  const [typeName = '', fieldName] = place.split('.');
  const type = schema.getType(typeName);
  if (type === undefined || !('getFields' in type)) return false;
  return fieldName === undefined || type.getFields()[fieldName] !== undefined;
}

/**
 * Looks for fields that nobody has to have licensed, and for features that license nothing. A field counts as gated by its
 * own marks and by those of the type that it returns. Takes any graphql-js schema, with the directive or without.
 */
export function lintFeatures(schema: GraphQLSchema, options: LintOptions = {}): LintFindings {
  const { features = [], sensitivePlaces = [] } = options;
  const places = placesOf(schema);
  const open = places.filter(({ marks }) => marks.length === 0);
  const inUse = new Set(places.flatMap(({ marks }) => marks.map(({ feature }) => feature)));
  return {
    mutating: open.filter(({ type }) => type === schema.getMutationType()).map(({ name }) => name),
    sensitive: open.filter(sensitivity(options)).map(({ name }) => name),
    unused: features.filter((feature) => !inUse.has(feature)),
    unknown: sensitivePlaces.filter((place) => !isPlace(schema, place)),
  };
}
