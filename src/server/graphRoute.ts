import { type ApolloServer, HeaderMap } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Operation } from './operation.js';

export const GRAPH_PATH = '/graphql';

/** What a caller that names it gets: a status of 200 for whatever GraphQL itself finds wrong. */
export const LEGACY_TYPE = 'application/json';
const OWN_TYPE = 'application/graphql-response+json';

/** The weight that an Accept header gives to a media type by its own name (RFC 9110, section 12.5.1). */
function weightOf(type: string, accept: string): number {
  for (const item of accept.toLowerCase().split(',')) {
    const [name, ...parameters] = item.split(';').map((part) => part.trim());
    if (name !== type) continue;
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    return Number.isNaN(quality) ? 0 : quality;
  }
  return 0;
}

/**
 * Apollo asks what media type the caller takes once the operation has run: a mutation would be committed and then
 * answered with 406. So the answer is JSON whatever is asked for (RFC 9110, section 12.5.1), and which JSON is
 * decided here.
 */
function answerType(accept = ''): string {
  const [own, legacy] = [weightOf(OWN_TYPE, accept), weightOf(LEGACY_TYPE, accept)];
  if (own > 0 && own >= legacy) return OWN_TYPE;
  return legacy > 0 ? LEGACY_TYPE : '*/*';
}

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const read = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) read.set(name, String(value));
  read.set('accept', answerType(headers.accept));
  return read;
}

function searchOf({ url }: FastifyRequest): string {
  const begin = url.indexOf('?');
  return begin < 0 ? '' : url.slice(begin);
}

export interface GraphRoute {
  readonly graph: ApolloServer<Operation>;
  context(request: FastifyRequest): Promise<Operation>;
  onRequest(request: FastifyRequest): Promise<void>;
  readonly wsHandler: NonNullable<RouteOptions['wsHandler']>;
}

/** The graph's address: HTTP goes to Apollo, a WebSocket to its own handler. */
export function addGraph(app: FastifyInstance, { graph, context, onRequest, wsHandler }: GraphRoute): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { headers, status, body } = await graph.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        // HEAD is GET without the body, which Fastify leaves out.
        method: request.method === 'HEAD' ? 'GET' : request.method,
        headers: headersOf(request),
        search: searchOf(request),
        body: request.body,
      },
      context: () => context(request),
    });
    if (body.kind !== 'complete') throw new Error('an answer in parts, of a schema that has none');
    return reply
      .code(status ?? 200)
      .headers(Object.fromEntries(headers))
      .send(body.string);
  };
  app.route({ method: 'GET', url: GRAPH_PATH, onRequest, handler, wsHandler });
  app.route({ method: 'POST', url: GRAPH_PATH, onRequest, handler });
}
