import {
  type DocumentNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
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
  readonly errors?: readonly GraphQLFormattedError[];
  extensions?: Record<string, unknown>;
}
type Body =
  | { readonly kind: 'single'; readonly singleResult: SingleResult }
  | { readonly kind: 'incremental' };
interface Answering {
  readonly response: { readonly body: Body };
}
/** An answer in place of the operation's. */
interface Instead {
  readonly http: { readonly status: number; readonly headers: never };
  readonly body: { readonly kind: 'single'; readonly singleResult: SingleResult };
}
interface RequestListener<Context> {
  responseForOperation(asked: Asked<Context>): Promise<Instead | null>;
  willSendResponse(answering: Answering): Promise<void>;
}

/** What is thrown at this place Apollo takes for a defect of the plugin; what is meant for the caller is answered. */
function refused(error: unknown): Instead {
  if (!(error instanceof GraphQLError)) throw error;
  const singleResult = { errors: [error.toJSON()] };
  return { http: { status: 400, headers: new Map() as never }, body: { kind: 'single', singleResult } };
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
        try {
          gated = await GatedOperation.begin(graph, asked, () => licensee(contextValue));
        } catch (error) {
          return refused(error);
        }
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
