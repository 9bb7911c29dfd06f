import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { code, integer, listOf, text } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { Amount } from '../../core/money.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime, DecimalAmount } from '../../graph/scalars.js';
import {
  type BillingCycle,
  type LicenseModel,
  type LicenseType,
  type LimitPeriod,
  type LimitType,
  MOST_DISCOUNTS,
  type Overage,
  type RestrictionOperator,
  type RestrictionType,
} from '../model.js';
import { LeaseSeconds, MaxBorrowHours, MaxDeactivationsPerYear } from './seats.js';

export const LicenseTypeEnum = enumOf<LicenseType>(
  'LicenseType',
  'How long a license lasts and how it is used.',
  {
    PERPETUAL: 'Never expires; maintenance bounds the product versions that it covers.',
    SUBSCRIPTION: 'Runs for a term and is renewed.',
    TRIAL: 'A trial: its clock starts with the first activation.',
    EVALUATION: 'An evaluation: its clock starts with the first activation.',
    CONCURRENT: 'Floating seats: only activations with a live lease count.',
    NAMED_USER: 'Counts the distinct users that activations name.',
  },
);
export const LicenseModelEnum = enumOf<LicenseModel>('LicenseModel', 'What the activation limit counts.', {
  PER_SEAT: 'Distinct users; a device without a user counts as one.',
  PER_DEVICE: 'Devices.',
  PER_CPU: 'The processors that devices report.',
  PER_CORE: 'The cores that devices report.',
  SITE_LICENSE: 'Nothing: a site has no limit.',
  ENTERPRISE: 'Nothing: an enterprise has no limit.',
});
export const LimitTypeEnum = enumOf<LimitType>('LimitType', 'The unit of a limit.', {
  COUNT: 'Pieces.',
  SIZE: 'An amount of data.',
  DURATION: 'A length of time.',
  BANDWIDTH: 'Data per time.',
});
export const LimitPeriodEnum = enumOf<LimitPeriod>(
  'LimitPeriod',
  "How often a limit starts afresh, counted from the license's issue date.",
  {
    NONE: 'Never.',
    HOUR: 'Every hour.',
    DAY: 'Every 24 hours.',
    MONTH: 'Every calendar month.',
    YEAR: 'Every calendar year.',
  },
);
export const OverageEnum = enumOf<Overage>('Overage', 'What happens to use past a limit.', {
  DENY: 'It is refused.',
  ALLOW: 'It is granted and counted.',
  WARN: 'It is granted and counted, and `extensions.featureWarnings` of the answer says so.',
});
export const RestrictionTypeEnum = enumOf<RestrictionType>(
  'RestrictionType',
  'What a restriction looks at.',
  {
    GEOGRAPHIC: 'The country, as ISO 3166-1 codes of two letters, in any case: US.',
    DOMAIN:
      "The application's domain. `example.com` is that name alone, `*.example.com` every name below it and not itself; letters of any script, in any case.",
    IP_RANGE:
      "The caller's address: one, or a CIDR range, as 10.0.0.0/8 or 2001:db8::/32. IPv4 within IPv6 is IPv4; no range holds both.",
    MAC_ADDRESS:
      "The device's MAC address, as 00:1A:2B:3C:4D:5E, with dashes, in groups of four, or without marks. Kept and shown as its keyed hash.",
    HARDWARE_ID: "The device's hardware id. Kept and shown as its keyed hash.",
    TIME_BASED:
      'Hours of the week by the clocks of a place: MON-FRI 08:00-18:00 Europe/Berlin. The first minute is within, the last is not; an end that is not later than the start is on the next day. An hour that clocks skip does not come, one that they show twice counts twice.',
  },
);
export const RestrictionOperatorEnum = enumOf<RestrictionOperator>(
  'RestrictionOperator',
  'What a match means.',
  {
    ALLOW: 'At least one entry of this type has to match; what is not known matches none.',
    DENY: 'A match refuses, whatever else allows; so does what is not known.',
  },
);
export const BillingCycleEnum = enumOf<BillingCycle>('BillingCycle', 'How often the price is due.', {
  MONTHLY: 'Every month.',
  QUARTERLY: 'Every three months.',
  ANNUALLY: 'Every year.',
  ONE_TIME: 'Once.',
});

