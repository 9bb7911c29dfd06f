import { createParameterDecorator } from 'type-graphql';
import type { Context } from './context.js';

/** Hands a mutation its transaction, to be passed on as the first argument of the act. */
export function CurrentWork() {
  return createParameterDecorator<Context>(({ context }) => context.currentWork());
}
