import { GraphQLSafeInt } from 'graphql-scalars';
import { Arg, Args, Ctx, FieldResolver, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { integer, listOf } from '../../core/check.js';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { JsonObject } from '../../graph/scalars.js';
import { personalByEvent, personalInStream } from '../queries/personal.js';
import {
  AuditCheckpointConnection,
  CreateAuditCheckpointInput,
  CreateAuditCheckpointPayload,
  TrailExport,
  TrailVerification,
} from '../schema/trail.js';
import { Event } from '../schema.js';
import * as checkpoints from '../service/checkpoints.js';
import * as exporting from '../service/exportAuditTrail.js';
import * as verifying from '../service/verifyAuditTrail.js';
import type { CheckpointRow, EventRow } from '../table.js';

const from = integer(1, Number.MAX_SAFE_INTEGER);
const FROM = { defaultValue: 1, description: 'The number to begin with.' };

@Resolver(() => Event)
export class EventPersonalData {
  @Authorized('event.read_personal')
  @FieldResolver(() => JsonObject, {
    nullable: true,
    description:
      'What was told of people with it: the address it came from, names, places. Null once it is erased.',
  })
  personal(@Root() event: EventRow, @Ctx() ctx: Context): Promise<Record<string, unknown> | null> {
    return personalInStream(event, () => ctx.reading()) ?? ctx.load(personalByEvent, event.id);
  }
}

@Resolver()
export class TrailResolver {
  @Authorized('audit.verify')
  @CheckedArguments({ from, to: from, checkpoints: listOf(100) })
  @Query(() => TrailVerification, {
    description: `Computes the tenant's audit trail again, up to ${verifying.EVENTS_A_LOOK.toLocaleString('en')} events at once, and names the first thing that is wrong.`,
  })
  async verifyAuditTrail(
    @Arg('from', () => GraphQLSafeInt, FROM) first: number,
    @Arg('to', () => GraphQLSafeInt, { nullable: true, description: 'The number to end with.' }) to:
      | number
      | null,
    @Arg('checkpoints', () => [String], {
      nullable: true,
      description:
        'Tokens of checkpoints that were kept elsewhere: what they cover can neither be cut off nor made anew.',
    })
    kept: string[] | null,
    @Ctx() ctx: Context,
  ): Promise<verifying.TrailVerification> {
    return verifying.verifyAuditTrail(
      await ctx.reading(),
      { from: first, to, checkpoints: kept },
      ctx.verify,
    );
  }

  @Authorized('audit.export')
  @CheckedArguments({ from, first: integer(1, exporting.EVENTS_A_PAGE) })
  @Query(() => TrailExport, {
    description:
      'The audit trail in pages of JSON lines, with what is needed to verify it without this server.',
  })
  async exportAuditTrail(
    @Arg('from', () => GraphQLSafeInt, FROM) begin: number,
    @Arg('first', () => Int, {
      defaultValue: 1000,
      description: `How many events a page holds, 1 to ${exporting.EVENTS_A_PAGE}.`,
    })
    first: number,
    @Ctx() ctx: Context,
  ): Promise<exporting.TrailExport> {
    return exporting.exportAuditTrail(await ctx.reading(), { from: begin, first });
  }

  @Authorized('audit.checkpoint')
  @CheckedArguments(pageChecks)
  @Query(() => AuditCheckpointConnection, {
    description: "The signed checkpoints of the tenant's audit trail, the newest first.",
  })
  async auditCheckpoints(
    @Args(() => PageArgs) page: PageArgs,
    @Ctx() ctx: Context,
  ): Promise<Page<CheckpointRow>> {
    return checkpoints.listCheckpoints(await ctx.reading(), page);
  }

  @Authorized('audit.checkpoint')
  @Mutation(() => CreateAuditCheckpointPayload, {
    nullable: true,
    description:
      "Signs the end of the tenant's audit trail. It is signed by itself every five minutes or 1,000 events.",
  })
  async createAuditCheckpoint(
    @Arg('input', () => CreateAuditCheckpointInput, { description: 'Why.' })
    input: CreateAuditCheckpointInput,
    @CurrentWork() work: Work,
    @Ctx() ctx: Context,
  ): Promise<CreateAuditCheckpointPayload> {
    return { checkpoint: await checkpoints.createAuditCheckpoint(work, input, ctx.sign) };
  }
}
