import { GraphQLJSONObject, GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { code, integer, jsonObject, listOf, text, uuid } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import type { CustomerId, ProductId, ResellerId, TemplateId } from '../core/id.js';
import { Checked, NotNull } from '../graph/checked.js';
import { connectionOf } from '../graph/connection.js';
import { enumOf } from '../graph/enums.js';
import { DateTime } from '../graph/scalars.js';
import type { LicenseModel, LicenseType, LimitPeriod, LimitType, RestrictionOperator, RestrictionType } from '../templates/model.js';
import {
  LicenseModelEnum,
  LicenseTypeEnum,
  LimitPeriodEnum,
  LimitTypeEnum,
  RestrictionOperatorEnum,
  RestrictionTypeEnum,
} from '../templates/schema.js';
import type { LicenseStatus } from './model.js';
import type { LicenseSortField } from './queries.js';

export const LicenseStatusEnum = enumOf<LicenseStatus>('LicenseStatus', 'What a license is at this moment.', {
  ACTIVE: 'Runs.',
  INACTIVE: 'Is switched off by its owner.',
  EXPIRED: 'Is past its expiry and in its grace period.',
  SUSPENDED: 'Was suspended, or its grace period ended; it grants nothing until reinstated or renewed.',
  REVOKED: 'Was revoked, for good.',
  PENDING: 'Waits for its first activation, which starts its clock.',
});
export const LicenseSortFieldEnum = enumOf<LicenseSortField>('LicenseSortField', 'What licenses are ordered by.', {
  CREATED_AT: 'When the license was made.',
  EXPIRY_DATE: 'When it expires; licenses without an expiry are last.',
  ISSUED_DATE: 'When it was issued.',
  ISSUED_TO: 'To whom it was issued.',
});
export const SortDirectionEnum = enumOf<'ASC' | 'DESC'>('SortDirection', 'Which end of an order comes first.', {
  ASC: 'The smallest, the oldest, A.',
  DESC: 'The largest, the newest, Z.',
});
export const ExportFormatEnum = enumOf<'CSV' | 'JSON'>('ExportFormat', 'How an export is written.', {
  CSV: 'Comma-separated values with a header line (RFC 4180).',
  JSON: 'A JSON array of objects.',
});

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
  @Field(() => GraphQLSafeInt, { nullable: true, defaultValue: null, description: 'The limit; null is unlimited, 0 is none at all.' })
  declare readonly limitValue: number | null;

  @Field(() => LimitTypeEnum, { nullable: true, defaultValue: null, description: 'The unit of the limit.' })
  declare readonly limitType: LimitType | null;

  @Field(() => LimitPeriodEnum, { defaultValue: 'NONE', description: 'How often the limit starts afresh.' })
  declare readonly limitPeriod: LimitPeriod;

  @Field(() => DateTime, { nullable: true, defaultValue: null, description: 'When the feature ends, if before the license.' })
  declare readonly expiresAt: Instant | null;
}

@ObjectType({ description: 'A bound on where, when or on what a license may be used.', simpleResolvers: true })
@InputType('LicenseRestrictionInput', { description: 'A bound on where, when or on what a license may be used.' })
export class LicenseRestriction {
  @Field(() => RestrictionTypeEnum, { description: 'What it looks at.' })
  declare readonly restrictionType: RestrictionType;

  @Field(() => RestrictionOperatorEnum, { description: 'What a match means.' })
  declare readonly operator: RestrictionOperator;

  @Checked(listOf(200))
  @Field(() => [String], { description: 'The values that are compared.' })
  declare readonly values: readonly string[];
}

@ObjectType({ description: 'The right to use a product.', simpleResolvers: true })
export class License {
  @Field(() => ID, { description: "The license's id." })
  declare readonly id: string;

  @Field(() => String, { name: 'licenseKey', description: 'The key, masked: A1B2-****-****-****-I9J0. `revealLicenseKey` shows it.' })
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

  @Field(() => ID, { nullable: true, description: 'The customer who holds it; null for a license of the whole tenant.' })
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

  @Field(() => DateTime, { nullable: true, description: 'When it expires; null if it does not, or has not begun.' })
  declare readonly expiryDate: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Up to when new product versions are covered.' })
  declare readonly maintenanceExpiry: Instant | null;

  @Field(() => Boolean, { description: 'Whether it renews itself.' })
  declare readonly autoRenewal: boolean;

