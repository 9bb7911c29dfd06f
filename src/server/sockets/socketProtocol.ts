import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from '@fastify/websocket';
import type { GraphQLFormattedError } from 'graphql';
import {
  CloseCode,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  type Message,
  MessageType,
  parseMessage,
  type SubscribePayload,
} from 'graphql-ws';
import type { Pulse } from './pulse.js';

/** What one `next` carries. */
export interface Result {
  readonly data: Record<string, unknown> | null;
  readonly errors?: readonly GraphQLFormattedError[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** `return` ends it at once, also while a `next` waits. What was written for many comes as its bytes. */
export type Results = Required<Pick<AsyncIterator<Result | Buffer, unknown>, 'next' | 'return'>> & {
  /** A stream: nobody waits for its last word. */
  readonly isEndless: boolean;
};

/** How a socket is closed: a code of the protocol or of RFC 6455, and why. */
export interface Farewell {
  readonly code: number;
  readonly reason: string;
}

/** Who waits for an operation. A controller with its signal would be a kilobyte for each that is followed. */
export interface Waiter {
  readonly isGone: boolean;
  /** Called when nobody waits any more. */
  onGone: (() => void) | undefined;
}

/** An operation as it is handed over, and how many others run on its socket. */
export interface Asking {
  readonly payload: SubscribePayload;
  readonly others: number;
  readonly waiter: Waiter;
}

/** Who answers on a socket. */
export interface Host {
  /** Lets the caller in; what it throws closes the socket. */
  welcome(parameters: Readonly<Record<string, unknown>>): Promise<void>;
  farewell(error: unknown): Farewell;
  /** Answers one operation; what it throws, then or later, ends that operation and not the socket. */
  run(asking: Asking): Promise<Results>;
  told(error: unknown): readonly GraphQLFormattedError[];
  /** The socket is over. */
  left(): void;
}

export interface Timing {
  readonly initMillis: number;
  /** Pings; a peer that does not answer one before the next is gone. */
  readonly pulse: Pulse;
}

/** RFC 6455, section 5.5: a control frame carries 125 bytes, two of them the code. */
const REASON_BYTES = 123;
/** A ping's payload comes back up to here; more would be a way to make the server send what nobody reads. */
const ECHO_LENGTH = 1_000;
/** With more than this unsent, nothing more is read from a caller who does not read. */
const UNSENT_BYTES = 1_000_000;

/** Bytes of ours are UTF-8. */
const AS_TEXT = { binary: false } as const;

/** How often a stop looks whether a socket waits for nothing any more. */
const LOOK_MILLIS = 20;

/** In the words of the protocol's reference implementation: clients print them. */
const WRONG = {
  message: { code: CloseCode.BadRequest, reason: 'Invalid message received' },
  beforeAck: { code: CloseCode.Unauthorized, reason: 'Unauthorized' },
  protocol: { code: CloseCode.SubprotocolNotAcceptable, reason: 'Subprotocol not acceptable' },
  noInit: { code: CloseCode.ConnectionInitialisationTimeout, reason: 'Connection initialisation timeout' },
  secondInit: { code: CloseCode.TooManyInitialisationRequests, reason: 'Too many initialisation requests' },
} as const satisfies Record<string, Farewell>;

function shortened(reason: string): string {
  let cut = reason.slice(0, REASON_BYTES);
  while (Buffer.byteLength(cut) > REASON_BYTES || !cut.isWellFormed()) cut = cut.slice(0, -1);
  return cut;
}

/** The subprotocol of an upgrade: any is accepted, so that whoever speaks another is told by a close code. */
export function chooseProtocol(offered: ReadonlySet<string>): string | false {
  if (offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL)) return GRAPHQL_TRANSPORT_WS_PROTOCOL;
  return [...offered][0] ?? false;
}

/** One operation of a socket, from its subscribe message until nobody waits for it. */
class Running implements Waiter {
  isGone = false;
  onGone: (() => void) | undefined;
  #results: Results | undefined;

  /** Whether its caller waits for an answer; a stream's waits for its beginning only. */
  get isAwaited(): boolean {
    return this.#results?.isEndless !== true;
  }

  /** What it answers; a caller who left while it began wants none of it. */
  follow(results: Results): void {
    this.#results = results;
    if (this.isGone) void this.leave();
  }

  end(): void {
    if (this.isGone) return;
    this.isGone = true;
    this.onGone?.();
    void this.leave();
  }

  /** Gives back what it holds; once or many times is the same. */
  async leave(): Promise<void> {
    await this.#results?.return();
  }
}

/**
 * The server's side of graphql-transport-ws on one socket. The server that graphql-ws brings is not used: an id that
 * is completed and taken again while its first operation still begins ends the second one's bookkeeping there, so that
 * its stream outlives the socket and is counted nowhere; what throws closes the socket; binary frames pass as text.
 */
export class Conversation {
  /** By id, as long as the caller waits for it. */
  readonly #operations = new Map<string, Running>();
  /** Also those that nobody waits for and that still have something to give back. */
  #unsettled = 0;
  #settled: (() => void) | undefined;
  #initTimer: NodeJS.Timeout | undefined;
  #asked = false;
  #welcomed = false;
  #over = false;
  #answersPings = true;

  constructor(
    private readonly socket: WebSocket,
    private readonly host: Host,
    private readonly timing: Timing,
  ) {}

