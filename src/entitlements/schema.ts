import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, ObjectType } from 'type-graphql';
import type { Instant } from '../core/clock.js';
import { RequiresFeature } from '../graph/requiresFeature.js';
import { DateTime } from '../graph/scalars.js';
import type { LimitPeriod, LimitType } from '../templates/model.js';
import { LimitPeriodEnum, LimitTypeEnum } from '../templates/schema/types.js';

@ObjectType({
  description: "A feature that the caller's licenses grant, and what is left of it.",
  simpleResolvers: true,
})
export class Entitlement {
  @Field(() => String, { description: "The feature's id." })
  declare readonly featureId: string;

  @Field(() => String, { description: 'What people call it.' })
  declare readonly featureName: string;

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
}

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
