import { type DocumentNode, type ExecutionResult, type GraphQLSchema, getOperationAST } from 'graphql';
import { bind, GatedOperation } from '../operation.js';
import type { GateOptions } from './options.js';

/** What of an envelop plugin is used: GraphQL Yoga takes it as it is, and this package needs no version of it. */
interface ExecutionArguments {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variableValues?: unknown;
  readonly contextValue?: unknown;
}
type Execute = (args: never) => unknown;
interface ExecuteHook {
  readonly args: ExecutionArguments;
  readonly executeFn: Execute;
  readonly setExecuteFn: (execute: Execute) => void;
}
export interface YogaFeatureGate {
  readonly onExecute: (hook: ExecuteHook) => Promise<void>;
}

function isSingle(result: unknown): result is ExecutionResult {
  return typeof result === 'object' && result !== null && !(Symbol.asyncIterator in result);
}

/** For GraphQL Yoga: decides on an operation before it runs, and gives back what it did not use before it is answered. */
export function yogaFeatureGate<Context = { readonly request: Request }>({
  graph,
  licensee,
}: GateOptions<Context>): YogaFeatureGate {
  return {
    onExecute: async ({ args, executeFn, setExecuteFn }) => {
      const { schema, document, operationName, variableValues, contextValue } = args;
      const operation = getOperationAST(document, operationName);
      if (operation == null) return;
      const variables = (variableValues ?? {}) as Readonly<Record<string, unknown>>;
      const asked = { schema, document, operation, variables };
      const gated = await GatedOperation.begin(graph, asked, () => licensee(contextValue as Context));
      if (gated === undefined) return;
      bind(contextValue, gated);
      setExecuteFn(async (given) => {
        const result = await Promise.resolve(executeFn(given)).finally(() => gated.settle());
        const { extensions } = gated;
        if (extensions === undefined || !isSingle(result)) return result;
        return { ...result, extensions: { ...result.extensions, ...extensions } };
      });
    },
  };
}
