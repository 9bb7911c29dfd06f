import { sql } from 'drizzle-orm';
import type { FastifyInstance } from 'fastify';
import type { JSONWebKeySet } from 'jose';
import type { Machinery } from './operation.js';

/** Whether the process lives, whether it can serve, and the keys that it signs with. */
export function addHealth(
  app: FastifyInstance,
  { machinery, publicKeys }: { readonly machinery: Machinery; readonly publicKeys: JSONWebKeySet },
): void {
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await machinery.pool.db.execute(sql`select 1`).then(
      () => true,
      () => false,
    );
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'the database does not answer' });
  });
  app.get('/.well-known/jwks.json', async () => publicKeys);
}
