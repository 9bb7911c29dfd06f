import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql';
import { type Check, code, integer, jsonObject, listOf, text, uuid } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import type { LicenseId } from '../core/id.js';
import { Authorized } from '../graph/authorized.js';
import { Checked } from '../graph/checked.js';
import { connectionOf } from '../graph/connection.js';
import { enumOf } from '../graph/enums.js';
import { DateTime, JsonObject } from '../graph/scalars.js';
import { License } from '../licenses/schema/types.js';
import type { ActivationStatus, ActivationType } from './model/activation.js';
import { ActivationLocation } from './schema/location.js';
import { domain, macAddress } from './schema/validation.js';

export const ActivationTypeEnum = enumOf<ActivationType>('ActivationType', 'How a device was activated.', {
  ONLINE: 'By a request to this server.',
  OFFLINE: 'By codes carried by hand.',
  EMERGENCY: 'By an emergency code, for 24 hours.',
});
export const ActivationStatusEnum = enumOf<ActivationStatus>(
  'ActivationStatus',
  'What an activation is at this moment.',
  {
    ACTIVE: 'Lives.',
    DEACTIVATED: 'Was ended.',
    SUSPENDED: 'Keeps its seat while its license is suspended.',
    EXPIRED: 'Was limited in time, and is over.',
  },
);
function amount(value: unknown): string | undefined {
  return typeof value === 'number' && value >= 0 && value <= 1e12
    ? undefined
    : 'must be a number from 0 to 10^12';
}

@ObjectType({ description: 'What an application told of its use, added up.', simpleResolvers: true })
export class UsageMetrics {
  @Field(() => Float, { description: 'Hours that it ran.' })
  declare readonly totalRuntimeHours: number;

  @Field(() => JsonObject, { description: 'Uses by feature, in words of the application.' })
  declare readonly featureUsage: Record<string, number>;

  @Field(() => GraphQLSafeInt, { description: 'Calls of its interface.' })
  declare readonly apiCallsCount: number;

  @Field(() => Float, { description: 'Megabytes processed.' })
  declare readonly dataProcessedMb: number;

  @Field(() => DateTime, { description: 'When it was last used.' })
  declare readonly lastUsedAt: Instant;

  @Field(() => Int, { nullable: true, description: 'The most users at one time.' })
  declare readonly peakConcurrentUsers: number | null;
}

@ObjectType({ description: 'A device, or a user on one, that uses a license.', simpleResolvers: true })
export class Activation {
  @Field(() => ID, { description: "The activation's id." })
  declare readonly id: string;

  @Field(() => ID, { description: 'The license in use.' })
  declare readonly licenseId: string;

  @Field(() => String, {
    description: "The keyed hash of the device's fingerprint; the fingerprint itself is not kept.",
  })
  declare readonly deviceFingerprint: string;

  @Field(() => String, { nullable: true, description: "The keyed hash of the device's hardware id." })
  declare readonly hardwareId: string | null;

  @Field(() => String, { nullable: true, description: "The keyed hash of the device's MAC address." })
  declare readonly macAddress: string | null;

  @Authorized('activation.read_user')
  @Field(() => String, { nullable: true, description: "The machine's name." })
  declare readonly machineName: string | null;

  @Field(() => String, { nullable: true, description: 'The operating system.' })
  declare readonly operatingSystem: string | null;

  @Field(() => String, { nullable: true, description: 'The user agent.' })
  declare readonly userAgent: string | null;

  @Field(() => String, { description: "The application's version; `unknown` if it did not say." })
  declare readonly applicationVersion: string;

  @Field(() => ActivationTypeEnum, { description: 'How it was activated.' })
  declare readonly activationType: ActivationType;

  @Authorized('activation.read_user')
  @Field(() => String, {
    name: 'user',
    simple: false,
    nullable: true,
    description: 'Who sits at the device, for models that count people.',
  })
  declare readonly userRef: string | null;

  @Field(() => Int, { description: 'Processors or cores, for models that count them.' })
  declare readonly units: number;

  @Field(() => DateTime, { description: 'When it was activated.' })
  declare readonly activatedAt: Instant;

