import { Extensions } from 'type-graphql';

/**
 * Marks a root mutation that is done together with those of others, in one transaction for all who ask at that moment:
 * it has no transaction of its own, and its answer is stored under its idempotency key in the one that it shares.
 */
export function DoneTogether(): MethodDecorator {
  return Extensions({ doneTogether: true }) as MethodDecorator;
}
