import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { invoicesById } from '../../billing/queries.js';
import { Invoice } from '../../billing/schema/invoice.js';
import { integer } from '../../core/check.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge, ListEdge } from '../../graph/edge.js';
import { License } from '../../licenses/schema/types.js';
import type { License as LicenseRow } from '../../licenses/table.js';
import { upgradesByLicense } from '../queries/upgrades.js';
import {
  LicenseUpgrade,
  RenewalQuote,
  UpgradeConnection,
  UpgradeLicenseInput,
  UpgradeLicensePayload,
  UpgradeQuote,
} from '../schema/upgrades.js';
import { renewalQuote } from '../service/renewalQuote.js';
import { upgradeLicense } from '../service/upgradeLicense.js';
import { upgradeQuote } from '../service/upgradeQuote.js';
import type { Upgrade } from '../table/upgrades.js';

@ListEdge(
  'upgrades',
  () => UpgradeConnection,
  upgradesByLicense,
  (license: LicenseRow) => license.id,
  {
    permission: 'license.read',
    description: 'Its upgrades, done or asked for, the newest first.',
  },
)
@Resolver(() => License)
export class LicenseUpgradeEdges {}

@Edge(
  'invoice',
  () => Invoice,
  invoicesById,
  (upgrade: Upgrade) => upgrade.invoiceId,
  {
    permission: 'invoice.read',
    nullable: true,
    description: 'What is to be paid for it.',
  },
)
@Resolver(() => LicenseUpgrade)
export class UpgradeEdges {}

@Resolver()
export class UpgradeResolver {
  @Authorized('license.quote')
  @CheckedArguments({ durationMonths: integer(1, 60) })
  @Query(() => RenewalQuote, { nullable: true, description: 'What it costs to renew a license.' })
  async renewalQuote(
    @Arg('licenseId', () => ID, { description: 'The license.' }) licenseId: string,
    @Arg('durationMonths', () => Int, { description: 'For how many calendar months, 1 to 60.' })
    durationMonths: number,
    @Ctx() ctx: Context,
  ) {
    const { renewal, ...quote } = await renewalQuote(await ctx.reading(), licenseId, durationMonths);
    return { ...quote, expiryDate: renewal.expiryDate, maintenanceExpiry: renewal.maintenanceExpiry };
  }

  @Authorized('license.quote')
  @Query(() => UpgradeQuote, {
    nullable: true,
    description: 'What it costs to take a license to another template.',
  })
  async upgradeQuote(
    @Arg('licenseId', () => ID, { description: 'The license.' }) licenseId: string,
    @Arg('templateId', () => ID, { description: 'The template.' }) templateId: string,
    @Ctx() ctx: Context,
  ) {
    const { plan, ...quote } = await upgradeQuote(await ctx.reading(), licenseId, templateId);
    return { ...quote, ...plan };
  }

  @Authorized('license.upgrade')
  @Mutation(() => UpgradeLicensePayload, {
    nullable: true,
    description:
      'Takes a license to another template: at once where nothing is to be paid, else when its invoice is paid. Key, devices, customer and issue date stay. Asked for again while it waits, to the same version of the template, of a license that was not changed and at a price that still holds, it answers the upgrade that waits, with its invoice. Any other question takes the place of that one, whose invoice is voided; it is refused (`UPGRADE_PENDING`) if money lies on it.',
  })
  upgradeLicense(
    @Arg('input', () => UpgradeLicenseInput, { description: 'Which, and where to.' })
    input: UpgradeLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return upgradeLicense(work, input);
  }
}
