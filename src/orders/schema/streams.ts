import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { DateTime } from '../../graph/scalars.js';
import { LicenseOrder } from '../schema.js';
import type { Order } from '../table.js';

@ObjectType({ description: 'A step that an order has just taken.', simpleResolvers: true })
export class OrderProgress {
  @Field(() => GraphQLSafeInt, { description: "The step's number in the tenant's log." })
  declare readonly sequence: number;

  @Field(() => String, { description: 'What happened: order.progressed.' })
  declare readonly type: string;

  @Field(() => DateTime, { description: 'When it happened.' })
  declare readonly at: Instant;

  @Field(() => LicenseOrder, { description: 'The order as it is now.' })
  declare readonly order: Order;

  @Field(() => Int, { description: 'How many of its licenses are made by now, of `order.quantity`.' })
  declare readonly licensesMade: number;
}
