/**
 * What attacks cost: `npm run bench -- limits`. Each document alone, by the processor's time and by the clock; then a
 * server of its own under 64 attackers at a time, and how long somebody else waits for a plain answer meanwhile; for the
 * machine's own part, the same beside as many busy loops as there are processors.
 */
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { cpus } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../src/core/clock.js';
import { type Attack, attacks, bodyOf, times } from '../tests/support/attacks.js';
import { activate, issueLicense, openShop, type Shop } from '../tests/support/fixtures.js';
import { Processes, type ServerProcess } from '../tests/support/processes.js';
import { startTestServer, type TestServer } from '../tests/support/server.js';

const DOCUMENT_LENGTH = 2_000;
const DOCUMENT_MILLIS = 500;
const ATTACKERS = 64;
/** A new process compiles its code while it serves. */
const WARM_MILLIS = 3_000;
const ATTACK_MILLIS = 8_000;
const PLAIN_MILLIS = 250;
const PLAIN_EVERY_MILLIS = 20;
const KEPT_BYTES = 32_000_000;

const licenseFields = 'id licenseKey productName licenseType issuedTo issuedDate createdAt status';

/** The most that is taken: documents within every limit that make the server work hard. */
const hardest: readonly Pick<Attack, 'what' | 'query'>[] = [
  { what: 'introspection', query: getIntrospectionQuery() },
  {
    what: '21 licenses with 100 devices each',
    query: '{ licenses(first: 21) { nodes { activations(first: 100) { nodes { id status } } } } }',
  },
  {
    what: '100 licenses with 16 devices each',
    query: '{ licenses(first: 100) { nodes { activations(first: 16) { nodes { id } } } } }',
  },
  {
    what: '9 pages of 100 licenses',
    query: `{ ${times(9, (at) => `a${at}: licenses(first: 100) { nodes { ${licenseFields} } }`)} }`,
  },
  {
    what: '14 searches',
    query: `{ ${times(14, (at) => `a${at}: licenses(first: 100, filter: {search: "%_${at}"}) { nodes { id } }`)} }`,
  },
  {
    what: '23 counts',
    query: `{ ${times(23, (at) => `a${at}: activations(first: ${at + 1}) { totalCount }`)} }`,
  },
  {
    what: '1,500 refused fields',
    query: `{ licenses(first: 100) { nodes { ${times(15, (at) => `a${at}: advancedAnalytics { __typename }`)} } } }`,
  },
  {
    what: 'fields of all types, 9 times',
    query: `{ __schema { types { ${times(9, (at) => `f${at}: fields { name type { name ofType { name ofType { name } } } args { name type { name } } }`)} } } }`,
  },
  {
    what: 'types of fields of all types',
    query: `{ __schema { types { fields { type { ${times(12, (at) => `a${at}: ofType { fields { name } enumValues { name } }`)} } } } } }`,
  },
  { what: 'one field 400 times', query: `{ licenses { nodes { ${times(400, () => 'id')} } } }` },
  {
    what: 'unknown types',
    query: `query (${times(55, (at) => `$a${at}: LicenseConectionx${at}`)}) { viewer { kind } }`,
  },
  { what: 'unknown fields', query: `{ licenses { nodes { ${times(120, (at) => `productNane${at}`)} } } }` },
];

interface Body {
  readonly what: string;
  readonly body: string;
}

const bodiesOf = (documents: readonly Pick<Attack, 'what' | 'query' | 'variables'>[]): Body[] =>
  documents.map((each) => ({ what: each.what, body: bodyOf(each) }));
const all = bodiesOf([...hardest, ...attacks]);
/** Every body of this length: a long one costs its sender something too. */
const short = all.filter(({ body }) => body.length <= DOCUMENT_LENGTH);

let server: TestServer;
let shop: Shop;
let token: string;
const rows: Record<string, string | number>[] = [];

/** A hundred licenses with a hundred devices each, written by SQL from one of each. */
async function fill(): Promise<void> {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'first');
  const tenantId = shop.admin.tenant_id;
  const copy = async (table: string, own: Readonly<Record<string, string>>, from: string): Promise<void> => {
    const found =
      await server.sql`select column_name as name from information_schema.columns where table_name = ${table}`;
    const names = found.map((row) => String(row.name));
    const values = names.map((name) => own[name] ?? `${table}.${name}`);
    await server.sql.unsafe(
      `insert into ${table} (${names.join(', ')}) select ${values.join(', ')} from ${table}, ${from} where ${table}.tenant_id = '${tenantId}'`,
    );
  };
  await copy(
    'licenses',
    { id: 'gen_random_uuid()', license_key_hash: 'md5(n::text)' },
    'generate_series(1, 99) n',
  );
  const device = {
    id: 'gen_random_uuid()',
    license_id: 'l.id',
    device_fingerprint: "l.id || '-' || n",
    activation_token_hash: "md5(l.id || '-' || n)",
  };
  await copy('license_activations', device, `licenses l, generate_series(1, 100) n`);
  await server.sql`analyze`;
}

beforeAll(async () => {
  server = await startTestServer({ environment: { LG_LOG_LEVEL: 'silent' } });
  // The other server's clock is the system's.
  server.now = instant(Date.now());
  shop = await openShop(server, { maxActivations: 100_000 });
  await fill();
  token = await server.token(shop.admin);
});
afterAll(async () => {
  console.table(rows);
  await server.stop();
});

