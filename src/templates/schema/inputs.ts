import { Field, ID, InputType, Int } from 'type-graphql';
import { code, integer, listOf, text, uuid } from '../../core/check.js';
import type { ProductId } from '../../core/id.js';
import { Checked, CheckedTogether, NotNull } from '../../graph/checked.js';
import {
  type LicenseModel,
  type LicenseType,
  pricingProblems,
  templateFeatureProblems,
  templateRestrictionProblems,
} from '../model.js';
import { LeaseSeconds, MaxBorrowHours, MaxDeactivationsPerYear } from './seats.js';
import {
  LicenseModelEnum,
  LicensePricing,
  LicenseTypeEnum,
  ProductRelease,
  TemplateFeature,
  TemplateRestriction,
} from './types.js';
@InputType({ description: 'Which products to list.' })
export class ProductFilter {
  @Field(() => Boolean, { nullable: true, description: 'Only those that are on sale, or not.' })
  declare readonly active?: boolean | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only those whose name contains this text.' })
  declare readonly search?: string | null;
}

/** Not a subclass: type-graphql hands a subclass its fields without the checks on them. */
@InputType({ description: 'Which templates to list.' })
export class TemplateFilter {
  @Field(() => Boolean, { nullable: true, description: 'Only those that are on sale, or not.' })
  declare readonly active?: boolean | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only those whose name contains this text.' })
  declare readonly search?: string | null;

  @Checked(code)
  @Field(() => ID, { nullable: true, description: 'Only those of this product.' })
  declare readonly productId?: string | null;

  @Field(() => LicenseTypeEnum, { nullable: true, description: 'Only those of this license type.' })
  declare readonly licenseType?: LicenseType | null;
}

@InputType({ description: 'A new product.' })
export class CreateProductInput {
  @Checked(code)
  @Field(() => ID, { description: "The product's code; it cannot be changed." })
  declare readonly productId: ProductId;

  @Checked(text(1, 255))
  @Field(() => String, { description: "The product's name." })
  declare readonly name: string;

  @Checked(text(0, 5000))
  @Field(() => String, { nullable: true, description: 'What it is.' })
  declare readonly description?: string | null;

  @Checked(text(1, 50))
  @Field(() => String, { description: 'The newest version.' })
  declare readonly version: string;

  @Checked(listOf(100))
  @Field(() => [ProductRelease], {
    nullable: true,
    description: 'When versions came out; without an entry for the newest, it came out now.',
  })
  declare readonly releases?: readonly ProductRelease[] | null;
}

@InputType({ description: 'Changes to a product; what is left out stays as it is.' })
export class UpdateProductInput {
  @Checked(code)
  @Field(() => ID, { description: 'The product to change.' })
  declare readonly productId: ProductId;

  @NotNull()
  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'A new name.' })
  declare readonly name?: string;

  @NotNull()
  @Checked(text(0, 5000))
  @Field(() => String, { nullable: true, description: 'A new description.' })
  declare readonly description?: string;

  @NotNull()
  @Checked(text(1, 50))
  @Field(() => String, { nullable: true, description: 'A newer version.' })
  declare readonly version?: string;

  @NotNull()
  @Checked(listOf(100))
  @Field(() => [ProductRelease], {
    nullable: true,
    description:
      'When versions came out: added to those on record, or correcting them. A new version without an entry came out now.',
  })
  declare readonly releases?: readonly ProductRelease[];

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description: 'Puts it on sale, or takes it off: then no licenses of it are made.',
  })
  declare readonly active?: boolean;
}

const days = integer(1, 36_500);
const graceDays = integer(0, 3_650);
const limit = integer(0, 1_000_000_000);

@InputType({ description: 'A new license template.' })
export class CreateTemplateInput {
  @Checked(text(1, 255))
  @Field(() => String, { description: "The template's name." })
  declare readonly templateName: string;

  @Checked(code)
  @Field(() => ID, { description: 'The product that is licensed.' })
  declare readonly productId: ProductId;

  @Checked(text(0, 5000))
  @Field(() => String, { defaultValue: '', description: 'What it is for.' })
  declare readonly description: string;

  @Field(() => LicenseTypeEnum, { description: 'How long its licenses last and how they are used.' })
  declare readonly licenseType: LicenseType;

  @Field(() => LicenseModelEnum, { description: "What its licenses' limit counts." })
  declare readonly licenseModel: LicenseModel;

  @Checked(days)
  @Field(() => Int, { defaultValue: 365, description: 'For how many days licenses are issued.' })
  declare readonly defaultDuration: number;

