import { Ctx, Query, Resolver } from 'type-graphql';
import { Authorized } from '../graph/authorized.js';
import type { Context } from '../graph/context.js';
import { ApiAccess, Entitlement, FeatureFlag } from './schema.js';
import { apiAccess, entitlements, featureFlags } from './service.js';

@Resolver()
export class EntitlementResolver {
  @Authorized('entitlement.read')
  @Query(() => [Entitlement], { description: 'What the caller may use, by feature: limit, used, left.' })
  async entitlements(@Ctx() ctx: Context) {
    return entitlements(await ctx.reading());
  }

  @Authorized('entitlement.read')
  @Query(() => [FeatureFlag], { description: "The host's settings as the caller's licenses switch them." })
  async featureFlags(@Ctx() ctx: Context) {
    return featureFlags(await ctx.reading());
  }

  @Authorized('entitlement.read')
  @Query(() => ApiAccess, { nullable: true, description: 'What a program needs to use this interface.' })
  async apiAccess(@Ctx() ctx: Context) {
    return apiAccess(await ctx.reading());
  }
}
