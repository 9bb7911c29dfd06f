import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { DateTime } from '../../graph/scalars.js';
import type { InboundProcessor, InboundReason, InboundStatus, InboundWebhookId } from '../model/inbound.js';
import { InboundProcessorEnum, InboundReasonEnum, InboundStatusEnum, InboundWebhook } from './inbound.js';

@ObjectType({
  description:
    'A webhook of a payment processor that came to an address of the deployment, and found no invoice of any tenant; for operators alone.',
  simpleResolvers: true,
})
export class UnclaimedWebhook {
  @Field(() => ID, { description: "The webhook's id." })
  declare readonly id: InboundWebhookId;

  @Field(() => InboundProcessorEnum, { description: 'Who sent it.' })
  declare readonly processor: InboundProcessor;

  @Field(() => String, { description: "The processor's own name of the event." })
  declare readonly eventId: string;

  @Field(() => String, { description: 'What the processor calls what happened.' })
  declare readonly eventType: string;

  @Field(() => InboundStatusEnum, { description: 'What became of it.' })
  declare readonly status: InboundStatus;

  @Field(() => InboundReasonEnum, { nullable: true, description: 'Why it has no effect, or none yet.' })
  declare readonly reason: InboundReason | null;

  @Field(() => String, {
    nullable: true,
    description: 'The id of the invoice that it names, if it names one.',
  })
  declare readonly invoiceRef: string | null;

  @Field(() => Int, { description: 'How many times it was begun to be processed.' })
  declare readonly attempts: number;

  @Field(() => DateTime, { nullable: true, description: 'When its invoice is looked for again, if it is.' })
  declare readonly nextAttemptAt: Instant | null;

  @Field(() => DateTime, { description: 'When it came.' })
  declare readonly receivedAt: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When it was done with.' })
  declare readonly processedAt: Instant | null;

  @Field(() => String, { nullable: true, description: 'Who has closed it: a subject of tokens.' })
  declare readonly closedBy: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'What became of it, in the words of whoever closed it.',
  })
  declare readonly closeNote: string | null;
}

export const {
  Connection: UnclaimedWebhookConnection,
  ConnectionResolver: UnclaimedWebhookConnectionResolver,
} = connectionOf(() => UnclaimedWebhook, 'UnclaimedWebhook', 'unclaimed webhooks');

@InputType({ description: 'Which unclaimed webhooks to list.' })
export class UnclaimedWebhookFilter {
  @Field(() => InboundStatusEnum, { nullable: true, description: 'Only those of this status.' })
  declare readonly status?: InboundStatus | null;

  @Field(() => InboundProcessorEnum, { nullable: true, description: 'Only those of this processor.' })
  declare readonly processor?: InboundProcessor | null;
}

@InputType({ description: 'A webhook that had no effect, and that a person is done with.' })
export class CloseInboundWebhookInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The webhook: one that is UNMATCHED or FAILED.' })
  declare readonly webhookId: InboundWebhookId;

  @Checked(text(1, 2000))
  @Field(() => String, { description: 'What became of it, for whoever asks later.' })
  declare readonly note: string;
}

@InputType({ description: "A webhook that is nobody's, and that a person is done with." })
export class CloseUnclaimedWebhookInput extends CloseInboundWebhookInput {}

@InputType({ description: "A webhook that is nobody's, and the invoice that it is about." })
export class AssignUnclaimedWebhookInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The webhook: one that is UNMATCHED or FAILED.' })
  declare readonly webhookId: InboundWebhookId;

  @Checked(uuid)
  @Field(() => ID, { description: 'The invoice, of whatever tenant.' })
  declare readonly invoiceId: string;
}

@ObjectType({ description: 'The answer of `closeInboundWebhook`.', simpleResolvers: true })
export class CloseInboundWebhookPayload {
  @Field(() => InboundWebhook, { description: 'The webhook, closed.' })
  declare readonly webhook: InboundWebhook;
}

@ObjectType({ description: 'The answer of `closeUnclaimedWebhook`.', simpleResolvers: true })
export class CloseUnclaimedWebhookPayload {
  @Field(() => UnclaimedWebhook, { description: 'The webhook, closed.' })
  declare readonly webhook: UnclaimedWebhook;
}

@ObjectType({ description: 'The answer of `assignUnclaimedWebhook`.', simpleResolvers: true })
export class AssignUnclaimedWebhookPayload {
  @Field(() => UnclaimedWebhook, {
    description: "The webhook, which is processed in a moment and is the tenant's from then on.",
  })
  declare readonly webhook: UnclaimedWebhook;
}
