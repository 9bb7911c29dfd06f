import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { JSONWebKeySet } from 'jose';

/** How long a verifier works with the keys that it has: a new key is published for longer before it signs. */
const KEPT_SECONDS = 300;

/** The keys that this server signs with, for whoever verifies (RFC 7517, section 5). */
export function addPublicKeys(app: FastifyInstance, keys: JSONWebKeySet): void {
  const body = JSON.stringify(keys);
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  app.get('/.well-known/jwks.json', async (request, reply) => {
    reply.headers({ 'cache-control': `public, max-age=${KEPT_SECONDS}`, etag });
    const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    if (known?.includes(etag) === true || known?.includes('*') === true) return reply.code(304).send();
    return reply.type('application/json; charset=utf-8').send(body);
  });
}
