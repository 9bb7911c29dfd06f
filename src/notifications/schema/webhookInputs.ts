import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { listOf, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked, NotNull } from '../../graph/checked.js';
import { DateTime } from '../../graph/scalars.js';
import {
  type DeliveryStatus,
  ENDPOINT_LIMIT,
  EVENTS_LIMIT,
  REPLAY_LIMIT,
  URL_LIMIT,
  type WebhookDeliveryId,
  type WebhookEndpointId,
} from '../model/webhooks.js';
import { WebhookDelivery, WebhookDeliveryStatusEnum, WebhookEndpoint } from './webhooks.js';

@InputType({ description: 'Which webhook endpoints to list.' })
export class WebhookEndpointFilter {
  @Field(() => Boolean, {
    nullable: true,
    description: 'Only those that are enabled, or only those that are not.',
  })
  declare readonly enabled?: boolean | null;
}

@InputType({ description: 'Which webhook deliveries to list.' })
export class WebhookDeliveryFilter {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those for this endpoint.' })
  declare readonly endpointId?: WebhookEndpointId | null;

  @Field(() => WebhookDeliveryStatusEnum, { nullable: true, description: 'Only those of this status.' })
  declare readonly status?: DeliveryStatus | null;

  @Checked(listOf(EVENTS_LIMIT))
  @Field(() => [String], { nullable: true, description: 'Only those of events of these types.' })
  declare readonly eventTypes?: readonly string[] | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this event.' })
  declare readonly eventId?: string | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those that were made from this instant on.' })
  declare readonly from?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those that were made up to this instant.' })
  declare readonly to?: Instant | null;
}

const aboutUrl =
  'Where to send messages: an https URL of the internet, without user, password and fragment. Private networks are refused, and so are redirects.';
const aboutEvents = `Which events to tell, at most ${EVENTS_LIMIT}: types (\`license.created\`), nouns (\`license.*\`), or \`*\` for all.`;

@InputType({
  description: `A new webhook endpoint. A tenant has at most ${ENDPOINT_LIMIT}. It is told of what happens from here on.`,
})
export class CreateWebhookEndpointInput {
  @Checked(text(1, URL_LIMIT))
  @Field(() => String, { description: aboutUrl })
  declare readonly url: string;

  @Checked(listOf(EVENTS_LIMIT))
  @Field(() => [String], { description: aboutEvents })
  declare readonly events: readonly string[];

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'What it is for.' })
  declare readonly description?: string | null;
}

@InputType({ description: 'What of a webhook endpoint to change; what is left out stays.' })
export class UpdateWebhookEndpointInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The endpoint.' })
  declare readonly endpointId: WebhookEndpointId;

  @NotNull()
  @Checked(text(1, URL_LIMIT))
  @Field(() => String, { nullable: true, description: aboutUrl })
  declare readonly url?: string;

  @NotNull()
  @Checked(listOf(EVENTS_LIMIT))
  @Field(() => [String], { nullable: true, description: aboutEvents })
  declare readonly events?: readonly string[];

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'What it is for; null says nothing.' })
  declare readonly description?: string | null;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether it is told of anything. What happened while it was disabled is not told by itself; `replayWebhookDelivery` does.',
  })
  declare readonly enabled?: boolean;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description:
      'Makes a new signing secret, shown in the payload. The old one signs along for 24 hours: each message carries both signatures.',
  })
  declare readonly rotateSecret?: boolean;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description:
      'With `rotateSecret`: earlier secrets sign no more from here on, since somebody else knows them.',
  })
  declare readonly endOldSecrets?: boolean;
}

@InputType({ description: 'Which webhook endpoint to delete.' })
export class DeleteWebhookEndpointInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The endpoint.' })
  declare readonly endpointId: WebhookEndpointId;
}

@InputType({ description: 'Which webhook endpoint to try.' })
export class SendTestWebhookInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The endpoint.' })
  declare readonly endpointId: WebhookEndpointId;
}

@InputType({
  description: 'What to send again: one delivery, or everything of an endpoint since an instant.',
})
export class ReplayWebhookDeliveryInput {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'One delivery, whatever became of it.' })
  declare readonly deliveryId?: WebhookDeliveryId | null;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: `Everything that this endpoint wants and has not taken, events among it that happened while it was disabled; at most ${REPLAY_LIMIT.toLocaleString('en')} at a time, the oldest first.`,
  })
  declare readonly endpointId?: WebhookEndpointId | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'With `endpointId`: from which instant on, as far back as deliveries are kept.',
  })
  declare readonly since?: Instant | null;
}

@ObjectType({ description: 'The answer of `createWebhookEndpoint`.', simpleResolvers: true })
export class CreateWebhookEndpointPayload {
  @Field(() => WebhookEndpoint, { description: 'The new endpoint.' })
  declare readonly endpoint: WebhookEndpoint;

  @Field(() => String, {
    description: 'The signing secret, `whsec_` and base64. It is shown here and never again.',
  })
  declare readonly secret: string;
}

@ObjectType({ description: 'The answer of `updateWebhookEndpoint`.', simpleResolvers: true })
export class UpdateWebhookEndpointPayload {
  @Field(() => WebhookEndpoint, { description: 'The endpoint after the act.' })
  declare readonly endpoint: WebhookEndpoint;

  @Field(() => String, {
    nullable: true,
    description: 'The new signing secret, if it was rotated. It is shown here and never again.',
  })
  declare readonly secret: string | null;
}

@ObjectType({ description: 'The answer of `deleteWebhookEndpoint`.', simpleResolvers: true })
export class DeleteWebhookEndpointPayload {
  @Field(() => WebhookEndpoint, { description: 'The endpoint as it was.' })
  declare readonly endpoint: WebhookEndpoint;
}

@ObjectType({ description: 'The answer of `sendTestWebhook`.', simpleResolvers: true })
export class SendTestWebhookPayload {
  @Field(() => WebhookEndpoint, {
    description:
      'The endpoint. What becomes of the message stands among its deliveries, as `webhook_endpoint.tested`.',
  })
  declare readonly endpoint: WebhookEndpoint;
}

@ObjectType({ description: 'The answer of `replayWebhookDelivery`.', simpleResolvers: true })
export class ReplayWebhookDeliveryPayload {
  @Field(() => Int, { description: 'How many deliveries were set going.' })
  declare readonly count: number;

  @Field(() => WebhookDelivery, { nullable: true, description: 'The delivery, if one was named.' })
  declare readonly delivery: WebhookDelivery | null;
}
