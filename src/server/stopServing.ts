import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../core/config.js';
import type { Log } from '../core/log.js';
import type { Drain } from './drain.js';
import { cutSockets } from './sockets/goodbye.js';

export interface Serving {
  readonly app: FastifyInstance;
  readonly drain: Drain;
  readonly config: Config;
  readonly log: Log;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Ends the doors in such an order that nobody loses an answer: the load balancer is told, then nobody new is let in,
 * what is under way is answered, sockets are told goodbye, and what runs behind the answers ends. `hurry` cuts that
 * short, and so does its bound: what is cut off then has not been committed, or its commit is on its way.
 */
export async function stopServing({ app, drain, config, log }: Serving, hurry: AbortSignal): Promise<void> {
  const bound = AbortSignal.any([
    hurry,
    AbortSignal.timeout((config.LG_DRAIN_SECONDS + config.LG_STOP_SECONDS) * 1000),
  ]);
  drain.leave();
  await sleep(config.LG_DRAIN_SECONDS * 1000, undefined, { signal: bound }).catch(() => undefined);
  drain.close();
  // At once: Fastify would listen until the last socket has gone. Idle connections end with it.
  app.server.close();
  const closed = app.close().then(() => drain.idle());
  const inTime = await Promise.race([closed.then(() => true), aborted(bound).then(() => false)]);
  if (inTime) return;
  log.warn('what was still under way is cut off');
  cutSockets(app.websocketServer);
  app.server.closeAllConnections();
  await app.close();
}
