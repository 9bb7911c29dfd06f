import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../../core/log.js';
import { GRAPH_PATH } from './graphRoute.js';
import { refusedByHttp } from './httpErrors.js';
import { answerConnection } from './requests.js';

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

function areTokens(list: string): boolean {
  const tokens = list.split(',').map((token) => token.trim());
  return tokens.every((token) => TOKEN.test(token)) && new Set(tokens).size === tokens.length;
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/** What an opening handshake lacks (RFC 6455, section 4.2.1). */
function wrongWith({ method, headers }: IncomingMessage): string | undefined {
  if (method !== 'GET') return 'A WebSocket is opened with GET.';
  if (headers['sec-websocket-version'] !== '13') return 'Sec-WebSocket-Version has to be 13.';
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return 'Sec-WebSocket-Key is no key.';
  if (!areTokens(headers['sec-websocket-protocol'] ?? 'none')) return 'Sec-WebSocket-Protocol is no list.';
  return undefined;
}

const UPGRADING = new Set(['connection', 'upgrade', 'http2-settings']);

/** The request's head as it came, without what asks for an upgrade. */
function plainHead({ method, url, httpVersion, headers, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    if (!UPGRADING.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[index + 1]}`);
  }
  if (/\bclose\b/i.test(headers.connection ?? '')) lines.push('connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/**
 * A server may ignore an upgrade that it does not know (RFC 9110, section 7.8), and Java's client asks for one to HTTP/2
 * in every first request: the connection goes back to the HTTP server as a new one that begins with that request.
 */
function ignoreUpgrade(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  socket.unshift(Buffer.concat([Buffer.from(plainHead(request), 'latin1'), head]));
  server.emit('connection', socket);
}

/** How many requests of a connection are not answered yet. */
function pendingOf(server: Server): (socket: Socket) => number {
  const pending = new WeakMap<Socket, number>();
  const count = (socket: Socket, more: number): void => {
    pending.set(socket, (pending.get(socket) ?? 0) + more);
  };
  server.on('request', ({ socket }, response) => {
    count(socket, 1);
    response.once('close', () => count(socket, -1));
  });
  return (socket) => pending.get(socket) ?? 0;
}

function statusOf(request: IncomingMessage, wrong: string | undefined): number | undefined {
  const [path] = (request.url ?? '').split('?', 1);
  if (path !== GRAPH_PATH) return 404;
  return wrong === undefined ? undefined : 400;
}

/**
 * Node takes every request that asks for an upgrade, of whatever protocol and address, off its HTTP server: nothing reads
 * its body and no timeout ends it. Opening handshakes of a WebSocket are passed on by the server that is returned, which
 * listens to nothing itself; those that are wrong are answered and cut.
 */
export function passHandshakes(from: Server, log: Log): Server {
  const passed = createServer();
  const pending = pendingOf(from);
  from.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const isPipelined = pending(socket) > 0;
    if (!isWebSocket(request) && !isPipelined) return ignoreUpgrade(from, request, socket, head);
    const wrong = isPipelined ? 'An upgrade waits for the answers before it.' : wrongWith(request);
    const status = statusOf(request, wrong);
    if (status === undefined) passed.emit('upgrade', request, socket, head);
    else answerConnection(socket, (requestId) => refusedByHttp(status, requestId, wrong), log);
  });
  return passed;
}
