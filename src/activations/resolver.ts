import { Arg, Args, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { eventsEdge } from '../audit/resolver.js';
import type { Page } from '../core/page.js';
import type { Work } from '../core/work.js';
import { ANYONE, Authorized } from '../graph/authorized.js';
import { CheckedArguments } from '../graph/checked.js';
import { DoneTogether } from '../graph/coalesced.js';
import { PageArgs, pageChecks } from '../graph/connection.js';
import type { Context } from '../graph/context.js';
import { CurrentWork } from '../graph/currentWork.js';
import { Edge, ListEdge } from '../graph/edge.js';
import { licensesById } from '../licenses/queries.js';
import { License } from '../licenses/schema/types.js';
import type { License as LicenseRow } from '../licenses/table.js';
import { activationStatusAt } from './model/activation.js';
import { seatsInUse } from './queries/seats.js';
import { activationsById, activationsByLicense, activationsPage, archivedByLicense } from './queries.js';
import * as location from './schema/location.js';
import * as shapes from './schema.js';
import { deactivateActivation } from './service/deactivateActivation.js';
import { activate } from './service/emergencyCodes.js';
import type { HeartbeatAnswer } from './service/heartbeats.js';
import { sendHeartbeat } from './service/sendHeartbeat.js';
import type { Activation, ActivationLocation } from './table.js';

@Edge(
  'license',
  () => License,
  licensesById,
  (activation: Activation) => activation.licenseId,
  {
    permission: 'license.read',
    description: 'The license in use.',
  },
)
@eventsEdge
@Resolver(() => shapes.Activation)
export class ActivationEdges {
  @FieldResolver(() => shapes.ActivationStatusEnum, {
    description: 'What it is at this moment; it follows its license.',
  })
  async status(@Root() activation: Activation, @Ctx() ctx: Context) {
    const license = await ctx.load(licensesById, activation.licenseId);
    return license === null ? activation.status : activationStatusAt(activation, license, ctx.now);
  }

  @FieldResolver(() => String, {
    description: 'The token, masked: act_…a1b2. Activation alone shows it in full.',
  })
  activationToken(@Root() activation: Activation): string {
    return `act_…${activation.activationTokenHint}`;
  }

  @FieldResolver(() => shapes.UsageMetrics, {
    nullable: true,
    description: 'What it told of its use, added up.',
  })
  usageMetrics(@Root() activation: Activation) {
    const { usageMetrics, featureUsage } = activation;
    return usageMetrics === null ? null : { ...usageMetrics, featureUsage };
  }

  @Authorized('activation.read_personal')
  @FieldResolver(() => String, {
    nullable: true,
    description: 'The address that it came from. Personal data.',
  })
  ipAddress(@Root() activation: Activation): string | null {
    return activation.ipAddress;
  }

  @Authorized('activation.read_personal')
  @FieldResolver(() => location.ActivationLocation, {
    nullable: true,
    description: 'Where it says it is. Personal data.',
  })
  location(@Root() activation: Activation): ActivationLocation | null {
    return activation.location;
  }
}

@Edge(
  'currentActivations',
  () => Int,
  seatsInUse,
  (license: LicenseRow) => license.id,
  {
    permission: 'license.read',
    description:
      'How much of the limit is in use, in what the model counts; floating seats by their live leases.',
  },
)
@ListEdge(
  'activations',
  () => shapes.ActivationConnection,
  activationsByLicense,
  (license: LicenseRow) => license.id,
  {
    permission: 'activation.read',
    description: 'The devices that use it, the newest first.',
  },
)
@ListEdge(
  'archivedActivations',
  () => shapes.ActivationConnection,
  archivedByLicense,
  (license: LicenseRow) => license.id,
  {
    permission: 'activation.read',
    description: 'The devices that ended more than 90 days ago, the newest first.',
  },
)
@Resolver(() => License)
export class LicenseActivationEdges {}

@Edge(
  'activation',
  () => shapes.Activation,
  activationsById,
  (answer: HeartbeatAnswer) => answer.activationId,
  { permission: ANYONE, description: 'The activation, as it is now.' },
)
@Resolver(() => shapes.SendHeartbeatPayload)
export class HeartbeatEdges {}

@Resolver()
export class ActivationQueries {
  @Authorized('activation.read')
  @Query(() => shapes.Activation, {
    nullable: true,
    description: 'One activation; null if there is none with this id.',
  })
  activation(@Arg('id', () => ID, { description: "The activation's id." }) id: string, @Ctx() ctx: Context) {
    return ctx.load(activationsById, id);
  }

  @Authorized('activation.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.ActivationConnection, { description: 'Activations, the newest first.' })
  async activations(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => shapes.ActivationFilter, { nullable: true, description: 'Which ones.' })
    filter: shapes.ActivationFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<Activation>> {
    return activationsPage(await ctx.reading(), filter ?? {}, page);
  }
}

@Resolver()
export class ActivationMutations {
  @Authorized(ANYONE)
  @Mutation(() => shapes.ActivateLicensePayload, {
    nullable: true,
    description:
      'Activates a device. The same device again gets its activation with a fresh token and takes no second seat. Needs no token: the key is the proof.',
  })
  activateLicense(
    @Arg('input', () => shapes.ActivateLicenseInput, { description: 'The key and the device.' })
    input: shapes.ActivateLicenseInput,
    @CurrentWork() work: Work,
  ) {
    return activate(work, input);
  }

  @Authorized(ANYONE)
  @Mutation(() => shapes.DeactivateActivationPayload, {
    nullable: true,
    description: 'Ends an activation and frees its seat. Doing it twice is the same as doing it once.',
  })
  async deactivateActivation(
    @Arg('input', () => shapes.DeactivateActivationInput, { description: 'Which and why.' })
    input: shapes.DeactivateActivationInput,
    @CurrentWork() work: Work,
  ) {
    return { activation: await deactivateActivation(work, input) };
  }

  @Authorized(ANYONE)
  @DoneTogether()
  @Mutation(() => shapes.SendHeartbeatPayload, {
    nullable: true,
    description:
      'Renews a floating lease and adds up what the application used. Needs no token but the activation’s.',
  })
  sendHeartbeat(
    @Arg('input', () => shapes.SendHeartbeatInput, { description: 'Who, and what it used.' })
    input: shapes.SendHeartbeatInput,
    @Ctx() ctx: Context,
  ): Promise<HeartbeatAnswer> {
    return sendHeartbeat(ctx, input);
  }
}
