import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { DateTime } from '../../graph/scalars.js';

@ObjectType({ description: 'A share of a limit that use has just reached.', simpleResolvers: true })
export class QuotaThreshold {
  @Field(() => GraphQLSafeInt, { description: "The event's number in the tenant's log." })
  declare readonly sequence: number;

  @Field(() => DateTime, { description: 'When it was reached.' })
  declare readonly at: Instant;

  @Field(() => ID, { description: 'The license that the units were drawn from.' })
  declare readonly licenseId: string;

  @Field(() => String, { description: 'The feature.' })
  declare readonly featureId: string;

  @Field(() => Int, { description: 'The share of the limit in percent: 80, 90 or 100.' })
  declare readonly thresholdPercent: number;

  @Field(() => GraphQLSafeInt, { description: 'The limit at that moment.' })
  declare readonly limit: number;

  @Field(() => GraphQLSafeInt, { description: 'What was used by then.' })
  declare readonly used: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the limit is counted anew; null if it never is.',
  })
  declare readonly windowEndsAt: Instant | null;
}
