import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, createServer as createSecureServer } from 'node:tls';
import type { Resolve } from '../../src/notifications/gateway/addresses.js';
import { certificate, certificateKey, wrongCertificate, wrongCertificateKey } from './certificate.js';

/** One failure of so many is no answer at all: the sender has to give up by itself, which takes its time; so all early. */
const SILENT = 40;
const SILENT_UNTIL = 120;

/** Every other way to fail that a receiver has once somebody has connected to it. Who answers 410 wants no more. */
const failures: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops'),
  (socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  (socket) => socket.end(),
  (socket) => void socket.resetAndDestroy(),
];

const HOST = 'hooks.example.com';
const right = createSecureContext({ cert: certificate, key: certificateKey });
const wrong = createSecureContext({ cert: wrongCertificate, key: wrongCertificateKey });

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** The question as it came, with the mark of an answer and "no such name" (RFC 1035, section 4.1.1). */
function noSuchName(question: Buffer): Buffer {
  const answer = Buffer.from(question);
  answer.writeUInt16BE(0x8183, 2);
  return answer;
}

/** Takes a message by a 2xx, or fails: three of ten times, in one way after the other. */
export class FailingReceiver {
  readonly taken = new Map<string, number>();
  failed = 0;
  #asked = 0;
  #looks = 0;
  #greeted = 0;
  #turnedAway = 0;
  readonly #sockets = new Set<Socket>();
  readonly #plain = createServer();
  readonly #secure = createSecureServer({
    cert: certificate,
    key: certificateKey,
    SNICallback: (_name, answer) => answer(null, this.#greets() ? right : wrong),
  });
  readonly #names = createSocket('udp4');
  readonly #resolver = new Resolver({ timeout: 2_000, tries: 1 });

  private constructor() {
    this.#plain.on('connection', (socket) => this.#serve(socket));
    this.#secure.on('connection', (socket) => this.#keep(socket));
    this.#secure.on('secureConnection', (socket) => this.#serve(socket));
    this.#secure.on('tlsClientError', () => undefined);
    this.#names.on('message', (question, { port }) =>
      this.#names.send(noSuchName(question), port, '127.0.0.1'),
    );
  }

  static async start(): Promise<FailingReceiver> {
    const receiver = new FailingReceiver();
    for (const server of [receiver.#plain, receiver.#secure]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    receiver.#names.bind(0, '127.0.0.1');
    await once(receiver.#names, 'listening');
    receiver.#resolver.setServers([`127.0.0.1:${receiver.#names.address().port}`]);
    return receiver;
  }

  /** Where it fails once somebody has connected to it. */
  get url(): string {
    return `http://127.0.0.1:${portOf(this.#plain)}/`;
  }

  /** Where it fails before that: by its name, its address and its certificate. */
  get secureUrl(): string {
    return `https://${HOST}:${portOf(this.#secure)}/`;
  }

  /** Of ten looks one finds no such name, and one a machine where nobody listens. */
  readonly resolve: Resolve = async (host) => {
    this.#looks += 1;
    if (this.#looks % 10 > 1) return ['127.0.0.1'];
    this.failed += 1;
    return this.#looks % 10 === 1 ? this.#resolver.resolve4(host) : ['127.0.0.2'];
  };

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = [this.#plain, this.#secure].map((server) => once(server.close(), 'close'));
    this.#names.close();
    await Promise.all(closed);
  }

  /** One of nine times as somebody else. */
  #greets(): boolean {
    this.#greeted += 1;
    if (this.#greeted % 9 > 0) return true;
    this.failed += 1;
    return false;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket)));
  }

  #serve(socket: Socket): void {
    this.#keep(socket);
    let text = '';
    let isAnswered = false;
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
      const [head = '', body] = text.split('\r\n\r\n', 2);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      if (isAnswered || body === undefined || Buffer.byteLength(body) < length) return;
      isAnswered = true;
      this.#answer(socket, /webhook-id: (\S+)/i.exec(head)?.[1] ?? '');
    });
  }

  #answer(socket: Socket, id: string): void {
    this.#asked += 1;
    if (!('encrypted' in socket) && this.#asked % 10 < 3) {
      this.failed += 1;
      this.#turnedAway += 1;
      const isSilent = this.#turnedAway % SILENT === 0 && this.#turnedAway <= SILENT_UNTIL;
      if (!isSilent) failures[this.#turnedAway % failures.length]?.(socket);
      return;
    }
    this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
    socket.end('HTTP/1.1 204 No Content\r\n\r\n');
  }
}
