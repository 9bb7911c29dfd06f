import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import websocket from '@fastify/websocket';
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { JSONWebKeySet } from 'jose';
import type { VerifyToken } from '../access/tokens.js';
import { type Config, introspects } from '../core/config.js';
import { createGraph } from './apollo.js';
import { asHttpError, authenticator } from './authenticate.js';
import { addHealth } from './health.js';
import { type Machinery, Operation } from './operation.js';
import { answerErrors, logRequests } from './requests.js';
import { socketHandler } from './webSocket.js';

export interface AppOptions {
  readonly config: Config;
  readonly machinery: Machinery;
  readonly schema: GraphQLSchema;
  readonly verifyToken: VerifyToken;
  readonly publicKeys: JSONWebKeySet;
}

const BODY_LIMIT_BYTES = 1_000_000;

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

/** The HTTP face: the graph, health, public keys. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, machinery, schema } = options;
  const authenticate = authenticator(options.verifyToken, machinery.pool);
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    keepAliveTimeout: 72_000,
    trustProxy: config.LG_TRUSTED_PROXIES.length > 0 ? [...config.LG_TRUSTED_PROXIES] : false,
  });
  logRequests(app, machinery);
  answerErrors(app, machinery);
  addHealth(app, options);
  const graph = createGraph({ machinery, schema, introspection: introspects(config) }, app);
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
  const wsHandler = socketHandler({ machinery, schema, authenticate, addressOf });
  app.route({ ...door, method: 'GET', wsHandler });
  app.route({ ...door, method: ['POST', 'OPTIONS'] });
  await app.ready();
  return app;
}
