import { GraphQLSafeInt } from 'graphql-scalars';
import { ArgsType, Field, ID, InputType, ObjectType } from 'type-graphql';
import { code, integer, listOf, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { LicenseId } from '../../core/id.js';
import { Checked } from '../../graph/checked.js';
import { DateTime, JsonObject } from '../../graph/scalars.js';
import { License, LicenseFeature } from '../../licenses/schema/types.js';
import { FeatureFlag } from './types.js';

const MOST_FLAGS = 100;

@InputType({ description: 'A feature for a license.' })
export class GrantFeatureInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license that is to grant it.' })
  declare readonly licenseId: LicenseId;

  @Field(() => LicenseFeature, {
    description: 'The feature, whole: one of the same id is replaced, its use stays counted.',
  })
  declare readonly feature: LicenseFeature;
}

@ObjectType({ description: 'The answer of `grantFeature`.', simpleResolvers: true })
export class GrantFeaturePayload {
  @Field(() => License, { description: 'The license after the grant.' })
  declare readonly license: License;
}

@InputType({ description: 'A feature that a license is to grant no longer.' })
export class RevokeFeatureInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license.' })
  declare readonly licenseId: LicenseId;

  @Checked(code)
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Checked(text(1, 500))
  @Field(() => String, { description: 'Why, for the audit trail.' })
  declare readonly reason: string;
}

@ObjectType({ description: 'The answer of `revokeFeature`.', simpleResolvers: true })
export class RevokeFeaturePayload {
  @Field(() => License, { description: 'The license, with the feature switched off.' })
  declare readonly license: License;
}

@InputType({ description: 'Extra units of a feature.' })
export class TopUpQuotaInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license whose limit they stand on top of.' })
  declare readonly licenseId: LicenseId;

  @Checked(code)
  @Field(() => String, { description: "The feature's id; it must have a limit." })
  declare readonly featureId: string;

  @Checked(integer(1, Number.MAX_SAFE_INTEGER))
  @Field(() => GraphQLSafeInt, { description: 'How many units.' })
  declare readonly amount: number;

  @Checked(text(1, 500))
  @Field(() => String, { description: 'Why, for the audit trail.' })
  declare readonly reason: string;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When what is left of them ends; null is never.',
  })
  declare readonly expiresAt?: Instant | null;
}

@ObjectType({ description: 'The answer of `topUpQuota`.', simpleResolvers: true })
export class TopUpQuotaPayload {
  @Field(() => License, { description: 'The license.' })
  declare readonly license: License;
}

@InputType({ description: 'A limit whose running window is to begin anew.' })
export class ResetQuotaInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license.' })
  declare readonly licenseId: LicenseId;

  @Checked(code)
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Checked(text(1, 500))
  @Field(() => String, { description: 'Why, for the audit trail.' })
  declare readonly reason: string;
}

@ObjectType({ description: 'The answer of `resetQuota`.', simpleResolvers: true })
export class ResetQuotaPayload {
  @Field(() => License, { description: 'The license.' })
  declare readonly license: License;
}

@InputType({ description: 'A setting of the host, and the feature that switches it.' })
export class FeatureFlagInput {
  @Checked(code)
  @Field(() => String, { description: "The setting's name: graphql_enabled." })
  declare readonly name: string;

  @Checked(code)
  @Field(() => String, { description: 'The id of the feature that switches it on.' })
  declare readonly featureId: string;
}

@InputType({ description: "Which features switch the host's settings in this tenant." })
export class SetFeatureFlagsInput {
  @Checked(listOf(MOST_FLAGS))
  @Field(() => [FeatureFlagInput], {
    nullable: true,
    description: `All of them, in the place of those that there were, at most ${MOST_FLAGS}; null goes back to the default ones.`,
  })
  declare readonly flags: readonly FeatureFlagInput[] | null;
}

@ObjectType({ description: 'The answer of `setFeatureFlags`.', simpleResolvers: true })
export class SetFeatureFlagsPayload {
  @Field(() => [FeatureFlag], { description: "The flags, as the caller's licenses switch them." })
  declare readonly featureFlags: readonly FeatureFlag[];
}

@ArgsType()
export class CheckOperationArgs {
  @Field(() => String, { description: 'The GraphQL document.' })
  declare readonly document: string;

  @Field(() => JsonObject, { nullable: true, description: 'The variables.' })
  declare readonly variables?: Readonly<Record<string, unknown>> | null;

  @Field(() => String, { nullable: true, description: 'Which operation of the document, if it has several.' })
  declare readonly operationName?: string | null;
}
