import { type DocumentNode, type ExecutionResult, type GraphQLSchema, getOperationAST } from 'graphql';
import { bind, GatedOperation } from '../operation.js';
import { layGate, openGate, type StreamGate } from '../streams.js';
import type { GateOptions } from './options.js';

/** What of graphql-js's arguments is used. */
export interface ExecutionArguments {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: unknown;
  readonly contextValue?: unknown;
}

function isStream(result: unknown): result is AsyncIterable<ExecutionResult> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}

/** An answer that says what passed uncounted. */
function telling(result: ExecutionResult, gated: GatedOperation | undefined): ExecutionResult {
  const extensions = gated?.extensions;
  return extensions === undefined
    ? result
    : { ...result, extensions: { ...result.extensions, ...extensions } };
}

/** Decides on a query or mutation and runs it; what it did not use goes back before it is answered. */
export async function executeGated<Context>(
  { graph, licensee }: GateOptions<Context>,
  args: ExecutionArguments,
  execute: () => unknown,
): Promise<unknown> {
  const { schema, document, operationName, variableValues, contextValue } = args;
  const operation = getOperationAST(document, operationName);
  if (operation == null) return execute();
  const variables = (variableValues ?? {}) as Readonly<Record<string, unknown>>;
  const asked = { schema, document, operation, variables };
  const gated = await GatedOperation.begin(graph, asked, () => licensee(contextValue as Context));
  bind(contextValue, gated);
  const result = await Promise.resolve()
    .then(execute)
    .catch(async (error: unknown) => {
      await gated?.settle();
      throw error;
    });
  // What is answered in parts has used by its end what it has not used now: it stays charged.
  if (isStream(result)) return result;
  await gated?.settle();
  return telling(result as ExecutionResult, gated);
}

type Results = AsyncIterableIterator<ExecutionResult, undefined>;

/** No generator: one that waits for an event ends no sooner than that comes. */
function tellingAll(events: AsyncIterable<ExecutionResult>, gate: StreamGate): Results {
  const iterator = events[Symbol.asyncIterator]();
  const over = { done: true, value: undefined } as const;
  return {
    next: async () => {
      const { done, value } = await iterator.next();
      return done === true ? over : { done: false, value: telling(value, gate.operation) };
    },
    return: async () => {
      await iterator.return?.();
      return over;
    },
    throw: async (error: unknown) => {
      await iterator.return?.();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Lays the gate into the context of a stream, whose root field decides on it. */
export async function subscribeGated<Context>(
  options: GateOptions<Context>,
  { contextValue }: ExecutionArguments,
  subscribe: () => unknown,
): Promise<unknown> {
  if (typeof contextValue !== 'object' || contextValue === null) return subscribe();
  const gate = openGate(options);
  layGate(contextValue, gate);
  const result = await subscribe();
  return isStream(result) && gate.operation !== undefined ? tellingAll(result, gate) : result;
}
