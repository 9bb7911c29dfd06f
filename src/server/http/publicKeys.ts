import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { JSONWebKeySet } from 'jose';
import { KEPT_SECONDS, type SigningKeys } from '../signingKeys.js';

/** However many ask, the keys are read once in so long. */
const READ_MILLIS = 1_000;

interface Published {
  readonly body: string;
  readonly etag: string;
}

function published(keys: JSONWebKeySet): Published {
  const body = JSON.stringify(keys);
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"` };
}

/** The development key and those of the database, read again when what was read is old; all who ask meanwhile share it. */
function reader(development: JSONWebKeySet, signing: SigningKeys): () => Promise<Published> {
  let reading: Promise<Published> | undefined;
  let readAt = 0;
  return () => {
    if (reading !== undefined && performance.now() - readAt < READ_MILLIS) return reading;
    readAt = performance.now();
    const next = signing.publicKeys().then((keys) => published({ keys: [...development.keys, ...keys] }));
    const before = reading;
    // While the database is away, whoever verifies goes on with what was published last.
    reading = before === undefined ? next : next.catch(() => before);
    reading.catch(() => {
      reading = undefined;
    });
    return reading;
  };
}

/** The keys that this server signs with, for whoever verifies (RFC 7517, section 5). */
export function addPublicKeys(app: FastifyInstance, development: JSONWebKeySet, signing: SigningKeys): void {
  const read = reader(development, signing);
  app.get('/.well-known/jwks.json', async (request, reply) => {
    const { body, etag } = await read();
    reply.headers({ 'cache-control': `public, max-age=${KEPT_SECONDS}`, etag });
    const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    if (known?.includes(etag) === true || known?.includes('*') === true) return reply.code(304).send();
    return reply.type('application/json; charset=utf-8').send(body);
  });
}
