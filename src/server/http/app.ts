import { isIP } from 'node:net';
import websocket from '@fastify/websocket';
import { type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { JSONWebKeySet } from 'jose';
import type { VerifyToken } from '../../access/tokens.js';
import type { InvoicePrinter } from '../../billing/documents/printer.js';
import { type Config, introspects, suggests } from '../../core/config.js';
import { asHttpError, authenticator } from '../callers/authenticate.js';
import { knownMigrations } from '../database/migrate.js';
import type { Drain } from '../drain.js';
import { admitBodies } from '../limits/admission.js';
import { KnownDocuments } from '../limits/knownDocuments.js';
import { openDocuments } from '../limits/trustedDocuments.js';
import type { Machinery } from '../operation/operation.js';
import { Crowd } from '../sockets/crowd.js';
import { closeSockets } from '../sockets/goodbye.js';
import { Handshakes } from '../sockets/handshakes.js';
import { chooseProtocol } from '../sockets/socketProtocol.js';
import { SocketDoor } from '../sockets/webSocket.js';
import { createGraph } from './apollo.js';
import { addBulkIssuePages } from './bulkIssuePages.js';
import { allowOrigins, requireOrigin } from './crossOrigin.js';
import type { DemoAccess } from './demoUsers.js';
import { addGraphiql } from './graphiql.js';
import { addGraph, type GraphRoute } from './graphRoute.js';
import { addHealth } from './health.js';
import { guard } from './httpHeaders.js';
import { HttpOperation } from './httpOperation.js';
import { addInboundWebhooks } from './inboundWebhooks.js';
import { addInvoicePages } from './invoicePages.js';
import { answerKnown } from './knownOperations.js';
import { addMailPages } from './mailPages.js';
import { proxyTrust, withoutPort } from './proxies.js';
import { addPublicKeys } from './publicKeys.js';
import { requestIds } from './requestId.js';
import { answerBadUrls, answerBroken, answerErrors, answerOdd, logRequests } from './requests.js';
import { addRevocations } from './revocations.js';
import { passHandshakes } from './upgrades.js';

export interface AppOptions {
  readonly config: Config;
  readonly machinery: Machinery;
  readonly schema: GraphQLSchema;
  readonly verifyToken: VerifyToken;
  readonly publicKeys: JSONWebKeySet;
  readonly printer: InvoicePrinter;
  /** For the page GraphiQL of a development server with demo tenants. */
  readonly demoUsers?: (() => Promise<readonly DemoAccess[]>) | undefined;
}

/** Of a body and of a message: a thousand entries of an input are within, and to read it as JSON takes 50 ms at the worst. */
const BODY_LIMIT_BYTES = 500_000;

/** Node waits for ever for some of these. A proxy in front closes idle connections after a minute: we do so later. */
const TIMEOUTS = {
  // From a connection's first byte until the whole request is there; the headers of it sooner.
  requestTimeout: 30_000,
  http: { headersTimeout: 15_000, connectionsCheckingInterval: 5_000, requireHostHeader: false },
  keepAliveTimeout: 72_000,
  // A connection on which nothing moves, while a request is read or its answer taken.
  connectionTimeout: 60_000,
} as const;

/** A trusted proxy hands on whatever its caller wrote; what is no address is none, and a zone means nothing here. */
function addressOf({ ip }: FastifyRequest): string | undefined {
  const [address = ''] = withoutPort(ip).split('%', 1);
  return isIP(address) === 0 ? undefined : address;
}

/** Before every hook that may answer: what it marks as a socket is cut behind its answer. */
async function addSockets(app: FastifyInstance, sockets: SocketDoor, { log }: Machinery): Promise<void> {
  const goodbye = async (): Promise<void> => {
    await sockets.goodbye();
    await closeSockets(app.websocketServer);
  };
  await app.register(websocket, {
    options: {
      maxPayload: BODY_LIMIT_BYTES,
      handleProtocols: chooseProtocol,
      server: passHandshakes(app.server, log),
    },
    preClose: (done) => void goodbye().then(() => done()),
    // The default hangs up before the close code is sent.
    errorHandler: () => undefined,
  });
}

/** The graph's address, as sockets come to it. */
function socketsAt(
  sockets: SocketDoor,
  { LG_CORS_ORIGINS: origins }: Config,
): Pick<GraphRoute, 'onRequest' | 'wsHandler'> {
  const handshakes = new Handshakes();
  return {
    onRequest: (request, reply, done) => {
      if (request.ws) {
        requireOrigin(request, origins);
        handshakes.note(request, reply);
      }
      done();
    },
    wsHandler: (socket, request) => {
      handshakes.forget(socket, request);
      sockets.enter(socket, request);
    },
  };
}

/** What comes on a connection that is still open is answered, and ends it. */
function endConnections(app: FastifyInstance, drain: Drain): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (drain.isLeaving) reply.header('connection', 'close');
    done(null, payload);
  });
}

