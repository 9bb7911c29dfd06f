import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { text, uuid } from '../../core/check.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import type { InboundProcessor, InboundStatus, InboundWebhookId } from '../model/inbound.js';
import { ArrivedWebhook, InboundProcessorEnum, InboundStatusEnum, InboundWebhook } from './inbound.js';

@ObjectType({
  description:
    'A webhook of a payment processor that came to an address of the deployment, and found no invoice of any tenant; for operators alone.',
  simpleResolvers: true,
})
export class UnclaimedWebhook extends ArrivedWebhook {
  @Field(() => String, {
    nullable: true,
    description: 'The id of the invoice that it names, if it names one.',
  })
  declare readonly invoiceRef: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'The invoice that an operator has assigned it to, while it waits to be processed there. FAILED with it could not be: assign it once more.',
  })
  declare readonly assignedTo: string | null;
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
