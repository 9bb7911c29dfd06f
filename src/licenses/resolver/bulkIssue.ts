import { Arg, Args, Ctx, ID, Mutation, Query, Resolver } from 'type-graphql';
import { eventsEdge } from '../../audit/resolver.js';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { Edge, ListEdge } from '../../graph/edge.js';
import { bulkIssuesById, bulkIssuesPage, resultsByBulkIssue } from '../queries/bulkIssues.js';
import { licensesById } from '../queries.js';
import * as shapes from '../schema/bulkIssue.js';
import { License } from '../schema/types.js';
import { retryBulkIssue } from '../service/bulkIssue/bulkIssueFailures.js';
import { bulkIssueLicenses } from '../service/bulkIssue/bulkIssueLicenses.js';
import type { BulkIssue } from '../table/bulkIssues.js';

@ListEdge(
  'results',
  () => shapes.BulkIssueResultConnection,
  resultsByBulkIssue,
  (bulkIssue: BulkIssue) => bulkIssue.id,
  { permission: 'license.issue', description: 'What became of every row, in their order.' },
)
@eventsEdge
@Resolver(() => shapes.BulkIssue)
export class BulkIssueEdges {}

const licenseEdge = Edge(
  'license',
  () => License,
  licensesById,
  ({ licenseId }: shapes.BulkIssueResult) => licenseId,
  { permission: 'license.read', nullable: true, description: 'The license that was made.' },
);

@licenseEdge
@Resolver(() => shapes.BulkIssueResult)
export class BulkIssueResultEdges {}

@licenseEdge
@Resolver(() => shapes.IssuedResult)
export class IssuedResultEdges {}

@Resolver()
export class BulkIssueResolver {
  @Authorized('license.issue')
  @Query(() => shapes.BulkIssue, {
    nullable: true,
    description: 'One list of licenses that was asked for at once; null if there is none with this id.',
  })
  bulkIssue(@Arg('id', () => ID, { description: "The list's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(bulkIssuesById, id);
  }

  @Authorized('license.issue')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.BulkIssueConnection, {
    description: 'Lists of licenses that were asked for at once, the newest first.',
  })
  async bulkIssues(@Args(() => PageArgs) page: PageArgs, @Ctx() ctx: Context): Promise<Page<BulkIssue>> {
    return bulkIssuesPage(await ctx.reading(), page);
  }

  @Authorized('license.issue')
  @Mutation(() => shapes.BulkIssueLicensesPayload, {
    nullable: true,
    description:
      'Issues a list of licenses, with a result for every row. A large list is issued behind the act, in parts.',
  })
  bulkIssueLicenses(
    @Arg('input', () => shapes.BulkIssueLicensesInput, { description: 'The list.' })
    input: shapes.BulkIssueLicensesInput,
    @CurrentWork() work: Work,
  ) {
    return bulkIssueLicenses(work, input);
  }

  @Authorized('license.issue')
  @Mutation(() => shapes.RetryBulkIssuePayload, {
    nullable: true,
    description: 'Goes on with a list that was given up, from where it stopped: no license is made twice.',
  })
  async retryBulkIssue(
    @Arg('input', () => shapes.RetryBulkIssueInput, { description: 'Which one.' })
    input: shapes.RetryBulkIssueInput,
    @CurrentWork() work: Work,
  ): Promise<shapes.RetryBulkIssuePayload> {
    return { bulkIssue: await retryBulkIssue(work, input) };
  }
}
