import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import websocket from '@fastify/websocket';
import { sql } from 'drizzle-orm';
import { type FastifyError, type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import { GraphQLError, type GraphQLSchema, type OperationDefinitionNode, OperationTypeNode } from 'graphql';
import type { JSONWebKeySet } from 'jose';
import type { VerifyToken } from '../access/tokens.js';
import { asHttpError, authenticator } from './authenticate.js';
import { requireNarrow, SELECTION_LIMIT, TOKEN_LIMIT } from './bounds.js';
import { formatError, isInternal, MASKED } from './formatError.js';
import { type Machinery, Operation } from './operation.js';
import { socketHandler } from './webSocket.js';

export interface AppOptions {
  readonly machinery: Machinery;
  readonly schema: GraphQLSchema;
  readonly verifyToken: VerifyToken;
  readonly publicKeys: JSONWebKeySet;
  readonly introspection: boolean;
  readonly trustedProxies: readonly string[];
}

const BODY_LIMIT_BYTES = 1_000_000;

type Ended = { readonly contextValue: Operation };

/** A stream has no place in one HTTP answer. */
function requireOneAnswer({ operation }: OperationDefinitionNode): void {
  if (operation !== OperationTypeNode.SUBSCRIPTION) return;
  const extensions = { code: 'BAD_REQUEST', http: { status: 400 } };
  throw new GraphQLError('Ask subscriptions over a WebSocket on this address.', { extensions });
}

/** Knows an operation's needs before it runs, logs our own errors, and gives back what it held. */
function operationPlugin(machinery: Machinery): ApolloServerPlugin<Operation> {
  const finish = async ({ contextValue }: Ended): Promise<void> => {
    await contextValue.finish();
  };
  return {
    requestDidStart: async () => ({
      // Not `executionDidStart`: what fails there is answered by Apollo itself, past the log and the request's id.
      didResolveOperation: async ({ schema, document, operation, request, contextValue }) => {
        if (operation === undefined) return;
        requireOneAnswer(operation);
        requireNarrow(request.variables);
        await contextValue.begin({ schema, document, operation, variables: request.variables ?? {} });
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
      willSendResponse: finish,
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

const silent = (): void => undefined;

function createGraph(
  { machinery, schema, introspection }: AppOptions,
  app: FastifyInstance,
): ApolloServer<Operation> {
  return new ApolloServer<Operation>({
    schema,
    introspection,
    hideSchemaDetailsFromClientErrors: !introspection,
    includeStacktraceInErrorResponses: false,
    formatError,
    parseOptions: { maxTokens: TOKEN_LIMIT },
    maxRecursiveSelections: SELECTION_LIMIT,
    stopOnTerminationSignals: false,
    // What fails is logged by the plugin, once and without the statement's parameters.
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    plugins: [
      operationPlugin(machinery),
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      fastifyApolloDrainPlugin(app),
    ],
  });
}

/** By the route and never by the address: a path may hold a license key, a query string a document and its variables. */
function logRequests(app: FastifyInstance, machinery: Machinery): void {
  app.setNotFoundHandler(async (_request, reply) =>
    reply
      .code(404)
      .send({ statusCode: 404, error: 'Not Found', message: 'There is nothing at this address.' }),
  );
  app.addHook('onResponse', async (request, reply) => {
    const { method, id } = request;
    const path = request.routeOptions.url ?? '(none)';
    machinery.log.info(
      { requestId: id, method, path, status: reply.statusCode, millis: Math.round(reply.elapsedTime) },
      'request',
    );
  });
}

/** What Fastify itself refuses, a body that is no JSON or too long, in the words of the graph. */
function answerErrors(app: FastifyInstance, machinery: Machinery): void {
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) {
      const refused = { message: error.message, extensions: { code: 'BAD_REQUEST' } };
      return reply.code(status).send({ errors: [refused] });
    }
    machinery.log.error({ err: error, requestId: request.id }, 'a request failed');
    const extensions = { code: 'INTERNAL_SERVER_ERROR', requestId: request.id };
    return reply.code(500).send({ errors: [{ message: MASKED, extensions }] });
  });
}

/**
 * Apollo asks what media type the caller takes once the operation has run: a mutation would be committed and then
 * answered with 406. So the answer is JSON whatever is asked for (RFC 9110, section 12.5.1).
 */
async function answerJson({ headers }: FastifyRequest): Promise<void> {
  const newer = 'application/graphql-response+json';
  headers.accept = headers.accept?.includes(newer) === true ? newer : 'application/json';
}

/** A trusted proxy hands on whatever its caller wrote; what is no address is none, and a zone means nothing here. */
function addressOf({ ip }: FastifyRequest): string | undefined {
  const [address = ''] = ip.split('%', 1);
  return isIP(address) === 0 ? undefined : address;
}

/** Tells every socket that the server goes, so that clients connect to another at once. */
function goodbye(this: FastifyInstance, done: () => void): void {
  for (const client of this.websocketServer.clients) client.close(1001, 'The server is going away');
  this.websocketServer.close(() => done());
}

function addHealth(app: FastifyInstance, { machinery, publicKeys }: AppOptions): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await machinery.pool.db.execute(sql`select 1`).then(
      () => true,
      () => false,
    );
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'the database does not answer' });
  });
  app.get('/.well-known/jwks.json', async () => publicKeys);
}

/** The HTTP face: the graph, health, public keys. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { machinery } = options;
  const authenticate = authenticator(options.verifyToken, machinery.pool);
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
  });
  logRequests(app, machinery);
  answerErrors(app, machinery);
  addHealth(app, options);
  const graph = createGraph(options, app);
  await graph.start();
  const context = async (request: FastifyRequest): Promise<Operation> => {
    const actor = await authenticate(request.headers.authorization).catch((error: unknown) => {
      throw asHttpError(error, request.id);
    });
    const idempotencyKey = request.headers['idempotency-key']?.toString();
    return new Operation(machinery, {
      actor,
      requestId: request.id,
      address: addressOf(request),
      idempotencyKey,
    });
  };
  const door = { url: '/graphql', onRequest: answerJson, handler: fastifyApolloHandler(graph, { context }) };
  await app.register(websocket, { options: { maxPayload: BODY_LIMIT_BYTES }, preClose: goodbye });
  const wsHandler = socketHandler({ machinery, schema: options.schema, authenticate, addressOf });
  app.route({ ...door, method: 'GET', wsHandler });
  app.route({ ...door, method: ['POST', 'OPTIONS'] });
  await app.ready();
  return app;
}