@ObjectType({ description: 'A version of a product and when it came out.', simpleResolvers: true })
@InputType('ProductReleaseInput', { description: 'A version of a product and when it came out.' })
export class ProductRelease {
  @Checked(text(1, 50))
  @Field(() => String, { description: 'The version.' })
  declare readonly version: string;

  @Field(() => DateTime, {
    description: 'When it came out; maintenance of a license that ended before does not cover it.',
  })
  declare readonly releasedAt: Instant;
}

@ObjectType({ description: 'Something that is licensed.', simpleResolvers: true })
export class Product {
  @Field(() => ID, { description: "The product's code." })
  declare readonly id: string;

  @Field(() => String, { description: "The product's name." })
  declare readonly name: string;

  @Field(() => String, { description: 'What it is.' })
  declare readonly description: string;

  @Field(() => String, { description: 'The newest version; licenses are issued for it.' })
  declare readonly version: string;

  @Field(() => Boolean, { description: 'Whether it is on sale; if not, no licenses of it are made.' })
  declare readonly active: boolean;

  @Field(() => DateTime, { description: 'When the product was added.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When the product was last changed.' })
  declare readonly updatedAt: Instant;
}

@ObjectType({
  description: 'A feature that a template gives to the licenses made from it.',
  simpleResolvers: true,
})
@InputType('TemplateFeatureInput', { description: 'A feature of a template.' })
export class TemplateFeature {
  @Checked(code)
  @Field(() => String, { description: "The feature's id, as `@requiresFeature` names it." })
  declare readonly featureId: string;

  @Checked(text(1, 255))
  @Field(() => String, { description: 'What people call it.' })
  declare readonly featureName: string;

  @Field(() => Boolean, { description: 'Whether licenses are granted it.', defaultValue: true })
  declare readonly included: boolean;

  @Checked(integer(0, Number.MAX_SAFE_INTEGER))
  @Field(() => GraphQLSafeInt, {
    nullable: true,
    defaultValue: null,
    description: 'The limit that licenses get; null is unlimited, 0 is none at all.',
  })
  declare readonly defaultLimit: number | null;

  @Field(() => LimitTypeEnum, { nullable: true, defaultValue: null, description: 'The unit of the limit.' })
  declare readonly limitType: LimitType | null;

  @Field(() => LimitPeriodEnum, { defaultValue: 'NONE', description: 'How often the limit starts afresh.' })
  declare readonly limitPeriod: LimitPeriod;

  @Field(() => OverageEnum, { defaultValue: 'DENY', description: 'What happens past the limit.' })
  declare readonly overage: Overage;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether an order may change it.' })
  declare readonly configurable: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether an order has to keep it.' })
  declare readonly required: boolean;
}

@ObjectType({
  description: 'A restriction that a template gives to the licenses made from it.',
  simpleResolvers: true,
})
@InputType('TemplateRestrictionInput', { description: 'A restriction of a template.' })
export class TemplateRestriction {
  @Field(() => RestrictionTypeEnum, { description: 'What it looks at.' })
  declare readonly restrictionType: RestrictionType;

  @Field(() => RestrictionOperatorEnum, { description: 'What a match means.' })
  declare readonly operator: RestrictionOperator;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether an order may change it.' })
  declare readonly configurable: boolean;

  @Checked(listOf(200))
  @Field(() => [String], { description: 'The values that licenses get.' })
  declare readonly defaultValues: readonly string[];
}

@ObjectType({ description: 'A discount for a quantity.', simpleResolvers: true })
@InputType('VolumeDiscountInput', { description: 'A discount for a quantity.' })
export class VolumeDiscount {
  @Checked(integer(1, 1_000_000))
  @Field(() => Int, { description: 'From how many on.' })
  declare readonly minQuantity: number;

  @Checked(integer(1, 1_000_000))
  @Field(() => Int, {
    nullable: true,
    defaultValue: null,
    description: 'Up to how many; null is up to where the next begins.',
  })
  declare readonly maxQuantity: number | null;

  @Field(() => DecimalAmount, { description: 'Per cent of the subtotal, 0 to 100.' })
  declare readonly discountPercentage: Amount;

  @Field(() => DecimalAmount, {
    nullable: true,
    defaultValue: null,
    description: 'A fixed amount instead, if it is larger.',
  })
  declare readonly discountAmount: Amount | null;
}