  begin(): void {
    const { socket } = this;
    const { initMillis, pulse } = this.timing;
    this.#initTimer = setTimeout(() => this.close(WRONG.noInit), initMillis).unref();
    pulse.join(this);
    socket.on('message', (data, isBinary) => this.#hear(String(data), isBinary));
    socket.on('pong', () => {
      this.#answersPings = true;
    });
    // A frame that is too long or malformed: `ws` answers it with the code that fits (1009, 1002, 1007) and closes.
    socket.on('error', () => this.#end());
    socket.on('close', () => {
      this.timing.pulse.leave(this);
      this.#end();
    });
    if (socket.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) this.close(WRONG.protocol);
  }

  /** Ends every operation and hangs up. */
  close({ code, reason }: Farewell): void {
    if (this.#over) return;
    this.#end();
    this.socket.resume();
    this.socket.close(code, shortened(reason));
  }

  /** Hangs up as soon as every caller that waits for an answer has it. */
  async closeAnswered(farewell: Farewell): Promise<void> {
    while (!this.#over && [...this.#operations.values()].some(({ isAwaited }) => isAwaited)) {
      await sleep(LOOK_MILLIS);
    }
    this.close(farewell);
  }

  /** When nothing of its operations is left to be done, also of those that nobody waits for. */
  settled(): Promise<void> {
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#settled = resolve;
    });
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#initTimer);
    for (const operation of this.#operations.values()) operation.end();
    this.#operations.clear();
    this.host.left();
  }

  beat(): void {
    if (!this.#answersPings) this.socket.terminate();
    else if (this.socket.readyState === this.socket.OPEN) {
      this.#answersPings = false;
      this.socket.ping();
    }
  }

  #hear(text: string, isBinary: boolean): void {
    if (this.#over) return;
    const message = isBinary ? undefined : messageIn(text);
    const wrong = message === undefined ? WRONG.message : this.#answer(message, text.length);
    if (wrong !== undefined) this.close(wrong);
    else if (this.socket.bufferedAmount > UNSENT_BYTES) this.socket.pause();
  }

  /** Does what a message asks; tells what is wrong with it, which closes the socket. */
  #answer(message: Message, length: number): Farewell | undefined {
    switch (message.type) {
      case MessageType.ConnectionInit:
        return this.#init(message.payload ?? {});
      case MessageType.Subscribe:
        return this.#subscribe(message.id, message.payload);
      case MessageType.Complete:
        this.#operations.get(message.id)?.end();
        this.#operations.delete(message.id);
        return undefined;
      case MessageType.Ping: {
        const echo = message.payload && length <= ECHO_LENGTH ? { payload: message.payload } : {};
        void this.#send({ type: MessageType.Pong, ...echo });
        return undefined;
      }
      case MessageType.Pong:
        return undefined;
      default:
        return WRONG.message;
    }
  }

  #init(parameters: Readonly<Record<string, unknown>>): Farewell | undefined {
    if (this.#asked) return WRONG.secondInit;
    this.#asked = true;
    clearTimeout(this.#initTimer);
    this.#initTimer = undefined;
    const letIn = (): void => {
      this.#welcomed = true;
      void this.#send({ type: MessageType.ConnectionAck });
    };
    const turnAway = (error: unknown): void => this.close(this.host.farewell(error));
    void this.host.welcome(parameters).then(letIn, turnAway);
    return undefined;
  }

  #subscribe(id: string, payload: SubscribePayload): Farewell | undefined {
    if (!this.#welcomed) return WRONG.beforeAck;
    if (this.#operations.has(id)) {
      return { code: CloseCode.SubscriberAlreadyExists, reason: `Subscriber for ${id} already exists` };
    }
    const operation = new Running();
    this.#operations.set(id, operation);
    const others = this.#unsettled;
    this.#unsettled += 1;
    // What was asked is not kept as long as it is followed.
    void this.#follow(id, operation, this.host.run({ payload, others, waiter: operation }));
    return undefined;
  }

  async #follow(id: string, operation: Running, beginning: Promise<Results>): Promise<void> {
    try {
      const results = await beginning;
      operation.follow(results);
      for (;;) {
        const { done, value } = await results.next();
        if (done === true) break;
        // The caller's pace: nothing is asked for before this one is on its way.
        if (operation.isGone) continue;
        const text = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
        await this.#write(nextMessage(id, text));
      }
      await this.#finish(id, operation, { id, type: MessageType.Complete });
    } catch (error) {
      const payload = this.host.told(error);
      await this.#finish(id, operation, { id, type: MessageType.Error, payload });
    } finally {
      await operation.leave();
      this.#unsettled -= 1;
      if (this.#unsettled === 0) this.#settled?.();
    }
  }

  /** The last word of an operation, unless its caller said it; by then the id may be another's. */
  async #finish(id: string, operation: Running, message: object): Promise<void> {
    if (operation.isGone) return;
    this.#operations.delete(id);
    await this.#send(message);
  }

  /** Done when the message is on its way, or nobody is there to take it. */
  #send(message: object): Promise<void> {
    return this.#write(Buffer.from(JSON.stringify(message)));
  }

  #write(text: Buffer): Promise<void> {
    const { socket } = this;
    return new Promise((resolve) => {
      if (socket.readyState !== socket.OPEN) return resolve();
      socket.send(text, AS_TEXT, () => {
        if (socket.isPaused && socket.bufferedAmount <= UNSENT_BYTES) socket.resume();
        resolve();
      });
    });
  }
}

/** A `next` around a payload that many are sent: but for the id the bytes are copied, and made once. */
function nextMessage(id: string, payload: Buffer): Buffer {
  const head = `{"id":${JSON.stringify(id)},"type":"${MessageType.Next}","payload":`;
  const headLength = Buffer.byteLength(head);
  const message = Buffer.allocUnsafe(headLength + payload.length + 1);
  message.write(head);
  payload.copy(message, headLength);
  message.write('}', headLength + payload.length);
  return message;
}

function messageIn(text: string): Message | undefined {
  try {
    return parseMessage(text);
  } catch {
    return undefined;
  }
}
