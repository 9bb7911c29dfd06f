import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, startTestServer, type TestServer } from '../support/server.js';
import { ALLOWING, createEndpoint, openSending, type Sending, sealed } from '../support/webhooks.js';

const ENDPOINTS = 4;
const EVENTS = 250;
const MESSAGES = ENDPOINTS * EVENTS;

let server: TestServer;
let workers: Sending[];
let receiver: FailingReceiver;
beforeAll(async () => {
  server = await startTestServer({ events: true, environment: ALLOWING });
  // An answer that comes later than this was given by a receiver that took the message: on a busy machine it may be late.
  const limits = { connectMillis: 8_000, totalMillis: 8_000 };
  workers = [openSending(server, { limits }), openSending(server, { limits })];
  receiver = await FailingReceiver.start();
});
afterAll(async () => {
  for (const worker of workers) await worker.stop();
  await receiver.stop();
  await server.stop();
});

/** One failure of so many is no answer at all: the sender has to give up by itself, which takes its time; so all early. */
const SILENT = 40;
const SILENT_UNTIL = 240;

/** Every other way to fail that a receiver has once somebody has connected to it. */
const failures: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops'),
  (socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
  (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
  (socket) => socket.end(),
  (socket) => void socket.resetAndDestroy(),
];

/** Takes a message by a 2xx, or fails: three of ten times, in one way after the other. */
class FailingReceiver {
  readonly taken = new Map<string, number>();
  failed = 0;
  #asked = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<FailingReceiver> {
    const listening = createServer();
    const receiver = new FailingReceiver(listening);
    listening.on('connection', (socket) => receiver.#serve(socket));
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('it listens nowhere');
    return `http://127.0.0.1:${address.port}/`;
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket)));
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
    if (this.#asked % 10 < 3) {
      this.failed += 1;
      const isSilent = this.failed % SILENT === 0 && this.failed <= SILENT_UNTIL;
      if (!isSilent) failures[this.failed % failures.length]?.(socket);
      return;
    }
    this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
    socket.end('HTTP/1.1 204 No Content\r\n\r\n');
  }
}

/** So many events at once, as an act of many writes them. */
async function happen(tenantId: string, count: number): Promise<void> {
  await server.sql`with made as (
      insert into license_event_logs (tenant_id, id, event_type, subject_id, event_data, metadata, created_at)
      select ${tenantId}, gen_random_uuid()::text, 'customer.updated', 'C-1001', '{}', '{}', ${server.now}::timestamptz
      from generate_series(1, ${count}) returning tenant_id, id)
    insert into unsealed_events (tenant_id, event_id) select tenant_id, id from made`;
  await sealed(server);
}

test('of 1,000 messages to a receiver that fails three times of ten in every way each arrives, and none again after it was taken', async () => {
  const admin = await server.tenant();
  for (let made = 0; made < ENDPOINTS; made += 1)
    await createEndpoint(server, admin, receiver.url, ['customer.updated']);
  await happen(admin.tenant_id, EVENTS);

  let attempts = 0;
  for (;;) {
    const drained = await Promise.all(workers.map((worker) => worker.drain()));
    attempts += drained.reduce((sum, each) => sum + each, 0);
    const [next] =
      await server.sql`select min(next_attempt_at) as due from webhook_deliveries where status = 'PENDING'`;
    if (next?.due === null || next === undefined) break;
    server.now = at(new Date(next.due).toISOString());
    server.pass(60_000);
  }

  const rows =
    await server.sql`select status, count(*)::int as count from webhook_deliveries group by status`;
  expect(rows.map(({ status, count }) => [status, count])).toEqual([['DELIVERED', MESSAGES]]);
  expect(receiver.taken.size).toBe(MESSAGES);
  expect([...receiver.taken.values()].filter((times) => times > 1)).toEqual([]);
  expect(receiver.failed).toBeGreaterThan(MESSAGES / 3);
  expect(attempts).toBe(MESSAGES + receiver.failed);
  const [kinds] =
    await server.sql`select array_agg(distinct attempt ->> 'error' order by attempt ->> 'error') as errors
    from webhook_deliveries, jsonb_array_elements(attempts) as attempt where attempt ->> 'error' is not null`;
  expect(kinds?.errors).toEqual([
    'CLIENT_ERROR',
    'INVALID_RESPONSE',
    'REDIRECT',
    'RESET',
    'SERVER_ERROR',
    'TIMEOUT',
  ]);
});
