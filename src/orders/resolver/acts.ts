import { Arg, Mutation, Resolver } from 'type-graphql';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CurrentWork } from '../../graph/currentWork.js';
import * as inputs from '../schema/inputs.js';
import { approveOrder } from '../service/approveOrder.js';
import { cancelOrder } from '../service/cancelOrder.js';
import { createOrder } from '../service/createOrder.js';
import { fulfillOrder } from '../service/fulfillOrder.js';

@Resolver()
export class OrderMutations {
  @Authorized('order.create')
  @Mutation(() => inputs.CreateOrderPayload, {
    nullable: true,
    description:
      'Orders licenses of a template: prices them, bills them, and keeps what each of them will have. A total of nothing counts as paid.',
  })
  async createOrder(
    @Arg('input', () => inputs.CreateOrderInput, { description: 'What is bought, and by whom.' })
    input: inputs.CreateOrderInput,
    @CurrentWork() work: Work,
  ) {
    return { order: await createOrder(work, input) };
  }

  @Authorized('order.approve')
  @Mutation(() => inputs.ApproveOrderPayload, {
    nullable: true,
    description:
      'Approves an order. Once it is paid too, its licenses are made, unless it waits for a person.',
  })
  async approveOrder(
    @Arg('input', () => inputs.ApproveOrderInput, { description: 'Which.' })
    input: inputs.ApproveOrderInput,
    @CurrentWork() work: Work,
  ) {
    return { order: await approveOrder(work, input) };
  }

  @Authorized('order.fulfill')
  @Mutation(() => inputs.FulfillOrderPayload, {
    nullable: true,
    description:
      'Makes the licenses of an order that is approved and paid, or renews those that it names; of many at once, behind the answer. Twice is the same as once.',
  })
  async fulfillOrder(
    @Arg('input', () => inputs.FulfillOrderInput, { description: 'Which.' })
    input: inputs.FulfillOrderInput,
    @CurrentWork() work: Work,
  ) {
    return { order: await fulfillOrder(work, input) };
  }

  @Authorized('order.cancel')
  @Mutation(() => inputs.CancelOrderPayload, {
    nullable: true,
    description:
      'Cancels an order that has no licenses yet, and voids its invoice. One that money was received for is refunded first.',
  })
  async cancelOrder(
    @Arg('input', () => inputs.CancelOrderInput, { description: 'Which, and why.' })
    input: inputs.CancelOrderInput,
    @CurrentWork() work: Work,
  ) {
    return { order: await cancelOrder(work, input) };
  }
}
