import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import type { Page } from '../core/page.js';
import type { Work } from '../core/work.js';
import { Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { Edge, ListEdge } from '../graph/edge.js';
import { viewerOf } from './model.js';
import {
  customersById,
  customersByReseller,
  customersPage,
  resellersById,
  resellersPage,
  tenantsById,
  tenantsPage,
} from './queries.js';
import {
  CreateCustomerInput,
  CreateCustomerPayload,
  CreateResellerInput,
  CreateResellerPayload,
  Customer,
  CustomerConnection,
  PartyFilter,
  Reseller,
  ResellerConnection,
  Tenant,
  TenantConnection,
  TenantFilter,
  UpdateCustomerInput,
  UpdateCustomerPayload,
  UpdateResellerInput,
  UpdateResellerPayload,
  Viewer,
} from './schema.js';
import { createCustomer, createReseller, updateCustomer, updateReseller } from './service.js';
import type { Customer as CustomerRow, Reseller as ResellerRow, Tenant as TenantRow } from './table.js';

@Edge(
  'tenant',
  () => Tenant,
  tenantsById,
  (viewer: ReturnType<typeof viewerOf>) => viewer.tenantId,
  {
    permission: 'viewer.read',
    description: "The caller's tenant.",
  },
)
@Resolver(() => Viewer)
export class ViewerEdges {}

@Edge(
  'reseller',
  () => Reseller,
  resellersById,
  (customer: CustomerRow) => customer.resellerId,
  {
    permission: 'reseller.read',
    nullable: true,
    description: 'The reseller through whom the customer came.',
  },
)
@Resolver(() => Customer)
export class CustomerEdges {}

@ListEdge(
  'customers',
  () => CustomerConnection,
  customersByReseller,
  (reseller: ResellerRow) => reseller.id,
  {
    permission: 'customer.read',
    description: 'The customers that came through it, by name.',
  },
)
@Resolver(() => Reseller)
export class ResellerEdges {}

@Resolver()
export class AccessResolver {
  @Authorized('viewer.read')
  @Query(() => Viewer, { nullable: true, description: 'Who is asking.' })
  viewer(@Ctx() ctx: Context) {
    return viewerOf(ctx.actor);
  }

  @Authorized('tenant.list')
  @CheckedArguments(pageChecks)
  @Query(() => TenantConnection, { description: 'All tenants by name; for operators alone.' })
  async tenants(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => TenantFilter, { nullable: true, description: 'Which ones.' })
    filter: TenantFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<TenantRow>> {
    return tenantsPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('customer.read')
  @Query(() => Customer, { nullable: true, description: 'One customer; null if there is none with this id.' })
  customer(@Arg('id', () => ID, { description: "The customer's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(customersById, id);
  }

  @Authorized('customer.read')
  @CheckedArguments(pageChecks)
  @Query(() => CustomerConnection, { description: 'Customers by name.' })
  async customers(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => PartyFilter, { nullable: true, description: 'Which ones.' })
    filter: PartyFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<CustomerRow>> {
    return customersPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('reseller.read')
  @Query(() => Reseller, { nullable: true, description: 'One reseller; null if there is none with this id.' })
  reseller(@Arg('id', () => ID, { description: "The reseller's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(resellersById, id);
  }

  @Authorized('reseller.read')
  @CheckedArguments(pageChecks)
  @Query(() => ResellerConnection, { description: 'Resellers by name.' })
  async resellers(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => PartyFilter, { nullable: true, description: 'Which ones.' })
    filter: PartyFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<ResellerRow>> {
    return resellersPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('customer.create')
  @Mutation(() => CreateCustomerPayload, { nullable: true, description: 'Adds a customer.' })
  async createCustomer(
    @Arg('input', () => CreateCustomerInput, { description: 'The customer.' }) input: CreateCustomerInput,
    @CurrentWork() work: Work,
  ): Promise<CreateCustomerPayload> {
    return { customer: await createCustomer(work, input) };
  }

  @Authorized('customer.update')
  @Mutation(() => UpdateCustomerPayload, { nullable: true, description: 'Changes a customer.' })
  async updateCustomer(
    @Arg('input', () => UpdateCustomerInput, { description: 'The changes.' }) input: UpdateCustomerInput,
    @CurrentWork() work: Work,
  ): Promise<UpdateCustomerPayload> {
    return { customer: await updateCustomer(work, input) };
  }

  @Authorized('reseller.create')
  @Mutation(() => CreateResellerPayload, { nullable: true, description: 'Adds a reseller.' })
  async createReseller(
    @Arg('input', () => CreateResellerInput, { description: 'The reseller.' }) input: CreateResellerInput,
    @CurrentWork() work: Work,
  ): Promise<CreateResellerPayload> {
    return { reseller: await createReseller(work, input) };
  }

  @Authorized('reseller.update')
  @Mutation(() => UpdateResellerPayload, { nullable: true, description: 'Changes a reseller.' })
  async updateReseller(
    @Arg('input', () => UpdateResellerInput, { description: 'The changes.' }) input: UpdateResellerInput,
    @CurrentWork() work: Work,
  ): Promise<UpdateResellerPayload> {
    return { reseller: await updateReseller(work, input) };
  }
}
