import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { RequiresFeature } from '../../graph/requiresFeature.js';
import { DateTime } from '../../graph/scalars.js';
import { Entitlement } from './entitlement.js';

@ObjectType({
  description: "A setting of the host that the caller's licenses switch.",
  simpleResolvers: true,
})
export class FeatureFlag {
  @Field(() => String, { description: "The setting's name: graphql_enabled." })
  declare readonly name: string;

  @Field(() => String, { description: 'The feature that switches it on.' })
  declare readonly featureId: string;

  @Field(() => Boolean, { description: 'Whether it is on.' })
  declare readonly enabled: boolean;
}

@RequiresFeature('api_access')
@ObjectType({ description: 'What a program needs to use this interface.', simpleResolvers: true })
export class ApiAccess {
  @Field(() => String, { description: 'The path of the graph on this server.' })
  declare readonly path: string;

  @Field(() => String, { description: "The tenant's code, as tokens have to name it." })
  declare readonly tenantId: string;

  @Field(() => Entitlement, { nullable: true, description: 'The quota of calls.' })
  declare readonly quota: Entitlement | null;
}

@ObjectType({
  description: 'A feature that one response path of an operation needs, and whether it is there.',
  simpleResolvers: true,
})
export class FieldVerdict {
  @Field(() => String, {
    description: 'The response path, aliases in place of names: a.license.advancedAnalytics.',
  })
  declare readonly path: string;

  @Field(() => String, { description: 'The field of the schema: License.advancedAnalytics.' })
  declare readonly field: string;

  @Field(() => String, { description: 'The feature that it needs.' })
  declare readonly featureId: string;

  @Field(() => GraphQLSafeInt, { description: 'How many units it would charge.' })
  declare readonly units: number;

  @Field(() => Boolean, { description: 'Whether it would answer.' })
  declare readonly granted: boolean;

  @Field(() => String, { nullable: true, description: 'The code of the refusal; null if it would answer.' })
  declare readonly code: string | null;

  @Field(() => String, { nullable: true, description: 'What the refusal would say.' })
  declare readonly message: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The feature that is wanting, maybe of a path above this one; null if it would answer.',
  })
  declare readonly refusedFeatureId: string | null;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'The limit that it would be charged to; null is unlimited, or that it charges nothing.',
  })
  declare readonly limit?: number | null;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'The units used in the running window so far; null if it charges nothing.',
  })
  declare readonly used?: number | null;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'The units left so far; null is unlimited, or that it charges nothing.',
  })
  declare readonly left?: number | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the first window ends; null if it never does.',
  })
  declare readonly windowEndsAt?: Instant | null;
}

@ObjectType({
  description: 'The units that an operation would charge of one feature.',
  simpleResolvers: true,
})
export class FeatureUnits {
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Field(() => GraphQLSafeInt, { description: 'How many; 0 if it is only asked for.' })
  declare readonly units: number;
}

@ObjectType({ description: 'What an operation would need and get, were it sent now.', simpleResolvers: true })
export class CheckedOperation {
  @Field(() => Boolean, { description: 'Whether every feature and unit that it needs is there.' })
  declare readonly passes: boolean;

  @Field(() => [String], { description: 'Why it would not run at all; empty if it would.' })
  declare readonly problems: readonly string[];

  @Field(() => [FieldVerdict], { description: 'Every response path that needs a feature.' })
  declare readonly verdicts: readonly FieldVerdict[];

  @Field(() => [FeatureUnits], { description: 'The units by feature.' })
  declare readonly features: readonly FeatureUnits[];
}

@ObjectType({ description: 'A field of this schema that a feature unlocks.', simpleResolvers: true })
export class UnlockedField {
  @Field(() => String, { description: 'The field: License.advancedAnalytics.' })
  declare readonly field: string;

  @Field(() => Boolean, { description: 'Whether a use is charged against the limit of the feature.' })
  declare readonly consumesQuota: boolean;

  @Field(() => GraphQLSafeInt, { description: 'The units of one use; 0 where nothing is charged.' })
  declare readonly units: number;

  @Field(() => String, {
    nullable: true,
    description: 'The path of the argument that says how many times the units are charged.',
  })
  declare readonly unitsFrom: string | null;
}

@ObjectType({ description: 'What a feature unlocks in this schema.', simpleResolvers: true })
export class SchemaFeature {
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Field(() => [UnlockedField], { description: 'The fields that ask for it, by name.' })
  declare readonly fields: readonly UnlockedField[];
}

@ObjectType({
  description: 'What a licensee may use, signed: to be verified with the keys of `/.well-known/jwks.json`.',
  simpleResolvers: true,
})
export class EntitlementSet {
  @Field(() => String, {
    description:
      'A JWS of the type `licensegraph-entitlements+jwt`, with `sub`, `tenant_id`, `licensed`, `features` and `exp`.',
  })
  declare readonly token: string;

  @Field(() => DateTime, { description: 'Until when it may be decided by.' })
  declare readonly expiresAt: Instant;
}
