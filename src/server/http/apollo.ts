import {
  ApolloServer,
  type ApolloServerOptionsWithGateway,
  type ApolloServerPlugin,
  type GraphQLRequest,
  type GraphQLResponse,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { GraphQLError, type OperationDefinitionNode, OperationTypeNode } from 'graphql';
import { asDoorError, formatError, isInternal, withoutSuggestion } from '../formatError.js';
import { type DocumentRules, furtherRules, validationOptions } from '../limits/document.js';
import type { KnownDocuments } from '../limits/knownDocuments.js';
import type { Machinery, Operation } from '../operation/operation.js';
import { LEGACY_TYPE } from './graphRequest.js';
import type { HttpOperation } from './httpOperation.js';

type Ended = { readonly contextValue: Operation };

/** A stream has no place in one HTTP answer. */
function requireOneAnswer({ operation }: OperationDefinitionNode): void {
  if (operation !== OperationTypeNode.SUBSCRIPTION) return;
  const extensions = { code: 'BAD_REQUEST', http: { status: 400 } };
  throw new GraphQLError('Ask subscriptions over a WebSocket on this address.', { extensions });
}

/** Knows an operation's needs before it runs, logs our own errors, and gives back what it held. */
function operationPlugin(machinery: Machinery, known: KnownDocuments): ApolloServerPlugin<HttpOperation> {
  const finish = async ({ contextValue }: Ended): Promise<void> => {
    await contextValue.finish();
  };
  return {
    requestDidStart: async () => ({
      // Not `executionDidStart`: what fails there is answered by Apollo itself, past the log and the request's id.
      didResolveOperation: async ({ schema, document, source, operation, request, contextValue }) => {
        if (operation === undefined) return;
        known.keep(source, document);
        requireOneAnswer(operation);
        const asked = { schema, document, operation, variables: request.variables ?? {} };
        await contextValue.begin(asked).catch((error: unknown) => {
          throw asDoorError(error);
        });
      },
      didEncounterErrors: async ({ errors, contextValue }) => {
        for (const error of errors.filter(isInternal)) {
          machinery.log.error(
            { err: error.originalError ?? error, requestId: contextValue.requestId },
            'an operation failed',
          );
          error.extensions.requestId = contextValue.requestId;
        }
      },
      willSendResponse: async ({ contextValue, request, response }) => {
        await contextValue.finish();
        warn(contextValue, response);
        if (isLegacy(request, response)) response.http.status = 200;
      },
    }),
    contextCreationDidFail: async ({ error }) => {
      if (!(error instanceof GraphQLError) || !isInternal(error)) return;
      const { requestId } = error.extensions;
      machinery.log.error({ err: error.originalError, requestId }, error.message);
    },
    unexpectedErrorProcessingRequest: async ({ requestContext, error }) => {
      machinery.log.error(
        { err: error, requestId: requestContext.contextValue.requestId },
        'an operation failed',
      );
      await finish(requestContext);
    },
  };
}

function warn({ features }: Operation, { body }: GraphQLResponse): void {
  if (features.extensions === undefined || body.kind !== 'single') return;
  body.singleResult.extensions = { ...body.singleResult.extensions, ...features.extensions };
}

/**
 * Whoever names application/json is answered with 200 when its request was well-formed, whatever GraphQL found wrong
 * with the document: an intermediary may answer 400 in the same media type (GraphQL over HTTP, section 6.4.1).
 */
function isLegacy({ http: asked }: GraphQLRequest, { http, body }: GraphQLResponse): boolean {
  if (asked?.headers.get('accept') !== LEGACY_TYPE || http.status !== 400) return false;
  const { errors = [] } = body.kind === 'single' ? body.singleResult : {};
  return errors.length > 0 && errors.every(({ extensions }) => extensions?.code !== 'BAD_REQUEST');
}

const silent = (): void => undefined;

/** Apollo's way to be given an executor: ours goes on with what was begun before Apollo was asked. */
function executorOf({ schema }: DocumentRules): ApolloServerOptionsWithGateway<HttpOperation>['gateway'] {
  return {
    load: async () => ({
      executor: ({ document, request: { operationName, variables = {} }, context }) =>
        (context as HttpOperation).execute({ schema, document, operationName, variables }),
    }),
    onSchemaLoadOrUpdate: (told) => {
      told({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    stop: async () => undefined,
  };
}

/** The graph over HTTP: Apollo parses, validates and answers; what stands before and behind that is ours. */
export function createGraph(
  machinery: Machinery,
  rules: DocumentRules,
  known: KnownDocuments,
): ApolloServer<HttpOperation> {
  return new ApolloServer<HttpOperation>({
    gateway: executorOf(rules),
    // Ours is a rule of both doors.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    formatError: (formatted, error) => {
      const answered = formatError(formatted, error);
      return rules.suggestions ? answered : withoutSuggestion(answered);
    },
    persistedQueries: false,
    validationRules: furtherRules(rules),
    validationOptions: validationOptions(rules),
    stopOnTerminationSignals: false,
    // What fails is logged by the plugin, once and without the statement's parameters.
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    plugins: [
      operationPlugin(machinery, known),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
    ],
  });
}
