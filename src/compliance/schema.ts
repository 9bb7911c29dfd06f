import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { jsonObject, text, uuid } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import type { LicenseId } from '../core/id.js';
import { Checked } from '../graph/checked.js';
import { connectionOf } from '../graph/connection.js';
import { enumOf } from '../graph/enums.js';
import { DateTime, JsonObject } from '../graph/scalars.js';
import type { ActivityType, IncidentSource } from './model.js';

export const ActivityTypeEnum = enumOf<ActivityType>('ActivityType', 'What an incident is about.', {
  MULTIPLE_ACTIVATIONS: 'Many devices in a short time.',
  UNUSUAL_LOCATION: 'Places where one device cannot be.',
  TAMPERING_ATTEMPT: 'Something that was altered or forged.',
  API_ABUSE: 'Keys that are guessed, tokens of others, requests without end.',
});

export const IncidentSourceEnum = enumOf<IncidentSource>('IncidentSource', 'How an incident became known.', {
  REPORTED: 'Somebody reported it.',
  DETECTED: 'The server found it.',
});

@ObjectType({ description: 'Suspicious activity. It is added to and never changed.', simpleResolvers: true })
export class SecurityIncident {
  @Field(() => ID, { description: "The incident's id." })
  declare readonly id: string;

  @Field(() => ActivityTypeEnum, { description: 'What it is about.' })
  declare readonly activityType: ActivityType;

  @Field(() => IncidentSourceEnum, { description: 'How it became known.' })
  declare readonly source: IncidentSource;

  @Field(() => ID, { nullable: true, description: 'The license concerned.' })
  declare readonly licenseId: string | null;

  @Field(() => ID, { nullable: true, description: 'The activation concerned.' })
  declare readonly activationId: string | null;

  @Field(() => String, { description: 'What happened, in a sentence.' })
  declare readonly description: string;

  @Field(() => JsonObject, { description: 'What else is known of it.' })
  declare readonly evidence: Record<string, unknown>;

  @Field(() => String, {
    nullable: true,
    description: 'The subject of who reported it: a token’s `sub`, or `license:` and the id of a license.',
  })
  declare readonly reportedBy: string | null;

  @Field(() => DateTime, { description: 'When it was reported or found.' })
  declare readonly createdAt: Instant;
}

export const {
  Connection: SecurityIncidentConnection,
  ConnectionResolver: SecurityIncidentConnectionResolver,
} = connectionOf(() => SecurityIncident, 'SecurityIncident', 'security incidents');

@InputType({ description: 'Which incidents to list.' })
export class SecurityIncidentFilter {
  @Field(() => ActivityTypeEnum, { nullable: true, description: 'Only those of this kind.' })
  declare readonly activityType?: ActivityType | null;

  @Field(() => IncidentSourceEnum, {
    nullable: true,
    description: 'Only those that became known in this way.',
  })
  declare readonly source?: IncidentSource | null;

  @Checked(uuid)
  @Field(() => ID, { nullable: true, description: 'Only those of this license.' })
  declare readonly licenseId?: LicenseId | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those from this instant on.' })
  declare readonly from?: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'Only those up to this instant.' })
  declare readonly to?: Instant | null;
}

@InputType({ description: 'Something that somebody has noticed.' })
export class ReportSuspiciousActivityInput {
  @Checked(text(1, 100))
  @Field(() => String, {
    nullable: true,
    description: 'The key of the license concerned; it is proof enough.',
  })
  declare readonly licenseKey?: string | null;

  @Checked(text(1, 200))
  @Field(() => String, { nullable: true, description: 'The token of the activation concerned, likewise.' })
  declare readonly activationToken?: string | null;

  @Field(() => ActivityTypeEnum, { description: 'What it is about.' })
  declare readonly activityType: ActivityType;

  @Checked(text(1, 2000))
  @Field(() => String, { description: 'What happened.' })
  declare readonly description: string;

  @Checked(jsonObject)
  @Field(() => JsonObject, { nullable: true, description: 'What else is known of it.' })
  declare readonly evidence?: Record<string, unknown> | null;
}

@ObjectType({ description: 'The answer of `reportSuspiciousActivity`.', simpleResolvers: true })
export class ReportSuspiciousActivityPayload {
  @Field(() => ID, { description: 'The id of the incident, to ask about it.' })
  declare readonly incidentId: string;
}
