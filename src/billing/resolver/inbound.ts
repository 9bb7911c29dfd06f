import { GraphQLString } from 'graphql';
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
import { Edge } from '../../graph/edge.js';
import { DateTime } from '../../graph/scalars.js';
import { doorPath } from '../model/inbound.js';
import {
  inboundWebhooksById,
  inboundWebhooksPage,
  paymentEndpointsById,
  paymentEndpointsPage,
} from '../queries/inbound.js';
import { bodiesById } from '../queries/inboundBodies.js';
import * as shapes from '../schema/inbound.js';
import * as inputs from '../schema/inboundInputs.js';
import { createPaymentEndpoint, updatePaymentEndpoint } from '../service/paymentEndpoints.js';
import { retryInboundWebhook } from '../service/retryInbound.js';
import type { InboundWebhook, PaymentEndpoint } from '../table/inbound.js';

@Resolver(() => shapes.PaymentEndpoint)
export class PaymentEndpointFields {
  @FieldResolver(() => String, {
    description: "The path that the processor is to send to, behind this server's address.",
  })
  path(@Root() { processor, id }: PaymentEndpoint): string {
    return doorPath(processor, id);
  }

  @FieldResolver(() => Boolean, {
    description: "Whether the tenant's own account can be charged through it.",
  })
  charges(@Root() { apiKey }: PaymentEndpoint): boolean {
    return apiKey !== null;
  }

  @FieldResolver(() => DateTime, {
    nullable: true,
    description: 'Until when a secret that was replaced is taken; null if none is.',
  })
  oldSecretsUntil(@Root() endpoint: PaymentEndpoint, @Ctx() ctx: Context): Instant | null {
    return earlierSecretsUntil(endpoint.secrets, ctx.now);
  }
}

@Edge(
  'body',
  () => GraphQLString,
  bodiesById,
  (webhook: InboundWebhook) => webhook.id,
  {
    permission: 'inbound_webhook.read_body',
    nullable: true,
    description: 'What it said, as it came: names and addresses of payers among it. It is kept for 90 days.',
  },
)
@Edge(
  'endpoint',
  () => shapes.PaymentEndpoint,
  paymentEndpointsById,
  (webhook: InboundWebhook) => webhook.endpointId,
  {
    permission: 'payment_endpoint.read',
    nullable: true,
    description: 'The endpoint that it came to, if it came to one of the tenant.',
  },
)
@Resolver(() => shapes.InboundWebhook)
export class InboundWebhookEdges {}

@Resolver()
export class InboundResolver {
  @Authorized('payment_endpoint.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.PaymentEndpointConnection, { description: 'Payment endpoints, the newest first.' })
  async paymentEndpoints(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => inputs.PaymentEndpointFilter, { nullable: true, description: 'Which ones.' })
    filter: inputs.PaymentEndpointFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<PaymentEndpoint>> {
    return paymentEndpointsPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('inbound_webhook.read')
  @Query(() => shapes.InboundWebhook, {
    nullable: true,
    description: 'One webhook that came; null if there is none with this id.',
  })
  inboundWebhook(@Arg('id', () => ID, { description: "The webhook's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(inboundWebhooksById, id);
  }

  @Authorized('inbound_webhook.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.InboundWebhookConnection, {
    description: 'What payment processors have told, the newest first.',
  })
  async inboundWebhooks(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => inputs.InboundWebhookFilter, { nullable: true, description: 'Which ones.' })
    filter: inputs.InboundWebhookFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<InboundWebhook>> {
    return inboundWebhooksPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('payment_endpoint.create')
  @Mutation(() => inputs.CreatePaymentEndpointPayload, {
    nullable: true,
    description: "Adds an address that the tenant's own account at a payment processor sends webhooks to.",
  })
  async createPaymentEndpoint(
    @Arg('input', () => inputs.CreatePaymentEndpointInput, { description: 'The endpoint.' })
    input: inputs.CreatePaymentEndpointInput,
    @CurrentWork() work: Work,
  ): Promise<inputs.CreatePaymentEndpointPayload> {
    return createPaymentEndpoint(work, input);
  }

  @Authorized('payment_endpoint.update')
  @Mutation(() => inputs.UpdatePaymentEndpointPayload, {
    nullable: true,
    description: 'Changes a payment endpoint, switches it off or on, or replaces its secrets.',
  })
  async updatePaymentEndpoint(
    @Arg('input', () => inputs.UpdatePaymentEndpointInput, { description: 'What to change.' })
    input: inputs.UpdatePaymentEndpointInput,
    @CurrentWork() work: Work,
  ): Promise<inputs.UpdatePaymentEndpointPayload> {
    return updatePaymentEndpoint(work, input);
  }

  @Authorized('inbound_webhook.retry')
  @Mutation(() => inputs.RetryInboundWebhookPayload, {
    nullable: true,
    description:
      'Has a webhook processed once more that had no effect. Whatever it tells counts once all the same.',
  })
  async retryInboundWebhook(
    @Arg('input', () => inputs.RetryInboundWebhookInput, { description: 'Which one.' })
    input: inputs.RetryInboundWebhookInput,
    @CurrentWork() work: Work,
  ): Promise<inputs.RetryInboundWebhookPayload> {
    return { webhook: await retryInboundWebhook(work, input) };
  }
}
