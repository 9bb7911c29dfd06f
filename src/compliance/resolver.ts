import { Arg, Args, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { Page } from '../core/page.js';
import type { Work } from '../core/work.js';
import { ANYONE, Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { Edge } from '../graph/edge.js';
import { licensesById } from '../licenses/queries.js';
import { License } from '../licenses/schema/types.js';
import { securityIncidentsPage } from './queries/incidents.js';
import * as shapes from './schema.js';
import { reportSuspiciousActivity } from './service/reportSuspiciousActivity.js';
import type { SecurityIncident } from './table.js';

@Edge(
  'license',
  () => License,
  licensesById,
  (incident: SecurityIncident) => incident.licenseId,
  { permission: 'license.read', nullable: true, description: 'The license concerned, if there is one.' },
)
@Resolver(() => shapes.SecurityIncident)
export class SecurityIncidentEdges {}

@Resolver()
export class IncidentResolver {
  @Authorized('incident.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.SecurityIncidentConnection, {
    description: 'Suspicious activity, reported or found by the server, the newest first.',
  })
  async securityIncidents(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => shapes.SecurityIncidentFilter, { nullable: true, description: 'Which ones.' })
    filter: shapes.SecurityIncidentFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<SecurityIncident>> {
    return securityIncidentsPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized(ANYONE)
  @Mutation(() => shapes.ReportSuspiciousActivityPayload, {
    nullable: true,
    description:
      'Reports suspicious activity to the auditors. An application shows the key or token concerned; everybody else needs the permission incident.report.',
  })
  async reportSuspiciousActivity(
    @Arg('input', () => shapes.ReportSuspiciousActivityInput, { description: 'What was noticed.' })
    input: shapes.ReportSuspiciousActivityInput,
    @CurrentWork() work: Work,
  ) {
    return { incidentId: (await reportSuspiciousActivity(work, input)).id };
  }
}
