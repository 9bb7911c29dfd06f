import { type GraphQLSchema, isObjectType } from 'graphql';
import { type FeatureMark, marksOf } from '../sdk/directive/marks.js';

export interface UnlockedField {
  readonly field: string;
  readonly consumesQuota: boolean;
  readonly units: number;
  readonly unitsFrom: string | null;
}

export interface SchemaFeature {
  readonly featureId: string;
  readonly fields: readonly UnlockedField[];
}

function unlocked(field: string, { consumeQuota, amount, amountFrom }: FeatureMark): UnlockedField {
  return {
    field,
    consumesQuota: consumeQuota,
    units: consumeQuota ? amount : 0,
    unitsFrom: amountFrom ?? null,
  };
}

const known = new WeakMap<GraphQLSchema, readonly SchemaFeature[]>();

/** Which fields each feature unlocks, by the marks of the schema; a mark on an object type stands at every field of it. */
export function schemaFeatures(schema: GraphQLSchema): readonly SchemaFeature[] {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const features = new Map<string, UnlockedField[]>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      for (const mark of marksOf(field)) {
        const fields = features.get(mark.feature) ?? [];
        features.set(mark.feature, [...fields, unlocked(`${type.name}.${field.name}`, mark)]);
      }
    }
  }
  const sorted = [...features]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([featureId, fields]) => ({
      featureId,
      fields: fields.toSorted((left, right) => (left.field < right.field ? -1 : 1)),
    }));
  known.set(schema, sorted);
  return sorted;
}
