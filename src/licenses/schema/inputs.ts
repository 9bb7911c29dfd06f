import { Field, ID, InputType, Int } from 'type-graphql';
import { code, integer, jsonObject, listOf, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { CustomerId, ProductId, ResellerId, TemplateId } from '../../core/id.js';
import { Checked, NotNull } from '../../graph/checked.js';
import { DateTime, JsonObject } from '../../graph/scalars.js';
import { SortDirectionEnum } from '../../graph/sort.js';
import type { LicenseModel, LicenseType } from '../../templates/model.js';
import { LeaseSeconds, MaxBorrowHours, MaxDeactivationsPerYear } from '../../templates/schema/seats.js';
import { LicenseModelEnum, LicenseTypeEnum } from '../../templates/schema/types.js';
import type { LicenseStatus } from '../model.js';
import type { LicenseSortField } from '../queries.js';
import { LicenseFeature, LicenseRestriction, LicenseSortFieldEnum, LicenseStatusEnum } from './types.js';
@InputType({ description: 'Which licenses to list.' })
export class LicenseFilter {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those that this customer holds.' })
  declare readonly customerId?: CustomerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those that this reseller sold.' })
  declare readonly resellerId?: ResellerId | null;

  @Checked(code)
  @Field(() => ID, { nullable: true, description: 'Only those of this product.' })
  declare readonly productId?: ProductId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those made from this template.' })
  declare readonly templateId?: TemplateId | null;

  @Checked(listOf(6))
  @Field(() => [LicenseStatusEnum], {
    nullable: true,
    description: 'Only those that have one of these statuses now.',
  })
  declare readonly status?: readonly LicenseStatus[] | null;

  @Checked(listOf(6))
  @Field(() => [LicenseTypeEnum], { nullable: true, description: 'Only those of these types.' })
  declare readonly licenseType?: readonly LicenseType[] | null;

  @Checked(listOf(6))
  @Field(() => [LicenseModelEnum], { nullable: true, description: 'Only those of these models.' })
  declare readonly licenseModel?: readonly LicenseModel[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those that expire at this instant or later.' })
  declare readonly expiryDateFrom?: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Only those that expire at this instant or earlier.',
  })
  declare readonly expiryDateTo?: Instant | null;

  @Field(() => Boolean, { nullable: true, description: 'Only those that renew themselves, or not.' })
  declare readonly autoRenewal?: boolean | null;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: 'Only those whose holder or product name contains this text.',
  })
  declare readonly search?: string | null;
}

@InputType({ description: 'The order of a list of licenses.' })
export class LicenseSort {
  @Field(() => LicenseSortFieldEnum, { description: 'What to order by.' })
  declare readonly field: LicenseSortField;

  @Field(() => SortDirectionEnum, { defaultValue: 'ASC', description: 'Which end comes first.' })
  declare readonly direction: 'ASC' | 'DESC';
}

const activationLimit = integer(0, 1_000_000_000);
const trialDays = integer(1, 3_650);
const graceDays = integer(0, 3_650);
const reason = text(1, 2000);

@InputType({ description: 'A new license, made without a template.' })
export class CreateLicenseInput {
  @Checked(code)
  @Field(() => ID, { description: 'The product that is licensed.' })
  declare readonly productId: ProductId;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: "Another name than the product's." })
  declare readonly productName?: string | null;

  @Checked(text(1, 50))
  @Field(() => String, { nullable: true, description: "Another version than the product's newest." })
  declare readonly productVersion?: string | null;

  @Field(() => LicenseTypeEnum, { description: 'How long it lasts and how it is used.' })
  declare readonly licenseType: LicenseType;

  @Field(() => LicenseModelEnum, { description: 'What its activation limit counts.' })
  declare readonly licenseModel: LicenseModel;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: 'The customer who holds it; left out for a license of the whole tenant.',
  })
  declare readonly customerId?: CustomerId | null;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description:
      "The reseller who sold it; if none is named, the customer's own while that one is switched on.",
  })
  declare readonly resellerId?: ResellerId | null;

  @Checked(text(1, 255))
  @Field(() => String, { description: 'To whom it is issued.' })
  declare readonly issuedTo: string;

  @Checked(activationLimit)
  @Field(() => Int, { defaultValue: 1, description: 'The activation limit; 0 takes no device at all.' })
  declare readonly maxActivations: number;

  @Checked(listOf(200))
  @Field(() => [LicenseFeature], { defaultValue: [], description: 'The features.' })
  declare readonly features: readonly LicenseFeature[];

  @Checked(listOf(50))
  @Field(() => [LicenseRestriction], { defaultValue: [], description: 'The restrictions.' })
  declare readonly restrictions: readonly LicenseRestriction[];

  @Field(() => DateTime, { nullable: true, description: 'When it expires; left out if it does not.' })
  declare readonly expiryDate?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Up to when new product versions are covered.' })
  declare readonly maintenanceExpiry?: Instant | null;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether it renews itself.' })
  declare readonly autoRenewal: boolean;

  @Checked(trialDays)
  @Field(() => Int, {
    nullable: true,
    description: 'How many days a trial lasts; TRIAL and EVALUATION need it.',
  })
  declare readonly trialPeriodDays?: number | null;

  @Checked(graceDays)
  @Field(() => Int, { nullable: true, description: 'For how many days after its expiry it is honoured.' })
  declare readonly gracePeriodDays?: number | null;

  @LeaseSeconds()
  declare readonly leaseSeconds?: number | null;

  @MaxBorrowHours()
  declare readonly maxBorrowHours?: number | null;

  @MaxDeactivationsPerYear()
  declare readonly maxDeactivationsPerYear?: number | null;

  @Checked(jsonObject)
  @Field(() => JsonObject, { nullable: true, description: "The vendor's own facts about it." })
  declare readonly metadata?: Record<string, unknown> | null;

  @Field(() => LicenseStatusEnum, {
    nullable: true,
    description: 'ACTIVE, or PENDING for a trial; obeyed for callers with license.import.',
  })
  declare readonly status?: LicenseStatus | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was issued; obeyed for callers with license.import.',
  })
  declare readonly issuedDate?: Instant | null;

  @Checked(text(1, 100))
  @Field(() => String, {
    nullable: true,
    description: 'A key that exists already; obeyed for callers with license.import.',
  })
  declare readonly licenseKey?: string | null;
}

