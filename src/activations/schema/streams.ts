import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { DateTime } from '../../graph/scalars.js';
import { Activation } from '../schema.js';

@ObjectType({ description: 'An activation that has just changed.', simpleResolvers: true })
export class ActivationChange {
  @Field(() => GraphQLSafeInt, { description: "The change's number in the tenant's log." })
  declare readonly sequence: number;

  @Field(() => String, { description: 'What happened: activation.created.' })
  declare readonly type: string;

  @Field(() => DateTime, { description: 'When it happened.' })
  declare readonly at: Instant;

  @Field(() => Activation, { description: 'The activation as it is now.' })
  declare readonly activation: Activation;
}
