import { Arg, ID, Resolver, Root, Subscription } from 'type-graphql';
import { Authorized } from '../../graph/authorized.js';
import type { Context } from '../../graph/context.js';
import { ActivationChange } from '../schema/streams.js';
import { activationChanges, type ActivationChange as Change } from '../service/activationChanges.js';

@Resolver()
export class ActivationStreams {
  @Authorized('activation.read')
  @Subscription(() => ActivationChange, {
    description: 'Every change of the activations that the caller sees, as it is committed.',
    subscribe: ({ args, context }: { args: { licenseId?: string | null }; context: Context }) =>
      activationChanges(context, args.licenseId ?? null),
  })
  activationChanged(
    @Root() change: Change,
    @Arg('licenseId', () => ID, { nullable: true, description: "Only this license's." }) _licenseId:
      | string
      | null,
  ): Change {
    return change;
  }
}