  @Field(() => DateTime, { nullable: true, description: 'When it ends by itself.' })
  declare readonly expiresAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Until when a floating seat is held without a heartbeat.',
  })
  declare readonly leaseExpiresAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When it last sent a heartbeat.' })
  declare readonly lastHeartbeat: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was ended.' })
  declare readonly deactivatedAt: Instant | null;

  @Field(() => String, { nullable: true, description: 'Why it was ended.' })
  declare readonly deactivationReason: string | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When it moved to the archive, more than 90 days after it was ended.',
  })
  declare readonly archivedAt?: Instant | null;
}

export const { Connection: ActivationConnection, ConnectionResolver: ActivationConnectionResolver } =
  connectionOf(() => Activation, 'Activation', 'activations');

@InputType({ description: 'Which activations to list.' })
export class ActivationFilter {
  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this license.' })
  declare readonly licenseId?: LicenseId | null;

  @Checked(listOf(4))
  @Field(() => [ActivationStatusEnum], {
    nullable: true,
    description: 'Only those that have one of these statuses now.',
  })
  declare readonly status?: readonly ActivationStatus[] | null;

  @Checked(text(1, 1024))
  @Field(() => String, {
    nullable: true,
    description: 'Only those of the device with this fingerprint, given as it is.',
  })
  declare readonly deviceFingerprint?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Those in the archive, where activations come that ended more than 90 days ago, in the place of all others.',
  })
  declare readonly archived?: boolean | null;
}

@InputType({ description: 'A device that is to be activated.' })
export class ActivateLicenseInput {
  @Checked(text(1, 100))
  @Field(() => String, { description: 'The license key, in any case, with or without dashes.' })
  declare readonly licenseKey: string;

  @Checked(text(1, 1024))
  @Field(() => String, { description: 'What tells this device from others; kept as a keyed hash only.' })
  declare readonly deviceFingerprint: string;

  @Checked(text(1, 255))
  @Field(() => String, {
    nullable: true,
    description: 'Who sits at the device; PER_SEAT and NAMED_USER count people.',
  })
  declare readonly user?: string | null;

  @Checked(integer(1, 100_000))
  @Field(() => Int, {
    nullable: true,
    description: 'Processors or cores of the device; PER_CPU and PER_CORE count them.',
  })
  declare readonly units?: number | null;

  @Checked(text(1, 100))
  @Field(() => String, {
    nullable: true,
    description:
      'A code of `generateEmergencyCode`: lets the device in for 24 hours, beside the seats, although all are taken or grace is over.',
  })
  declare readonly emergencyCode?: string | null;

  @Checked(code)
  @Field(() => ID, {
    nullable: true,
    description: 'The vendor whose product asks; a license of another tenant is not found.',
  })
  declare readonly tenantId?: string | null;

  @Checked(code)
  @Field(() => ID, {
    nullable: true,
    description: 'The product that asks; a license for another one is refused.',
  })
  declare readonly productId?: string | null;

  @Checked(text(1, 255))
  @Field(() => String, { nullable: true, description: "The machine's name." })
  declare readonly machineName?: string | null;

  @Checked(text(1, 1024))
  @Field(() => String, { nullable: true, description: 'The hardware id; kept as a keyed hash only.' })
  declare readonly hardwareId?: string | null;

  @Checked(macAddress)
  @Field(() => String, { nullable: true, description: 'The MAC address; kept as a keyed hash only.' })
  declare readonly macAddress?: string | null;

  @Checked(domain)
  @Field(() => String, { nullable: true, description: 'The domain that the application serves.' })
  declare readonly domain?: string | null;

  @Checked(text(1, 50))
  @Field(() => String, {
    nullable: true,
    description: 'The version of the product that asks; one that maintenance does not cover is refused.',
  })
  declare readonly version?: string | null;

  @Checked(text(1, 100))
  @Field(() => String, { nullable: true, description: 'The operating system.' })
  declare readonly operatingSystem?: string | null;

  @Checked(text(1, 500))
  @Field(() => String, { nullable: true, description: 'The user agent.' })
  declare readonly userAgent?: string | null;

  @Checked(text(1, 50))
  @Field(() => String, { nullable: true, description: "The application's version." })
  declare readonly applicationVersion?: string | null;

  @Field(() => ActivationLocation, { nullable: true, description: 'Where the device says it is.' })
  declare readonly location?: ActivationLocation | null;

