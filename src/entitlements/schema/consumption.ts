import { GraphQLSafeInt } from 'graphql-scalars';
import { ArgsType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { code, integer, listOf, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked, NotNull } from '../../graph/checked.js';
import { DateTime } from '../../graph/scalars.js';

const MOST_USES = 500;

@InputType({
  description:
    'For whom another server asks: by exactly one of the four, which has to be in the reach of the caller.',
})
export class LicenseeInput {
  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: 'A customer: its licenses and those of the whole tenant decide.',
  })
  declare readonly customerId?: string | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'A license by its id: that license alone decides.' })
  declare readonly licenseId?: string | null;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, description: 'A license key: that license alone decides.' })
  declare readonly licenseKey?: string | null;

  @Checked(text(1, 100))
  @Field(() => String, {
    nullable: true,
    description: 'The token of an activation: its license alone decides, for as long as it goes on.',
  })
  declare readonly activationToken?: string | null;
}

@InputType({ description: 'A use of a feature.' })
export class FeatureUseInput {
  @Checked(code)
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Checked(integer(0, Number.MAX_SAFE_INTEGER))
  @Field(() => GraphQLSafeInt, {
    defaultValue: 1,
    description: 'How many units it uses; 0 only asks whether the feature is granted.',
  })
  declare readonly amount: number;

  @Checked(text(1, 2000))
  @Field(() => String, {
    nullable: true,
    description:
      'Where an operation asks it, response names joined by dots: what lies below a path that is refused without units needs none.',
  })
  declare readonly path?: string | null;
}

const usesField = 'What is to be used: units of all of it, or of nothing. At most 500.';
const licenseeField = 'For whom; without it for the caller itself.';

@InputType({ description: 'What a licensee is to use.' })
export class ConsumeFeaturesInput {
  @Field(() => LicenseeInput, { nullable: true, description: licenseeField })
  declare readonly licensee?: LicenseeInput | null;

  @Checked(listOf(MOST_USES))
  @Field(() => [FeatureUseInput], { description: usesField })
  declare readonly uses: readonly FeatureUseInput[];
}

@ArgsType()
export class CheckFeaturesArgs {
  @Field(() => LicenseeInput, { nullable: true, description: licenseeField })
  declare readonly licensee?: LicenseeInput | null;

  @Field(() => [FeatureUseInput], { description: usesField })
  declare readonly uses: readonly FeatureUseInput[];
}

@ObjectType({
  description: 'Whether one use is granted, and what stands on its limit afterwards.',
  simpleResolvers: true,
})
export class UseVerdict {
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Field(() => GraphQLSafeInt, { description: 'The units that were asked for.' })
  declare readonly amount: number;

  @Field(() => Boolean, { description: 'Whether it may be used, and the units were there.' })
  declare readonly granted: boolean;

  @Field(() => String, {
    nullable: true,
    description: '`NO_ACTIVE_LICENSE`, `FEATURE_NOT_LICENSED` or `QUOTA_EXCEEDED`; null if it is granted.',
  })
  declare readonly code: string | null;

  @Field(() => String, { nullable: true, description: 'What the refusal says.' })
  declare readonly message: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The feature that was refused: of several uses of units one that is refused refuses all.',
  })
  declare readonly refusedFeatureId: string | null;

  @Field(() => [Int], {
    description: 'The lines of the grant that this use wrote, by which it is given back alone.',
  })
  declare readonly lines: readonly number[];

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'The limit; null is unlimited, or that no units were asked for.',
  })
  declare readonly limit?: number | null;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'The units used in the running window by now; null if none were asked for.',
  })
  declare readonly used?: number | null;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: 'The units left; null is unlimited, or that none were asked for.',
  })
  declare readonly left?: number | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the first window ends; null if it never does.',
  })
  declare readonly windowEndsAt?: Instant | null;
}

@ObjectType({ description: 'The answer of `consumeFeatures`.', simpleResolvers: true })
export class ConsumeFeaturesPayload {
  @Field(() => Boolean, { description: 'Whether every use is granted.' })
  declare readonly granted: boolean;

  @Field(() => ID, {
    nullable: true,
    description: 'By which the units are given back; null if none were drawn.',
  })
  declare readonly grantId: string | null;

  @Field(() => [UseVerdict], { description: 'One for each use, in the order in which they were asked.' })
  declare readonly verdicts: readonly UseVerdict[];
}

@ObjectType({ description: 'What `consumeFeatures` would answer.', simpleResolvers: true })
export class CheckedFeatures {
  @Field(() => Boolean, { description: 'Whether every use would be granted.' })
  declare readonly granted: boolean;

  @Field(() => [UseVerdict], { description: 'One for each use, in the order in which they were asked.' })
  declare readonly verdicts: readonly UseVerdict[];
}

@InputType({ description: 'Units that are given back.' })
export class RefundFeaturesInput {
  @Field(() => LicenseeInput, {
    nullable: true,
    description: 'For whom they were drawn; without it for the caller itself.',
  })
  declare readonly licensee?: LicenseeInput | null;

  @Checked(uuid)
  @Field(() => ID, { description: 'The grant, which the caller itself has taken.' })
  declare readonly grantId: string;

  @NotNull()
  @Checked(listOf(1000))
  @Field(() => [Int], { nullable: true, description: 'These lines of it only; without them all.' })
  declare readonly lines?: readonly number[];
}

@ObjectType({ description: 'Units of a feature that were given back.', simpleResolvers: true })
export class RefundedUnits {
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Field(() => GraphQLSafeInt, { description: 'How many units came back to its windows.' })
  declare readonly units: number;
}

@ObjectType({ description: 'The answer of `refundFeatures`.', simpleResolvers: true })
export class RefundFeaturesPayload {
  @Field(() => [RefundedUnits], {
    description: 'What came back; nothing of lines that had come back before.',
  })
  declare readonly refunds: readonly RefundedUnits[];
}
