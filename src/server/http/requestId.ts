import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

/** Goes into log lines, events and answers as it is. */
const SAFE = /^[\w.-]{8,64}$/;

function isWithin(address: string, ranges: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const read = ipaddr.process(address);
  return ranges.some((range) => {
    const [base, bits] = range.includes('/') ? ipaddr.parseCIDR(range) : [ipaddr.process(range), undefined];
    if (base.kind() !== read.kind()) return false;
    return bits === undefined ? base.toString() === read.toString() : read.match(base, bits);
  });
}

/**
 * The id of a request: an own one, or the X-Request-Id that a trusted proxy sends, so that its log and ours name the
 * same. Nobody else chooses ids: they could be made to point at somebody's request.
 */
export function requestIds(proxies: readonly string[]): (request: IncomingMessage) => string {
  return ({ headers, socket }) => {
    const given = headers['x-request-id'];
    const trusted = typeof given === 'string' && SAFE.test(given);
    return trusted && isWithin(socket.remoteAddress ?? '', proxies) ? given : randomUUID();
  };
}
