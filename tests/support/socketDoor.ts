import type { AddressInfo } from 'node:net';
import { WebSocket } from 'ws';
import type { Answer, Claims, GraphError, Json, TestServer } from './server.js';

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

function answerOf(message: Message): Answer {
  const isError = message.type === 'error';
  const payload = (message.payload ?? {}) as { data?: Json | null; errors?: GraphError[] };
  const errors = isError ? (message.payload as GraphError[]) : (payload.errors ?? []);
  return {
    status: 0,
    data: isError ? null : (payload.data ?? null),
    errors,
    code: errors[0]?.extensions.code,
  };
}

/** One socket as a client holds it open: what goes over it is written here byte by byte. */
export class SocketDoor {
  readonly closed: Promise<{ code: number; reason: string }>;
  /** What came for each operation, in order; what belongs to none stands under its type. */
  readonly #come = new Map<string, Message[]>();
  #wake: () => void = () => undefined;
  #sent = 0;
  #isClosed = false;

  private constructor(readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => {
        this.#isClosed = true;
        this.#wake();
        resolve({ code, reason: reason.toString() });
      });
    });
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Message;
      const name = message.id ?? message.type;
      this.#come.set(name, [...(this.#come.get(name) ?? []), message]);
      this.#wake();
    });
    socket.on('error', () => undefined);
  }

  /** Of a server that listens, as the bearer of these claims. */
  static async open(server: TestServer, as: Claims | string): Promise<SocketDoor> {
    const { port } = server.app.server.address() as AddressInfo;
    const token = typeof as === 'string' ? as : await server.token(as);
    const door = new SocketDoor(new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws'));
    await new Promise((resolve) => door.socket.once('open', resolve));
    door.socket.send(JSON.stringify({ type: 'connection_init', payload: { token } }));
    await door.until(() => door.come('connection_ack').length > 0);
    return door;
  }

  come(id: string): readonly Message[] {
    return this.#come.get(id) ?? [];
  }

  /** Waits until what has come is so; a socket that closes meanwhile fails. */
  async until(is: () => boolean): Promise<void> {
    while (!is()) {
      if (this.#isClosed) {
        const { code, reason } = await this.closed;
        throw new Error(`the socket was closed with ${code} ${reason}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends one operation, its payload as JSON, and waits for its answer and its end. */
  async ask(payload: string): Promise<Answer> {
    const id = this.start(payload);
    await this.until(() => this.come(id).some(({ type }) => type === 'error' || type === 'complete'));
    const [first] = this.come(id);
    if (first === undefined) throw new Error('an operation that ended without an answer');
    return answerOf(first);
  }

  start(payload: string): string {
    this.#sent += 1;
    const id = `op-${this.#sent}`;
    this.socket.send(`{"id":"${id}","type":"subscribe","payload":${payload}}`);
    return id;
  }

  complete(id: string): void {
    this.socket.send(JSON.stringify({ id, type: 'complete' }));
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
