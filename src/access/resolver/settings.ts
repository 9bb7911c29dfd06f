import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { shownSettings } from '../model/settings.js';
import { tenantOf } from '../queries.js';
import {
  TenantSettings,
  UpdateTenantSettingsInput,
  UpdateTenantSettingsPayload,
} from '../schema/settings.js';
import { updateTenantSettings } from '../service/settings.js';

@Resolver()
export class SettingsResolver {
  @Authorized('tenant.read')
  @Query(() => TenantSettings, { description: "The caller's tenant's settings." })
  async tenantSettings(@Ctx() ctx: Context) {
    return shownSettings((await tenantOf(await ctx.reading())).settings);
  }

  @Authorized('tenant.update')
  @Mutation(() => UpdateTenantSettingsPayload, {
    nullable: true,
    description: "Changes the tenant's settings.",
  })
  async updateTenantSettings(
    @Arg('input', () => UpdateTenantSettingsInput, { description: 'The changes.' })
    input: UpdateTenantSettingsInput,
    @CurrentWork() work: Work,
  ) {
    return { settings: shownSettings(await updateTenantSettings(work, input)) };
  }
}
