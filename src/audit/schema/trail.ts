import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { text } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime } from '../../graph/scalars.js';
import type { TrailProblem } from '../model/chain.js';

export const TrailProblemEnum = enumOf<TrailProblem>('TrailProblem', 'What is wrong with an audit trail.', {
  EDITED: 'An event, its seal or its personal data are not what they were.',
  DELETED: 'An event or its seal is gone.',
  INSERTED: 'An event stands there that no act has written.',
  REORDERED: 'Events have exchanged their places.',
  TAIL_CUT: 'Events behind it are gone that a checkpoint or the head of the chain speaks of.',
  HEAD_REWRITTEN: 'From there on the chain was made anew: a signed checkpoint says otherwise.',
  CHECKPOINT_MISMATCH: 'A checkpoint is not what was signed.',
});

@ObjectType({ description: 'The first thing that is wrong with a trail.', simpleResolvers: true })
export class TrailBreak {
  @Field(() => TrailProblemEnum, { description: 'What it is.' })
  declare readonly problem: TrailProblem;

  @Field(() => GraphQLSafeInt, { description: 'The number in the trail at which it begins.' })
  declare readonly sequence: number;

  @Field(() => ID, { nullable: true, description: 'The event that stands there.' })
  declare readonly eventId: string | null;
}

@ObjectType({ description: 'What became of verifying a part of the trail.', simpleResolvers: true })
export class TrailVerification {
  @Field(() => Boolean, { description: 'Whether nothing is wrong with it.' })
  declare readonly verified: boolean;

  @Field(() => GraphQLSafeInt, { description: 'The first number that was looked at.' })
  declare readonly from: number;

  @Field(() => GraphQLSafeInt, { description: 'The last number up to which the chain holds.' })
  declare readonly to: number;

  @Field(() => String, { description: 'The hash there, SHA-256 in base64url.' })
  declare readonly hash: string;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description:
      'Up to there a signed checkpoint says the same. What comes behind it holds together, and nobody has signed it yet.',
  })
  declare readonly coveredTo: number | null;

  @Field(() => TrailBreak, {
    nullable: true,
    description: 'The first thing that is wrong; null if nothing is.',
  })
  declare readonly broken: TrailBreak | null;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: '`from` of the next question, if there is more of the trail than one goes along.',
  })
  declare readonly continuesAt: number | null;
}

@ObjectType({ description: 'A page of the trail, to be kept and verified elsewhere.', simpleResolvers: true })
export class TrailExport {
  @Field(() => String, {
    description:
      'JSON lines: `trail` (where the page begins), `checkpoint`, `entry`, and `end` behind the last one. Pages written one after the other are one export, which `licensegraph verify-trail` verifies without this server.',
  })
  declare readonly content: string;

  @Field(() => Int, { description: 'How many events it holds.' })
  declare readonly count: number;

  @Field(() => GraphQLSafeInt, {
    nullable: true,
    description: '`from` of the next page; null behind the last.',
  })
  declare readonly continuesAt: number | null;
}

@ObjectType({ description: 'The end of the audit trail, signed.', simpleResolvers: true })
export class AuditCheckpoint {
  @Field(() => ID, { description: "The checkpoint's id." })
  declare readonly id: string;

  @Field(() => GraphQLSafeInt, { description: 'The number of the last event that it covers.' })
  declare readonly sequence: number;

  @Field(() => String, { description: 'The hash of the chain there, SHA-256 in base64url.' })
  declare readonly hash: string;

  @Field(() => String, { description: 'The key that signed it, as the JWKS document names it.' })
  declare readonly kid: string;

  @Field(() => String, {
    description:
      'What was signed (JWS, `licensegraph-checkpoint+jwt`). Keep it where nobody who has the database gets at it: `verifyAuditTrail` and `licensegraph verify-trail` compare the trail with it.',
  })
  declare readonly token: string;

  @Field(() => DateTime, { description: 'When it was signed.' })
  declare readonly createdAt: Instant;
}

export const {
  Connection: AuditCheckpointConnection,
  ConnectionResolver: AuditCheckpointConnectionResolver,
} = connectionOf(() => AuditCheckpoint, 'AuditCheckpoint', 'checkpoints of the audit trail');

@InputType({ description: 'A checkpoint on request.' })
export class CreateAuditCheckpointInput {
  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Why, for the trail.' })
  declare readonly reason?: string | null;
}

@ObjectType({ description: 'The answer of `createAuditCheckpoint`.', simpleResolvers: true })
export class CreateAuditCheckpointPayload {
  @Field(() => AuditCheckpoint, {
    description: 'The checkpoint of the end of the trail; the one that is there, if nothing happened since.',
  })
  declare readonly checkpoint: AuditCheckpoint;
}
