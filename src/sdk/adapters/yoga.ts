import { type ExecutionArguments, executeGated, subscribeGated } from './execution.js';
import type { GateOptions } from './options.js';

/** What of an envelop plugin is used: GraphQL Yoga takes it as it is, and this package's types need no version of it. */
type Run = (args: never) => unknown;
interface ExecuteHook {
  readonly executeFn: Run;
  setExecuteFn(execute: (args: ExecutionArguments) => unknown): void;
}
interface SubscribeHook {
  readonly subscribeFn: Run;
  setSubscribeFn(subscribe: (args: ExecutionArguments) => unknown): void;
}

/** A plugin for GraphQL Yoga 5, and for other servers on envelop. */
export interface YogaFeatureGate {
  onExecute(hook: ExecuteHook): void;
  onSubscribe(hook: SubscribeHook): void;
}

/**
 * For GraphQL Yoga, among its `plugins`: decides on an operation before it runs, and gives back what it did not use before
 * it is answered. A subscription is decided at its start, asked for again while it lasts, and ends with the refusal.
 */
export function yogaFeatureGate<Context = { readonly request: Request }>(
  options: GateOptions<Context>,
): YogaFeatureGate {
  return {
    onExecute: ({ executeFn, setExecuteFn }) => {
      setExecuteFn((args) => executeGated(options, args, () => executeFn(args as never)));
    },
    onSubscribe: ({ subscribeFn, setSubscribeFn }) => {
      setSubscribeFn((args) => subscribeGated(options, args, () => subscribeFn(args as never)));
    },
  };
}
