import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../core/config.js';

/**
 * On every answer, errors among them. A route that serves a page sets a Content-Security-Policy, and one whose answer
 * may be kept a Cache-Control, of its own in their place.
 */
export const guardHeaders = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** Puts them on an answer, with the id that its log line and its errors have. */
export function guard(
  request: FastifyRequest,
  reply: FastifyReply,
  { LG_HSTS_SECONDS: seconds }: Config,
): void {
  reply.headers({ ...guardHeaders, 'x-request-id': request.id });
  // Over plain HTTP a browser has to ignore it (RFC 6797, section 8.1), and a server may not send it (7.2).
  if (seconds > 0 && request.protocol === 'https') {
    reply.header('strict-transport-security', `max-age=${seconds}; includeSubDomains`);
  }
}
