import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { code, integer, listOf, text } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Authorized } from '../../graph/authorized.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime, JsonObject } from '../../graph/scalars.js';
import type {
  LicenseModel,
  LicenseType,
  LimitPeriod,
  LimitType,
  Overage,
  RestrictionOperator,
  RestrictionType,
} from '../../templates/model.js';
import { LeaseSeconds, MaxBorrowHours, MaxDeactivationsPerYear } from '../../templates/schema/seats.js';
import {
  LicenseModelEnum,
  LicenseTypeEnum,
  LimitPeriodEnum,
  LimitTypeEnum,
  OverageEnum,
  RestrictionOperatorEnum,
  RestrictionTypeEnum,
} from '../../templates/schema/types.js';
import type { LicenseStatus } from '../model.js';
import type { LicenseSortField } from '../queries.js';

export const LicenseStatusEnum = enumOf<LicenseStatus>('LicenseStatus', 'What a license is at this moment.', {
  ACTIVE: 'Runs.',
  INACTIVE: 'Is switched off by its owner.',
  EXPIRED: 'Is past its expiry and in its grace period.',
  SUSPENDED: 'Was suspended, or its grace period ended; it grants nothing until reinstated or renewed.',
  REVOKED: 'Was revoked, for good.',
  PENDING: 'Waits for its first activation, which starts its clock.',
});
export const LicenseSortFieldEnum = enumOf<LicenseSortField>(
  'LicenseSortField',
  'What licenses are ordered by.',
  {
    CREATED_AT: 'When the license was made.',
    EXPIRY_DATE: 'When it expires; licenses without an expiry are last.',
    ISSUED_DATE: 'When it was issued.',
    ISSUED_TO: 'To whom it was issued.',
  },
);

@ObjectType({ description: 'A feature that a license grants.', simpleResolvers: true })
@InputType('LicenseFeatureInput', { description: 'A feature that a license is to grant.' })
export class LicenseFeature {
  @Checked(code)
  @Field(() => String, { description: "The feature's id, as `@requiresFeature` names it." })
  declare readonly featureId: string;

  @Checked(text(1, 255))
  @Field(() => String, { description: 'What people call it.' })
  declare readonly featureName: string;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether it is granted.' })
  declare readonly enabled: boolean;

  @Checked(integer(0, Number.MAX_SAFE_INTEGER))
  @Field(() => GraphQLSafeInt, {
    nullable: true,
    defaultValue: null,
    description: 'The limit; null is unlimited, 0 is none at all.',
  })
  declare readonly limitValue: number | null;

  @Field(() => LimitTypeEnum, { nullable: true, defaultValue: null, description: 'The unit of the limit.' })
  declare readonly limitType: LimitType | null;

  @Field(() => LimitPeriodEnum, { defaultValue: 'NONE', description: 'How often the limit starts afresh.' })
  declare readonly limitPeriod: LimitPeriod;

  @Field(() => OverageEnum, { defaultValue: 'DENY', description: 'What happens past the limit.' })
  declare readonly overage: Overage;

  @Field(() => DateTime, {
    nullable: true,
    defaultValue: null,
    description: 'When the feature ends, if before the license.',
  })
  declare readonly expiresAt: Instant | null;
}

@ObjectType({
  description: 'A bound on where, when or on what a license may be used.',
  simpleResolvers: true,
})
@InputType('LicenseRestrictionInput', {
  description: 'A bound on where, when or on what a license may be used.',
})
export class LicenseRestriction {
  @Field(() => RestrictionTypeEnum, { description: 'What it looks at.' })
  declare readonly restrictionType: RestrictionType;

  @Field(() => RestrictionOperatorEnum, { description: 'What a match means.' })
  declare readonly operator: RestrictionOperator;

  @Checked(listOf(200))
  @Field(() => [String], {
    description:
      'The values that are compared; those that tell a device are shown as keyed hashes, and taken back so.',
  })
  declare readonly values: readonly string[];
}

@ObjectType({ description: 'The right to use a product.', simpleResolvers: true })
export class License {
  @Field(() => ID, { description: "The license's id." })
  declare readonly id: string;

  @Field(() => String, {
    name: 'licenseKey',
    simple: false,
    description: 'The key, masked: A1B2-****-****-****-I9J0. `revealLicenseKey` shows it.',
  })
  declare readonly licenseKeyMask: string;

  @Field(() => ID, { description: 'The product that is licensed.' })
  declare readonly productId: string;

  @Field(() => String, { description: "The product's name when the license was issued." })
  declare readonly productName: string;

  @Field(() => String, { description: 'The product version that it was issued for.' })
  declare readonly productVersion: string;

  @Field(() => LicenseTypeEnum, { description: 'How long it lasts and how it is used.' })
  declare readonly licenseType: LicenseType;

  @Field(() => LicenseModelEnum, { description: 'What its activation limit counts.' })
  declare readonly licenseModel: LicenseModel;

  @Field(() => ID, {
    nullable: true,
    description: 'The customer who holds it; null for a license of the whole tenant.',
  })
  declare readonly customerId: string | null;

  @Field(() => ID, { nullable: true, description: 'The reseller who sold it.' })
  declare readonly resellerId: string | null;

  @Field(() => ID, { nullable: true, description: 'The template that it was made from.' })
  declare readonly templateId: string | null;

  @Field(() => Int, { nullable: true, description: "The template's version at that time." })
  declare readonly templateVersion: number | null;

  @Field(() => ID, { nullable: true, description: 'The order that made it.' })
  declare readonly orderId: string | null;

  @Field(() => String, { description: 'To whom it is issued.' })
  declare readonly issuedTo: string;

  @Field(() => Int, { description: 'The activation limit, in what the model counts.' })
  declare readonly maxActivations: number;

  @Field(() => [LicenseFeature], { description: 'The features.' })
  declare readonly features: readonly LicenseFeature[];

  @Field(() => [LicenseRestriction], { description: 'The restrictions.' })
  declare readonly restrictions: readonly LicenseRestriction[];

  @Field(() => DateTime, { description: 'When it was issued.' })
  declare readonly issuedDate: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When it was first activated.' })
  declare readonly activationDate: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it expires; null if it does not, or has not begun.',
  })
  declare readonly expiryDate: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Up to when new product versions are covered.' })
  declare readonly maintenanceExpiry: Instant | null;

  @Field(() => Boolean, { description: 'Whether it renews itself.' })
  declare readonly autoRenewal: boolean;

  @Field(() => Int, { nullable: true, description: 'How many days a trial lasts from its first activation.' })
  declare readonly trialPeriodDays: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'For how many days after its expiry it is honoured; null is none.',
  })
  declare readonly gracePeriodDays: number | null;

  @LeaseSeconds()
  declare readonly leaseSeconds: number | null;

  @MaxBorrowHours()
  declare readonly maxBorrowHours: number | null;

  @MaxDeactivationsPerYear()
  declare readonly maxDeactivationsPerYear: number | null;

  @Field(() => String, { nullable: true, description: 'Why it was revoked.' })
  declare readonly revocationReason: string | null;

  @Authorized('license.read_metadata')
  @Field(() => JsonObject, { description: "The vendor's own facts about it." })
  declare readonly metadata: Record<string, unknown>;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  declare readonly updatedAt: Instant;
}

export const { Connection: LicenseConnection, ConnectionResolver: LicenseConnectionResolver } = connectionOf(
  () => License,
  'License',
  'licenses',
);
