import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { DateTime } from '../../graph/scalars.js';
import type { LicenseModel, LicenseType } from '../../templates/model.js';
import { LicenseModelEnum, LicenseTypeEnum } from '../../templates/schema/types.js';
import type { LicenseStatus } from '../model.js';
import { License, LicenseStatusEnum } from './types.js';

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

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it expires; null if it does not, or has not begun.',
  })
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
