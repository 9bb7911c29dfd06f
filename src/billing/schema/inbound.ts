import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime } from '../../graph/scalars.js';
import type {
  InboundProcessor,
  InboundReason,
  InboundStatus,
  InboundWebhookId,
  PaymentEndpointId,
} from '../model/inbound.js';

export const InboundProcessorEnum = enumOf<InboundProcessor>(
  'InboundProcessor',
  'Who sends webhooks that tell of payments.',
  {
    STRIPE: 'Stripe.',
    PAYPAL: 'PayPal.',
    BILLING:
      'Any other, that signs as Standard Webhooks has it and tells of payments as docs/payments.md says.',
  },
);

export const InboundStatusEnum = enumOf<InboundStatus>(
  'InboundWebhookStatus',
  'What became of a webhook that came.',
  {
    RECEIVED: 'Is stored, and processed now or again soon.',
    PROCESSED: 'Has done what it says.',
    IGNORED: 'Tells nothing that concerns an invoice.',
    UNMATCHED: 'Names an invoice that is not known; it is looked for again.',
    FAILED: 'Is set aside: a person has to look at it. `reason` says why.',
    CLOSED: 'Had no effect, and a person has said what became of it.',
  },
);

export const InboundReasonEnum = enumOf<InboundReason>(
  'InboundWebhookReason',
  'Why a webhook that came has no effect, or none yet.',
  {
    UNKNOWN_INVOICE: 'It names no invoice that is known here.',
    CURRENCY_MISMATCH: 'Its currency is not that of the invoice.',
    REFERENCE_TAKEN: 'The processor told of a payment of the same name for another invoice.',
    UNREADABLE: 'It tells of a payment, and not how much or of which.',
    DISPUTED: 'The payer disputes the payment. Nothing was changed: decide what becomes of the licenses.',
    REFUND_FAILED: 'Money that was to be given back could not be; it is here again.',
    PROCESSING_FAILED: 'Something went wrong on our side, at this try or at all of them.',
  },
);

@ObjectType({
  description:
    'An address of one tenant that its own account at a payment processor sends webhooks to; docs/payments.md says how to set it up.',
  simpleResolvers: true,
})
export class PaymentEndpoint {
  @Field(() => ID, { description: "The endpoint's id." })
  declare readonly id: PaymentEndpointId;

  @Field(() => InboundProcessorEnum, { description: 'Who sends to it.' })
  declare readonly processor: InboundProcessor;

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  declare readonly description: string | null;

  @Field(() => Boolean, {
    description:
      'Whether it takes anything. What comes while it does not is refused, and sent again by the processor.',
  })
  declare readonly enabled: boolean;

  @Field(() => String, { description: 'Who made it: a subject of tokens.' })
  declare readonly createdBy: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  declare readonly updatedAt: Instant;
}

/** What is told of a webhook, whosever it is. */
@ObjectType({ simpleResolvers: true })
export abstract class ArrivedWebhook {
  @Field(() => ID, { description: "The webhook's id." })
  declare readonly id: InboundWebhookId;

  @Field(() => InboundProcessorEnum, { description: 'Who sent it.' })
  declare readonly processor: InboundProcessor;

  @Field(() => String, { description: "The processor's own name of the event." })
  declare readonly eventId: string;

  @Field(() => String, { description: 'What the processor calls what happened: payment_intent.succeeded.' })
  declare readonly eventType: string;

  @Field(() => InboundStatusEnum, { description: 'What became of it.' })
  declare readonly status: InboundStatus;

  @Field(() => InboundReasonEnum, { nullable: true, description: 'Why it has no effect, or none yet.' })
  declare readonly reason: InboundReason | null;

  @Field(() => Int, { description: 'How many times it was begun to be processed.' })
  declare readonly attempts: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it is tried again, or its invoice is looked for, if it is.',
  })
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

@ObjectType({
  description: 'A webhook of a payment processor that was signed and in time. Each event counts once.',
  simpleResolvers: true,
})
export class InboundWebhook extends ArrivedWebhook {
  @Field(() => ID, {
    nullable: true,
    description: 'The endpoint that it came to; null if it came to an address of the deployment.',
  })
  declare readonly endpointId: PaymentEndpointId | null;

  @Field(() => ID, { nullable: true, description: 'The invoice that it was found to be about.' })
  declare readonly invoiceId: string | null;
}

export const {
  Connection: PaymentEndpointConnection,
  ConnectionResolver: PaymentEndpointConnectionResolver,
} = connectionOf(() => PaymentEndpoint, 'PaymentEndpoint', 'payment endpoints');

export const { Connection: InboundWebhookConnection, ConnectionResolver: InboundWebhookConnectionResolver } =
  connectionOf(() => InboundWebhook, 'InboundWebhook', 'inbound webhooks');
