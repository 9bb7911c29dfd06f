import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked, NotNull } from '../../graph/checked.js';
import { DateTime } from '../../graph/scalars.js';
import {
  type InboundProcessor,
  type InboundStatus,
  type InboundWebhookId,
  PAYMENT_ENDPOINT_LIMIT,
  type PaymentEndpointId,
} from '../model/inbound.js';
import { InboundProcessorEnum, InboundStatusEnum, InboundWebhook, PaymentEndpoint } from './inbound.js';

@InputType({ description: 'Which payment endpoints to list.' })
export class PaymentEndpointFilter {
  @Field(() => InboundProcessorEnum, { nullable: true, description: 'Only those of this processor.' })
  declare readonly processor?: InboundProcessor | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Only those that are enabled, or only those that are not.',
  })
  declare readonly enabled?: boolean | null;
}

@InputType({ description: 'Which inbound webhooks to list.' })
export class InboundWebhookFilter {
  @Field(() => InboundStatusEnum, { nullable: true, description: 'Only those of this status.' })
  declare readonly status?: InboundStatus | null;

  @Field(() => InboundProcessorEnum, { nullable: true, description: 'Only those of this processor.' })
  declare readonly processor?: InboundProcessor | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those that came to this endpoint.' })
  declare readonly endpointId?: PaymentEndpointId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those about this invoice.' })
  declare readonly invoiceId?: string | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those that came from this instant on.' })
  declare readonly since?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those that came up to this instant.' })
  declare readonly until?: Instant | null;
}

const aboutSecret =
  "What the processor signs with. Of Stripe the endpoint's signing secret (`whsec_…`), of PayPal the id of the webhook; of BILLING it is made here.";
const aboutApiKey =
  "Of Stripe: a secret key (`sk_…`, or better a restricted `rk_…`) of the tenant's own account, that renewals are charged with. It is never shown.";

@InputType({
  description: `A new payment endpoint. A tenant has at most ${PAYMENT_ENDPOINT_LIMIT}; those that are not needed any more are disabled.`,
})
export class CreatePaymentEndpointInput {
  @Field(() => InboundProcessorEnum, { description: 'Who sends to it.' })
  declare readonly processor: InboundProcessor;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: aboutSecret })
  declare readonly secret?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: aboutApiKey })
  declare readonly apiKey?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'What it is for.' })
  declare readonly description?: string | null;
}

@InputType({ description: 'What of a payment endpoint to change; what is left out stays.' })
export class UpdatePaymentEndpointInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The endpoint.' })
  declare readonly endpointId: PaymentEndpointId;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'What it is for; null says nothing.' })
  declare readonly description?: string | null;

  @NotNull()
  @Field(() => Boolean, { nullable: true, description: 'Whether it takes anything.' })
  declare readonly enabled?: boolean;

  @NotNull()
  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: `The next secret; the old one is taken for 24 hours more. ${aboutSecret}`,
  })
  declare readonly secret?: string;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description:
      'Of BILLING: makes a new secret, shown in the payload. The old one is taken for 24 hours more.',
  })
  declare readonly rotateSecret?: boolean;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description: 'Earlier secrets are taken no more from here on, since somebody else knows them.',
  })
  declare readonly endOldSecrets?: boolean;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: `${aboutApiKey} Null takes it away.` })
  declare readonly apiKey?: string | null;
}

@InputType({ description: 'Which inbound webhook to try again.' })
export class RetryInboundWebhookInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The webhook: one that is UNMATCHED, IGNORED or FAILED.' })
  declare readonly webhookId: InboundWebhookId;
}

@ObjectType({ description: 'The answer of `createPaymentEndpoint`.', simpleResolvers: true })
export class CreatePaymentEndpointPayload {
  @Field(() => PaymentEndpoint, { description: 'The new endpoint.' })
  declare readonly endpoint: PaymentEndpoint;

  @Field(() => String, {
    nullable: true,
    description:
      'Of BILLING: the secret to sign with, `whsec_` and base64. It is shown here and never again.',
  })
  declare readonly secret: string | null;
}

@ObjectType({ description: 'The answer of `updatePaymentEndpoint`.', simpleResolvers: true })
export class UpdatePaymentEndpointPayload {
  @Field(() => PaymentEndpoint, { description: 'The endpoint after the act.' })
  declare readonly endpoint: PaymentEndpoint;

  @Field(() => String, {
    nullable: true,
    description: 'The new secret, if one was made. It is shown here and never again.',
  })
  declare readonly secret: string | null;
}

@ObjectType({ description: 'The answer of `retryInboundWebhook`.', simpleResolvers: true })
export class RetryInboundWebhookPayload {
  @Field(() => InboundWebhook, { description: 'The webhook, which is processed anew in a moment.' })
  declare readonly webhook: InboundWebhook;
}
