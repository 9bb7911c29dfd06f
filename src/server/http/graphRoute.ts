import type { ApolloServer } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { asDoorError } from '../formatError.js';
import { admit } from '../limits/admission.js';
import type { Documents } from '../limits/documents.js';
import type { Machinery, Operation } from '../operation/operation.js';
import { graphRequest, nameDocument } from './graphRequest.js';

export const GRAPH_PATH = '/graphql';

export interface GraphRoute {
  readonly graph: ApolloServer<Operation>;
  readonly machinery: Machinery;
  readonly documents: Documents;
  context(request: FastifyRequest): Promise<Operation>;
  onRequest(request: FastifyRequest): Promise<void>;
  readonly wsHandler: NonNullable<RouteOptions['wsHandler']>;
}

/** The graph's address: HTTP goes to Apollo, a WebSocket to its own handler. */
export function addGraph(
  app: FastifyInstance,
  { graph, machinery, documents, context, onRequest, wsHandler }: GraphRoute,
): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const httpGraphQLRequest = graphRequest(request);
    const begin = async (): Promise<Operation> => {
      const operation = await context(request);
      const leave = (): void => {
        if (!reply.raw.writableFinished) operation.leave();
      };
      // Who has hung up while it was being found out who asks is not told of again.
      if (reply.raw.destroyed) leave();
      else reply.raw.once('close', leave);
      try {
        nameDocument(httpGraphQLRequest, documents);
        // Behind it: what a hash stands for is checked as what came in full.
        await admit(httpGraphQLRequest, machinery);
      } catch (error) {
        throw asDoorError(error);
      }
      return operation;
    };
    const asked = graph.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: begin });
    const { headers, status, body } = await machinery.drain.track(asked);
    if (body.kind !== 'complete') throw new Error('an answer in parts, of a schema that has none');
    return reply
      .code(status ?? 200)
      .headers(Object.fromEntries(headers))
      .send(body.string);
  };
  app.route({ method: 'GET', url: GRAPH_PATH, onRequest, handler, wsHandler });
  app.route({ method: 'POST', url: GRAPH_PATH, onRequest, handler });
}
