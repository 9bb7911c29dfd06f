import type { FastifyInstance } from 'fastify';
import type { JSONWebKeySet } from 'jose';
import { KEPT_SECONDS, type SigningKeys } from '../signingKeys.js';
import { type Published, published, sendPublished } from './entityTags.js';

/** However many ask, the keys are read once in so long. */
const READ_MILLIS = 1_000;

/** The development key and those of the database, read again when what was read is old; all who ask meanwhile share it. */
function reader(development: JSONWebKeySet, signing: SigningKeys): () => Promise<Published> {
  let reading: Promise<Published> | undefined;
  let readAt = 0;
  return () => {
    if (reading !== undefined && performance.now() - readAt < READ_MILLIS) return reading;
    readAt = performance.now();
    const next = signing
      .publicKeys()
      .then((keys) => published(JSON.stringify({ keys: [...development.keys, ...keys] })));
    const before = reading;
    // While the database is away, whoever verifies goes on with what was published last.
    reading = before === undefined ? next : next.catch(() => before);
    reading.catch(() => {
      reading = undefined;
    });
    return reading;
  };
}

const document = { mediaType: 'application/json; charset=utf-8', keptSeconds: KEPT_SECONDS };

/** The keys that this server signs with, for whoever verifies (RFC 7517, section 5). */
export function addPublicKeys(app: FastifyInstance, development: JSONWebKeySet, signing: SigningKeys): void {
  const read = reader(development, signing);
  app.get('/.well-known/jwks.json', async (request, reply) =>
    sendPublished(request, reply, await read(), document),
  );
}
