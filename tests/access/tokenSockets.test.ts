import { afterAll, beforeAll, expect, test } from 'vitest';
import { Bearers } from '../support/bearers.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';
import { openWorld } from '../support/world.js';

let server: TestServer;
let url: string;
let bearers: Bearers;
beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
  bearers = new Bearers(server, await openWorld(server));
});
afterAll(() => server.stop());

async function closing(authorization: string): Promise<readonly [number, string | undefined]> {
  const socket = await RawSocket.open(url);
  socket.send({ type: 'connection_init', payload: { authorization } });
  const { code, reason } = await socket.closed;
  return [code, reason.split(':')[0]];
}

test('every header that HTTP refuses is refused by a socket with the same code', async () => {
  await server.machinery.drain.idle();
  const before = await server.count('license_event_logs');

  for (const [what, [code, make]] of Object.entries(bearers.headers()))
    expect([what, ...(await closing(await make()))]).toEqual([what, 4401, code]);

  await nothingLeft(server);
  await server.machinery.drain.idle();
  expect(await server.count('license_event_logs')).toBe(before);
});

test('every claim that HTTP refuses is refused by a socket with the same code', async () => {
  for (const [what, [code, make]] of Object.entries(bearers.wrongClaims()))
    expect([what, ...(await closing(`Bearer ${await bearers.signed(make())}`))]).toEqual([what, 4401, code]);

  await nothingLeft(server);
});

test('a token as it should be is let in', async () => {
  const socket = await RawSocket.greeted(url, await bearers.signed());
  const [answer] = await socket.answer('1', '{ viewer { subject } }');
  await socket.hangUp();

  expect(answer?.payload?.data).toEqual({ viewer: { subject: 'ada' } });
});
