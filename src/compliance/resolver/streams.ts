import { Arg, ID, Resolver, Root, Subscription } from 'type-graphql';
import { Authorized } from '../../graph/authorized.js';
import type { Context } from '../../graph/context.js';
import { ViolationDetected } from '../schema/violations.js';
import { type ViolationDetected as Detected, violationsDetected } from '../service/violationsDetected.js';

@Resolver()
export class ViolationStreams {
  @Authorized('violation.read')
  @Subscription(() => ViolationDetected, {
    description: 'Every violation that is detected and that the caller sees, as it is committed.',
    subscribe: ({ args, context }: { args: { licenseId?: string | null }; context: Context }) =>
      violationsDetected(context, args.licenseId ?? null),
  })
  violationDetected(
    @Root() detected: Detected,
    @Arg('licenseId', () => ID, { nullable: true, description: "Only this license's." }) _licenseId:
      | string
      | null,
  ): Detected {
    return detected;
  }
}
