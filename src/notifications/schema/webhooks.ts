import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime } from '../../graph/scalars.js';
import type {
  DeliveryAttempt,
  DeliveryError,
  DeliveryStatus,
  DisabledReason,
  WebhookDeliveryId,
  WebhookEndpointId,
} from '../model/webhooks.js';

export const WebhookDeliveryStatusEnum = enumOf<DeliveryStatus>(
  'WebhookDeliveryStatus',
  'What became of a webhook delivery.',
  {
    PENDING: 'Is due now, or again later.',
    DELIVERED: 'Was answered with a status of 2xx. It is not sent again unless somebody replays it.',
    FAILED: 'Was given up: the dead letter. It can be replayed.',
  },
);

export const WebhookDisabledReasonEnum = enumOf<DisabledReason>(
  'WebhookDisabledReason',
  'Why a webhook endpoint is told of nothing.',
  {
    SWITCHED_OFF: 'Somebody disabled it.',
    GONE: 'It answered 410 Gone.',
    FAILING: 'It took nothing for a week.',
  },
);

export const WebhookDeliveryErrorEnum = enumOf<DeliveryError>(
  'WebhookDeliveryError',
  'Why an attempt to deliver was none that counts.',
  {
    REFUSED: 'Nobody listens at its address and port.',
    RESET: 'The connection was closed before an answer came.',
    UNREACHABLE: 'No way leads to its address.',
    DNS: 'The name of its host leads to no address.',
    TLS: 'Its certificate does not hold, or no cipher was agreed on.',
    TIMEOUT: 'It did not answer in time.',
    ADDRESS_NOT_PUBLIC: 'The name of its host leads to private or special networks only.',
    INVALID_RESPONSE: 'What it answered is no HTTP.',
    REDIRECT: 'It answered 3xx; redirects are not followed.',
    CLIENT_ERROR: 'It answered 4xx.',
    GONE: 'It answered 410 Gone, which disables the endpoint.',
    SERVER_ERROR: 'It answered 5xx, or a status that is none.',
    ENDPOINT_DISABLED: 'The endpoint was disabled or deleted before it took the delivery.',
    EVENT_ERASED: 'The event is no longer in the trail.',
    INTERRUPTED: 'The server stopped in the middle of the last attempt: it may have been taken.',
  },
);

@ObjectType({
  description:
    'An address that is told of events of the tenant as they happen, as Standard Webhooks has it. Each message is signed; docs/webhooks.md says how to verify it.',
  simpleResolvers: true,
})
export class WebhookEndpoint {
  @Field(() => ID, { description: "The endpoint's id." })
  declare readonly id: WebhookEndpointId;

  @Field(() => String, { description: 'Where messages are sent.' })
  declare readonly url: string;

  @Field(() => String, { nullable: true, description: 'What it is for.' })
  declare readonly description: string | null;

  @Field(() => [String], {
    description:
      'Which events it is told of: types (`license.created`), nouns (`license.*`), or `*` for all.',
  })
  declare readonly events: readonly string[];

  @Field(() => Boolean, { description: 'Whether it is told of anything.' })
  declare readonly enabled: boolean;

  @Field(() => WebhookDisabledReasonEnum, { nullable: true, description: 'Why it is not, if it is not.' })
  declare readonly disabledReason: DisabledReason | null;

  @Field(() => DateTime, { nullable: true, description: 'Since when it is not.' })
  declare readonly disabledAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Since when it has taken nothing; after a week of failures it is disabled. Null while it works.',
  })
  declare readonly failingSince: Instant | null;

  @Field(() => String, { description: 'Who made it: a subject of tokens.' })
  declare readonly createdBy: string;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  declare readonly updatedAt: Instant;
}

@ObjectType({ description: 'One try of a webhook delivery.', simpleResolvers: true })
export class WebhookAttempt implements DeliveryAttempt {
  @Field(() => DateTime, { description: 'When it began.' })
  declare readonly at: Instant;

  @Field(() => Int, { description: 'How long it took, in milliseconds.' })
  declare readonly durationMillis: number;

  @Field(() => Int, { nullable: true, description: 'The HTTP status of the answer, if one came.' })
  declare readonly statusCode: number | null;

  @Field(() => WebhookDeliveryErrorEnum, {
    nullable: true,
    description: 'Why it was none that counts; null if it was taken.',
  })
  declare readonly error: DeliveryError | null;

  @Field(() => String, { nullable: true, description: 'The first kilobyte of the answer.' })
  declare readonly response: string | null;
}

@ObjectType({
  description:
    'One event for one webhook endpoint. It is tried ten times over 75 hours, and listed for 30 days unless the tenant keeps it otherwise.',
  simpleResolvers: true,
})
export class WebhookDelivery {
  @Field(() => ID, { description: "The delivery's id." })
  declare readonly id: WebhookDeliveryId;

  @Field(() => ID, { description: 'The endpoint that it is for, which may be deleted by now.' })
  declare readonly endpointId: WebhookEndpointId;

  @Field(() => ID, { description: 'The event that it tells.' })
  declare readonly eventId: string;

  @Field(() => String, { description: 'The type of that event: license.created.' })
  declare readonly eventType: string;

  @Field(() => WebhookDeliveryStatusEnum, { description: 'What became of it.' })
  declare readonly status: DeliveryStatus;

  @Field(() => Int, { description: 'How many attempts were begun since it was made, or last replayed.' })
  declare readonly attemptCount: number;

  @Field(() => [WebhookAttempt], { description: 'Its attempts, the oldest first; the last 30 of them.' })
  declare readonly attempts: readonly WebhookAttempt[];

  @Field(() => WebhookDeliveryErrorEnum, { nullable: true, description: 'Why it was not taken, last.' })
  declare readonly lastError: DeliveryError | null;

  @Field(() => DateTime, { nullable: true, description: 'When it is tried next, while it is pending.' })
  declare readonly nextAttemptAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was taken or given up.' })
  declare readonly finishedAt: Instant | null;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;
}

export const {
  Connection: WebhookEndpointConnection,
  ConnectionResolver: WebhookEndpointConnectionResolver,
} = connectionOf(() => WebhookEndpoint, 'WebhookEndpoint', 'webhook endpoints');

export const {
  Connection: WebhookDeliveryConnection,
  ConnectionResolver: WebhookDeliveryConnectionResolver,
} = connectionOf(() => WebhookDelivery, 'WebhookDelivery', 'webhook deliveries');
