import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { customersById } from '../../access/queries.js';
import { Customer } from '../../access/schema.js';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge } from '../../graph/edge.js';
import { licensesById } from '../../licenses/queries.js';
import { License } from '../../licenses/schema/types.js';
import { notificationsById, notificationsPage } from '../queries/mail.js';
import * as shapes from '../schema/mail.js';
import { readLetter } from '../service/readLetter.js';
import { resendNotification } from '../service/resendNotification.js';
import type { Notification as NotificationRow } from '../table/mail.js';

@Edge(
  'license',
  () => License,
  licensesById,
  (mail: NotificationRow) => mail.licenseId,
  { permission: 'license.read', nullable: true, description: 'The license that it tells of, if one.' },
)
@Edge(
  'customer',
  () => Customer,
  customersById,
  (mail: NotificationRow) => mail.customerId,
  {
    permission: 'customer.read',
    nullable: true,
    description: "The customer; null where it went to the vendor's people.",
  },
)
@Resolver(() => shapes.Notification)
export class NotificationEdges {}

@Resolver(() => shapes.Notification)
export class NotificationResolver {
  @Authorized('notification.read')
  @Query(() => shapes.Notification, {
    nullable: true,
    description: 'One mail; null if there is none with this id.',
  })
  notification(@Arg('id', () => ID, { description: "The mail's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(notificationsById, id);
  }

  @Authorized('notification.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.NotificationConnection, {
    description: 'Mail that was sent or is to be sent, the newest first.',
  })
  async notifications(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => shapes.NotificationFilter, { nullable: true, description: 'Which ones.' })
    filter: shapes.NotificationFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<NotificationRow>> {
    return notificationsPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('notification.resend')
  @Mutation(() => shapes.ResendNotificationPayload, {
    nullable: true,
    description:
      'Sends a mail again that was given up or has not arrived, to where its reader is reached now, unless what it tells is not so any more.',
  })
  async resendNotification(
    @Arg('input', () => shapes.ResendNotificationInput, { description: 'Which one.' })
    input: shapes.ResendNotificationInput,
    @CurrentWork() work: Work,
  ) {
    return { notification: await resendNotification(work, input) };
  }

  @Authorized('notification.read')
  @FieldResolver(() => String, {
    nullable: true,
    description: 'What it says, as text, with license keys masked; null once that was erased.',
  })
  async text(@Root() mail: NotificationRow, @Ctx() ctx: Context): Promise<string | null> {
    return (await readLetter(await ctx.reading(), mail))?.text ?? null;
  }

  @Authorized('notification.read')
  @FieldResolver(() => String, {
    nullable: true,
    description:
      'What it says, as HTML, with license keys masked; null once that was erased. Show it in a sandboxed frame.',
  })
  async html(@Root() mail: NotificationRow, @Ctx() ctx: Context): Promise<string | null> {
    return (await readLetter(await ctx.reading(), mail))?.html ?? null;
  }
}
