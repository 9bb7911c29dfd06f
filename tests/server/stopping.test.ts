import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from 'graphql-ws';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { mutation } from '../support/acts.js';
import { ACTIVATE } from '../support/devices.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let processes: Processes;
let token: string;

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  processes = await Processes.open(server);
  token =
    (await server.tokens.signer?.sign(
      { sub: 'tester', ...shop.admin },
      new Date().toISOString() as typeof server.now,
      3600,
    )) ?? '';
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

/** Looks again and again, since another process does it; what it waits for is what the test is about. */
function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  return expect.poll(look, { message: what }).toBe(true);
}

interface Lock {
  release(): Promise<void>;
}

/** Holds a license's row, so that an act on it is under way for as long as the test wants. */
async function holdLicense({ id }: Issued): Promise<Lock> {
  const held = await server.sql.reserve();
  await held`begin`;
  await held`select 1 from licenses where id = ${id} for update`;
  return {
    release: async () => {
      await held`commit`;
      held.release();
    },
  };
}

async function waiting(count = 1): Promise<void> {
  await until(`${count} acts wait for a lock`, async () => {
    const [row] = await server.sql`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return Number(row?.count) === count;
  });
}

const RENAME = mutation('updateLicense', 'license { issuedTo }');

function rename(by: ServerProcess, license: Issued, issuedTo: string): Promise<Answer> {
  return by.graphql(RENAME, { input: { licenseId: license.id, issuedTo } }, token);
}

async function nameOf({ id }: Issued): Promise<unknown> {
  const [row] = await server.sql<postgres.Row[]>`select issued_to from licenses where id = ${id}`;
  return row?.issued_to;
}

const isRefused = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(address);
    const socket = dial(Number(port), hostname, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });

function socketClient(to: ServerProcess, closed: (code: number) => void): Client {
  return createClient({
    url: `${to.address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { token },
    retryAttempts: 0,
    lazy: false,
    on: { closed: (event) => closed((event as { code: number }).code) },
    onNonLazyError: () => undefined,
  });
}

/** One that opens and never answers, also no goodbye. */
async function muteSocket(to: ServerProcess): Promise<Socket> {
  const { hostname, port } = new URL(to.address);
  const socket = dial(Number(port), hostname);
  socket.on('error', () => undefined);
  const lines = ['GET /graphql HTTP/1.1', `host: ${hostname}`, 'connection: upgrade', 'upgrade: websocket'];
  const fields = ['sec-websocket-version: 13', 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=='];
  const protocol = 'sec-websocket-protocol: graphql-transport-ws';
  socket.write([...lines, ...fields, protocol, '\r\n'].join('\r\n'));
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1.1 101 /);
  return socket;
}

function endless(): Promise<Issued> {
  return createLicense(server, shop, { licenseType: 'PERPETUAL' });
}

test('SIGTERM lets nobody new in, and answers and commits the mutation that is under way', async () => {
  const [child, license] = [await processes.start(), await endless()];
  const lock = await holdLicense(license);
  const answer = rename(child, license, 'committed while stopping');
  await waiting();

  child.signal('SIGTERM');
  await until('new connections are refused', () => isRefused(child.address));
  await lock.release();

  expect((await answer).data).toEqual({
    updateLicense: { license: { issuedTo: 'committed while stopping' } },
  });
  expect(await child.exited).toBe(0);
  expect(await nameOf(license)).toBe('committed while stopping');
});

test('every act of a burst that a stop meets was either answered or not done', async () => {
  const child = await processes.start();
  const CREATE = mutation('createReseller', 'reseller { name }');
  const [run] = child.address.split(':').slice(-1);
  const answered: string[] = [];
  const one = async (index: number): Promise<void> => {
    const name = `burst ${run} ${index}`;
    const { data } = await child.graphql(CREATE, { input: { name } }, token);
    if (data?.createReseller?.reseller !== undefined) answered.push(name);
  };
  const burst = Array.from({ length: 120 }, (_, index) => one(index).catch(() => undefined));
  await until('some were answered', () => answered.length > 5);

  child.signal('SIGTERM');
  await Promise.all(burst);

  expect(await child.exited).toBe(0);
  const rows = await server.sql`select name from resellers where name like ${`burst ${run} %`}`;
  expect(answered.toSorted()).toEqual(rows.map(({ name }) => String(name)).toSorted());
});

test('what an answer left to be done behind it is done before the process ends', async () => {
  const [child, license] = [await processes.start(), await endless()];
  const activate = (): Promise<Answer> =>
    child.graphql(ACTIVATE, { input: { licenseKey: license.licenseKey, deviceFingerprint: 'laptop' } });
  await activate();
  const token = (await activate()).data?.activateLicense?.activationToken;
  const previous = async (): Promise<number> =>
    server.count(
      'earlier_tokens',
      `ends_at > now() and activation_id in (select id from license_activations where license_id = '${license.id}')`,
    );
  const lock = await holdLicense(license);

  const verdict = await child.graphql(
    'query ($t: String!) { validateActivation(activationToken: $t) { valid } }',
    {
      t: token,
    },
  );
  await waiting();
  const before = await previous();
  child.signal('SIGTERM');
  await until('new connections are refused', () => isRefused(child.address));
  await lock.release();

  expect(verdict.data).toEqual({ validateActivation: { valid: true } });
  expect(await child.exited).toBe(0);
  expect([before, await previous()]).toEqual([1, 0]);
});

test('sockets are told goodbye: a subscriber at once, one with a mutation under way when it is answered; nothing new begins', async () => {
  const [child, license] = [await processes.start(), await endless()];
  const closed: [string, number][] = [];
  const subscriber = socketClient(child, (code) => closed.push(['subscriber', code]));
  const actor = socketClient(child, (code) => closed.push(['actor', code]));
  const stream = subscriber.iterate({ query: 'subscription { licenseChanged { type } }' });
  // The license may be numbered behind the begin of the stream, which tells of it then.
  const toItsEnd = async (): Promise<void> => {
    for (let next = await stream.next(); next.done !== true; next = await stream.next());
  };
  const ended = toItsEnd().catch((error: unknown) => error);
  const mute = await muteSocket(child);
  const lock = await holdLicense(license);
  const answer = actor
    .iterate({ query: RENAME, variables: { input: { licenseId: license.id, issuedTo: 'by socket' } } })
    .next();
  await waiting();

  child.signal('SIGINT');
  await until('the subscriber is told', () => closed.length === 1);
  const late = actor.iterate({ query: '{ __typename }' }).next();
  await expect(late).rejects.toMatchObject([{ extensions: { code: 'SERVER_STOPPING' } }]);
  await lock.release();

  expect((await answer).value).toMatchObject({
    data: { updateLicense: { license: { issuedTo: 'by socket' } } },
  });
  expect(await child.exited).toBe(0);
  await until('both are told', () => closed.length === 2);
  expect(closed).toEqual([
    ['subscriber', 1001],
    ['actor', 1001],
  ]);
  expect(await ended).toMatchObject({ code: 1001, reason: 'The server is going away' });
  expect(await nameOf(license)).toBe('by socket');
  mute.destroy();
});

test('while a load balancer looks away, /readyz says no and requests are still answered; a second signal hurries', async () => {
  const child = await processes.start({ LG_DRAIN_SECONDS: '60' });
  const ready = async (): Promise<unknown[]> => {
    const response = await fetch(`${child.address}/readyz`);
    return [response.status, await response.json(), response.headers.get('connection')];
  };
  const before = await ready();

  child.signal('SIGTERM');
  await until('it says no', async () => (await ready())[0] === 503);
  const while_ = [await ready(), (await child.graphql('{ __typename }')).data];
  const alive = (await fetch(`${child.address}/healthz`)).status;
  const again = setInterval(() => child.signal('SIGTERM'), 100);
  const code = await child.exited.finally(() => clearInterval(again));

  expect(before).toEqual([200, { status: 'ready' }, 'keep-alive']);
  expect(while_).toEqual([[503, { status: 'stopping' }, 'close'], { __typename: 'Query' }]);
  expect([alive, code]).toEqual([200, 0]);
});

test('what outlasts LG_STOP_SECONDS is cut off and not done, on idle connections, sockets and in the database', async () => {
  const [child, license] = [await processes.start({ LG_STOP_SECONDS: '1' }), await endless()];
  const before = await nameOf(license);
  const agent = new Agent({ keepAlive: true });
  const [response] = await once(get(`${child.address}/healthz`, { agent }), 'response');
  const idleEnded = once(response.socket, 'close');
  response.resume();
  const lock = await holdLicense(license);
  const answer = rename(child, license, 'too late').then(
    () => 'answered',
    () => 'cut off',
  );
  await waiting();

  child.signal('SIGTERM');
  await idleEnded;

  expect(await answer).toBe('cut off');
  expect(await child.exited).toBe(0);
  await lock.release();
  await until('the act has ended', async () => {
    const [row] = await server.sql`select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name = 'licensegraph lg_app'
      and state <> 'idle'`;
    return Number(row?.count) === 0;
  });
  expect(await nameOf(license)).toBe(before);
  agent.destroy();
});

test('the embedded database is shut down with its server, and leaves nothing behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lg-stopping-'));
  const own = { DATABASE_URL: '', LG_DATA_DIR: folder, LG_DEMO: 'false' };
  const child = await processes.start(own);

  child.signal('SIGTERM');

  expect(await child.exited).toBe(0);
  const log = readFileSync(join(folder, 'postgres.log'), 'utf8');
  expect(log.trimEnd().split('\n').at(-1)).toMatch(/database system is shut down$/);
  for (const left of ['postgres/postmaster.pid', 'lock', 'database-url']) {
    expect([left, existsSync(join(folder, left))]).toEqual([left, false]);
  }
  await rm(folder, { recursive: true });
});
