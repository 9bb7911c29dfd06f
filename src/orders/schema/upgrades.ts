import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Invoice, PriceLine } from '../../billing/schema/invoice.js';
import { uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { Amount } from '../../core/money.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime, DecimalAmount } from '../../graph/scalars.js';
import { License } from '../../licenses/schema/types.js';
import { LicenseTemplate } from '../../templates/schema/types.js';
import type { UpgradeStatus } from '../model/upgrade.js';

export const UpgradeStatusEnum = enumOf<UpgradeStatus>('UpgradeStatus', 'How far an upgrade is.', {
  PENDING: 'Waits for its invoice to be paid.',
  DONE: 'Is done.',
  CANCELLED: 'Was called off: another was asked for, or the license was changed, or its invoice voided.',
  FAILED: "Was paid for when it could not be done any more; the money is the payer's.",
});

@ObjectType({ description: 'What something costs, line by line.', simpleResolvers: true })
export class QuotedPrice {
  @Field(() => String, { description: 'The ISO 4217 code of its amounts.' })
  declare readonly currency: string;

  @Field(() => [PriceLine], {
    description: 'What is paid for, and what is taken off; they add up to the total.',
  })
  declare readonly lines: readonly PriceLine[];

  @Field(() => DecimalAmount, { description: 'Before anything is taken off or added.' })
  declare readonly subtotal: Amount;

  @Field(() => DecimalAmount, { description: 'What is taken off, credit included.' })
  declare readonly discount: Amount;

  @Field(() => DecimalAmount, { description: 'Taxes.' })
  declare readonly tax: Amount;

  @Field(() => DecimalAmount, { description: 'What is to be paid.' })
  declare readonly total: Amount;
}

/** What a change of a license costs, and what it leads to, whichever change it is. */
@ObjectType({ simpleResolvers: true })
abstract class LicenseQuote {
  @Field(() => DateTime, { nullable: true, description: 'The expiry that the license would have.' })
  declare readonly expiryDate: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Until when its maintenance would run.' })
  declare readonly maintenanceExpiry: Instant | null;

  @Field(() => DateTime, {
    description: 'Until when the quote holds, unless the template is changed before.',
  })
  declare readonly validUntil: Instant;
}

@ObjectType({ description: 'What a renewal costs, and what it leads to.', simpleResolvers: true })
export class RenewalQuote extends LicenseQuote {
  @Field(() => License, { description: 'The license.' })
  declare readonly license: License;

  @Field(() => LicenseTemplate, { description: 'The template whose price it is.' })
  declare readonly template: LicenseTemplate;

  @Field(() => Int, { description: 'For how many calendar months.' })
  declare readonly durationMonths: number;

  @Field(() => QuotedPrice, { description: 'What it costs.' })
  declare readonly price: QuotedPrice;
}

@ObjectType({ description: 'What an upgrade costs, and what it leads to.', simpleResolvers: true })
export class UpgradeQuote extends LicenseQuote {
  @Field(() => License, { description: 'The license as it is.' })
  declare readonly license: License;

  @Field(() => LicenseTemplate, { description: 'The template that it would be of.' })
  declare readonly template: LicenseTemplate;

  @Field(() => QuotedPrice, {
    description: 'What is left of the license at the new price, less what was paid for that time.',
  })
  declare readonly price: QuotedPrice;
}

@ObjectType({ description: 'An upgrade of a license, done or asked for.', simpleResolvers: true })
export class LicenseUpgrade {
  @Field(() => ID, { description: "The upgrade's id." })
  declare readonly id: string;

  @Field(() => ID, { description: 'The license.' })
  declare readonly licenseId: string;

  @Field(() => ID, { description: 'The template that the license was of.' })
  declare readonly fromTemplateId: string;

  @Field(() => Int, { description: 'The version of it.' })
  declare readonly fromVersion: number;

  @Field(() => ID, { description: 'The template that it goes to.' })
  declare readonly toTemplateId: string;

  @Field(() => Int, { description: 'The version of it, which stays agreed on while the upgrade waits.' })
  declare readonly toVersion: number;

  @Field(() => UpgradeStatusEnum, { description: 'How far it is.' })
  declare readonly status: UpgradeStatus;

  @Field(() => DecimalAmount, { description: 'What is to be paid for it.' })
  declare readonly total: Amount;

  @Field(() => String, { description: 'The ISO 4217 code of the total.' })
  declare readonly currency: string;

  @Field(() => Boolean, { description: 'Whether nothing was asked for it.' })
  declare readonly isWaived: boolean;

  @Field(() => String, { nullable: true, description: 'Why it was called off or could not be done.' })
  declare readonly reason: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was done, called off or failed.' })
  declare readonly settledAt: Instant | null;

  @Field(() => DateTime, { description: 'When it was asked for.' })
  declare readonly createdAt: Instant;
}

export const { Connection: UpgradeConnection, ConnectionResolver: UpgradeConnectionResolver } = connectionOf(
  () => LicenseUpgrade,
  'LicenseUpgrade',
  'upgrades',
);

@InputType({ description: 'A license, and the template that it is to be of.' })
export class UpgradeLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license.' })
  declare readonly licenseId: string;

  @Checked(uuid)
  @Field(() => ID, { description: 'The template; of the same product or another.' })
  declare readonly templateId: string;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Does it at once and asks nothing for it; needs the permission order.override_price.',
  })
  declare readonly waivePayment?: boolean | null;
}

@ObjectType({ description: 'The answer of `upgradeLicense`.', simpleResolvers: true })
export class UpgradeLicensePayload {
  @Field(() => License, { description: 'The license: upgraded, or as it was while the upgrade waits.' })
  declare readonly license: License;

  @Field(() => LicenseUpgrade, { description: 'The upgrade.' })
  declare readonly upgrade: LicenseUpgrade;

  @Field(() => Invoice, {
    nullable: true,
    description: 'What is to be paid before it is done; null if nothing is.',
  })
  declare readonly invoice: Invoice | null;
}
