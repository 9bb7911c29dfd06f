import { Arg, Ctx, Query, Resolver, Root, Subscription } from 'type-graphql';
import { text } from '../../core/check.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import type { Context } from '../../graph/context.js';
import type { StreamFilter } from '../queries/stream.js';
import { EventStreamFilter, LoggedEvent } from '../schema/stream.js';
import { eventCursor, eventStream, type LoggedEvent as Logged } from '../service/eventStream.js';

interface Asked {
  readonly after?: string | null;
  readonly filter?: StreamFilter | null;
}

@Resolver()
export class EventStreams {
  @Authorized('event.read')
  @Query(() => String, {
    description:
      "Where the tenant's log ends now: what `events(after)` tells from there is all that follows.",
  })
  async eventCursor(@Ctx() ctx: Context): Promise<string> {
    return eventCursor(await ctx.reading());
  }

  @Authorized('event.read')
  @CheckedArguments({ after: text(1, 500) })
  @Subscription(() => LoggedEvent, {
    description:
      'The events that the caller sees, in the order of the log: behind a cursor, each once and none left out, or from now on.',
    subscribe: ({ args, context }: { args: Asked; context: Context }) => eventStream(context, args),
  })
  events(
    @Root() logged: Logged,
    @Arg('after', () => String, {
      nullable: true,
      description: 'The `cursor` of the last event that was taken, or `eventCursor`; absent is from now on.',
    })
    _after: string | null,
    @Arg('filter', () => EventStreamFilter, { nullable: true, description: 'Which ones.' })
    _filter: EventStreamFilter | null,
  ): Logged {
    return logged;
  }
}
