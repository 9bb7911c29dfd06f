import { Field, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { text } from '../core/check.js';
import type { Instant } from '../core/clock.js';
import type { JobResult } from '../core/job.js';
import { Checked } from '../graph/checked.js';
import { DateTime, JsonObject } from '../graph/scalars.js';

export enum JobStateEnum {
  NEVER_RUN = 'NEVER_RUN',
  QUEUED = 'QUEUED',
  RUNNING = 'RUNNING',
  SUCCEEDED = 'SUCCEEDED',
  FAILED = 'FAILED',
}

registerEnumType(JobStateEnum, {
  name: 'JobState',
  description: 'How a job of the schedule stands.',
  valuesConfig: {
    NEVER_RUN: { description: 'It has not run yet.' },
    QUEUED: { description: 'It is due or was asked for, and waits for somebody who runs jobs.' },
    RUNNING: {
      description: 'It runs, or was begun by a process that is gone: another takes it over within seconds.',
    },
    SUCCEEDED: { description: 'Its last run has done all that there was.' },
    FAILED: { description: 'Its last run failed; it is tried again.' },
  },
});

@ObjectType('Job', {
  description: 'Something that the server does by the clock, over all tenants.',
  simpleResolvers: true,
})
export class ScheduledJobType {
  @Field(() => String, { description: 'Its name, as `license.check_expiries`.' })
  declare readonly name: string;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The instant for which it was put into the queue last.',
  })
  declare readonly dueAt: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The latest such instant for which it has done all that there was.',
  })
  declare readonly doneThrough: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When somebody asked for it to run besides; null once it was queued.',
  })
  declare readonly requestedAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When its last run began.' })
  declare readonly startedAt: Instant | null;

  @Field(() => DateTime, { nullable: true, description: 'When its last run ended; null while it runs.' })
  declare readonly finishedAt: Instant | null;

  @Field(() => JsonObject, { nullable: true, description: 'How far the run that goes on has come.' })
  declare readonly progress: JobResult | null;

  @Field(() => JsonObject, { nullable: true, description: 'What its last run that succeeded has done.' })
  declare readonly result: JobResult | null;

  @Field(() => String, { nullable: true, description: 'Why its last run failed; null if it succeeded.' })
  declare readonly error: string | null;
}

@InputType({ description: 'Which job is to run.' })
export class RunJobInput {
  @Checked(text(1, 100))
  @Field(() => String, { description: 'Its name, as `jobs` shows it.' })
  declare readonly name: string;
}

@ObjectType({ description: 'The job that will run.', simpleResolvers: true })
export class RunJobPayload {
  @Field(() => ScheduledJobType, { description: 'The job, as it stands now.' })
  declare readonly job: object;
}