  @Field(() => Int, { nullable: true, description: 'How many days a trial lasts from its first activation.' })
  declare readonly trialPeriodDays: number | null;

  @Field(() => Int, { nullable: true, description: 'For how many days after its expiry it is honoured; null is none.' })
  declare readonly gracePeriodDays: number | null;

  @Field(() => String, { nullable: true, description: 'Why it was revoked.' })
  declare readonly revocationReason: string | null;

  @Field(() => GraphQLJSONObject, { description: "The vendor's own facts about it." })
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
  @Field(() => [LicenseStatusEnum], { nullable: true, description: 'Only those that have one of these statuses now.' })
  declare readonly status?: readonly LicenseStatus[] | null;

  @Checked(listOf(6))
  @Field(() => [LicenseTypeEnum], { nullable: true, description: 'Only those of these types.' })
  declare readonly licenseType?: readonly LicenseType[] | null;

  @Checked(listOf(6))
  @Field(() => [LicenseModelEnum], { nullable: true, description: 'Only those of these models.' })
  declare readonly licenseModel?: readonly LicenseModel[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those that expire at this instant or later.' })
  declare readonly expiryDateFrom?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those that expire at this instant or earlier.' })
  declare readonly expiryDateTo?: Instant | null;

  @Field(() => Boolean, { nullable: true, description: 'Only those that renew themselves, or not.' })
  declare readonly autoRenewal?: boolean | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: 'Only those whose holder or product name contains this text.' })
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
  @Field(() => ID, { nullable: true, description: 'The customer who holds it; left out for a license of the whole tenant.' })
  declare readonly customerId?: CustomerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'The reseller who sold it.' })
  declare readonly resellerId?: ResellerId | null;

  @Checked(text(1, 255))
  @Field(() => String, { description: 'To whom it is issued.' })
  declare readonly issuedTo: string;

  @Checked(activationLimit)
  @Field(() => Int, { defaultValue: 1, description: 'The activation limit.' })
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
  @Field(() => Int, { nullable: true, description: 'How many days a trial lasts; TRIAL and EVALUATION need it.' })
  declare readonly trialPeriodDays?: number | null;

  @Checked(graceDays)
  @Field(() => Int, { nullable: true, description: 'For how many days after its expiry it is honoured.' })
  declare readonly gracePeriodDays?: number | null;

  @Checked(jsonObject)
  @Field(() => GraphQLJSONObject, { nullable: true, description: "The vendor's own facts about it." })
  declare readonly metadata?: Record<string, unknown> | null;

  @Field(() => LicenseStatusEnum, { nullable: true, description: 'ACTIVE, or PENDING for a trial; obeyed for callers with license.import.' })
  declare readonly status?: LicenseStatus | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was issued; obeyed for callers with license.import.' })
  declare readonly issuedDate?: Instant | null;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, description: 'A key that exists already; obeyed for callers with license.import.' })
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
  @Field(() => String, { nullable: true, description: "To whom it is issued; the customer's name if left out." })
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
  @Field(() => LicenseStatusEnum, { nullable: true, description: 'INACTIVE switches it off, ACTIVE on; other steps have acts of their own.' })
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
  @Field(() => Int, { nullable: true, description: 'The activation limit; devices already active stay so.' })
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

  @NotNull()
  @Checked(jsonObject)
  @Field(() => GraphQLJSONObject, { nullable: true, description: "The vendor's own facts, all anew." })
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

  @Field(() => Boolean, { nullable: true, description: 'Whether maintenance is extended by as much.' })
  declare readonly extendMaintenance?: boolean | null;

  @Checked(listOf(200))
  @Field(() => [LicenseFeature], { nullable: true, description: 'Features that replace those with the same id, or are added.' })
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
  @Field(() => ID, { nullable: true, description: 'The customer who will hold it; left out to change the name only.' })
  declare readonly newCustomerId?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { description: 'To whom it will be issued.' })
  declare readonly newIssuedTo: string;

  @Checked(reason)
  @Field(() => String, { description: 'Why.' })
  declare readonly transferReason: string;

  @Field(() => Boolean, { nullable: true, description: 'Whether its devices are deactivated; they are unless told otherwise.' })
  declare readonly deactivateExisting?: boolean | null;
}

