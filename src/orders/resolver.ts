import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { customersById, resellersById } from '../access/queries.js';
import { Customer, Reseller } from '../access/schema.js';
import type { Customer as CustomerRow, Reseller as ResellerRow } from '../access/table.js';
import { eventsEdge } from '../audit/resolver.js';
import { invoicesById } from '../billing/queries.js';
import { Invoice } from '../billing/schema/invoice.js';
import type { Invoice as InvoiceRow } from '../billing/table.js';
import type { Amount } from '../core/money.js';
import type { Page } from '../core/page.js';
import { Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { Edge, ListEdge } from '../graph/edge.js';
import { DecimalAmount } from '../graph/scalars.js';
import { licensesByOrder } from '../licenses/queries.js';
import { License, LicenseConnection } from '../licenses/schema/types.js';
import type { License as LicenseRow } from '../licenses/table.js';
import { templatesById } from '../templates/queries.js';
import { LicenseTemplate } from '../templates/schema/types.js';
import { maintenanceOf } from './model/terms.js';
import {
  ordersByCustomer,
  ordersById,
  ordersByInvoice,
  ordersByReseller,
  ordersPage,
  renewedLicensesByOrder,
} from './queries.js';
import { LicenseOrder, OrderConnection, OrderFilter, OrderSort } from './schema.js';
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
@Edge(
  'invoice',
  () => Invoice,
  invoicesById,
  (order: Order) => order.invoiceId,
  {
    permission: 'invoice.read',
    nullable: true,
    description: 'What is to be paid for it; null where there is nothing to pay.',
  },
)
@eventsEdge
@Resolver(() => LicenseOrder)
export class OrderEdges {
  @Authorized('license.read')
  @FieldResolver(() => [License], {
    description: 'The licenses that it renews, instead of making new ones, as far as the caller sees them.',
  })
  renewedLicenses(@Root() order: Order, @Ctx() ctx: Context) {
    return ctx.load(renewedLicensesByOrder, order.id);
  }

  @Authorized('order.read')
  @FieldResolver(() => DecimalAmount, { description: 'What the maintenance of perpetual licenses costs.' })
  maintenanceAmount(@Root() { lines }: Order): Amount {
    return maintenanceOf(lines);
  }
}

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

@Edge(
  'order',
  () => LicenseOrder,
  ordersByInvoice,
  (invoice: InvoiceRow) => invoice.id,
  {
    permission: 'order.read',
    nullable: true,
    description: 'The order that it is for, if it is for one.',
  },
)
@Resolver(() => Invoice)
export class InvoiceOrderEdges {}

@ListEdge(
  'orders',
  () => OrderConnection,
  ordersByReseller,
  (reseller: ResellerRow) => reseller.id,
  {
    permission: 'order.read',
    description: 'The orders that it sold, the newest first.',
  },
)
@Resolver(() => Reseller)
export class ResellerOrderEdges {}

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
  @Query(() => OrderConnection, { description: 'Orders, the newest first unless sorted otherwise.' })
  async orders(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => OrderFilter, { nullable: true, description: 'Which ones.' })
    filter: OrderFilter | null,
    @Arg('sort', () => OrderSort, { nullable: true, description: 'In which order.' })
    sort: OrderSort | null,
    @Ctx() ctx: Context,
  ): Promise<Page<Order>> {
    return ordersPage(await ctx.reading(), filter ?? {}, sort, page);
  }
}
