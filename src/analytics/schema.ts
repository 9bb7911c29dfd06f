import { Field, Float, InputType, Int, ObjectType } from 'type-graphql';
import type { Instant } from '../core/clock.js';
import { enumOf } from '../graph/enums.js';
import { DateTime } from '../graph/scalars.js';
import { LicenseFilter } from '../licenses/schema/inputs.js';
import type { NamedCount as NamedCountShape } from './model.js';

@ObjectType({
  description: 'How much a license is used, counted from what its devices report.',
  simpleResolvers: true,
})
export class LicenseAnalytics {
  @Field(() => Int, { description: 'Activations ever made.' })
  declare readonly totalActivations: number;

  @Field(() => Int, { description: 'Activations that have not been ended.' })
  declare readonly activeActivations: number;

  @Field(() => Int, { description: 'Different devices ever seen.' })
  declare readonly distinctDevices: number;

  @Field(() => Float, { description: 'Hours that the application ran on all devices.' })
  declare readonly totalRuntimeHours: number;

  @Field(() => Float, { description: 'Calls that all devices reported.' })
  declare readonly apiCallsCount: number;

  @Field(() => Float, { description: 'Megabytes that all devices processed.' })
  declare readonly dataProcessedMb: number;

  @Field(() => DateTime, { nullable: true, description: 'When any device was last used.' })
  declare readonly lastUsedAt: Instant | null;
}

@ObjectType({ description: 'How many there are of one name.', simpleResolvers: true })
export class NamedCount {
  @Field(() => String, { description: 'The name.' })
  declare readonly name: string;

  @Field(() => Int, { description: 'How many.' })
  declare readonly count: number;
}

@ObjectType({ description: 'How the activations of a license spread.', simpleResolvers: true })
export class AdvancedAnalytics {
  @Field(() => [NamedCount], { description: 'By operating system, the most frequent first.' })
  declare readonly operatingSystems: readonly NamedCountShape[];

  @Field(() => [NamedCount], { description: 'By application version, the most frequent first.' })
  declare readonly applicationVersions: readonly NamedCountShape[];

  @Field(() => [NamedCount], { description: 'By month of activation: 2026-10.' })
  declare readonly activationsByMonth: readonly NamedCountShape[];
}

export const ExportFormatEnum = enumOf<'CSV' | 'JSON'>('ExportFormat', 'How an export is written.', {
  CSV: 'Comma-separated values with a header line (RFC 4180).',
  JSON: 'A JSON array of objects.',
});

@InputType({ description: 'An export of licenses.' })
export class ExportLicensesInput {
  @Field(() => LicenseFilter, { nullable: true, description: 'Which ones.' })
  declare readonly filter?: LicenseFilter | null;

  @Field(() => ExportFormatEnum, { defaultValue: 'CSV', description: 'How it is written.' })
  declare readonly format: 'CSV' | 'JSON';
}

@ObjectType({ description: 'The answer of `exportLicenses`.', simpleResolvers: true })
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