@InputType({ description: 'A look at a full license key.' })
export class RevealLicenseKeyInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The license whose key is asked for.' })
  declare readonly licenseId: string;
}

@InputType({ description: 'An export of licenses.' })
export class ExportLicensesInput {
  @Field(() => LicenseFilter, { nullable: true, description: 'Which ones.' })
  declare readonly filter?: LicenseFilter | null;

  @Field(() => ExportFormatEnum, { defaultValue: 'CSV', description: 'How it is written.' })
  declare readonly format: 'CSV' | 'JSON';
}

function payload(description: string) {
  return ObjectType({ description, simpleResolvers: true });
}

@payload('The answer of `issueLicense`: the full key, this once, and what a workflow needs to go on.')
export class IssueLicensePayload {
  @Field(() => String, { description: 'The full key. It is shown now and by `revealLicenseKey` only.' })
  declare readonly licenseKey: string;

  @Field(() => ID, { description: "The license's id." })
  declare readonly licenseId: string;

  @Field(() => ID, { nullable: true, description: 'The customer who holds it.' })
  declare readonly customerId: string | null;

  @Field(() => ID, { nullable: true, description: 'The template that it was made from.' })
  declare readonly templateId: string | null;

  @Field(() => ID, { description: 'The tenant that issued it.' })
  declare readonly tenantId: string;

  @Field(() => ID, { description: 'The product that is licensed.' })
  declare readonly productId: string;

  @Field(() => String, { description: "The product's name." })
  declare readonly productName: string;

  @Field(() => LicenseTypeEnum, { description: 'How long it lasts and how it is used.' })
  declare readonly licenseType: LicenseType;

  @Field(() => LicenseModelEnum, { description: 'What its activation limit counts.' })
  declare readonly licenseModel: LicenseModel;

  @Field(() => LicenseStatusEnum, { description: 'ACTIVE, or PENDING for a trial.' })
  declare readonly status: LicenseStatus;

  @Field(() => String, { description: 'To whom it is issued.' })
  declare readonly issuedTo: string;

  @Field(() => DateTime, { description: 'When it was issued.' })
  declare readonly issuedDate: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When it expires; null if it does not, or has not begun.' })
  declare readonly expiryDate: Instant | null;

  @Field(() => Int, { description: 'The activation limit.' })
  declare readonly maxActivations: number;

  @Field(() => Int, { description: 'How much of it is in use: nothing yet.' })
  declare readonly currentActivations: number;

  @Field(() => License, { description: 'The license itself.' })
  declare readonly license: License;
}

@payload('The answer of `createLicense`.')
export class CreateLicensePayload {
  @Field(() => String, { description: 'The full key. It is shown now and by `revealLicenseKey` only.' })
  declare readonly licenseKey: string;

  @Field(() => License, { description: 'The new license.' })
  declare readonly license: License;
}

@payload('The answer of `revealLicenseKey`.')
export class RevealLicenseKeyPayload {
  @Field(() => String, { description: 'The full key.' })
  declare readonly licenseKey: string;

  @Field(() => License, { description: 'The license.' })
  declare readonly license: License;
}

function licensePayload(act: string) {
  const name = `${act.charAt(0).toUpperCase()}${act.slice(1)}Payload`;
  @ObjectType(name, { description: `The answer of \`${act}\`.`, simpleResolvers: true })
  class LicensePayload {
    @Field(() => License, { description: 'The license after the act.' })
    declare readonly license: License;
  }
  return LicensePayload;
}

export const UpdateLicensePayload = licensePayload('updateLicense');
export const RenewLicensePayload = licensePayload('renewLicense');
export const SuspendLicensePayload = licensePayload('suspendLicense');
export const ReinstateLicensePayload = licensePayload('reinstateLicense');
export const RevokeLicensePayload = licensePayload('revokeLicense');
export const TransferLicensePayload = licensePayload('transferLicense');

@payload('The answer of `exportLicenses`.')
export class ExportLicensesPayload {
  @Field(() => String, { description: 'The export; keys are masked.' })
  declare readonly content: string;

  @Field(() => String, { description: 'The media type of the content.' })
  declare readonly mediaType: string;

  @Field(() => Int, { description: 'How many licenses it holds.' })
  declare readonly count: number;

  @Field(() => Boolean, { description: 'Whether there were more licenses than one export holds, 10,000.' })
  declare readonly truncated: boolean;
}