  @Checked(limit)
  @Field(() => Int, {
    defaultValue: 1,
    description: "The licenses' activation limit; 0 takes no device at all.",
  })
  declare readonly maxActivations: number;

  @CheckedTogether(templateFeatureProblems)
  @Checked(listOf(200))
  @Field(() => [TemplateFeature], { defaultValue: [], description: 'The features.' })
  declare readonly features: readonly TemplateFeature[];

  @CheckedTogether(templateRestrictionProblems)
  @Checked(listOf(50))
  @Field(() => [TemplateRestriction], { defaultValue: [], description: 'The restrictions.' })
  declare readonly restrictions: readonly TemplateRestriction[];

  @CheckedTogether(pricingProblems)
  @Field(() => LicensePricing, { description: 'The price.' })
  declare readonly pricing: LicensePricing;

  @Field(() => Boolean, {
    defaultValue: true,
    description: 'Whether licenses renew themselves unless told otherwise.',
  })
  declare readonly autoRenewalEnabled: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether a trial of it may be issued.' })
  declare readonly trialAllowed: boolean;

  @Checked(days)
  @Field(() => Int, {
    defaultValue: 30,
    description: 'How many days a trial lasts from its first activation.',
  })
  declare readonly trialDurationDays: number;

  @Checked(graceDays)
  @Field(() => Int, {
    defaultValue: 30,
    description: 'For how many days after its expiry a license is honoured.',
  })
  declare readonly gracePeriodDays: number;

  @LeaseSeconds()
  declare readonly leaseSeconds?: number | null;

  @MaxBorrowHours()
  declare readonly maxBorrowHours?: number | null;

  @MaxDeactivationsPerYear()
  declare readonly maxDeactivationsPerYear?: number | null;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether licenses may be issued from it.' })
  declare readonly active: boolean;
}

@InputType({
  description: 'Changes to a template; what is left out stays as it is. Licenses already made do not change.',
})
export class UpdateTemplateInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The template to change.' })
  declare readonly templateId: string;

  @NotNull()
  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'A new name.' })
  declare readonly templateName?: string;

  @NotNull()
  @Checked(text(0, 5000))
  @Field(() => String, { nullable: true, description: 'A new description.' })
  declare readonly description?: string;

  @NotNull()
  @Checked(days)
  @Field(() => Int, { nullable: true, description: 'Another duration in days.' })
  declare readonly defaultDuration?: number;

  @NotNull()
  @Checked(limit)
  @Field(() => Int, { nullable: true, description: 'Another activation limit.' })
  declare readonly maxActivations?: number;

  @NotNull()
  @CheckedTogether(templateFeatureProblems)
  @Checked(listOf(200))
  @Field(() => [TemplateFeature], { nullable: true, description: 'All the features anew.' })
  declare readonly features?: readonly TemplateFeature[];

  @NotNull()
  @CheckedTogether(templateRestrictionProblems)
  @Checked(listOf(50))
  @Field(() => [TemplateRestriction], { nullable: true, description: 'All the restrictions anew.' })
  declare readonly restrictions?: readonly TemplateRestriction[];

  @NotNull()
  @CheckedTogether(pricingProblems)
  @Field(() => LicensePricing, { nullable: true, description: 'The whole price anew.' })
  declare readonly pricing?: LicensePricing;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether licenses renew themselves unless told otherwise.',
  })
  declare readonly autoRenewalEnabled?: boolean;

  @NotNull()
  @Field(() => Boolean, { nullable: true, description: 'Whether a trial of it may be issued.' })
  declare readonly trialAllowed?: boolean;

  @NotNull()
  @Checked(days)
  @Field(() => Int, { nullable: true, description: 'Another length of trials in days.' })
  declare readonly trialDurationDays?: number;

  @NotNull()
  @Checked(graceDays)
  @Field(() => Int, { nullable: true, description: 'Another grace period in days.' })
  declare readonly gracePeriodDays?: number;

  @LeaseSeconds()
  declare readonly leaseSeconds?: number | null;

  @MaxBorrowHours()
  declare readonly maxBorrowHours?: number | null;

  @MaxDeactivationsPerYear()
  declare readonly maxDeactivationsPerYear?: number | null;

  @NotNull()
  @Field(() => Boolean, { nullable: true, description: 'Switches the template off or on.' })
  declare readonly active?: boolean;
}

@InputType({ description: 'A copy of a template.' })
export class DuplicateTemplateInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The template to copy.' })
  declare readonly templateId: string;

  @Checked(text(1, 255))
  @Field(() => String, { description: "The copy's name." })
  declare readonly newName: string;
}
