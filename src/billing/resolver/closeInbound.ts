import { GraphQLString } from 'graphql';
import { Arg, Args, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge } from '../../graph/edge.js';
import { unclaimedWebhooksPage } from '../queries/inbound.js';
import { bodiesById } from '../queries/inboundBodies.js';
import * as shapes from '../schema/closeInbound.js';
import {
  assignUnclaimedWebhook,
  closeInboundWebhook,
  closeUnclaimedWebhook,
} from '../service/closeInbound.js';
import type { InboundWebhook } from '../table/inbound.js';

@Edge(
  'body',
  () => GraphQLString,
  bodiesById,
  (webhook: InboundWebhook) => webhook.id,
  {
    permission: 'unclaimed_webhook.settle',
    nullable: true,
    description: 'What it said, as it came: names and addresses of payers among it. It is kept for 90 days.',
  },
)
@Resolver(() => shapes.UnclaimedWebhook)
export class UnclaimedWebhookEdges {}

@Resolver()
export class CloseInboundResolver {
  @Authorized('inbound_webhook.close')
  @Mutation(() => shapes.CloseInboundWebhookPayload, {
    nullable: true,
    description:
      'Closes a webhook that had no effect, once a person has looked at it. It is forgotten after 400 days.',
  })
  async closeInboundWebhook(
    @Arg('input', () => shapes.CloseInboundWebhookInput, { description: 'Which, and what became of it.' })
    input: shapes.CloseInboundWebhookInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { webhook: await closeInboundWebhook(work, input) };
  }

  @Authorized('unclaimed_webhook.list')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.UnclaimedWebhookConnection, {
    description:
      "Webhooks to addresses of the deployment that are no tenant's, the newest first; for operators alone.",
  })
  async unclaimedWebhooks(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => shapes.UnclaimedWebhookFilter, { nullable: true, description: 'Which ones.' })
    filter: shapes.UnclaimedWebhookFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<InboundWebhook>> {
    return unclaimedWebhooksPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('unclaimed_webhook.settle')
  @Mutation(() => shapes.CloseUnclaimedWebhookPayload, {
    nullable: true,
    description: "Closes a webhook that is no tenant's, once a person has looked at it; for operators alone.",
  })
  async closeUnclaimedWebhook(
    @Arg('input', () => shapes.CloseUnclaimedWebhookInput, { description: 'Which, and what became of it.' })
    input: shapes.CloseUnclaimedWebhookInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { webhook: await closeUnclaimedWebhook(work, input) };
  }

  @Authorized('unclaimed_webhook.settle')
  @Mutation(() => shapes.AssignUnclaimedWebhookPayload, {
    nullable: true,
    description:
      "Says which invoice a webhook that is no tenant's is about, and has it processed there; for operators alone.",
  })
  async assignUnclaimedWebhook(
    @Arg('input', () => shapes.AssignUnclaimedWebhookInput, { description: 'Which, and about what.' })
    input: shapes.AssignUnclaimedWebhookInput,
    @CurrentWork() work: Work,
  ): Promise<object> {
    return { webhook: await assignUnclaimedWebhook(work, input) };
  }
}
