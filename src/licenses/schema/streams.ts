import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { DateTime } from '../../graph/scalars.js';
import { License } from './types.js';

@ObjectType({ description: 'A license that has just changed.', simpleResolvers: true })
export class LicenseChange {
  @Field(() => GraphQLSafeInt, { description: "The change's number in the tenant's log." })
  declare readonly sequence: number;

  @Field(() => String, { description: 'What happened: license.renewed.' })
  declare readonly type: string;

  @Field(() => DateTime, { description: 'When it happened.' })
  declare readonly at: Instant;

  @Field(() => License, { description: 'The license as it is now.' })
  declare readonly license: License;
}

@ObjectType({ description: 'A license that expires soon.', simpleResolvers: true })
export class LicenseExpiry {
  @Field(() => License, { description: 'The license.' })
  declare readonly license: License;

  @Field(() => DateTime, { description: 'When it expires.' })
  declare readonly expiryDate: Instant;

  @Field(() => Int, { description: 'The days until then, rounded up.' })
  declare readonly daysRemaining: number;
}
