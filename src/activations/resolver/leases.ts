import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import type { Work } from '../../core/work.js';
import { ANYONE, Authorized } from '../../graph/authorized.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { DateTime } from '../../graph/scalars.js';
import { License } from '../../licenses/schema/types.js';
import type { License as LicenseRow } from '../../licenses/table.js';
import { isOver } from '../model/activation.js';
import { allowanceAt } from '../model/deactivations.js';
import * as shapes from '../schema/leases.js';
import { Activation } from '../schema.js';
import { borrowLease } from '../service/borrowLease.js';
import { releaseLease } from '../service/releaseLease.js';
import type { Activation as ActivationRow } from '../table.js';

@Resolver(() => Activation)
export class LeaseFields {
  @FieldResolver(() => DateTime, {
    nullable: true,
    description: 'Until when its floating seat is borrowed; null if it is not.',
  })
  borrowedUntil(@Root() { borrowedUntil }: ActivationRow, @Ctx() ctx: Context) {
    return isOver(borrowedUntil, ctx.now) ? null : borrowedUntil;
  }
}

@Resolver(() => License)
export class AllowanceFields {
  @FieldResolver(() => shapes.DeactivationAllowance, {
    nullable: true,
    description: 'How many of its devices may be given up this year; null is without end.',
  })
  deactivationAllowance(@Root() license: LicenseRow, @Ctx() ctx: Context) {
    return allowanceAt(license, ctx.now);
  }
}

@Resolver()
export class LeaseMutations {
  @Authorized(ANYONE)
  @Mutation(() => shapes.BorrowLeasePayload, {
    nullable: true,
    description:
      'Takes a floating seat along for hours without a connection; nobody else gets it until then. Needs no token but the activation’s.',
  })
  async borrowLease(
    @Arg('input', () => shapes.BorrowLeaseInput, { description: 'Who, and for how long.' })
    input: shapes.BorrowLeaseInput,
    @CurrentWork() work: Work,
  ) {
    return { activation: await borrowLease(work, input) };
  }

  @Authorized(ANYONE)
  @Mutation(() => shapes.ReleaseLeasePayload, {
    nullable: true,
    description:
      'Gives up a floating seat at once, a borrowed one too, and keeps the device: its next heartbeat takes a seat if one is free.',
  })
  async releaseLease(
    @Arg('input', () => shapes.ReleaseLeaseInput, { description: 'Whose.' })
    input: shapes.ReleaseLeaseInput,
    @CurrentWork() work: Work,
  ) {
    return { activation: await releaseLease(work, input) };
  }
}
