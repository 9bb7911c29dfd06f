import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../../core/refusal.js';

const METHODS = 'GET, POST';
const ASKED_HEADERS =
  'authorization, content-type, idempotency-key, apollo-require-preflight, x-apollo-operation-name';
const SHOWN_HEADERS = 'retry-after, www-authenticate, x-request-id';
/** What Chromium keeps at most; others keep it as long as they like. */
const PREFLIGHT_SECONDS = 7200;

function isListed(origin: string, origins: readonly string[]): boolean {
  return origins.includes('*') || origins.includes(origin);
}

/**
 * CORS by a list of exact origins (https://fetch.spec.whatwg.org/#http-cors-protocol): what a page of another one
 * sends, its browser hides from it. Credentials stay off: a caller is who its bearer token says, and there is no cookie.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const everybody = origins.includes('*');
  app.addHook('onRequest', async (request, reply) => {
    const { origin, 'access-control-request-method': asked } = request.headers;
    if (!everybody) reply.header('vary', 'origin');
    if (origin === undefined || !isListed(origin, origins)) return;
    reply.header('access-control-allow-origin', everybody ? '*' : origin);
    reply.header('access-control-expose-headers', SHOWN_HEADERS);
    if (request.method !== 'OPTIONS' || asked === undefined) return;
    reply.header('access-control-allow-methods', METHODS);
    reply.header('access-control-allow-headers', ASKED_HEADERS);
    reply.header('access-control-max-age', String(PREFLIGHT_SECONDS));
    await reply.code(204).send();
  });
}

/** A page's origin, and the host that it asked, are the same site. */
function isOwn(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

/**
 * CORS does not reach WebSockets: any page may open one, and only its Origin tells. A program that is no browser sends
 * none.
 */
export function requireOrigin({ headers, host }: FastifyRequest, origins: readonly string[]): void {
  const { origin } = headers;
  if (origin === undefined || isListed(origin, origins) || isOwn(origin, host)) return;
  throw new Refusal('ORIGIN_NOT_ALLOWED', 'Pages of this origin may not open a WebSocket here.');
}
