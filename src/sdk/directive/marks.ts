import {
  DirectiveLocation,
  type DirectiveNode,
  GraphQLBoolean,
  GraphQLDirective,
  type GraphQLField,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLString,
  getNamedType,
  isObjectType,
} from 'graphql';
import { getArgumentValues } from 'graphql/execution/values.js';

/** One `@requiresFeature` on a field or on an object type. */
export interface FeatureMark {
  readonly feature: string;
  readonly consumeQuota: boolean;
  readonly amount: number;
  /** The path of an argument that `amount` is multiplied by: `input.count`. */
  readonly amountFrom: string | undefined;
}

/** As far as marks are concerned, whatever the resolver's context is. */
export type MarkedField = Pick<GraphQLField<unknown, never>, 'type' | 'astNode' | 'extensions' | 'args'>;

export const requiresFeatureDirective = new GraphQLDirective({
  name: 'requiresFeature',
  description:
    "Refuses the field unless a license of the caller grants the feature, and with `consumeQuota` charges units of the feature's quota. On an object type it applies to every field that returns the type, and charges nothing.",
  locations: [DirectiveLocation.FIELD_DEFINITION, DirectiveLocation.OBJECT],
  isRepeatable: true,
  args: {
    feature: {
      type: new GraphQLNonNull(GraphQLString),
      description: "The feature's id, as licenses name it.",
    },
    consumeQuota: {
      type: GraphQLBoolean,
      defaultValue: false,
      description: "Whether a use is charged against the feature's limit.",
    },
    amount: { type: GraphQLInt, defaultValue: 1, description: 'How many units one use charges.' },
    amountFrom: {
      type: GraphQLString,
      description:
        'The path of an argument that says how many times `amount` one use charges: a whole number, or a list that is counted. `input.count`.',
    },
  },
});

function marksIn(directives: readonly DirectiveNode[] | undefined): FeatureMark[] {
  const applied = (directives ?? []).filter(({ name }) => name.value === requiresFeatureDirective.name);
  return applied.map((node) => {
    const { feature, consumeQuota, amount, amountFrom } = getArgumentValues(requiresFeatureDirective, node);
    return {
      feature: String(feature),
      consumeQuota: consumeQuota === true,
      amount: Number(amount),
      amountFrom: typeof amountFrom === 'string' ? amountFrom : undefined,
    };
  });
}

interface Declared {
  readonly astNode?: { readonly directives?: readonly DirectiveNode[] | undefined } | null | undefined;
  readonly extensionASTNodes?: readonly { readonly directives?: readonly DirectiveNode[] | undefined }[];
}

/** What stands on a type or field itself, and on extensions of the type. */
export function marksOn({ astNode, extensionASTNodes = [] }: Declared): FeatureMark[] {
  return [astNode, ...extensionASTNodes].flatMap((node) => marksIn(node?.directives));
}

const marksByField = new WeakMap<object, readonly FeatureMark[]>();

/** The marks of a field: its own, and those of the object type that it returns, which charge nothing. */
export function marksOf(field: MarkedField): readonly FeatureMark[] {
  const known = marksByField.get(field);
  if (known !== undefined) return known;
  const type = getNamedType(field.type);
  const onType = isObjectType(type) ? marksOn(type).map((mark) => ({ ...mark, consumeQuota: false })) : [];
  const marks = [...marksOn(field), ...onType];
  marksByField.set(field, marks);
  return marks;
}
