import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What a wire does with an exchange: carries it, drops its answer when the server has done its work, or is cut. */
export type Wire = 'CARRIES' | 'DROPS_ANSWERS' | 'CUT';

/** A TCP relay in front of a server, as a network in the field is. */
export interface Relay {
  readonly url: string;
  /** Asked for each connection. */
  wire: () => Wire;
  stop(): Promise<void>;
}

/** @param target Where the server listens. */
export async function startRelay(target: string): Promise<Relay> {
  const { port, hostname } = new URL(target);
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
  };
  const relay: Relay = {
    url: '',
    wire: () => 'CARRIES',
    async stop() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((client) => {
    keep(client);
    if (relay.wire() === 'CUT') return void client.destroy();
    const upstream = connect(Number(port), hostname);
    keep(upstream);
    client.pipe(upstream);
    upstream.on('data', (chunk) => {
      const wire = relay.wire();
      if (wire === 'CARRIES') client.write(chunk);
      else client.destroy();
    });
    upstream.once('close', () => client.destroy());
    client.once('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const own = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
  return Object.assign(relay, { url: own });
}
