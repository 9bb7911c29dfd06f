import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

type SocketServer = FastifyInstance['websocketServer'];

const LOOK_MILLIS = 20;
/** Whoever has not answered the goodbye by then is cut off: `ws` would wait for half a minute. */
const PATIENCE_MILLIS = 2000;

export function cutSockets({ clients }: SocketServer): void {
  for (const client of clients) client.terminate();
}

/** Ends the sockets' server behind the goodbye. */
export async function closeSockets(server: SocketServer): Promise<void> {
  const { clients } = server;
  for (let waited = 0; clients.size > 0 && waited < PATIENCE_MILLIS; waited += LOOK_MILLIS) {
    await sleep(LOOK_MILLIS);
  }
  cutSockets(server);
  await new Promise((resolve) => server.close(resolve));
}
