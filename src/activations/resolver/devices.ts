import { Arg, Args, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import { eventsEdge } from '../../audit/resolver.js';
import type { Page } from '../../core/page.js';
import type { Work } from '../../core/work.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import { PageArgs, pageChecks } from '../../graph/connection.js';
import type { Context } from '../../graph/context.js';
import { CurrentWork } from '../../graph/currentWork.js';
import { blacklistedDevicesPage } from '../queries/devices.js';
import * as shapes from '../schema/devices.js';
import { blacklistDevice, unblacklistDevice } from '../service/blacklistDevice.js';
import { generateEmergencyCode } from '../service/emergencyCodes.js';
import { forgetDevice } from '../service/forgetDevice.js';
import type { BlacklistedDevice } from '../table.js';

@eventsEdge
@Resolver(() => shapes.BlacklistedDevice)
export class BlacklistedDeviceEdges {}

@Resolver()
export class DeviceResolver {
  @Authorized('device.read')
  @CheckedArguments(pageChecks)
  @Query(() => shapes.BlacklistedDeviceConnection, {
    description: 'The devices that are shut out of the tenant, or were, the newest first.',
  })
  async blacklistedDevices(
    @Args(() => PageArgs) page: PageArgs,
    @Arg('filter', () => shapes.BlacklistedDeviceFilter, { nullable: true, description: 'Which ones.' })
    filter: shapes.BlacklistedDeviceFilter | null,
    @Ctx() ctx: Context,
  ): Promise<Page<BlacklistedDevice>> {
    return blacklistedDevicesPage(await ctx.reading(), filter ?? {}, page);
  }

  @Authorized('device.blacklist')
  @Mutation(() => shapes.BlacklistDevicePayload, {
    nullable: true,
    description:
      'Shuts a device out of the whole tenant: its activations end at once and no new one is taken. Doing it twice is the same as doing it once.',
  })
  blacklistDevice(
    @Arg('input', () => shapes.BlacklistDeviceInput, { description: 'Which and why.' })
    input: shapes.BlacklistDeviceInput,
    @CurrentWork() work: Work,
  ) {
    return blacklistDevice(work, input);
  }

  @Authorized('device.unblacklist')
  @Mutation(() => shapes.UnblacklistDevicePayload, {
    nullable: true,
    description: 'Lets a device in again, which then has to be activated anew.',
  })
  async unblacklistDevice(
    @Arg('input', () => shapes.UnblacklistDeviceInput, { description: 'Which.' })
    input: shapes.UnblacklistDeviceInput,
    @CurrentWork() work: Work,
  ) {
    return { device: await unblacklistDevice(work, input) };
  }

  @Authorized('device.forget')
  @Mutation(() => shapes.ForgetDevicePayload, {
    nullable: true,
    description:
      'Erases what was told of a device: its machine, address, place and metadata everywhere, and the hashes of it where no seat needs them.',
  })
  forgetDevice(
    @Arg('input', () => shapes.ForgetDeviceInput, { description: 'Which.' })
    input: shapes.ForgetDeviceInput,
    @CurrentWork() work: Work,
  ) {
    return forgetDevice(work, input);
  }

  @Authorized('emergency_code.generate')
  @Mutation(() => shapes.GenerateEmergencyCodePayload, {
    nullable: true,
    description:
      'Makes a code by which `activateLicense` lets one device in for 24 hours although every seat is taken or grace is over.',
  })
  generateEmergencyCode(
    @Arg('input', () => shapes.GenerateEmergencyCodeInput, { description: 'For which license and why.' })
    input: shapes.GenerateEmergencyCodeInput,
    @CurrentWork() work: Work,
  ) {
    return generateEmergencyCode(work, input);
  }
}
