import {
  DirectiveLocation,
  GraphQLBoolean,
  GraphQLDirective,
  GraphQLInt,
  GraphQLNonNull,
  GraphQLString,
} from 'graphql';
import { Directive } from 'type-graphql';

export interface FeatureMark {
  readonly feature: string;
  readonly consumeQuota: boolean;
  readonly amount: number;
}

/** What an operation may use, decided before its first resolver ran. */
export interface FeatureRun {
  /** Throws if a feature was refused at this response path, or nobody decided on it. */
  check(path: string, marks: readonly FeatureMark[]): void;
  /** The marked resolver at this path has answered: its units stay charged. */
  used(path: string, marks: readonly FeatureMark[]): void;
}

export const requiresFeatureDirective = new GraphQLDirective({
  name: 'requiresFeature',
  description:
    "Refuses the field unless a license of the caller grants the feature, and with `consumeQuota` charges `amount` units of the feature's quota. On an object type it applies to every field that returns the type, and charges nothing.",
  locations: [DirectiveLocation.FIELD_DEFINITION, DirectiveLocation.OBJECT],
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
  },
});

/** Marks a field, or an object type, with `@requiresFeature`. */
export function RequiresFeature(feature: string, charge?: { consumeQuota: true; amount?: number }) {
  const quota =
    charge === undefined
      ? ''
      : `, consumeQuota: true${charge.amount === undefined ? '' : `, amount: ${charge.amount}`}`;
  return Directive(`@requiresFeature(feature: ${JSON.stringify(feature)}${quota})`);
}
