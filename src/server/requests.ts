import type { FastifyError, FastifyInstance } from 'fastify';
import { MASKED } from './formatError.js';
import type { Machinery } from './operation.js';

/** By the route and never by the address: a path may hold a license key, a query string a document and its variables. */
export function logRequests(app: FastifyInstance, machinery: Machinery): void {
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
export function answerErrors(app: FastifyInstance, machinery: Machinery): void {
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
