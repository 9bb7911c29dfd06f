import { Arg, Args, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { resellersById } from '../../access/queries.js';
import { Reseller } from '../../access/schema.js';
import type { Reseller as ResellerRow } from '../../access/table.js';
import { eventsEdge } from '../../audit/resolver.js';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge, ListEdge } from '../../graph/edge.js';
import { licensesById } from '../../licenses/queries.js';
import { License } from '../../licenses/schema/types.js';
import type { License as LicenseRow } from '../../licenses/table.js';
import { templatesById } from '../../templates/queries.js';
import { LicenseTemplate } from '../../templates/schema/types.js';
import { availableIn } from '../model/pools.js';
import {
  allocationsByPool,
  poolsById,
  poolsByLicense,
  poolsByReseller,
  poolsPage,
} from '../queries/pools.js';
import { ordersById } from '../queries.js';
import * as shapes from '../schema/pools.js';
import { LicenseOrder } from '../schema.js';
import { allocateFromPool } from '../service/allocateFromPool.js';
import { createLicensePool, updateLicensePool } from '../service/pools.js';
import type { LicensePool, PoolAllocation } from '../table/pools.js';

@Edge(
  'reseller',
  () => Reseller,
  resellersById,
  (pool: LicensePool) => pool.resellerId,
  { permission: 'reseller.read', nullable: true, description: 'Who hands its licenses out.' },
)
@Edge(
  'template',
  () => LicenseTemplate,
  templatesById,
  (pool: LicensePool) => pool.templateId,
  { permission: 'template.read', description: 'What they are made from, as it is by now.' },
)
@Edge(
  'order',
  () => LicenseOrder,
  ordersById,
  (pool: LicensePool) => pool.orderId,
  { permission: 'order.read', nullable: true, description: 'The order that paid for it.' },
)
@ListEdge(
  'allocations',
  () => shapes.PoolAllocationConnection,
  allocationsByPool,
  (pool: LicensePool) => pool.id,
  { permission: 'pool.read', description: 'What was taken from it, the last first.' },
)
@eventsEdge
@Resolver(() => shapes.LicensePool)
export class LicensePoolEdges {
  @FieldResolver(() => Int, { description: 'How many are left: its size without what is taken.' })
  available(@Root() pool: LicensePool): number {
    return availableIn(pool);
  }
}

@Edge(
  'license',
  () => License,
  licensesById,
  ({ id }: PoolAllocation) => id,
  { permission: 'license.read', nullable: true, description: 'The license that was taken.' },
)
@Resolver(() => shapes.PoolAllocation)
export class PoolAllocationEdges {}

@Edge(
  'pool',
  () => shapes.LicensePool,
  poolsByLicense,
  (license: LicenseRow) => license.id,
  { permission: 'pool.read', nullable: true, description: 'The pool that it was taken from.' },
)
@Resolver(() => License)
export class LicensePoolOfLicense {}

@ListEdge(
  'licensePools',
  () => shapes.LicensePoolConnection,
  poolsByReseller,
  (reseller: ResellerRow) => reseller.id,
  { permission: 'pool.read', description: 'The pools that it may hand licenses out of, the newest first.' },
)
@Resolver(() => Reseller)
export class ResellerPoolEdges {}

@Resolver()
export class LicensePoolResolver {
  @Authorized('pool.read')
  @Query(() => shapes.LicensePool, {
    nullable: true,
    description: 'One license pool; null if there is none with this id.',
  })
  licensePool(@Arg('id', () => ID, { description: "The pool's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(poolsById, id);
  }

  @Authorized('pool.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.LicensePoolConnection, { description: 'License pools, the newest first.' })
  async licensePools(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => shapes.LicensePoolFilter, { nullable: true, description: 'Which ones.' })
    filter: shapes.LicensePoolFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<LicensePool>> {
    return poolsPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('pool.create')
  @Mutation(() => shapes.CreateLicensePoolPayload, {
    nullable: true,
    description: 'Makes a pool of licenses for a reseller.',
  })
  async createLicensePool(
    @Arg('input', () => shapes.CreateLicensePoolInput, { description: 'The pool.' })
    input: shapes.CreateLicensePoolInput,
    @CurrentWork() work: Work,
  ) {
    return { pool: await createLicensePool(work, input) };
  }

  @Authorized('pool.update')
  @Mutation(() => shapes.UpdateLicensePoolPayload, {
    nullable: true,
    description: 'Changes the size, the name, the end or the rule of return of a pool.',
  })
  async updateLicensePool(
    @Arg('input', () => shapes.UpdateLicensePoolInput, { description: 'The changes.' })
    input: shapes.UpdateLicensePoolInput,
    @CurrentWork() work: Work,
  ) {
    return { pool: await updateLicensePool(work, input) };
  }

  @Authorized('pool.allocate')
  @Mutation(() => shapes.AllocateFromPoolPayload, {
    nullable: true,
    description:
      'Takes licenses from a pool for a customer of its reseller: all that are asked for, or none.',
  })
  async allocateFromPool(
    @Arg('input', () => shapes.AllocateFromPoolInput, { description: 'How many, and for whom.' })
    input: shapes.AllocateFromPoolInput,
    @CurrentWork() work: Work,
  ) {
    const { pool, issued } = await allocateFromPool(work, input);
    return { pool, licenses: issued };
  }
}
