import { execute, subscribe } from 'graphql';
import { type ExecutionArguments, executeGated, subscribeGated } from './execution.js';
import type { GateOptions } from './options.js';

/** Two of the options of `graphql-ws`: what runs an operation, and what begins a stream. */
export interface GraphqlWsFeatureGate {
  execute(args: ExecutionArguments): Promise<never>;
  subscribe(args: ExecutionArguments): Promise<never>;
}

type Arguments = Parameters<typeof execute>[0];

const taken = new WeakSet<object>();

/**
 * An operation has a context of its own: one object for a whole socket could not say which of them was decided on. Only
 * one that comes again is stood in for, since methods with private fields do not work through another object.
 */
function withOwnContext(args: ExecutionArguments): Arguments {
  const { contextValue } = args;
  if (typeof contextValue !== 'object' || contextValue === null)
    return { ...args, contextValue: {} } as Arguments;
  const own = taken.has(contextValue) ? Object.create(contextValue) : contextValue;
  taken.add(contextValue);
  return { ...args, contextValue: own } as Arguments;
}

/**
 * For `graphql-ws`, beside Apollo Server or any other: `useServer({ schema, context, ...graphqlWsFeatureGate({ … }) }, ws)`.
 * Streams are decided at their start, asked for again while they last, and end with the refusal.
 */
export function graphqlWsFeatureGate<Context = object>(options: GateOptions<Context>): GraphqlWsFeatureGate {
  return {
    execute: async (given) => {
      const args = withOwnContext(given);
      return (await executeGated(options, args, () => execute(args))) as never;
    },
    subscribe: async (given) => {
      const args = withOwnContext(given);
      return (await subscribeGated(options, args, () => subscribe(args))) as never;
    },
  };
}
