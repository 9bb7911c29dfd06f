import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { proxyTrust } from './proxies.js';

/**
 * Node puts a UUID together of forty pieces, and V8 keeps them as long as nobody reads the text: a kilobyte and more for
 * each, which sockets hold for hours.
 */
export function newRequestId(): string {
  return Buffer.from(randomUUID(), 'latin1').toString('latin1');
}

/** Goes into log lines, events and answers as it is. */
const SAFE = /^[\w.-]{8,64}$/;

/**
 * The id of a request: an own one, or the X-Request-Id that a trusted proxy sends, so that its log and ours name the
 * same. Nobody else chooses ids: they could be made to point at somebody's request.
 */
export function requestIds(proxies: readonly string[]): (request: IncomingMessage) => string {
  const isTrusted = proxyTrust(proxies);
  return ({ headers, socket }) => {
    const given = headers['x-request-id'];
    const isSafe = typeof given === 'string' && SAFE.test(given);
    return isSafe && isTrusted(socket.remoteAddress) ? given : newRequestId();
  };
}
