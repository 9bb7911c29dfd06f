import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, Info, Mutation, Query, Resolver } from 'type-graphql';
import { listOf, text } from '../core/check.js';
import type { Work } from '../core/work.js';
import { ANYONE, Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { DoneTogether } from '../graph/coalesced.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { Edge } from '../graph/edge.js';
import { Misuse } from '../graph/misuse.js';
import { schemaFeatures } from '../graph/schemaFeatures.js';
import { misuseOf } from './model/verdict.js';
import {
  CheckedFeatures,
  CheckFeaturesArgs,
  ConsumeFeaturesInput,
  ConsumeFeaturesPayload,
  LicenseeInput,
  RefundFeaturesInput,
  RefundFeaturesPayload,
  UseVerdict,
} from './schema/consumption.js';
import { Entitlement } from './schema/entitlement.js';
import { RefusalHints } from './schema/hints.js';
import * as inputs from './schema/inputs.js';
import {
  ApiAccess,
  CheckedOperation,
  EntitlementSet,
  FeatureFlag,
  FieldVerdict,
  SchemaFeature,
} from './schema/types.js';
import { checkOperation, notRunnable } from './service/checkOperation.js';
import { checkFeatures, consumeFeatures } from './service/consumeFeatures.js';
import { entitlementSet } from './service/entitlementSet.js';
import { apiAccess, entitlementsByLicensee, licenseeKey, toldIn } from './service/entitlements.js';
import { featureFlags } from './service/featureFlags.js';
import { grantFeature, revokeFeature } from './service/grantFeature.js';
import { refundFeatures } from './service/refundFeatures.js';
import { resetQuota } from './service/resetQuota.js';
import { setFeatureFlags } from './service/setFeatureFlags.js';
import { topUpQuota } from './service/topUpQuota.js';
import { hintsByVerdict, hintsKey, type ToExplain } from './service/verdictHints.js';

@Edge(
  'hints',
  () => RefusalHints,
  hintsByVerdict,
  (verdict: ToExplain) => hintsKey(verdict),
  {
    permission: 'feature.consume',
    nullable: true,
    answersAbsence: true,
    description: 'What would make a refusal pass; null if it is granted.',
  },
)
@Resolver(() => UseVerdict)
export class UseVerdictEdges {}

@Edge(
  'hints',
  () => RefusalHints,
  hintsByVerdict,
  (verdict: ToExplain) => hintsKey(verdict),
  {
    permission: 'entitlement.read',
    nullable: true,
    answersAbsence: true,
    description: 'What would make it answer; null if it would.',
  },
)
@Resolver(() => FieldVerdict)
export class FieldVerdictEdges {}

@Resolver()
export class EntitlementResolver {
  @Authorized(ANYONE)
  @Query(() => [Entitlement], {
    description:
      "What the caller, or a licensee in its reach, may use, by feature: limit, used, left. Needs `entitlement.read`, or a license's key or token: that is the proof.",
  })
  async entitlements(
    @Arg('licensee', () => LicenseeInput, {
      nullable: true,
      description: 'Of whom; without it of the caller itself.',
    })
    licensee: LicenseeInput | null,
    @Ctx() ctx: Context,
  ) {
    return toldIn(await ctx.load(entitlementsByLicensee, licenseeKey(licensee)));
  }

  @Authorized('feature.consume')
  @CheckedArguments({ uses: listOf(500) })
  @Query(() => CheckedFeatures, {
    description: 'Says of uses of features whether they would be granted; nothing is drawn.',
  })
  async checkFeatures(@Args(() => CheckFeaturesArgs) asked: CheckFeaturesArgs, @Ctx() ctx: Context) {
    return checkFeatures(await ctx.reading(), asked);
  }

  @Authorized('feature.consume')
  @Query(() => EntitlementSet, {
    nullable: true,
    description:
      'What a licensee may use, signed, for servers that decide on features by themselves for a while.',
  })
  async entitlementSet(
    @Arg('licensee', () => LicenseeInput, {
      nullable: true,
      description: 'Of whom; without it of the caller itself.',
    })
    licensee: LicenseeInput | null,
    @Ctx() ctx: Context,
  ) {
    const signing = { sign: ctx.sign, lifeSeconds: ctx.settings.entitlementSeconds };
    return entitlementSet(ctx, licensee, signing);
  }

  @Authorized('feature.consume')
  @Misuse(misuseOf)
  @DoneTogether()
  @Mutation(() => ConsumeFeaturesPayload, {
    nullable: true,
    description:
      'Draws units of features for the caller, or for a licensee in its reach: all that are asked, or none. What is refused is told, not thrown; an answer by which nothing was drawn leaves its idempotency key free.',
  })
  consumeFeatures(
    @Arg('input', () => ConsumeFeaturesInput, { description: 'For whom, and what.' })
    input: ConsumeFeaturesInput,
    @Ctx() ctx: Context,
  ) {
    return consumeFeatures(ctx, input);
  }

  @Authorized('feature.consume')
  @DoneTogether()
  @Mutation(() => RefundFeaturesPayload, {
    nullable: true,
    description: 'Gives units of a grant back to the windows that they were drawn from, each once.',
  })
  refundFeatures(
    @Arg('input', () => RefundFeaturesInput, { description: 'The grant, and for whom it was taken.' })
    input: RefundFeaturesInput,
    @Ctx() ctx: Context,
  ) {
    return refundFeatures(ctx, input);
  }

  @Authorized('entitlement.read')
  @Query(() => [FeatureFlag], { description: "The host's settings as the caller's licenses switch them." })
  async featureFlags(@Ctx() ctx: Context) {
    return featureFlags(await ctx.reading());
  }

  @Authorized('entitlement.read')
  @Query(() => ApiAccess, { nullable: true, description: 'What a program needs to use this interface.' })
  async apiAccess(@Ctx() ctx: Context) {
    const { tenantId } = await ctx.reading();
    return apiAccess(tenantId, toldIn(await ctx.load(entitlementsByLicensee, licenseeKey(null))));
  }

  @Authorized('entitlement.read')
  @CheckedArguments({ document: text(1, 50_000), operationName: text(1, 255) })
  @Query(() => CheckedOperation, {
    description:
      'Says which features and units an operation would need and whether they are there; nothing of it runs.',
  })
  async checkOperation(
    @Args(() => inputs.CheckOperationArgs) asked: inputs.CheckOperationArgs,
    @Info() { schema }: GraphQLResolveInfo,
    @Ctx() ctx: Context,
  ) {
    const { needs, problems } = ctx.examine(schema, asked);
    return needs === undefined ? notRunnable(problems) : checkOperation(await ctx.reading(), needs);
  }

  @Authorized('entitlement.read')
  @Query(() => [SchemaFeature], { description: 'Which fields of this schema each feature unlocks.' })
  schemaFeatures(@Info() { schema }: GraphQLResolveInfo) {
    return schemaFeatures(schema);
  }

  @Authorized('feature.grant')
  @Mutation(() => inputs.GrantFeaturePayload, {
    nullable: true,
    description: 'Adds a feature to one license, or gives the one that it has another limit, period or end.',
  })
  async grantFeature(
    @Arg('input', () => inputs.GrantFeatureInput, { description: 'The license and the feature.' })
    input: inputs.GrantFeatureInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await grantFeature(work, input) };
  }

  @Authorized('feature.revoke')
  @Mutation(() => inputs.RevokeFeaturePayload, {
    nullable: true,
    description: 'Switches a feature of one license off. Twice is the same as once.',
  })
  async revokeFeature(
    @Arg('input', () => inputs.RevokeFeatureInput, { description: 'The license, the feature and why.' })
    input: inputs.RevokeFeatureInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await revokeFeature(work, input) };
  }

  @Authorized('quota.top_up')
  @Mutation(() => inputs.TopUpQuotaPayload, {
    nullable: true,
    description: 'Gives extra units of a feature: they are drawn when the limit of their license is used up.',
  })
  async topUpQuota(
    @Arg('input', () => inputs.TopUpQuotaInput, {
      description: 'The license, the feature, how many and why.',
    })
    input: inputs.TopUpQuotaInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await topUpQuota(work, input) };
  }

  @Authorized('quota.reset')
  @Mutation(() => inputs.ResetQuotaPayload, {
    nullable: true,
    description:
      'Sets the use of a limit in its running window back to 0; extra units stay as they are, and what was drawn until now cannot be given back.',
  })
  async resetQuota(
    @Arg('input', () => inputs.ResetQuotaInput, { description: 'The license, the feature and why.' })
    input: inputs.ResetQuotaInput,
    @CurrentWork() work: Work,
  ) {
    return { license: await resetQuota(work, input) };
  }

  @Authorized('feature_flags.set')
  @Mutation(() => inputs.SetFeatureFlagsPayload, {
    nullable: true,
    description: "Says which features switch the host's settings in this tenant.",
  })
  async setFeatureFlags(
    @Arg('input', () => inputs.SetFeatureFlagsInput, { description: 'The settings and their features.' })
    input: inputs.SetFeatureFlagsInput,
    @CurrentWork() work: Work,
  ) {
    return { featureFlags: await setFeatureFlags(work, input) };
  }
}
