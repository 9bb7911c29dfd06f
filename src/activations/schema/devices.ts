import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { text, uuid } from '../../core/check.js';
import type { Instant } from '../../core/clock.js';
import { Checked } from '../../graph/checked.js';
import { connectionOf } from '../../graph/connection.js';
import { DateTime } from '../../graph/scalars.js';
import { License } from '../../licenses/schema/types.js';
import { CODE_DAYS, EMERGENCY_HOURS, MOST_CODES } from '../model/emergency.js';

const fingerprint = text(1, 1024);
const reason = text(1, 2000);

@ObjectType({ description: 'A device that no license of the tenant is used on.', simpleResolvers: true })
export class BlacklistedDevice {
  @Field(() => ID, { description: "The entry's id." })
  declare readonly id: string;

  @Field(() => String, { description: "The keyed hash of the device's fingerprint." })
  declare readonly deviceFingerprint: string;

  @Field(() => String, { description: 'Why it was shut out.' })
  declare readonly reason: string;

  @Field(() => String, { description: 'The subject of who shut it out.' })
  declare readonly createdBy: string;

  @Field(() => DateTime, { description: 'Since when.' })
  declare readonly createdAt: Instant;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it was let in again; null while it is shut out.',
  })
  declare readonly liftedAt: Instant | null;

  @Field(() => String, { nullable: true, description: 'The subject of who let it in again.' })
  declare readonly liftedBy: string | null;
}

export const {
  Connection: BlacklistedDeviceConnection,
  ConnectionResolver: BlacklistedDeviceConnectionResolver,
} = connectionOf(() => BlacklistedDevice, 'BlacklistedDevice', 'blacklisted devices');

@InputType({ description: 'Which entries of the blacklist to list.' })
export class BlacklistedDeviceFilter {
  @Field(() => Boolean, {
    nullable: true,
    description: 'Only devices that were let in again, or only those that were not.',
  })
  declare readonly isLifted?: boolean | null;

  @Checked(fingerprint)
  @Field(() => String, {
    nullable: true,
    description: 'Only the device with this fingerprint, given as it is.',
  })
  declare readonly deviceFingerprint?: string | null;
}

@InputType({
  description: 'A device to shut out of the whole tenant, named by its fingerprint or an activation.',
})
export class BlacklistDeviceInput {
  @Checked(fingerprint)
  @Field(() => String, { nullable: true, description: 'The fingerprint, as the device gives it.' })
  declare readonly deviceFingerprint?: string | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'An activation of the device.' })
  declare readonly activationId?: string | null;

  @Checked(reason)
  @Field(() => String, { description: 'Why.' })
  declare readonly reason: string;
}

@InputType({ description: 'A device to let in again, named by its entry or its fingerprint.' })
export class UnblacklistDeviceInput {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: "The entry's id." })
  declare readonly id?: string | null;

  @Checked(fingerprint)
  @Field(() => String, { nullable: true, description: 'The fingerprint, as the device gives it.' })
  declare readonly deviceFingerprint?: string | null;

  @Checked(reason)
  @Field(() => String, { nullable: true, description: 'Why.' })
  declare readonly reason?: string | null;
}

@InputType({ description: 'A device to forget, named by its fingerprint or an activation.' })
export class ForgetDeviceInput {
  @Checked(fingerprint)
  @Field(() => String, { nullable: true, description: 'The fingerprint, as the device gives it.' })
  declare readonly deviceFingerprint?: string | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'An activation of the device.' })
  declare readonly activationId?: string | null;
}

@InputType({ description: 'A license that needs a way in, named by its id or its key.' })
export class GenerateEmergencyCodeInput {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'The license.' })
  declare readonly licenseId?: string | null;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, description: 'Its key, in any case, with or without dashes.' })
  declare readonly licenseKey?: string | null;

  @Checked(reason)
  @Field(() => String, { description: 'What the emergency is.' })
  declare readonly reason: string;
}

function payload(description: string) {
  return ObjectType({ description, simpleResolvers: true });
}

@payload('The answer of `blacklistDevice`.')
export class BlacklistDevicePayload {
  @Field(() => BlacklistedDevice, { description: 'The entry, new or known.' })
  declare readonly device: BlacklistedDevice;

  @Field(() => Int, { description: 'How many activations this act has ended.' })
  declare readonly endedActivations: number;
}

@payload('The answer of `forgetDevice`.')
export class ForgetDevicePayload {
  @Field(() => Int, { description: 'Ended activations of which nothing is left that tells the device.' })
  declare readonly forgottenActivations: number;

  @Field(() => Int, {
    description: 'Activations that live, and keep the hashes and the user that hold their seat.',
  })
  declare readonly keptActivations: number;
}

@payload('The answer of `unblacklistDevice`.')
export class UnblacklistDevicePayload {
  @Field(() => BlacklistedDevice, { description: 'The entry after the act.' })
  declare readonly device: BlacklistedDevice;
}

@payload('The answer of `generateEmergencyCode`.')
export class GenerateEmergencyCodePayload {
  @Field(() => String, {
    description: `The code, \`EMG-\` and four groups of five. It is shown this once, works once, and within ${EMERGENCY_HOURS} hours.`,
  })
  declare readonly emergencyCode: string;

  @Field(() => DateTime, {
    description: `Until when it can be used. A license has ${MOST_CODES} codes in ${CODE_DAYS} days.`,
  })
  declare readonly validUntil: Instant;

  @Field(() => License, { description: 'The license that it is for, and no other.' })
  declare readonly license: License;
}
