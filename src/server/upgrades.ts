import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../core/log.js';
import { GRAPH_PATH } from './graphRoute.js';
import { refusedByHttp } from './httpErrors.js';
import { answerConnection } from './requests.js';

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

function areTokens(list: string): boolean {
  const tokens = list.split(',').map((token) => token.trim());
  return tokens.every((token) => TOKEN.test(token)) && new Set(tokens).size === tokens.length;
}

/** What an opening handshake lacks (RFC 6455, section 4.2.1). */
function wrongWith({ method, headers }: IncomingMessage): string | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'No upgrade is taken but to a WebSocket.';
  if (method !== 'GET') return 'A WebSocket is opened with GET.';
  if (headers['sec-websocket-version'] !== '13') return 'Sec-WebSocket-Version has to be 13.';
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return 'Sec-WebSocket-Key is no key.';
  if (!areTokens(headers['sec-websocket-protocol'] ?? 'none')) return 'Sec-WebSocket-Protocol is no list.';
  return undefined;
}

function statusOf(request: IncomingMessage, wrong: string | undefined): number | undefined {
  const [path] = (request.url ?? '').split('?', 1);
  if (path !== GRAPH_PATH) return 404;
  return wrong === undefined ? undefined : 400;
}

/**
 * Node takes every request that asks for an upgrade, of whatever protocol and address, off its HTTP server: nothing reads
 * its body and no timeout ends it. Those that are no opening handshake of a WebSocket are answered and cut here; the
 * others are passed on by the server that is returned, which listens to nothing itself.
 */
export function passHandshakes(from: Server, log: Log): Server {
  const passed = createServer();
  from.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const wrong = wrongWith(request);
    const status = statusOf(request, wrong);
    if (status === undefined) passed.emit('upgrade', request, socket, head);
    else answerConnection(socket, (requestId) => refusedByHttp(status, requestId, wrong), log);
  });
  return passed;
}
