import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { earlierSecretsUntil } from '../../core/keptSecrets.js';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge, ListEdge } from '../../graph/edge.js';
import { DateTime } from '../../graph/scalars.js';
import { messageIdOf } from '../model/webhooks.js';
import {
  deliveriesByEndpoint,
  webhookDeliveriesPage,
  webhookEndpointsById,
  webhookEndpointsPage,
} from '../queries/webhooks.js';
import * as inputs from '../schema/webhookInputs.js';
import * as shapes from '../schema/webhooks.js';
import { replayWebhookDelivery } from '../service/replayWebhooks.js';
import {
  createWebhookEndpoint,
  deleteWebhookEndpoint,
  sendTestWebhook,
  updateWebhookEndpoint,
} from '../service/webhooks.js';
import type { WebhookDelivery, WebhookEndpoint } from '../table/webhooks.js';

@ListEdge(
  'deliveries',
  () => shapes.WebhookDeliveryConnection,
  deliveriesByEndpoint,
  (endpoint: WebhookEndpoint) => endpoint.id,
  { permission: 'webhook.read', description: 'What was sent to it or is to be sent, the newest first.' },
)
@Resolver(() => shapes.WebhookEndpoint)
export class WebhookEndpointEdges {
  @FieldResolver(() => DateTime, {
    nullable: true,
    description: 'Until when a secret that was replaced signs along; null if none does.',
  })
  oldSecretsUntil(@Root() endpoint: WebhookEndpoint, @Ctx() ctx: Context): Instant | null {
    return earlierSecretsUntil(endpoint.secrets, ctx.now);
  }
}

@Edge(
  'endpoint',
  () => shapes.WebhookEndpoint,
  webhookEndpointsById,
  (delivery: WebhookDelivery) => delivery.endpointId,
  { permission: 'webhook.read', nullable: true, description: 'The endpoint, unless it was deleted.' },
)
@Resolver(() => shapes.WebhookDelivery)
export class WebhookDeliveryEdges {
  @FieldResolver(() => ID, {
    description: 'The header `webhook-id` of every attempt: by it a receiver knows what it has had.',
  })
  messageId(@Root() { eventId, endpointId }: WebhookDelivery): string {
    return messageIdOf(eventId, endpointId);
  }
}

@Resolver()
export class WebhookResolver {
  @Authorized('webhook.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.WebhookEndpointConnection, { description: 'Webhook endpoints, the newest first.' })
  async webhookEndpoints(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => inputs.WebhookEndpointFilter, { nullable: true, description: 'Which ones.' })
    filter: inputs.WebhookEndpointFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<WebhookEndpoint>> {
    return webhookEndpointsPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('webhook.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.WebhookDeliveryConnection, {
    description: 'What was sent to webhook endpoints or is to be sent, the newest first.',
  })
  async webhookDeliveries(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => inputs.WebhookDeliveryFilter, { nullable: true, description: 'Which ones.' })
    filter: inputs.WebhookDeliveryFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<WebhookDelivery>> {
    return webhookDeliveriesPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('webhook.create')
  @Mutation(() => inputs.CreateWebhookEndpointPayload, {
    nullable: true,
    description: 'Adds an address that is told of events, and shows its signing secret this once.',
  })
  async createWebhookEndpoint(
    @Arg('input', () => inputs.CreateWebhookEndpointInput, { description: 'The endpoint.' })
    input: inputs.CreateWebhookEndpointInput,
    @CurrentWork() work: Work,
  ): Promise<Awaited<ReturnType<typeof createWebhookEndpoint>>> {
    return createWebhookEndpoint(work, input);
  }

  @Authorized('webhook.update')
  @Mutation(() => inputs.UpdateWebhookEndpointPayload, {
    nullable: true,
    description: 'Changes a webhook endpoint, switches it off or on, or replaces its secret.',
  })
  async updateWebhookEndpoint(
    @Arg('input', () => inputs.UpdateWebhookEndpointInput, { description: 'What to change.' })
    input: inputs.UpdateWebhookEndpointInput,
    @CurrentWork() work: Work,
  ): Promise<inputs.UpdateWebhookEndpointPayload> {
    return updateWebhookEndpoint(work, input);
  }

  @Authorized('webhook.delete')
  @Mutation(() => inputs.DeleteWebhookEndpointPayload, {
    nullable: true,
    description:
      'Deletes a webhook endpoint with its secrets. What was sent to it stays listed for its time.',
  })
  async deleteWebhookEndpoint(
    @Arg('input', () => inputs.DeleteWebhookEndpointInput, { description: 'Which one.' })
    input: inputs.DeleteWebhookEndpointInput,
    @CurrentWork() work: Work,
  ): Promise<inputs.DeleteWebhookEndpointPayload> {
    return { endpoint: await deleteWebhookEndpoint(work, input) };
  }

  @Authorized('webhook.update')
  @Mutation(() => inputs.SendTestWebhookPayload, {
    nullable: true,
    description:
      'Sends an event of the type `webhook_endpoint.tested` to one endpoint, whatever events it wants.',
  })
  async sendTestWebhook(
    @Arg('input', () => inputs.SendTestWebhookInput, { description: 'Which one.' })
    input: inputs.SendTestWebhookInput,
    @CurrentWork() work: Work,
  ): Promise<inputs.SendTestWebhookPayload> {
    return { endpoint: await sendTestWebhook(work, input) };
  }

  @Authorized('webhook.replay')
  @Mutation(() => inputs.ReplayWebhookDeliveryPayload, {
    nullable: true,
    description:
      'Sends again what a webhook endpoint was sent, under the same `webhook-id`: one delivery, or everything that it has not taken since an instant.',
  })
  async replayWebhookDelivery(
    @Arg('input', () => inputs.ReplayWebhookDeliveryInput, { description: 'What to send again.' })
    input: inputs.ReplayWebhookDeliveryInput,
    @CurrentWork() work: Work,
  ): Promise<inputs.ReplayWebhookDeliveryPayload> {
    return replayWebhookDelivery(work, input);
  }
}
