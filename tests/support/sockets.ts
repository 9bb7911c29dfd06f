import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { Claims, GraphError, Json, TestServer } from './server.js';

/** Lets a test server listen on a port that the system gives; answers where its sockets are. */
export async function listen(server: TestServer): Promise<string> {
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  return `ws://127.0.0.1:${port}/graphql`;
}

/** A message of the server, as it came. */
export interface Heard {
  readonly type: string;
  readonly id?: string;
  readonly payload?: Json & { readonly data?: Json | null; readonly errors?: readonly GraphError[] };
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export interface RawOptions extends ClientOptions {
  readonly protocols?: readonly string[];
}

/** Longer than a statement may take, on a busy machine too: what has not come by then will not. */
const LIMIT_MILLIS = 45_000;

/** A socket that says what a test lets it say, and nothing of its own. */
export class RawSocket {
  readonly heard: Heard[] = [];
  readonly closed: Promise<Closed>;
  readonly #waiting = new Set<(message: Heard) => void>();

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const message: Heard = JSON.parse(String(data));
      this.heard.push(message);
      for (const waiting of this.#waiting) waiting(message);
    });
    // What breaks a connection shows as how it was closed.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  static async open(url: string, { protocols, ...options }: RawOptions = {}): Promise<RawSocket> {
    const socket = new WebSocket(url, [...(protocols ?? ['graphql-transport-ws'])], options);
    const raw = new RawSocket(socket);
    await Promise.race([once(socket, 'open'), raw.closed]);
    return raw;
  }

  /** A socket that was let in. */
  static async greeted(url: string, token: string, options: RawOptions = {}): Promise<RawSocket> {
    const raw = await RawSocket.open(url, options);
    raw.send({ type: 'connection_init', payload: { token } });
    await raw.until(({ type }) => type === 'connection_ack');
    return raw;
  }

  static async as(server: TestServer, url: string, claims: Claims): Promise<RawSocket> {
    return RawSocket.greeted(url, await server.token(claims));
  }

  /** Text and bytes go as they are, everything else as JSON. */
  send(message: unknown): void {
    const plain = typeof message === 'string' || message instanceof Uint8Array;
    this.socket.send(plain ? message : JSON.stringify(message));
  }

  ask(id: string, query: string, rest: object = {}): void {
    this.send({ id, type: 'subscribe', payload: { query, ...rest } });
  }

  /** All that was said of one operation. */
  of(id: string): Heard[] {
    return this.heard.filter((message) => message.id === id);
  }

  /** The first message that is wanted, among those that came and those to come. */
  async until(wanted: (message: Heard) => boolean): Promise<Heard> {
    const found = this.heard.find(wanted);
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const listen = (message: Heard): void => {
        if (wanted(message)) end(() => resolve(message));
      };
      const end = (tell: () => void): void => {
        clearTimeout(limit);
        this.#waiting.delete(listen);
        tell();
      };
      const late = (): void =>
        reject(new Error(`a message did not come: ${JSON.stringify(this.heard.slice(-3))}`));
      const limit = setTimeout(() => end(late), LIMIT_MILLIS);
      this.#waiting.add(listen);
      void this.closed.then(({ code }) => end(() => reject(new Error(`the socket was closed with ${code}`))));
    });
  }

  /** The last word on an operation. */
  end(id: string): Promise<Heard> {
    return this.until((message) => message.id === id && message.type !== 'next');
  }

  /** Asks one operation, waits for its end, and answers all that was said of it. */
  async answer(id: string, query: string, rest: object = {}): Promise<Heard[]> {
    this.ask(id, query, rest);
    await this.end(id);
    return this.of(id);
  }

  async hangUp(): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}

/** Waits until nothing of any socket is left on a server: no connection, no reader of events, no transaction. */
export async function nothingLeft(server: TestServer): Promise<void> {
  const left = async () => {
    const [row] = await server.sql`select count(*)::int as open from pg_stat_activity
      where datname = current_database() and application_name = 'licensegraph lg_app' and xact_start is not null`;
    return {
      sockets: server.app.websocketServer.clients.size,
      readers: server.machinery.feed?.readers,
      transactions: Number(row?.open),
    };
  };
  await expect.poll(left).toEqual({ sockets: 0, readers: 0, transactions: 0 });
}
