import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { bind, GatedOperation } from '../operation.js';
import type { GateOptions } from './options.js';

type Variables = Readonly<Record<string, unknown>>;

/** What of Apollo Server is used; this package's types need no version of it. */
interface Asked<Context> {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly request: { readonly variables?: Variables };
  readonly contextValue: Context;
}
interface SingleResult {
  extensions?: Record<string, unknown>;
}
interface Answering {
  readonly response: {
    readonly body: { readonly kind: 'single'; singleResult: SingleResult } | { readonly kind: 'incremental' };
  };
}
interface RequestListener<Context> {
  responseForOperation(asked: Asked<Context>): Promise<null>;
  willSendResponse(answering: Answering): Promise<void>;
}

/** A plugin for Apollo Server 4 and 5. */
export interface ApolloFeatureGate<Context> {
  requestDidStart(): Promise<RequestListener<Context>>;
}

/**
 * For Apollo Server, among its `plugins`: decides on an operation before it runs, and gives back what it did not use
 * before it is answered. Apollo serves no subscriptions itself: `graphqlWsFeatureGate` is for those.
 */
export function apolloFeatureGate<Context = object>({
  graph,
  licensee,
}: GateOptions<Context>): ApolloFeatureGate<Context> {
  const requestDidStart = async (): Promise<RequestListener<Context>> => {
    let gated: GatedOperation | undefined;
    return {
      responseForOperation: async ({ schema, document, operation, request, contextValue }) => {
        const asked = { schema, document, operation, variables: request.variables ?? {} };
        gated = await GatedOperation.begin(graph, asked, () => licensee(contextValue));
        bind(contextValue, gated);
        return null;
      },
      willSendResponse: async ({ response: { body } }) => {
        await gated?.settle();
        const extensions = gated?.extensions;
        if (extensions === undefined || body.kind !== 'single') return;
        body.singleResult.extensions = { ...body.singleResult.extensions, ...extensions };
      },
    };
  };
  return { requestDidStart };
}
