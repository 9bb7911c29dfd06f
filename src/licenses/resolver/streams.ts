import { Arg, ID, Int, Resolver, Root, Subscription } from 'type-graphql';
import { integer } from '../../core/check.js';
import { Authorized } from '../../graph/authorized.js';
import { CheckedArguments } from '../../graph/checked.js';
import type { Context } from '../../graph/context.js';
import { LicenseChange, LicenseExpiry } from '../schema/streams.js';
import { type LicenseChange as Change, licenseChanges } from '../service/licenseChanges.js';
import { type LicenseExpiry as Expiry, licensesExpiringSoon } from '../service/licenseExpiries.js';

@Resolver()
export class LicenseStreams {
  @Authorized('license.read')
  @Subscription(() => LicenseChange, {
    description: 'Every change of the licenses that the caller sees, as it is committed.',
    subscribe: ({ args, context }: { args: { licenseId?: string | null }; context: Context }) =>
      licenseChanges(context, args.licenseId ?? null),
  })
  licenseChanged(
    @Root() change: Change,
    @Arg('licenseId', () => ID, { nullable: true, description: 'Only this license.' }) _licenseId:
      | string
      | null,
  ): Change {
    return change;
  }

  @Authorized('license.read')
  @CheckedArguments({ withinDays: integer(1, 365) })
  @Subscription(() => LicenseExpiry, {
    description:
      'Licenses that expire within so many days: first all that do now, then each at the instant at which it enters the window.',
    subscribe: ({ args, context }: { args: { withinDays: number }; context: Context }) =>
      licensesExpiringSoon(context, args.withinDays),
  })
  licenseExpiring(
    @Root() expiry: Expiry,
    @Arg('withinDays', () => Int, { description: 'The window in days, 1 to 365.' }) _withinDays: number,
  ): Expiry {
    return expiry;
  }
}
