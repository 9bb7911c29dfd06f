import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { DateTime } from '../../graph/scalars.js';
import type { LimitPeriod, LimitType, Overage } from '../../templates/model.js';
import { LimitPeriodEnum, LimitTypeEnum, OverageEnum } from '../../templates/schema/types.js';

@ObjectType({
  description: 'What one license grants of a feature, and what is left of it.',
  simpleResolvers: true,
})
export class FeatureGrant {
  @Field(() => ID, { description: 'The license.' })
  declare readonly licenseId: string;

  @Field(() => GraphQLSafeInt, { nullable: true, description: 'Its own limit; null is unlimited.' })
  declare readonly limit: number | null;

  @Field(() => LimitTypeEnum, { nullable: true, description: 'The unit of its limit.' })
  declare readonly limitType: LimitType | null;

  @Field(() => LimitPeriodEnum, { description: 'How often its limit starts afresh.' })
  declare readonly limitPeriod: LimitPeriod;

  @Field(() => OverageEnum, { description: 'What happens past its limit.' })
  declare readonly overage: Overage;

  @Field(() => GraphQLSafeInt, { description: 'The units used of it in the running window.' })
  declare readonly used: number;

  @Field(() => GraphQLSafeInt, { nullable: true, description: 'The units left of it; null is unlimited.' })
  declare readonly left: number | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When its running window began; null if its limit never starts afresh.',
  })
  declare readonly windowStartsAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When its running window ends; null if its limit never starts afresh.',
  })
  declare readonly windowEndsAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the license, or the feature on it, expires; null is never.',
  })
  declare readonly expiresAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the license, which has expired, is in grace no longer; null while it runs.',
  })
  declare readonly graceEndsAt: Instant | null;
}

@ObjectType({ description: 'Extra units of a feature that were given by hand.', simpleResolvers: true })
export class FeatureTopUp {
  @Field(() => ID, { description: 'Its id.' })
  declare readonly id: string;

  @Field(() => ID, { description: 'The license whose limit they stand on top of.' })
  declare readonly licenseId: string;

  @Field(() => GraphQLSafeInt, { description: 'How many units were given.' })
  declare readonly amount: number;

  @Field(() => GraphQLSafeInt, { description: 'How many of them are used.' })
  declare readonly used: number;

  @Field(() => GraphQLSafeInt, { description: 'How many of them are left.' })
  declare readonly left: number;

  @Field(() => String, {
    nullable: true,
    description: 'Why they were given, for those who may read the audit trail; null for others.',
  })
  declare readonly reason: string | null;

  @Field(() => DateTime, { description: 'When they were given.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When what is left of them ends; null is never.' })
  declare readonly expiresAt: Instant | null;
}

@ObjectType({
  description: "A feature that the caller's licenses grant, and what is left of it.",
  simpleResolvers: true,
})
export class Entitlement {
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Field(() => String, { description: 'What people call it.' })
  declare readonly featureName: string;

  @Field(() => Boolean, {
    description: 'Whether units never run out, because a license that is drawn from has no limit.',
  })
  declare readonly unlimited: boolean;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description:
      "The limits of the licenses that the caller draws from, added up; null is unlimited. A feature that is granted to staff or a reseller by customers' licenses alone has 0: units are never drawn from those.",
  })
  declare readonly limit: number | null;

  @Field(() => LimitTypeEnum, { nullable: true, description: 'The unit of the limit.' })
  declare readonly limitType: LimitType | null;

  @Field(() => LimitPeriodEnum, { description: 'How often the limit starts afresh.' })
  declare readonly limitPeriod: LimitPeriod;

  @Field(() => GraphQLSafeInt, { description: 'The units used in the running window.' })
  declare readonly used: number;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: "The units left; null is unlimited, 0 where customers' licenses alone grant it.",
  })
  declare readonly left: number | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the first window ends; null if it never does.',
  })
  declare readonly windowEndsAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the last granting license, or the feature on it, ends.',
  })
  declare readonly expiresAt: Instant | null;

  @Field(() => [ID], {
    description:
      'The licenses that grant it and that the caller draws from, the first to be drawn from in front.',
  })
  declare readonly licenseIds: readonly string[];
  @Field(() => [FeatureGrant], {
    description: 'What each of these licenses grants of it, in the same order.',
  })
  declare readonly grants: readonly FeatureGrant[];

  @Field(() => [FeatureTopUp], {
    description:
      'The extra units of these licenses that have not ended, in the order in which they are drawn, behind the limit of their license.',
  })
  declare readonly topUps: readonly FeatureTopUp[];
}
