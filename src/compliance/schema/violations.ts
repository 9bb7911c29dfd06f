import { GraphQLSafeInt } from 'graphql-scalars';
import { Field, ID, ObjectType } from 'type-graphql';
import type { Instant } from '../../core/clock.js';
import { enumOf } from '../../graph/enums.js';
import { DateTime, DecimalAmount } from '../../graph/scalars.js';
import type { ViolationSeverity, ViolationStatus, ViolationType } from '../model.js';
import type { ComplianceViolation as ViolationRow } from '../table.js';

export const ViolationTypeEnum = enumOf<ViolationType>('ViolationType', 'What was violated.', {
  UNAUTHORIZED_USE: 'Use without a license, or after its end.',
  OVER_DEPLOYMENT: 'More seats than are licensed.',
  FEATURE_ABUSE: 'Features that are not granted.',
  TRANSFER_VIOLATION: 'A license that was passed on without leave.',
  REVERSE_ENGINEERING: 'Software that was taken apart or altered.',
});

export const ViolationSeverityEnum = enumOf<ViolationSeverity>('ViolationSeverity', 'How grave it is.', {
  MINOR: 'To be put right when it suits.',
  MAJOR: 'To be put right by its deadline.',
  CRITICAL: 'To be put right at once.',
});

export const ViolationStatusEnum = enumOf<ViolationStatus>('ViolationStatus', 'How far it is dealt with.', {
  OPEN: 'Nobody has answered it.',
  ACKNOWLEDGED: 'The customer knows of it.',
  RESOLVED: 'It is put right.',
  DISPUTED: 'The customer says that it is none.',
});

@ObjectType({ description: 'A breach of the terms of a license.', simpleResolvers: true })
export class ComplianceViolation {
  @Field(() => ID, { description: "The violation's id." })
  declare readonly id: string;

  @Field(() => ViolationTypeEnum, { description: 'What was violated.' })
  declare readonly violationType: ViolationType;

  @Field(() => ViolationSeverityEnum, { description: 'How grave it is.' })
  declare readonly severity: ViolationSeverity;

  @Field(() => ID, { nullable: true, description: 'The license concerned, if there is one.' })
  declare readonly licenseId: string | null;

  @Field(() => String, { description: 'What happened, in a sentence.' })
  declare readonly description: string;

  @Field(() => DateTime, { description: 'When it was detected.' })
  declare readonly detectedAt: Instant;

  @Field(() => [String], { description: 'What proves it: ids of events, and words of auditors.' })
  declare readonly evidence: readonly string[];

  @Field(() => DecimalAmount, { nullable: true, description: 'What it costs the vendor, as estimated.' })
  declare readonly financialImpact: string | null;

  @Field(() => Boolean, { description: 'Whether it has to be put right.' })
  declare readonly resolutionRequired: boolean;

  @Field(() => DateTime, { nullable: true, description: 'Until when.' })
  declare readonly resolutionDeadline: Instant | null;

  @Field(() => ViolationStatusEnum, { description: 'How far it is dealt with.' })
  declare readonly status: ViolationStatus;
}

@ObjectType({ description: 'A violation that was just detected.', simpleResolvers: true })
export class ViolationDetected {
  @Field(() => GraphQLSafeInt, { description: "The event's number in the tenant's log." })
  declare readonly sequence: number;

  @Field(() => DateTime, { description: 'When it was detected.' })
  declare readonly at: Instant;

  @Field(() => ComplianceViolation, { description: 'The violation as it is now.' })
  declare readonly violation: ViolationRow;
}
