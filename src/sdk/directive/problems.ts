import {
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
} from 'graphql';
import { CODE_FORM, isCode } from '../../core/code.js';
import { type FeatureMark, type MarkedField, marksOf, marksOn } from './marks.js';

function typeProblems(type: GraphQLObjectType, isRoot: boolean): string[] {
  const marks = marksOn(type);
  const charging = marks.some((mark) => mark.consumeQuota || mark.amountFrom !== undefined);
  return [
    ...(charging ? [`${type.name}: @requiresFeature on an object type charges nothing`] : []),
    ...(isRoot && marks.length > 0
      ? [`${type.name}: no field returns it that @requiresFeature could apply to`]
      : []),
  ];
}

type Input = Pick<GraphQLArgument, 'type' | 'defaultValue'>;

/** The argument, and the fields of input objects, that a path goes through; undefined where one is not there. */
function inputsAlong(args: readonly GraphQLArgument[], path: string): (Input | undefined)[] {
  const [first = '', ...rest] = path.split('.');
  const inputs: (Input | undefined)[] = [args.find(({ name }) => name === first)];
  for (const name of rest) {
    const type = inputs.at(-1)?.type;
    const holder = type === undefined ? undefined : getNullableType(type);
    inputs.push(isInputObjectType(holder) ? holder.getFields()[name] : undefined);
  }
  return inputs;
}

/** Whether a caller may leave the number out: then nobody knows what it stands for. */
const mayBeLeftOut = (input: Input | undefined): boolean =>
  input !== undefined && !isNonNullType(input.type) && input.defaultValue === undefined;

function amountProblems(args: readonly GraphQLArgument[], path: string): string[] {
  const inputs = inputsAlong(args, path);
  if (!counts(inputs.at(-1)?.type))
    return [`amountFrom: ${path} leads to no whole number and no list among the arguments`];
  return inputs.some(mayBeLeftOut)
    ? [`amountFrom: ${path} may be left out: make it non-null, or give it a default`]
    : [];
}

/** Scalars whose values are whole numbers, by the names that the libraries in use give them. */
const wholeNumbers = new Set([
  'Int',
  'SafeInt',
  'NonNegativeInt',
  'PositiveInt',
  'UnsignedInt',
  'BigInt',
  'Long',
]);

/** Whether an argument can say how many: a whole number, or a list. */
function counts(type: GraphQLInputType | undefined): boolean {
  const given = type === undefined ? undefined : getNullableType(type);
  return isListType(given) || (isScalarType(given) && wholeNumbers.has(given.name));
}

function markProblemsOf(
  field: MarkedField,
  { feature, consumeQuota, amount, amountFrom }: FeatureMark,
): string[] {
  return [
    ...(isCode(feature) ? [] : [`feature: ${JSON.stringify(feature)} ${CODE_FORM}`]),
    ...(amount >= 1 ? [] : [`amount: ${amount} must be a whole number from 1 on`]),
    ...(amountFrom !== undefined && !consumeQuota
      ? [`amountFrom: ${amountFrom} charges nothing without consumeQuota`]
      : []),
    ...(amountFrom === undefined ? [] : amountProblems(field.args, amountFrom)),
  ];
}

function repeated(marks: readonly FeatureMark[]): string[] {
  const features = marks.map(({ feature }) => feature);
  const twice = features.filter((feature, index) => features.indexOf(feature) !== index);
  return [...new Set(twice)].map((feature) => `is marked with '${feature}' more than once`);
}

function fieldProblems(schema: GraphQLSchema, name: string, field: MarkedField): string[] {
  const marks = marksOf(field);
  const target = getNamedType(field.type);
  const marked = isAbstractType(target)
    ? schema.getPossibleTypes(target).filter((type) => marksOn(type).length > 0)
    : [];
  return [
    ...marksOn(field).flatMap((mark) => markProblemsOf(field, mark)),
    ...repeated(marksOn(field)),
    ...(marks.length > 0 && isNonNullType(field.type)
      ? ['is not nullable, and a refused field is null']
      : []),
    ...marked.map((type) => `may return ${type.name}, and only a field of that very type obeys its mark`),
  ].map((problem) => `${name}: ${problem}`);
}

/** Features that a schema names and the list does not: a slip of the pen would close a field for good. */
function unknownFeatures(schema: GraphQLSchema, features: readonly string[]): string[] {
  return [...markedPlaces(schema)].flatMap(([place, marks]) =>
    marks
      .filter(({ feature }) => !features.includes(feature))
      .map(({ feature }) => `${place}: there is no feature '${feature}' in the list`),
  );
}

/** Every type and field that is marked itself, with its marks. */
export function markedPlaces(schema: GraphQLSchema): Map<string, FeatureMark[]> {
  const places = new Map<string, FeatureMark[]>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    if (marksOn(type).length > 0) places.set(type.name, marksOn(type));
    for (const field of Object.values(type.getFields())) {
      if (marksOn(field).length > 0) places.set(`${type.name}.${field.name}`, marksOn(field));
    }
  }
  return places;
}

/** Why a schema's marks cannot be obeyed: a server whose schema has such problems had better not start. */
export function markProblems(schema: GraphQLSchema, features?: readonly string[]): string[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const problems = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (type.name.startsWith('__')) return [];
    if (isInterfaceType(type)) {
      const marked = Object.values(type.getFields()).filter((field) => marksOn(field).length > 0);
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
  return [...problems, ...(features === undefined ? [] : unknownFeatures(schema, features))];
}
