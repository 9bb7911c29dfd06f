/**
 * What it costs to tell one change to 2,000 subscribers of a tenant: `npm run bench -- subscriptions`. Real sockets, held by
 * another process, at the server's own door and at plain graphql-ws (`useServer`, which executes for each) on the same
 * schema, the same feed and the same shared looks; in turns of one run, on a database that writes to disk.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { useServer as serveSockets } from 'graphql-ws/use/ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { permissionsOf } from '../src/access/permissions.js';
import type { TenantId } from '../src/core/id.js';
import { Operation } from '../src/server/operation/operation.js';
import { createSchema } from '../src/server/schema.js';
import { actOn } from '../tests/support/acts.js';
import { createLicense, type Issued, openShop, type Shop } from '../tests/support/fixtures.js';
import { startTestServer, type TestServer } from '../tests/support/server.js';
import { type Durable, openDurable } from './support/durable.js';
import { median, quantile } from './support/figures.js';

const CLIENTS = 2_000;
/** Enough for all code to be compiled before it is measured. */
const WARMING_CLIENTS = 500;
const ROUNDS = 3;
const CHANGES = 10;
/** Whether nobody else had use of this machine when it began. */
const isQuiet = (loadavg()[0] ?? 0) < availableParallelism() / 2;
const query =
  'subscription { licenseChanged { sequence type at license { id status issuedTo expiryDate } } }';

let database: Durable;
let office: TestServer;
let server: TestServer;
let shop: Shop;
let license: Issued;
let plain: Server;
let child: ChildProcess;
const urls: Record<Way, string> = { ours: '', plain: '' };
type Way = 'ours' | 'plain';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** As its documentation has it: a context for each operation, everything else as it comes. */
async function openPlain(): Promise<void> {
  plain = createServer();
  const sockets = new WebSocketServer({ server: plain, path: '/graphql' });
  const actor = {
    kind: 'user',
    subject: 'tester',
    tenantId: shop.admin.tenant_id as TenantId,
    permissions: permissionsOf(['admin'], []),
    expiresAt: null,
  } as const;
  const context = () => new Operation(server.machinery, { actor, requestId: 'bench', address: undefined });
  serveSockets({ schema: createSchema(), context }, sockets);
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  urls.plain = `ws://127.0.0.1:${(plain.address() as AddressInfo).port}/graphql`;
}

beforeAll(async () => {
  database = await openDurable();
  office = await startTestServer({ beside: database });
  const environment = { LG_SOCKETS: '0', LG_SOCKETS_PER_ADDRESS: '0' };
  server = await startTestServer({ beside: office, events: true, environment });
  shop = await openShop(office);
  license = await createLicense(office, shop);
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  urls.ours = `ws://127.0.0.1:${(server.app.server.address() as AddressInfo).port}/graphql`;
  await openPlain();
  child = fork(fileURLToPath(new URL('./support/subscribers.mjs', import.meta.url)), { execArgv: [] });
}, 60_000);

afterAll(async () => {
  child?.disconnect();
  plain?.closeAllConnections();
  plain?.close();
  await server?.stop();
  await office?.stop();
  await database?.end();
});

async function asked<Answer>(order: object): Promise<Answer> {
  const answered = once(child, 'message');
  child.send(order);
  const [message] = await answered;
  return message as Answer;
}

/** What tests keep of every line and statement is not the server's. */
function forgetWords(): void {
  for (const { logged, statements } of [office, server]) {
    (logged as string[]).length = 0;
    statements.length = 0;
  }
}

async function heapUsed(): Promise<number> {
  forgetWords();
  for (let round = 0; round < 3; round += 1) {
    collect();
    await sleep(50);
  }
  return process.memoryUsage().heapUsed;
}

interface Measured {
  /** Microseconds of this process for one delivered message. */
  readonly cpu: number;
  readonly heapKilobytes: number;
  readonly medianMillis: number;
  readonly p99Millis: number;
  /** Kilobytes a client that are left when all have gone. */
  readonly leftKilobytes: number;
}

/** Each change is committed when all have been told the last: their ways do not overlap. */
async function tell(clients: number): Promise<{ readonly micros: number; readonly millis: number[] }> {
  const millis: number[] = [];
  let micros = 0;
  for (let change = 0; change < CHANGES; change += 1) {
    await asked({ want: clients });
    const told = once(child, 'message');
    await actOn(office, shop.admin, 'updateLicense', {
      licenseId: license.id,
      issuedTo: `name ${Math.random()}`,
    });
    const committed = performance.timeOrigin + performance.now();
    const before = process.cpuUsage();
    const [{ received }] = (await told) as [{ received: [number, number][] }];
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
    millis.push(...received.map(([, at]) => at - committed));
  }
  return { micros, millis };
}

async function measure(way: Way, clients = CLIENTS): Promise<Measured> {
  const token = await server.token(shop.admin);
  const readers = () => server.machinery.feed?.readers;
  const empty = await heapUsed();
  await asked({ open: { url: urls[way], token, query, count: clients } });
  await expect.poll(readers, { timeout: 60_000 }).toBe(clients);
  const held = await heapUsed();
  const { micros, millis } = await tell(clients);
  await asked({ close: true });
  await expect.poll(readers, { timeout: 60_000 }).toBe(0);
  const left = await heapUsed();
  return {
    cpu: micros / (clients * CHANGES),
    heapKilobytes: (held - empty) / clients / 1024,
    medianMillis: median(millis),
    p99Millis: quantile(millis, 0.99),
    leftKilobytes: (left - empty) / clients / 1024,
  };
}

test('a change is told to 2,000 subscribers of one tenant', async () => {
  await expect.poll(() => office.count('unsealed_events')).toBe(0);
  const rounds: Record<Way, Measured>[] = [];
  for (const way of ['ours', 'plain'] as const) await measure(way, WARMING_CLIENTS);
  for (let round = 0; round < ROUNDS; round += 1)
    rounds.push({ ours: await measure('ours'), plain: await measure('plain') });

  const of = (way: Way, figure: keyof Measured) => median(rounds.map((round) => round[way][figure]));
  const ratio = (figure: keyof Measured) =>
    median(rounds.map((round) => round.ours[figure] / round.plain[figure]));
  const line = (way: Way) => ({
    'us of CPU a delivery': of(way, 'cpu').toFixed(1),
    'kB of heap a client': of(way, 'heapKilobytes').toFixed(1),
    'median ms': of(way, 'medianMillis').toFixed(1),
    'p99 ms': of(way, 'p99Millis').toFixed(1),
    'kB left a client': of(way, 'leftKilobytes').toFixed(2),
  });
  console.table({ ours: line('ours'), 'graphql-ws': line('plain') });
  console.log(
    `CPU ${ratio('cpu').toFixed(2)}, heap ${ratio('heapKilobytes').toFixed(2)} of graphql-ws as it comes`,
  );
  expect(of('ours', 'leftKilobytes')).toBeLessThan(1);
  expect(ratio('cpu')).toBeLessThanOrEqual(0.5);
  expect(ratio('heapKilobytes')).toBeLessThanOrEqual(0.5);
  expect(of('ours', 'medianMillis')).toBeLessThan(of('plain', 'medianMillis'));
  // On a machine that others use, how long it takes is theirs.
  if (isQuiet) expect(of('ours', 'medianMillis')).toBeLessThanOrEqual(100);
}, 600_000);
