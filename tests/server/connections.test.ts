import type { AddressInfo } from 'node:net';
import { connect as connectTo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { SocketDoor } from '../support/socketDoor.js';

const PER_ADDRESS = 3;
const IN_ALL = 5;

let server: TestServer;
let shop: Shop;
let port: number;
const open: { close(): unknown }[] = [];
beforeAll(async () => {
  server = await startTestServer({
    environment: {
      LG_SOCKETS: String(IN_ALL),
      LG_SOCKETS_PER_ADDRESS: String(PER_ADDRESS),
      LG_TRUSTED_PROXIES: '127.0.0.1',
    },
  });
  shop = await openShop(server);
  const { server: http } = server.app;
  expect({
    requestTimeout: http.requestTimeout,
    headersTimeout: http.headersTimeout,
    keepAliveTimeout: http.keepAliveTimeout,
    timeout: http.timeout,
  }).toEqual({ requestTimeout: 30_000, headersTimeout: 15_000, keepAliveTimeout: 72_000, timeout: 60_000 });
  // The same clockwork, wound up more tightly.
  Object.assign(http, { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  port = (http.address() as AddressInfo).port;
});
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});
afterAll(() => server.stop());

interface Slow {
  readonly socket: Socket;
  /** Everything that came until the server hung up. */
  readonly ended: Promise<string>;
}

/** Says this much at once, then a byte at a time for as long as anybody listens. */
function slow(begin: string, drop: string): Slow {
  const socket = connectTo(port, '127.0.0.1');
  let heard = '';
  socket.write(begin);
  const timer = setInterval(() => socket.write(drop), 20);
  socket.on('data', (data) => {
    heard += data;
  });
  socket.on('error', () => undefined);
  const ended = new Promise<string>((resolve) => {
    socket.once('close', () => {
      clearInterval(timer);
      resolve(heard);
    });
  });
  open.push({ close: () => socket.destroy() });
  return { socket, ended };
}

const head = 'POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n';

test('who sends its headers a byte at a time is cut off', async () => {
  const heard = await slow(head, 'x').ended;

  expect(heard).toMatch(/^HTTP\/1.1 408 /);
  expect(heard).toContain('"code":"REQUEST_TIMEOUT"');
});

test('who sends its body a byte at a time is cut off', async () => {
  const heard = await slow(`${head}content-length: 100000\r\n\r\n{"query": "`, ' ').ended;

  expect(heard).toMatch(/^HTTP\/1.1 408 /);
});

test('others are answered meanwhile', async () => {
  const all = Array.from({ length: 20 }, () => slow(head, 'x'));

  await server.ok('{ viewer { kind } }', {}, shop.admin);

  await Promise.all(all.map(({ ended }) => ended));
});

test('a message that is too long closes its socket, and says so', async () => {
  const door = await SocketDoor.open(server, shop.admin);
  open.push(door);

  door.socket.send(`{"type":"ping","payload":{"long":"${'x'.repeat(1_000_000)}"}}`);

  expect((await door.closed).code).toBe(1009);
});

/** Opens a socket from behind a proxy, and tells how it went. */
async function come(address: string): Promise<'open' | { code: number; reason: string }> {
  const token = await server.token(shop.admin);
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws', {
    headers: { 'x-forwarded-for': address },
  });
  open.push(socket);
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  socket.once('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { token } })));
  const acknowledged = new Promise<'open'>((resolve) => socket.once('message', () => resolve('open')));
  return Promise.race([acknowledged, closed]);
}

const full = (whose: string, limit: number) => ({
  code: 1013,
  reason: `TOO_MANY_SOCKETS: ${whose} has ${limit} sockets open; that is as many as it may.`,
});

test('an address has as many sockets as it may, and one that closes makes room', async () => {
  const told = [];
  for (let at = 0; at < PER_ADDRESS + 1; at += 1) told.push(await come('192.0.2.7'));
  const other = await come('192.0.2.8');
  open.shift()?.close();

  expect(told).toEqual([...Array(PER_ADDRESS).fill('open'), full('Your address', PER_ADDRESS)]);
  expect(other).toBe('open');
  await expect.poll(() => come('192.0.2.7'), { interval: 20 }).toBe('open');
});

test('addresses of one network of IPv6 are one', async () => {
  const told = [];
  for (let at = 0; at < PER_ADDRESS + 1; at += 1) told.push(await come(`2001:db8::${at + 1}`));

  expect(told.at(-1)).toEqual(full('Your address', PER_ADDRESS));
});

test('a server has as many sockets as it may, whoever opens them', async () => {
  // Those of the tests before are closing.
  await expect.poll(() => come('198.51.100.1'), { interval: 20 }).toBe('open');
  await expect
    .poll(
      async () =>
        (await Promise.all(['2', '3', '4', '5', '6'].map((last) => come(`198.51.100.${last}`)))).at(-1),
      {
        interval: 50,
      },
    )
    .toEqual(full('This server', IN_ALL));
});
