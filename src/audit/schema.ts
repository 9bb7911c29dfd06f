import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { listOf, text } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import { Checked } from '../graph/checked.js';
import { connectionOf } from '../graph/connection.js';
import { DateTime, JsonObject } from '../graph/scalars.js';

@ObjectType({ description: 'Something that happened, as the audit trail has it. It is never edited.' })
export class Event {
  @Field(() => ID, { description: "The event's id." })
  declare readonly id: string;

  @Field(() => String, { name: 'type', description: 'What happened, in the past tense: license.created.' })
  declare readonly eventType: string;

  @Field(() => ID, { description: 'The id of what changed.' })
  declare readonly subjectId: string;

  @Field(() => ID, { nullable: true, description: 'The license concerned.' })
  declare readonly licenseId: string | null;

  @Field(() => ID, { nullable: true, description: 'The activation concerned.' })
  declare readonly activationId: string | null;

  @Field(() => String, {
    nullable: true,
    name: 'actor',
    description: "The subject of who did it: a token's `sub`.",
  })
  declare readonly userId: string | null;

  @Field(() => JsonObject, {
    name: 'data',
    description: 'What else is known of it. It holds no secrets.',
  })
  declare readonly eventData: Record<string, unknown>;

  @Field(() => DateTime, { description: 'When it happened.' })
  declare readonly createdAt: Instant;
}

export const { Connection: EventConnection, ConnectionResolver: EventConnectionResolver } = connectionOf(
  () => Event,
  'Event',
  'events',
);

@InputType({ description: 'Which events to list.' })
export class EventFilter {
  @Checked(listOf(50))
  @Field(() => [String], { nullable: true, description: 'Only events of these types.' })
  declare readonly types?: readonly string[] | null;

  @Checked(text(1, 50))
  @Field(() => ID, { nullable: true, description: 'Only events that concern this license.' })
  declare readonly licenseId?: string | null;

  @Checked(text(1, 50))
  @Field(() => ID, { nullable: true, description: 'Only events of the thing with this id.' })
  declare readonly subjectId?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only events that this subject caused.' })
  declare readonly actor?: string | null;

  @Field(() => DateTime, { nullable: true, description: 'Only events from this instant on.' })
  declare readonly from?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Only events up to this instant.' })
  declare readonly to?: Instant | null;
}
