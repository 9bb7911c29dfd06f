import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { waitingLocks } from '../support/rowLocks.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';

const AT_A_TIME = 100;

let server: TestServer;
let url: string;
let shop: Shop;
let raw: RawSocket;

beforeAll(async () => {
  server = await startTestServer({ events: true, environment: { LG_DATABASE_POOL: '2' } });
  url = await listen(server);
  shop = await openShop(server);
});
beforeEach(async () => {
  raw = await RawSocket.as(server, url, shop.admin);
});
afterEach(async () => {
  await raw.hangUp();
  await nothingLeft(server);
});
afterAll(() => server.stop());

const changed = 'subscription { licenseChanged { type license { id issuedTo } } }';
const viewer = '{ viewer { subject } }';
const readers = (): number | undefined => server.machinery.feed?.readers;

function rename(licenseId: string, issuedTo: string) {
  const query = `mutation { updateLicense(input: { licenseId: "${licenseId}", issuedTo: "${issuedTo}" }) { license { id } } }`;
  return server.ok(query, {}, shop.admin);
}

test('of 10,000 subscriptions at once 100 run, the others are refused one by one, and the socket goes on', async () => {
  for (let index = 0; index < 10_000; index += 1) raw.ask(`s${index}`, changed);

  await raw.until(({ id }) => id === 's9999');
  await expect.poll(readers).toBe(AT_A_TIME);

  const refused = raw.heard.filter(({ type }) => type === 'error');
  expect(refused).toHaveLength(10_000 - AT_A_TIME);
  expect(new Set(refused.map(({ payload }) => JSON.stringify(payload)))).toEqual(
    new Set([
      '[{"message":"A socket carries at most 100 operations at a time.","extensions":{"code":"TOO_MANY_SUBSCRIPTIONS"}}]',
    ]),
  );
  raw.send({ type: 'complete', id: 's0' });
  await expect.poll(readers).toBe(AT_A_TIME - 1);
  expect((await raw.answer('after', viewer)).map(({ type }) => type)).toEqual(['next', 'complete']);
});

test('operations that are asked and given up, 5,000 times, never run more than 100 at a time', async () => {
  let most = 0;
  const watching = setInterval(async () => {
    most = Math.max(most, readers() ?? 0);
  }, 1);

  for (let index = 0; index < 5_000; index += 1) {
    raw.ask(`s${index}`, index % 2 === 0 ? changed : '{ licenses { totalCount nodes { id } } }');
    raw.send({ type: 'complete', id: `s${index}` });
  }
  raw.send({ type: 'ping' });
  await raw.until(({ type }) => type === 'pong');
  await expect.poll(readers).toBe(0);
  clearInterval(watching);

  expect(most).toBeLessThanOrEqual(AT_A_TIME);
  expect(raw.heard.filter(({ type }) => type === 'next' || type === 'complete')).toEqual([]);
  // What was given up counts for as long as its statements run.
  let asked = 0;
  const answered = async () => (await raw.answer(`after${asked++}`, viewer)).map(({ type }) => type);
  await expect.poll(answered).toEqual(['next', 'complete']);
});

test('an id that is given up and taken again while it begins is one stream, which ends with its socket', async () => {
  const { id } = await issueLicense(server, shop);
  for (let round = 0; round < 5; round += 1) {
    raw.ask('1', changed);
    raw.send({ type: 'complete', id: '1' });
  }
  raw.ask('1', changed);
  // One of those that were given up may be followed for a moment yet.
  await expect
    .poll(async () => {
      await rename(id, 'to find out');
      return raw.of('1').length;
    })
    .toBeGreaterThan(0);
  await expect.poll(readers).toBe(1);

  await rename(id, 'Bola');
  await raw.until((message) => JSON.stringify(message).includes('Bola'));

  const words = raw.of('1').map(({ type }) => type);
  const renamed = raw.of('1').filter((each) => JSON.stringify(each).includes('Bola'));
  expect(words.filter((type) => type !== 'next')).toEqual([]);
  expect(renamed).toHaveLength(1);
});

test('a query that is given up while it runs says nothing more, and its socket goes on', async () => {
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`lock table customers in access exclusive mode`;
  raw.ask('1', '{ customers { nodes { id } } }');
  await expect.poll(() => waitingLocks(server, "relation = 'customers'::regclass")).toBe(1);

  raw.send({ type: 'complete', id: '1' });
  raw.send({ type: 'ping' });
  await raw.until(({ type }) => type === 'pong');
  await connection`rollback`;
  connection.release();

  expect((await raw.answer('2', viewer)).map(({ type }) => type)).toEqual(['next', 'complete']);
  expect(raw.of('1')).toEqual([]);
});

test('a socket that is gone while its operations begin leaves nothing behind', async () => {
  for (let round = 0; round < 20; round += 1) {
    const gone = await RawSocket.as(server, url, shop.admin);
    for (let index = 0; index < 20; index += 1) gone.ask(`${index}`, index % 3 === 0 ? viewer : changed);
    await gone.hangUp();
  }
  const unanswered = await RawSocket.open(url);
  unanswered.send({ type: 'connection_init', payload: { token: await server.token(shop.admin) } });
  await unanswered.hangUp();

  await raw.hangUp();
  await nothingLeft(server);
});

test('a caller who asks and does not read is not read from either, and the server holds little for him', async () => {
  const { id } = await issueLicense(server, shop);
  const [mine] = [...server.app.websocketServer.clients].slice(-1);
  raw.socket.pause();

  const ping = JSON.stringify({ type: 'ping', payload: { padding: 'x'.repeat(900) } });
  for (let index = 0; index < 60_000; index += 1) raw.send(ping);
  raw.ask('1', '{ viewer { subject } }');
  await expect.poll(() => mine?.isPaused).toBe(true);
  const held = mine?.bufferedAmount ?? 0;

  expect(held).toBeGreaterThan(1_000_000);
  expect(held).toBeLessThan(2_500_000);
  expect(await rename(id, 'Ada')).toMatchObject({ updateLicense: { license: { id } } });
  raw.socket.resume();
  await raw.end('1');
  expect(raw.heard.filter(({ type }) => type === 'pong')).toHaveLength(60_000);
});
