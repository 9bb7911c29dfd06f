import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { integer, text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import type { LicensePoolId, ResellerId, TemplateId } from '../../core/id.js';
import { Checked, NotNull } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { DateTime } from '../../graph/scalars.js';
import { License } from '../../licenses/schema/types.js';
import { MOST_ALLOCATED, MOST_IN_POOL } from '../model/pools.js';

const name = text(1, 255);

@ObjectType({ description: 'Licenses of one template that a reseller may hand out.', simpleResolvers: true })
export class LicensePool {
  @Field(() => ID, { description: "The pool's id." })
  declare readonly id: string;

  @Field(() => String, { description: 'What it is called.' })
  declare readonly name: string;

  @Field(() => ID, { description: 'Who hands its licenses out.' })
  declare readonly resellerId: string;

  @Field(() => ID, { description: 'What they are made from.' })
  declare readonly templateId: string;

  @Field(() => ID, { nullable: true, description: 'The order that paid for it; null for one that is free.' })
  declare readonly orderId: string | null;

  @Field(() => Int, { description: 'How many licenses may be taken from it in all.' })
  declare readonly size: number;

  @Field(() => Int, { description: 'How many are taken.' })
  declare readonly allocated: number;

  @Field(() => Boolean, { description: 'Whether a license that is revoked gives its place back.' })
  declare readonly returnsOnRevoke: boolean;

  @Field(() => DateTime, { nullable: true, description: 'From when on nothing is taken; null is never.' })
  declare readonly expiresAt: Instant | null;

  @Field(() => DateTime, { description: 'When it was made.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, { description: 'When it was last changed.' })
  declare readonly updatedAt: Instant;
}

export const { Connection: LicensePoolConnection, ConnectionResolver: LicensePoolConnectionResolver } =
  connectionOf(() => LicensePool, 'LicensePool', 'license pools');

@ObjectType({ description: 'One license that was taken from a pool.', simpleResolvers: true })
export class PoolAllocation {
  @Field(() => ID, { description: 'The license that was taken.' })
  declare readonly id: string;

  @Field(() => DateTime, { description: 'When it was taken.' })
  declare readonly allocatedAt: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When its place was given back.' })
  declare readonly returnedAt: Instant | null;
}

export const { Connection: PoolAllocationConnection, ConnectionResolver: PoolAllocationConnectionResolver } =
  connectionOf(() => PoolAllocation, 'PoolAllocation', 'what was taken from a pool');

@InputType({ description: 'Which license pools to list.' })
export class LicensePoolFilter {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this reseller.' })
  declare readonly resellerId?: ResellerId | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this template.' })
  declare readonly templateId?: TemplateId | null;
}

@InputType({ description: 'A new license pool.' })
export class CreateLicensePoolInput {
  @Checked(name)
  @Field(() => String, { description: 'What it is called.' })
  declare readonly name: string;

  @Checked(uuid)
  @Field(() => ID, { description: 'Who hands its licenses out, to customers of its own.' })
  declare readonly resellerId: ResellerId;

  @Checked(uuid)
  @Field(() => ID, {
    description:
      'What they are made from, as it is now: later changes of the template do not reach the pool.',
  })
  declare readonly templateId: TemplateId;

  @Checked(integer(1, MOST_IN_POOL))
  @Field(() => Int, { description: 'How many licenses may be taken from it.' })
  declare readonly size: number;

  @Field(() => Boolean, {
    defaultValue: true,
    description: 'Whether a license that is revoked gives its place back.',
  })
  declare readonly returnsOnRevoke: boolean;

  @Field(() => DateTime, { nullable: true, description: 'From when on nothing is taken; left out is never.' })
  declare readonly expiresAt?: Instant | null;

  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description:
      "An order of the reseller that pays for it: approved, paid, for no customer, of the same template and size, and without licenses. The pool is on the order's terms and fulfils it. Left out, the pool is free.",
  })
  declare readonly orderId?: string | null;
}

@InputType({ description: 'Changes of a license pool. What is left out stays as it is.' })
export class UpdateLicensePoolInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The pool.' })
  declare readonly poolId: LicensePoolId;

  @NotNull()
  @Checked(name)
  @Field(() => String, { nullable: true, description: 'What it is called.' })
  declare readonly name?: string;

  @NotNull()
  @Checked(integer(0, MOST_IN_POOL))
  @Field(() => Int, {
    nullable: true,
    description:
      'How many licenses may be taken from it: never fewer than are, never more than were paid for.',
  })
  declare readonly size?: number;

  @NotNull()
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether a license that is revoked from now on gives its place back.',
  })
  declare readonly returnsOnRevoke?: boolean;

  @Field(() => DateTime, { nullable: true, description: 'From when on nothing is taken; null is never.' })
  declare readonly expiresAt?: Instant | null;
}

@InputType({ description: 'Licenses to be taken from a pool: all of them, or none.' })
export class AllocateFromPoolInput {
  @Checked(uuid)
  @Field(() => ID, { description: 'The pool.' })
  declare readonly poolId: LicensePoolId;

  @Checked(uuid)
  @Field(() => ID, { description: "Who receives them: a customer of the pool's reseller." })
  declare readonly customerId: string;

  @Checked(integer(1, MOST_ALLOCATED))
  @Field(() => Int, { defaultValue: 1, description: `How many, up to ${MOST_ALLOCATED}.` })
  declare readonly quantity: number;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: "To whom they are issued; the customer's name if left out.",
  })
  declare readonly issuedTo?: string | null;
}

@ObjectType({ description: 'The answer of `createLicensePool`.', simpleResolvers: true })
export class CreateLicensePoolPayload {
  @Field(() => LicensePool, { description: 'The new pool.' })
  declare readonly pool: LicensePool;
}

@ObjectType({ description: 'The answer of `updateLicensePool`.', simpleResolvers: true })
export class UpdateLicensePoolPayload {
  @Field(() => LicensePool, { description: 'The pool, after it.' })
  declare readonly pool: LicensePool;
}

@ObjectType({
  description: 'A license with its key, as the act that made it shows them.',
  simpleResolvers: true,
})
export class AllocatedLicense {
  @Field(() => String, { description: 'The full key. It is shown now and by `revealLicenseKey` only.' })
  declare readonly licenseKey: string;

  @Field(() => License, { description: 'The license.' })
  declare readonly license: License;
}

@ObjectType({ description: 'The answer of `allocateFromPool`.', simpleResolvers: true })
export class AllocateFromPoolPayload {
  @Field(() => LicensePool, { description: 'The pool, after it.' })
  declare readonly pool: LicensePool;

  @Field(() => [AllocatedLicense], { description: 'The licenses that were made.' })
  declare readonly licenses: readonly AllocatedLicense[];
}
