import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import { customersById, resellersById } from '../access/queries.js';
import { Customer, Reseller } from '../access/schema.js';
import type { Customer as CustomerRow } from '../access/table.js';
import { eventsEdge } from '../audit/resolver.js';
import type { Page } from '../core/page.js';
import { Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { Edge, ListEdge } from '../graph/edge.js';
import { licensesByOrder } from '../licenses/queries.js';
import { License, LicenseConnection } from '../licenses/schema/types.js';
import type { License as LicenseRow } from '../licenses/table.js';
import { templatesById } from '../templates/queries.js';
import { LicenseTemplate } from '../templates/schema/types.js';
import { ordersByCustomer, ordersById, ordersPage } from './queries.js';
import { LicenseOrder, OrderConnection, OrderFilter } from './schema.js';
import type { Order } from './table.js';

@Edge(
  'customer',
  () => Customer,
  customersById,
  (order: Order) => order.customerId,
  {
    permission: 'customer.read',
    nullable: true,
    description: 'Who buys.',
  },
)
@Edge(
  'reseller',
  () => Reseller,
  resellersById,
  (order: Order) => order.resellerId,
  {
    permission: 'reseller.read',
    nullable: true,
    description: 'Who sells.',
  },
)
@Edge(
  'template',
  () => LicenseTemplate,
  templatesById,
  (order: Order) => order.templateId,
  {
    permission: 'template.read',
    description: 'What is bought.',
  },
)
@ListEdge(
  'licenses',
  () => LicenseConnection,
  licensesByOrder,
  (order: Order) => order.id,
  {
    permission: 'license.read',
    description: 'The licenses that it made.',
  },
)
@eventsEdge
@Resolver(() => LicenseOrder)
export class OrderEdges {}

@Edge(
  'order',
  () => LicenseOrder,
  ordersById,
  (license: LicenseRow) => license.orderId,
  {
    permission: 'order.read',
    nullable: true,
    description: 'The order that made it.',
  },
)
@Resolver(() => License)
export class LicenseOrderEdges {}

@ListEdge(
  'orders',
  () => OrderConnection,
  ordersByCustomer,
  (customer: CustomerRow) => customer.id,
  {
    permission: 'order.read',
    description: 'Its orders, the newest first.',
  },
)
@Resolver(() => Customer)
export class CustomerOrderEdges {}

@Resolver()
export class OrderQueries {
  @Authorized('order.read')
  @Query(() => LicenseOrder, {
    nullable: true,
    description: 'One order; null if there is none with this id.',
  })
  order(@Arg('id', () => ID, { description: "The order's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(ordersById, id);
  }

  @Authorized('order.read')
  @CheckedArguments(pageChecks)
  @Query(() => OrderConnection, { description: 'Orders, the newest first.' })
  async orders(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => OrderFilter, { nullable: true, description: 'Which ones.' })
    filter: OrderFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<Order>> {
    return ordersPage(await ctx.reading(), filter ?? {}, page);
  }
}
