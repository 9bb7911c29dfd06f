import { Arg, ID, Resolver, Root, Subscription } from 'type-graphql';
import { text } from '../../core/check.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import type { Context } from '../../graph/context.js';
import type { QuotaThreshold as Threshold } from '../model/ledger.js';
import { QuotaThreshold } from '../schema/streams.js';
import { quotaThresholds, type ThresholdFilter } from '../service/quotaThresholds.js';

@Resolver()
export class QuotaStreams {
  @Authorized('entitlement.read')
  @CheckedArguments({ featureId: text(1, 100) })
  @Subscription(() => QuotaThreshold, {
    description:
      'Each share of a limit, 80, 90 and 100 percent, that use reaches on a license that the caller sees: once a window.',
    subscribe: ({ args, context }: { args: ThresholdFilter; context: Context }) =>
      quotaThresholds(context, args),
  })
  quotaThreshold(
    @Root() threshold: Threshold,
    @Arg('licenseId', () => ID, { nullable: true, description: "Only this license's." }) _licenseId:
      | string
      | null,
    @Arg('featureId', () => String, { nullable: true, description: 'Only of this feature.' }) _featureId:
      | string
      | null,
  ): Threshold {
    return threshold;
  }
}