@ObjectType({ description: 'What a license costs.', simpleResolvers: true })
@InputType('LicensePricingInput', { description: 'What a license costs.' })
export class LicensePricing {
  @Field(() => DecimalAmount, { description: 'The price of one license for one billing cycle.' })
  declare readonly basePrice: Amount;

  @Field(() => String, { description: 'The ISO 4217 code: USD.' })
  declare readonly currency: string;

  @Field(() => BillingCycleEnum, { description: 'How often the price is due.' })
  declare readonly billingCycle: BillingCycle;

  @Field(() => DecimalAmount, {
    nullable: true,
    defaultValue: null,
    description: 'The price of each seat on top.',
  })
  declare readonly perSeatPrice: Amount | null;

  @Field(() => DecimalAmount, {
    nullable: true,
    defaultValue: null,
    description: 'What is due once an order.',
  })
  declare readonly setupFee: Amount | null;

  @Field(() => DecimalAmount, {
    nullable: true,
    defaultValue: null,
    description: 'Maintenance of a perpetual license in per cent of its price.',
  })
  declare readonly maintenancePercentage: Amount | null;

  @Checked(listOf(MOST_DISCOUNTS))
  @Field(() => [VolumeDiscount], {
    defaultValue: [],
    description: 'Discounts by quantity; the one that begins last at or below it counts.',
  })
  declare readonly volumeDiscounts: readonly VolumeDiscount[];
}

@ObjectType({ description: 'What licenses are made from.', simpleResolvers: true })
export class LicenseTemplate {
  @Field(() => ID, { description: "The template's id." })
  declare readonly id: string;

  @Field(() => Int, { description: 'Counts the changes; a license keeps the number that it was made from.' })
  declare readonly version: number;

  @Field(() => String, { description: "The template's name." })
  declare readonly templateName: string;

  @Field(() => ID, { description: 'The product that is licensed.' })
  declare readonly productId: string;

  @Field(() => String, { description: 'What it is for.' })
  declare readonly description: string;

  @Field(() => LicenseTypeEnum, { description: 'How long its licenses last and how they are used.' })
  declare readonly licenseType: LicenseType;

  @Field(() => LicenseModelEnum, { description: "What its licenses' limit counts." })
  declare readonly licenseModel: LicenseModel;

  @Field(() => Int, { description: 'For how many days licenses are issued.' })
  declare readonly defaultDuration: number;

  @Field(() => Int, { description: "The licenses' activation limit." })
  declare readonly maxActivations: number;

  @Field(() => [TemplateFeature], { description: 'The features; those not included are not granted.' })
  declare readonly features: readonly TemplateFeature[];

  @Field(() => [TemplateRestriction], { description: 'The restrictions.' })
  declare readonly restrictions: readonly TemplateRestriction[];

  @Field(() => LicensePricing, { description: 'The price.' })
  declare readonly pricing: LicensePricing;

  @Field(() => Boolean, { description: 'Whether licenses renew themselves unless told otherwise.' })
  declare readonly autoRenewalEnabled: boolean;

  @Field(() => Boolean, { description: 'Whether a trial of it may be issued.' })
  declare readonly trialAllowed: boolean;

  @Field(() => Int, { description: 'How many days a trial lasts from its first activation.' })
  declare readonly trialDurationDays: number;

  @Field(() => Int, { description: 'For how many days after its expiry a license is honoured.' })
  declare readonly gracePeriodDays: number;

  @LeaseSeconds()
  declare readonly leaseSeconds: number | null;

  @MaxBorrowHours()
  declare readonly maxBorrowHours: number | null;

  @MaxDeactivationsPerYear()
  declare readonly maxDeactivationsPerYear: number | null;

  @Field(() => Boolean, { description: 'Whether licenses may be issued from it.' })
  declare readonly active: boolean;

  @Field(() => DateTime, { description: 'When the template was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When the template was last changed.' })
  declare readonly updatedAt: Instant;
}

export const { Connection: ProductConnection, ConnectionResolver: ProductConnectionResolver } = connectionOf(
  () => Product,
  'Product',
  'products',
);
export const { Connection: TemplateConnection, ConnectionResolver: TemplateConnectionResolver } =
  connectionOf(() => LicenseTemplate, 'LicenseTemplate', 'license templates');