async function measured(payload: string): Promise<{ status: number; cpu: number; clock: number }> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const before = process.cpuUsage();
  const start = performance.now();
  const { statusCode: status } = await server.app.inject({
    method: 'POST',
    url: '/graphql',
    headers,
    payload,
  });
  const { user, system } = process.cpuUsage(before);
  return { status, cpu: (user + system) / 1000, clock: performance.now() - start };
}

const round = (value: number): number => Math.round(value * 10) / 10;

test(`no document of ${DOCUMENT_LENGTH} characters costs more than ${DOCUMENT_MILLIS} ms`, async () => {
  const seen: Record<string, string | number>[] = [];
  for (const { what, body } of short) {
    const runs = [await measured(body), await measured(body), await measured(body)];
    // The best of three: what else runs on the machine is not the document's.
    const cpu = round(Math.min(...runs.map((run) => run.cpu)));
    const clock = round(Math.min(...runs.map((run) => run.clock)));
    seen.push({
      what,
      characters: body.length,
      status: runs[0]?.status ?? 0,
      'cpu ms': cpu,
      'clock ms': clock,
    });
  }
  rows.push(...seen.sort((left, right) => Number(right['clock ms']) - Number(left['clock ms'])).slice(0, 15));

  expect(seen.filter((row) => Number(row['clock ms']) > DOCUMENT_MILLIS)).toEqual([]);
});

test('what attacks took in memory is given back', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const send = async (): Promise<void> => {
    await Promise.all(all.map(({ body }) => measured(body)));
  };
  await send();
  collect();
  const before = process.memoryUsage().heapUsed;
  let highest = 0;

  for (let run = 0; run < 5; run += 1) {
    await send();
    highest = Math.max(highest, process.memoryUsage().heapUsed);
  }
  collect();

  const after = process.memoryUsage().heapUsed;
  const megabytes = (bytes: number): string => `${round(bytes / 1e6)} MB`;
  rows.push({
    what: 'heap before, at its highest, after',
    'clock ms': [before, highest, after].map(megabytes).join(', '),
  });
  expect(after - before).toBeLessThan(KEPT_BYTES);
});

interface Attacking {
  /** How many documents were answered. */
  stop(): Promise<number>;
}

function attack({ address }: ServerProcess, documents: readonly Body[]): Attacking {
  const workerData = {
    url: `${address}/graphql`,
    bodies: documents.map(({ body }) => body),
    attackers: ATTACKERS,
    authorization: `Bearer ${token}`,
  };
  const worker = new Worker(new URL('attackers.mjs', import.meta.url), { workerData });
  return {
    stop: async () => {
      worker.postMessage('stop');
      const [sent] = await once(worker, 'message');
      await worker.terminate();
      return Number(sent);
    },
  };
}

/** As many threads as there are processors, each as busy as it can be: what the machine makes of a query, not the server. */
function burn(): Attacking {
  const workers = cpus().map(() => new Worker('for (;;) Math.random();', { eval: true }));
  return {
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
      return 0;
    },
  };
}

const agent = new Agent({ keepAlive: true });
const PLAIN = JSON.stringify({ query: '{ licenses(first: 3) { nodes { id status customer { name } } } }' });

function ask({ address }: ServerProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const sent = request(`${address}/graphql`, { method: 'POST', agent, headers }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
    sent.once('error', reject);
    sent.end(PLAIN);
  });
}

/** How long a plain query takes, asked every so often until the time is over. */
async function plain(target: ServerProcess, until: number): Promise<number[]> {
  const millis: number[] = [];
  while (performance.now() < until) {
    const start = performance.now();
    expect(await ask(target)).toBe(200);
    millis.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, PLAIN_EVERY_MILLIS));
  }
  return millis.sort((left, right) => left - right);
}

const mixes: readonly [what: string, begin: (target: ServerProcess) => Attacking][] = [
  ['nobody', () => ({ stop: async () => 0 })],
  [`${cpus().length} busy loops`, burn],
  ['the attacks of the tests', (target) => attack(target, bodiesOf(attacks))],
  [`all of ${DOCUMENT_LENGTH} characters`, (target) => attack(target, short)],
  ['the hardest that are taken', (target) => attack(target, bodiesOf(hardest))],
];

async function measure(
  target: ServerProcess,
  what: string,
  begin: (target: ServerProcess) => Attacking,
): Promise<Record<string, string | number>> {
  const start = performance.now();
  const attacking = begin(target);
  await plain(target, start + WARM_MILLIS);
  const millis = await plain(target, start + WARM_MILLIS + ATTACK_MILLIS);
  const sent = await attacking.stop();
  const at = (share: number): number => round(millis[Math.floor(millis.length * share)] ?? 0);
  return {
    what: `plain query beside ${what}`,
    'attacks a second': round((sent * 1000) / (performance.now() - start)),
    'p50 ms': at(0.5),
    'p95 ms': at(0.95),
    'p99 ms': at(0.99),
    'most ms': round(millis.at(-1) ?? 0),
  };
}

test(`a plain query answers within ${PLAIN_MILLIS} ms beside ${ATTACKERS} documents at a time`, {
  timeout: 300_000,
}, async () => {
  const processes = await Processes.open(server);
  const seen: Record<string, string | number>[] = [];
  try {
    const target = await processes.start();
    for (const [what, begin] of mixes) seen.push(await measure(target, what, begin));
  } finally {
    await processes.end();
    rows.push(...seen);
  }
  expect(seen.filter((row) => Number(row['p99 ms']) > PLAIN_MILLIS)).toEqual([]);
});