  @Checked(jsonObject)
  @Field(() => JsonObject, { nullable: true, description: "The application's own facts about it." })
  declare readonly metadata?: Record<string, unknown> | null;
}

/** Names stay with the activation: 500 of them, and each heartbeat writes them all. */
const LONGEST_FEATURE_NAME = 100;

const usageByFeature: Check = (value) => {
  const problem = jsonObject(value);
  if (problem !== undefined) return problem;
  const uses: [string, unknown][] = Object.entries(value ?? {});
  return uses.every(([name, use]) => name.length <= LONGEST_FEATURE_NAME && amount(use) === undefined)
    ? undefined
    : `must map names of at most ${LONGEST_FEATURE_NAME} characters to numbers from 0 to 10^12`;
};

@InputType({
  description:
    'What has come since the last heartbeat. Counters are added to what is known, exactly to six decimals; peaks keep the highest.',
})
export class UsageMetricsInput {
  @Checked(amount)
  @Field(() => Float, { nullable: true, description: 'Hours that it ran.' })
  declare readonly totalRuntimeHours?: number;

  @Checked(usageByFeature)
  @Field(() => JsonObject, {
    nullable: true,
    description: 'Uses by feature, in words of the application of at most 100 characters.',
  })
  declare readonly featureUsage?: Record<string, number>;

  @Checked(integer(0, 1_000_000_000_000))
  @Field(() => GraphQLSafeInt, { nullable: true, description: 'Calls of its interface.' })
  declare readonly apiCallsCount?: number;

  @Checked(amount)
  @Field(() => Float, { nullable: true, description: 'Megabytes processed.' })
  declare readonly dataProcessedMb?: number;

  @Field(() => DateTime, { nullable: true, description: 'When it was last used; now if left out.' })
  declare readonly lastUsedAt?: Instant;

  @Checked(integer(0, 1_000_000_000))
  @Field(() => Int, { nullable: true, description: 'The most users at one time.' })
  declare readonly peakConcurrentUsers?: number;
}

const token = text(1, 200);

@InputType({ description: 'A sign of life of an application.' })
export class SendHeartbeatInput {
  @Checked(token)
  @Field(() => String, { description: 'The token that activation answered.' })
  declare readonly activationToken: string;

  @Field(() => UsageMetricsInput, { nullable: true, description: 'What it used.' })
  declare readonly metrics?: UsageMetricsInput | null;
}

@InputType({ description: 'The end of an activation, named by its id or by its token.' })
export class DeactivateActivationInput {
  @Checked(uuid)
  @Field(() => ID, {
    nullable: true,
    description: 'The activation; needs the permission activation.deactivate.',
  })
  declare readonly activationId?: string | null;

  @Checked(token)
  @Field(() => String, {
    nullable: true,
    description: "The activation's own token, for an application that gives up its seat.",
  })
  declare readonly activationToken?: string | null;

  @Checked(text(1, 2000))
  @Field(() => String, { nullable: true, description: 'Why.' })
  declare readonly reason?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether it is done past what the license allows in a year, and without counting; needs the permission activation.override_allowance.',
  })
  declare readonly overrideAllowance?: boolean | null;
}

function payload(description: string) {
  return ObjectType({ description, simpleResolvers: true });
}

@payload('The answer of `activateLicense`.')
export class ActivateLicensePayload {
  @Field(() => String, { description: 'The full token. It is shown this once; the server keeps its hash.' })
  declare readonly activationToken: string;

  @Field(() => Activation, { description: 'The activation, new or known.' })
  declare readonly activation: Activation;

  @Field(() => License, { description: 'The license in use.' })
  declare readonly license: License;
}

@payload('The answer of `deactivateActivation`.')
export class DeactivateActivationPayload {
  @Field(() => Activation, { description: 'The activation, ended.' })
  declare readonly activation: Activation;
}

@payload('The answer of `sendHeartbeat`.')
export class SendHeartbeatPayload {
  @Field(() => String, { description: 'SUCCESS.' })
  declare readonly status: string;

  @Field(() => String, { description: 'The same in a sentence.' })
  declare readonly message: string;

  @Field(() => DateTime, {
    nullable: true,
    description: 'Until when a floating seat is held without another heartbeat.',
  })
  declare readonly leaseExpiresAt: Instant | null;
}
