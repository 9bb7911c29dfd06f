import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../core/config.js';
import type { Log } from '../../core/log.js';
import { answerOf, type HttpAnswer, refusedByHttp } from './httpErrors.js';
import { guard, guardHeaders } from './httpHeaders.js';

/** By the route and never by the address: a path may hold a license key, a query string a document and its variables. */
export function logRequests(app: FastifyInstance, log: Log): void {
  // Hooks here are called back: one that is async would cost each request a promise.
  app.addHook('onResponse', (request, reply, done) => {
    const { method, id } = request;
    const path = request.routeOptions.url ?? '(none)';
    const millis = Math.round(reply.elapsedTime);
    log.info({ requestId: id, method, path, status: reply.statusCode, millis }, 'request');
    done();
  });
}

function send(reply: FastifyReply, { status, headers = new Map(), body }: HttpAnswer): FastifyReply {
  for (const [name, value] of headers) reply.header(name, value);
  return reply.code(status).type('application/json; charset=utf-8').send(body);
}

/** As much as every server and proxy takes (RFC 9110, section 4.1). */
const LONGEST_URL = 8000;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

function methodsAt(app: FastifyInstance, { url }: FastifyRequest): string[] {
  const [path = ''] = url.split('?', 1);
  return METHODS.filter((method) => app.hasRoute({ url: path, method }));
}

/** Nothing is there, or nothing that this method reaches. */
function answerMissing(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const allowed = methodsAt(app, request);
  if (allowed.length === 0)
    return send(reply, refusedByHttp(404, request.id, 'There is nothing at this address.'));
  reply.header('allow', [...allowed, 'OPTIONS'].join(', '));
  if (request.method === 'OPTIONS') return reply.code(204).send();
  return send(reply, refusedByHttp(405, request.id, `This address takes ${allowed.join(', ')}.`));
}

/** What is refused outside of the graph, in the words of the graph; before a body is read where nothing would take it. */
export function answerErrors(app: FastifyInstance, log: Log): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.url.length > LONGEST_URL) send(reply, refusedByHttp(414, request.id));
    else if (request.is404) answerMissing(app, request, reply);
    else done();
  });
  app.setNotFoundHandler(async (request, reply) => answerMissing(app, request, reply));
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const answer = answerOf(error, request.id);
    if (answer.status >= 500) log.error({ err: error, requestId: request.id }, 'a request failed');
    return send(reply, answer);
  });
}

/** An address that is no URL never reaches a hook. */
export function answerBadUrls(config: Config, log: Log) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    guard(request, reply, config);
    reply.header('connection', 'close');
    const answer = answerOf(error, request.id);
    const { method, id: requestId } = request;
    log.info({ requestId, method, path: '(none)', status: answer.status }, 'request');
    void send(reply, answer);
  };
}

/** Answers where there is a connection and no reply, and ends it. */
export function answerConnection(socket: Socket, answer: (requestId: string) => HttpAnswer, log: Log): void {
  const requestId = randomUUID();
  const { status, body } = answer(requestId);
  const text = JSON.stringify(body);
  const headers = {
    ...guardHeaders,
    'x-request-id': requestId,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.on('error', () => socket.destroy());
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', text].join('\r\n'), () =>
    socket.destroy(),
  );
  log.info({ requestId, path: '(none)', status }, 'request');
}

const brokenStatus: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What Node cannot read as HTTP, or waits for in vain. */
export function answerBroken(log: Log) {
  return ({ code = '' }: NodeJS.ErrnoException, socket: Socket): void => {
    if (code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else answerConnection(socket, (requestId) => refusedByHttp(brokenStatus[code] ?? 400, requestId), log);
  };
}

/** What Node would answer by itself, with nothing but a status, goes the way of every request. */
export function answerOdd(app: FastifyInstance): void {
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.addHook('onRequest', (request, reply, done) => {
    const { headers, raw } = request;
    if (headers.host !== undefined || raw.httpVersion === '1.0') return done();
    send(reply, refusedByHttp(400, request.id, 'The header Host is missing.'));
  });
}
