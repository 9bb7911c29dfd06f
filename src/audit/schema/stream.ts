import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { listOf, text, uuid } from '../../core/check.js';
import { Checked } from '../../graph/checked.js';
import { Event } from '../schema.js';
import type { EventRow } from '../table.js';

@ObjectType({ description: "An event with its place in the tenant's log.", simpleResolvers: true })
export class LoggedEvent {
  @Field(() => String, {
    description: 'Keep it: `events(after)` goes on behind this event, on any server, and misses nothing.',
  })
  declare readonly cursor: string;

  @Field(() => GraphQLSafeInt, { description: "Its number in the tenant's log, which has no gaps." })
  declare readonly sequence: number;

  @Field(() => Event, { description: 'The event.' })
  declare readonly event: EventRow;
}

@InputType({ description: 'Which events to follow.' })
export class EventStreamFilter {
  @Checked(listOf(50))
  @Field(() => [String], { nullable: true, description: 'Only events of these types.' })
  declare readonly types?: readonly string[] | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only events of this license.' })
  declare readonly licenseId?: string | null;

  @Checked(text(1, 50))
  @Field(() => ID, { nullable: true, description: 'Only events of the thing with this id.' })
  declare readonly subjectId?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only events that this subject caused.' })
  declare readonly actor?: string | null;
}