@InputType({ description: 'A license to be made from a template.' })
export class IssueLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The customer who will hold it.' })
  declare readonly customerId: string;

  @Checked(uuid)
  @Field(() => ID, { description: 'The template that it is made from.' })
  declare readonly templateId: string;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: "To whom it is issued; the customer's name if left out.",
  })
  declare readonly issuedTo?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'Issues a trial, if the template allows trials.' })
  declare readonly trial?: boolean | null;
}

@InputType({ description: 'Changes to a license; what is left out stays as it is.' })
export class UpdateLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license to change.' })
  declare readonly licenseId: string;

  @NotNull()
  @Field(() => LicenseStatusEnum, {
    nullable: true,
    description: 'INACTIVE switches it off, ACTIVE on; other steps have acts of their own.',
  })
  declare readonly status?: LicenseStatus;

  @NotNull()
  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'To whom it is issued.' })
  declare readonly issuedTo?: string;

  @NotNull()
  @Checked(text(1, 50))
  @Field(() => String, { nullable: true, description: 'The product version.' })
  declare readonly productVersion?: string;

  @NotNull()
  @Checked(activationLimit)
  @Field(() => Int, {
    nullable: true,
    description: 'The activation limit; devices already active stay so, and 0 takes no other one.',
  })
  declare readonly maxActivations?: number;

  @NotNull()
  @Checked(listOf(200))
  @Field(() => [LicenseFeature], { nullable: true, description: 'All the features anew.' })
  declare readonly features?: readonly LicenseFeature[];

  @NotNull()
  @Checked(listOf(50))
  @Field(() => [LicenseRestriction], { nullable: true, description: 'All the restrictions anew.' })
  declare readonly restrictions?: readonly LicenseRestriction[];

  @Field(() => DateTime, { nullable: true, description: 'Another expiry; null for none.' })
  declare readonly expiryDate?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Another end of maintenance; null for none.' })
  declare readonly maintenanceExpiry?: Instant | null;

  @NotNull()
  @Field(() => Boolean, { nullable: true, description: 'Whether it renews itself.' })
  declare readonly autoRenewal?: boolean;

  @Checked(trialDays)
  @Field(() => Int, { nullable: true, description: 'Another length of the trial in days.' })
  declare readonly trialPeriodDays?: number | null;

  @Checked(graceDays)
  @Field(() => Int, { nullable: true, description: 'Another grace period in days; null for none.' })
  declare readonly gracePeriodDays?: number | null;

  @LeaseSeconds()
  declare readonly leaseSeconds?: number | null;

  @MaxBorrowHours()
  declare readonly maxBorrowHours?: number | null;

  @MaxDeactivationsPerYear()
  declare readonly maxDeactivationsPerYear?: number | null;

  @NotNull()
  @Checked(jsonObject)
  @Field(() => JsonObject, { nullable: true, description: "The vendor's own facts, all anew." })
  declare readonly metadata?: Record<string, unknown>;
}

@InputType({ description: 'A renewal.' })
export class RenewLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license to renew.' })
  declare readonly licenseId: string;

  @Checked(integer(1, 60))
  @Field(() => Int, { description: 'For how many calendar months, 1 to 60.' })
  declare readonly durationMonths: number;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether maintenance is extended by as much; maintenance without an end stays so. Of a license without an expiry it is what a renewal renews, asked for or not, and it begins now where there was none.',
  })
  declare readonly extendMaintenance?: boolean | null;

  @Checked(listOf(200))
  @Field(() => [LicenseFeature], {
    nullable: true,
    description: 'Features that replace those with the same id, or are added.',
  })
  declare readonly upgradeFeatures?: readonly LicenseFeature[] | null;
}

@InputType({ description: 'A suspension.' })
export class SuspendLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license to suspend.' })
  declare readonly licenseId: string;

  @Checked(reason)
  @Field(() => String, { description: 'Why; the customer is told.' })
  declare readonly reason: string;
}

@InputType({ description: 'The end of a suspension.' })
export class ReinstateLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license to reinstate.' })
  declare readonly licenseId: string;
}

@InputType({ description: 'A revocation. It cannot be undone.' })
export class RevokeLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license to revoke.' })
  declare readonly licenseId: string;

  @Checked(reason)
  @Field(() => String, { description: 'Why; the customer is told.' })
  declare readonly reason: string;
}

@InputType({ description: 'A move of a license to another holder.' })
export class TransferLicenseInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license to move.' })
  declare readonly licenseId: string;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: 'The customer who will hold it; left out to change the name only.',
  })
  declare readonly newCustomerId?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { description: 'To whom it will be issued.' })
  declare readonly newIssuedTo: string;

  @Checked(reason)
  @Field(() => String, { description: 'Why.' })
  declare readonly transferReason: string;

  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether its devices are deactivated; they are unless told otherwise.',
  })
  declare readonly deactivateExisting?: boolean | null;
}

@InputType({ description: 'A look at a full license key.' })
export class RevealLicenseKeyInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license whose key is asked for.' })
  declare readonly licenseId: string;
}