/** Who comes with a request, found out before anything is done for him. */
function arrivals(machinery: Machinery, authenticate: ReturnType<typeof authenticator>) {
  return async (request: FastifyRequest): Promise<HttpOperation> => {
    const arrival = { requestId: request.id, address: addressOf(request) };
    const actor = await authenticate(request.headers.authorization, arrival).catch((error: unknown) => {
      throw asHttpError(error, request.id);
    });
    const idempotencyKey = request.headers['idempotency-key']?.toString();
    return new HttpOperation(machinery, { actor, ...arrival, idempotencyKey });
  };
}

/** The HTTP face: the graph, health, public keys. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, machinery, schema } = options;
  const authenticate = authenticator(options.verifyToken, machinery);
  const app = fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    genReqId: requestIds(config.LG_TRUSTED_PROXIES),
    frameworkErrors: answerBadUrls(config, machinery.log),
    clientErrorHandler: answerBroken(machinery.log),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    ...TIMEOUTS,
    trustProxy: config.LG_TRUSTED_PROXIES.length > 0 ? proxyTrust(config.LG_TRUSTED_PROXIES) : false,
  });
  const rules = { schema, introspection: introspects(config), suggestions: suggests(config) };
  const documents = await openDocuments(config, rules);
  const pingSeconds = config.LG_SOCKET_PING_SECONDS;
  const crowd = new Crowd({ all: config.LG_SOCKETS, ofOne: config.LG_SOCKETS_PER_ADDRESS });
  const sockets = new SocketDoor({
    machinery,
    rules,
    documents,
    authenticate,
    addressOf,
    pingSeconds,
    crowd,
  });
  await addSockets(app, sockets, machinery);
  endConnections(app, machinery.drain);
  app.addHook('onClose', () => machinery.security.flush());
  app.addHook('onClose', () => machinery.keyUses.drain());
  logRequests(app, machinery.log);
  app.addHook('onRequest', (request, reply, done) => {
    guard(request, reply, config);
    done();
  });
  allowOrigins(app, config.LG_CORS_ORIGINS);
  answerOdd(app);
  answerErrors(app, machinery.log);
  app.removeContentTypeParser('text/plain');
  addHealth(app, machinery, await knownMigrations());
  addPublicKeys(app, options.publicKeys, machinery.signing);
  addRevocations(app, options, addressOf);
  await addInboundWebhooks(app, machinery, addressOf);
  await addGraphiql(app, options);
  admitBodies(app, machinery);
  const known = new KnownDocuments();
  const graph = createGraph(machinery, rules, known);
  await graph.start();
  const context = arrivals(machinery, authenticate);
  addMailPages(app, { config, machinery, context });
  addInvoicePages(app, { context, printer: options.printer });
  await addBulkIssuePages(app, { graph, machinery, documents, context });
  addGraph(app, {
    graph,
    machinery,
    documents,
    context,
    answerKnown: (body, operation) => answerKnown({ rules, documents, known }, body, operation),
    ...socketsAt(sockets, config),
  });
  await app.ready();
  return app;
}
