import { Arg, ID, Resolver, Root, Subscription } from 'type-graphql';
import { Authorized } from '../../graph/authorized.js';
import type { Context } from '../../graph/context.js';
import { OrderProgress } from '../schema/streams.js';
import { orderProgress, type OrderProgress as Progress } from '../service/orderProgress.js';

@Resolver()
export class OrderStreams {
  @Authorized('order.read')
  @Subscription(() => OrderProgress, {
    description:
      'Every step of the orders that the caller sees: approved, paid, so many licenses made, fulfilled.',
    subscribe: ({ args, context }: { args: { orderId?: string | null }; context: Context }) =>
      orderProgress(context, args.orderId ?? null),
  })
  orderProgress(
    @Root() progress: Progress,
    @Arg('orderId', () => ID, { nullable: true, description: 'Only this order.' }) _orderId: string | null,
  ): Progress {
    return progress;
  }
}
