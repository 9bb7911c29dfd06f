import { ArgsType, Field, ID, ObjectType } from 'type-graphql';
import { type Check, code, listOf, text } from '../../core/check.js';
import { canonicalDomain } from '../../core/domainName.js';
import { enumOf } from '../../graph/enums.js';
import { parseMacAddress } from '../../templates/model.js';
import { type Reason, type VerdictCode, verdictCodes } from '../model/verdict.js';
import { ActivationLocation } from './location.js';

export const VerdictCodeEnum = enumOf<VerdictCode>(
  'VerdictCode',
  'What a validation says: the first rule that fails, in this order, or one of the two valid ones at the end.',
  verdictCodes,
);

export const macAddress: Check = (value) =>
  typeof value === 'string' && parseMacAddress(value) !== undefined
    ? undefined
    : 'must be a MAC address as 00:1A:2B:3C:4D:5E';

export const domain: Check = (value) =>
  typeof value === 'string' && canonicalDomain(value) !== undefined
    ? undefined
    : 'must be a domain as app.example.com';

const featureIds: Check = (value) =>
  listOf(50)(value) ??
  (Array.isArray(value) && value.every((id) => typeof id === 'string' && id.length <= 50)
    ? undefined
    : 'must be ids of features, of at most 50 characters');

/** What a validation may be asked with, whatever it is asked of. */
export const validationChecks = {
  deviceFingerprint: text(1, 1024),
  user: text(1, 255),
  tenantId: code,
  productId: code,
  version: text(1, 50),
  features: featureIds,
  macAddress,
  hardwareId: text(1, 1024),
  domain,
  nonce: text(8, 128),
} as const;

@ArgsType()
class ValidationArgs {
  @Field(() => String, { nullable: true, description: 'The device that asks.' })
  declare readonly deviceFingerprint?: string | null;

  @Field(() => String, { nullable: true, description: 'Who sits at the device.' })
  declare readonly user?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'The vendor whose product asks; what is another tenant’s is not found.',
  })
  declare readonly tenantId?: string | null;

  @Field(() => ID, { nullable: true, description: 'The product that asks.' })
  declare readonly productId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The version of the product that asks; maintenance has to cover it.',
  })
  declare readonly version?: string | null;

  @Field(() => [String], { nullable: true, description: 'Features that have to be granted.' })
  declare readonly features?: readonly string[] | null;

  @Field(() => String, {
    nullable: true,
    description: "The device's MAC address, where a restriction looks at it.",
  })
  declare readonly macAddress?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The device's hardware id, where a restriction looks at it.",
  })
  declare readonly hardwareId?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The domain that the application serves, where a restriction looks at it.',
  })
  declare readonly domain?: string | null;

  @Field(() => ActivationLocation, {
    nullable: true,
    description:
      'Where the device says it is, where a restriction looks at it and the server cannot tell by the address.',
  })
  declare readonly location?: ActivationLocation | null;

  @Field(() => String, {
    nullable: true,
    description:
      'A random text of 8 to 128 characters, another one for each question: then the answer is signed with it.',
  })
  declare readonly nonce?: string | null;
}

@ArgsType()
export class ValidateLicenseKeyArgs extends ValidationArgs {
  @Field(() => String, { description: 'The key, in any case, with or without dashes.' })
  declare readonly licenseKey: string;
}

@ArgsType()
export class ValidateActivationArgs extends ValidationArgs {
  @Field(() => String, { description: 'The token that activation answered.' })
  declare readonly activationToken: string;
}

@ObjectType({ simpleResolvers: true, description: 'A rule that a validation found failing.' })
export class VerdictReason {
  @Field(() => VerdictCodeEnum, { description: 'The rule.' })
  declare readonly code: VerdictCode;

  @Field(() => String, { description: 'What it means.' })
  declare readonly message: string;

  @Field(() => String, { description: 'What would make it pass, in a sentence.' })
  declare readonly remedy: string;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'What the server says of a license key or an activation token. It is an answer, never an error.',
})
export class LicenseValidation {
  @Field(() => Boolean, { description: 'Whether the license may be used.' })
  declare readonly valid: boolean;

  @Field(() => VerdictCodeEnum, { description: 'The first rule that fails, or VALID or GRACE_PERIOD.' })
  declare readonly code: VerdictCode;

  @Field(() => [VerdictReason], { description: 'Every rule that fails, in order.' })
  declare readonly reasons: readonly Reason[];

  @Field(() => String, {
    nullable: true,
    description:
      'The same, signed: a JWS whose header `typ` is `licensegraph-validation+jwt`, to be verified with the keys of `/.well-known/jwks.json`. Only when a nonce was sent, which it carries, with the digest of the question.',
  })
  declare readonly signedAnswer: string | null;
}
