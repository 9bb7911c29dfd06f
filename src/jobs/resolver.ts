import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { Work } from '../core/work.js';
import { Authorized } from '../graph/authorized.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { jobStateOf } from './model.js';
import { everyJob } from './queries.js';
import { JobStateEnum, RunJobInput, RunJobPayload, ScheduledJobType } from './schema.js';
import { runJob } from './service.js';
import type { ScheduledJob } from './table.js';

@Resolver(() => ScheduledJobType)
export class JobResolver {
  @FieldResolver(() => JobStateEnum, { description: 'How it stands.' })
  state(@Root() job: ScheduledJob) {
    return jobStateOf(job);
  }

  @Authorized('job.list')
  @Query(() => [ScheduledJobType], {
    description: 'What the server does by the clock, by name; for operators alone.',
  })
  async jobs(@Ctx() ctx: Context): Promise<ScheduledJob[]> {
    return everyJob((await ctx.reading()).db);
  }

  @Authorized('job.run')
  @Mutation(() => RunJobPayload, {
    nullable: true,
    description: 'Has a job run once more, as soon as somebody who runs jobs looks; for operators alone.',
  })
  async runJob(
    @Arg('input', () => RunJobInput, { description: 'Which one.' }) input: RunJobInput,
    @CurrentWork() work: Work,
  ): Promise<RunJobPayload> {
    return { job: await runJob(work, input) };
  }
}
