import { Directive } from 'type-graphql';
import type { FeatureMark } from '../sdk/directive/marks.js';

/** What an operation may use, decided before its first resolver ran. */
export interface FeatureRun {
  /** Throws if a feature was refused at this response path, or nobody decided on it. */
  check(path: string, marks: readonly FeatureMark[]): void;
  /** The marked resolver at this path has answered: its units stay charged. */
  used(path: string, marks: readonly FeatureMark[]): void;
}

/** What a use charges: `amount` units, or as many times that as an argument says. */
export interface Charge {
  readonly consumeQuota: true;
  readonly amount?: number;
  readonly amountFrom?: string;
}

/** Marks a field, or an object type, with `@requiresFeature`. */
export function RequiresFeature(feature: string, charge?: Charge) {
  const given = Object.entries({ feature, ...charge });
  return Directive(
    `@requiresFeature(${given.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ')})`,
  );
}
