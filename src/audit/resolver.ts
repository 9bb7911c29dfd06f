import { Arg, Args, Ctx, Query, Resolver } from 'type-graphql';
import { ApiKey } from '../access/schema/apiKeys.js';
import { Customer, Reseller } from '../access/schema.js';
import type { Page } from '../core/page.js';
import { Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { ListEdge } from '../graph/edge.js';
import { eventsBySubject, eventsPage } from './queries.js';
import { EventConnection, EventFilter } from './schema.js';
import type { EventRow } from './table.js';

interface Subject {
  readonly id: string;
}

/** The edge that everything has to what happened to it. */
export const eventsEdge = ListEdge(
  'events',
  () => EventConnection,
  eventsBySubject,
  (subject: Subject) => subject.id,
  {
    permission: 'event.read',
    description: 'What happened to it, the newest first.',
  },
);

@eventsEdge
@Resolver(() => Customer)
export class CustomerEventEdges {}

@eventsEdge
@Resolver(() => Reseller)
export class ResellerEventEdges {}

@eventsEdge
@Resolver(() => ApiKey)
export class ApiKeyEventEdges {}

@Resolver()
export class EventResolver {
  @Authorized('event.read')
  @CheckedArguments(pageChecks)
  @Query(() => EventConnection, { description: 'The audit trail of the tenant, the newest first.' })
  async events(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => EventFilter, { nullable: true, description: 'Which ones.' })
    filter: EventFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<EventRow>> {
    return eventsPage(await ctx.reading(), filter ?? {}, page);
  }
}
