import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import type { Work } from '../core/work.js';
import { Authorized } from '../graph/authorized.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { RequiresFeature } from '../graph/requiresFeature.js';
import { License } from '../licenses/schema/types.js';
import type { License as LicenseRow } from '../licenses/table.js';
import { advancedAnalyticsByLicense, analyticsByLicense } from './queries.js';
import { AdvancedAnalytics, ExportLicensesInput, ExportLicensesPayload, LicenseAnalytics } from './schema.js';
import { exportLicenses } from './service.js';

@Resolver(() => License)
export class LicenseAnalyticsEdges {
  @Authorized('license.analyze')
  @RequiresFeature('analytics_dashboard')
  @FieldResolver(() => LicenseAnalytics, { nullable: true, description: 'How much it is used.' })
  analytics(@Root() license: LicenseRow, @Ctx() ctx: Context) {
    return ctx.load(analyticsByLicense, license.id);
  }

  @Authorized('license.analyze')
  @RequiresFeature('analytics_advanced', { consumeQuota: true })
  @FieldResolver(() => AdvancedAnalytics, { nullable: true, description: 'How its activations spread.' })
  advancedAnalytics(@Root() license: LicenseRow, @Ctx() ctx: Context) {
    return ctx.load(advancedAnalyticsByLicense, license.id);
  }
}

@Resolver()
export class ExportMutations {
  @Authorized('license.export')
  @RequiresFeature('bulk_export', { consumeQuota: true })
  @Mutation(() => ExportLicensesPayload, {
    nullable: true,
    description: 'Exports licenses in bulk, keys masked.',
  })
  exportLicenses(
    @Arg('input', () => ExportLicensesInput, { description: 'Which and how.' }) input: ExportLicensesInput,
    @CurrentWork() work: Work,
  ) {
    return exportLicenses(work, input);
  }
}
