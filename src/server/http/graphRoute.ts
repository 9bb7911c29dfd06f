import type { ApolloServer, HTTPGraphQLRequest } from '@apollo/server';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  RouteOptions,
} from 'fastify';
import { asDoorError } from '../formatError.js';
import { admit } from '../limits/admission.js';
import type { Documents } from '../limits/documents.js';
import type { Machinery } from '../operation/operation.js';
import { answerMediaType, graphRequest, nameDocument } from './graphRequest.js';
import type { HttpOperation } from './httpOperation.js';

export const GRAPH_PATH = '/graphql';

export interface GraphRoute {
  readonly graph: ApolloServer<HttpOperation>;
  readonly machinery: Machinery;
  readonly documents: Documents;
  context(request: FastifyRequest): Promise<HttpOperation>;
  /** The answer to what it ran by itself; nothing of what it leaves to Apollo. */
  answerKnown(body: unknown, operation: HttpOperation): Promise<string | undefined>;
  readonly onRequest: onRequestHookHandler;
  readonly wsHandler: NonNullable<RouteOptions['wsHandler']>;
}

export type Graph = Pick<GraphRoute, 'graph' | 'machinery' | 'documents'>;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function arrive(
  { context }: Pick<GraphRoute, 'context'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<HttpOperation> {
  return endWithCaller(await context(request), reply);
}

/** An operation ends with its caller; who has hung up while it was found out who asks is not told of again. */
export function endWithCaller(operation: HttpOperation, { raw }: FastifyReply): HttpOperation {
  const leave = (): void => {
    if (!raw.writableFinished) operation.leave();
  };
  if (raw.destroyed) leave();
  else raw.once('close', leave);
  return operation;
}

export async function askApollo(
  { graph, machinery, documents }: Graph,
  httpGraphQLRequest: HTTPGraphQLRequest,
  arriving: Promise<HttpOperation>,
): Promise<Answer> {
  const context = async (): Promise<HttpOperation> => {
    const operation = await arriving;
    try {
      nameDocument(httpGraphQLRequest, documents);
      // Behind it: what a hash stands for is checked as what came in full.
      await admit(httpGraphQLRequest, machinery);
    } catch (error) {
      throw asDoorError(error);
    }
    return operation;
  };
  const { headers, status, body } = await graph.executeHTTPGraphQLRequest({ httpGraphQLRequest, context });
  if (body.kind !== 'complete') throw new Error('an answer in parts, of a schema that has none');
  return { status: status ?? 200, headers: Object.fromEntries(headers), body: body.string };
}

async function answered(route: GraphRoute, request: FastifyRequest, reply: FastifyReply): Promise<Answer> {
  const arriving = arrive(route, request, reply);
  if (request.method !== 'POST') return askApollo(route, graphRequest(request), arriving);
  const operation = await arriving.catch(() => undefined);
  const known = operation && (await route.answerKnown(request.body, operation));
  if (known === undefined) return askApollo(route, graphRequest(request), arriving);
  const headers = { 'content-type': answerMediaType(request.headers.accept) };
  return { status: 200, headers, body: known };
}

/** The graph's address: HTTP goes to Apollo, unless what it asks is known, and a WebSocket to its own handler. */
export function addGraph(app: FastifyInstance, route: GraphRoute): void {
  const { machinery, onRequest, wsHandler } = route;
  // Not an async handler: Fastify would wait for the end of each response once more.
  const handler = (request: FastifyRequest, reply: FastifyReply): void => {
    machinery.drain.track(answered(route, request, reply)).then(
      ({ status, headers, body }) => reply.code(status).headers(headers).send(body),
      (error: unknown) => reply.send(error),
    );
  };
  app.route({ method: 'GET', url: GRAPH_PATH, onRequest, handler, wsHandler });
  app.route({ method: 'POST', url: GRAPH_PATH, onRequest, handler });
}
