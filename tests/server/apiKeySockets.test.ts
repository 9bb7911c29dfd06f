import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addMillis } from '../../src/core/clock.js';
import { REVOKED_POLL_MILLIS } from '../../src/server/callers/apiKeyHolders.js';
import { createApiKey, type MadeKey, revokeApiKey } from '../support/apiKeys.js';
import { type Claims, START, startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';

let server: TestServer;
let beside: TestServer;
let [url, besideUrl] = ['', ''];
let admin: Claims;
beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
  // Its timers are the test's: nothing is looked at before the test says so.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  beside = await startTestServer({ events: true, beside: server });
  vi.useRealTimers();
  besideUrl = await listen(beside);
});
beforeEach(async () => {
  server.now = START;
  admin = await server.tenant();
});
afterEach(async () => {
  for (const each of [server, beside]) {
    for (const client of each.app.websocketServer.clients) client.terminate();
    await nothingLeft(each);
    expect(each.machinery.keyHolders.keys).toBe(0);
  }
});
afterAll(async () => {
  await beside.stop();
  await server.stop();
});

const REVOKED = { code: 4403, reason: 'API_KEY_REVOKED: The API key was revoked; use another.' };
const stream = 'subscription { licenseChanged { type } }';
const granted = { permissions: ['license.read', 'viewer.read'] };

/** A socket with a stream that the key opened. */
async function streaming(address: string, { secret }: MadeKey): Promise<RawSocket> {
  const socket = await RawSocket.greeted(address, secret);
  socket.ask('stream', stream);
  await socket.answer('viewer', '{ viewer { kind } }');
  return socket;
}

test('a key opens a socket and asks as itself', async () => {
  const key = await createApiKey(server, admin, granted);
  const socket = await RawSocket.greeted(url, key.secret);

  const [answer] = await socket.answer('1', '{ viewer { kind subject } }');

  expect(answer?.payload?.data).toEqual({ viewer: { kind: 'service', subject: `api_key:${key.id}` } });
});

test('a revoked key loses its sockets on the server that revokes it before that answers, and no other does', async () => {
  const key = await createApiKey(server, admin, granted);
  const kept = await createApiKey(server, admin, granted);
  const sockets = [await streaming(url, key), await streaming(url, key)];
  const other = await streaming(url, kept);

  await revokeApiKey(server, admin, key.id);
  const holders = server.machinery.keyHolders.keys;

  expect(holders).toBe(1);
  for (const { closed } of sockets) expect(await closed).toEqual(REVOKED);
  expect((await other.answer('2', '{ viewer { kind } }'))[0]?.payload?.errors).toBe(undefined);
});

test('a revoked key loses its sockets on other servers at a word from the one that revoked it', async () => {
  const key = await createApiKey(server, admin, granted);
  const socket = await streaming(besideUrl, key);
  beside.statements.length = 0;

  await revokeApiKey(server, admin, key.id);

  expect(await socket.closed).toEqual(REVOKED);
  expect(beside.statements.filter((text) => text.startsWith('select "id" from "api_keys"'))).toEqual([]);
});

test('without a word it loses them at the next look', async () => {
  const [key, kept] = [
    await createApiKey(server, admin, granted),
    await createApiKey(server, admin, granted),
  ];
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const third = await startTestServer({ events: true, beside: server });
  const address = await listen(third);
  const [socket, other] = [await streaming(address, key), await streaming(address, kept)];
  await server.sql`update api_keys set revoked_at = now() where id = ${key.id}`;

  vi.advanceTimersByTime(REVOKED_POLL_MILLIS);
  const closed = await socket.closed;
  const open = third.machinery.keyHolders.keys;
  await other.hangUp();
  vi.useRealTimers();
  await third.stop();

  expect([closed, open]).toEqual([REVOKED, 1]);
  expect(REVOKED_POLL_MILLIS).toBeLessThanOrEqual(5000);
});

test('a revocation that is rolled back ends nothing', async () => {
  const key = await createApiKey(server, admin, granted);
  const socket = await streaming(url, key);
  const query = `mutation ($id: ID!) { revokeApiKey(input: { apiKeyId: $id }) { apiKey { events { totalCount } } } }`;

  const { code } = await server.graphql(
    query,
    { id: key.id },
    {
      tenant_id: admin.tenant_id,
      permissions: ['api_key.revoke'],
    },
  );

  expect(code).toBe('FORBIDDEN');
  expect((await socket.answer('2', '{ viewer { kind } }'))[0]?.payload?.errors).toBe(undefined);
});

test('a key that ends takes its sockets with it', async () => {
  const key = await createApiKey(server, admin, { ...granted, expiresAt: addMillis(START, 500) });
  const socket = await streaming(url, key);
  server.pass(500);

  expect(await socket.closed).toEqual({
    code: 4403,
    reason: 'API_KEY_EXPIRED: The API key has expired; use another.',
  });
});

test('keys that open nothing are told why', async () => {
  const revoked = await createApiKey(server, admin);
  await revokeApiKey(server, admin, revoked.id);
  const expired = await createApiKey(server, admin, { expiresAt: addMillis(START, 1) });
  server.pass(1);
  const closing = async (token: string) => {
    const socket = await RawSocket.open(url);
    socket.send({ type: 'connection_init', payload: { token } });
    const { code, reason } = await socket.closed;
    return [code, reason.split(':')[0]];
  };

  expect(await closing(revoked.secret)).toEqual([4403, 'API_KEY_REVOKED']);
  expect(await closing(expired.secret)).toEqual([4403, 'API_KEY_EXPIRED']);
  expect(await closing(`lgk_${'0'.repeat(43)}`)).toEqual([4401, 'API_KEY_INVALID']);
});
