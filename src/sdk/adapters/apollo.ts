import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { bind, GatedOperation } from '../operation.js';
import type { GateOptions } from './options.js';

/** For Apollo Server: decides on an operation before it runs, and gives back what it did not use before it is answered. */
export function apolloFeatureGate<Context extends BaseContext>({
  graph,
  licensee,
}: GateOptions<Context>): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async () => {
      let gated: GatedOperation | undefined;
      return {
        responseForOperation: async ({ schema, document, operation, request, contextValue }) => {
          const asked = { schema, document, operation, variables: request.variables ?? {} };
          gated = await GatedOperation.begin(graph, asked, () => licensee(contextValue));
          bind(contextValue, gated);
          return null;
        },
        willSendResponse: async ({ response }) => {
          await gated?.settle();
          const extensions = gated?.extensions;
          if (extensions === undefined || response.body.kind !== 'single') return;
          const { singleResult } = response.body;
          singleResult.extensions = { ...singleResult.extensions, ...extensions };
        },
      };
    },
  };
}
