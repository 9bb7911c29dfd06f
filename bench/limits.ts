/**
 * What attacks cost: `npm run bench -- limits`. Each document alone, by the processor's time and by the clock; then a
 * server of its own under 64 attackers at a time, and how long somebody else waits for a plain answer meanwhile.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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
const ATTACK_MILLIS = 10_000;
const PLAIN_MILLIS = 250;
const PLAIN_EVERY_MILLIS = 20;
const KEPT_BYTES = 32_000_000;

const licenseFields = 'id licenseKey productName licenseType issuedTo issuedDate createdAt status metadata';

/** The most that is taken: documents within every limit that make the server work hard. */
const hardest: readonly Pick<Attack, 'what' | 'query'>[] = [
  { what: 'introspection', query: getIntrospectionQuery() },
  {
    what: '26 licenses with 100 devices each',
    query: '{ licenses(first: 26) { nodes { activations(first: 100) { nodes { id status } } } } }',
  },
  {
    what: '100 licenses with 20 devices each',
    query: '{ licenses(first: 100) { nodes { activations(first: 20) { nodes { id } } } } }',
  },
  {
    what: '11 pages of 100 licenses',
    query: `{ ${times(11, (at) => `a${at}: licenses(first: 100) { nodes { ${licenseFields} } }`)} }`,
  },
  {
    what: '19 searches',
    query: `{ ${times(19, (at) => `a${at}: licenses(first: 100, filter: {search: "%_${at}"}) { nodes { id } }`)} }`,
  },
  {
    what: '29 counts',
    query: `{ ${times(29, (at) => `a${at}: activations(first: ${at + 1}) { totalCount }`)} }`,
  },
  {
    what: '2,500 refused fields',
    query: `{ licenses(first: 100) { nodes { ${times(25, (at) => `a${at}: advancedAnalytics { __typename }`)} } } }`,
  },
  {
    what: 'fields of all types, 9 times',
    query: `{ __schema { types { ${times(9, (at) => `f${at}: fields { name type { name ofType { name ofType { name } } } args { name type { name } } }`)} } } }`,
  },
  {
    what: 'types of fields of all types',
    query: `{ __schema { types { fields { type { ${times(12, (at) => `a${at}: ofType { fields { name } enumValues { name } }`)} } } } } }`,
  },
  { what: 'one field 600 times', query: `{ licenses { nodes { ${times(600, () => 'id')} } } }` },
  {
    what: 'unknown types',
    query: `query (${times(55, (at) => `$a${at}: LicenseConectionx${at}`)}) { viewer { kind } }`,
  },
  { what: 'unknown fields', query: `{ licenses { nodes { ${times(120, (at) => `productNane${at}`)} } } }` },
];

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

async function measured(query: string): Promise<{ status: number; cpu: number; clock: number }> {
  const before = process.cpuUsage();
  const start = performance.now();
  const { status } = await server.graphql(query, {}, token);
  const { user, system } = process.cpuUsage(before);
  return { status, cpu: (user + system) / 1000, clock: performance.now() - start };
}

const round = (value: number): number => Math.round(value * 10) / 10;

test(`no document of ${DOCUMENT_LENGTH} characters costs more than ${DOCUMENT_MILLIS} ms`, async () => {
  const short = [...hardest, ...attacks].filter(({ query }) => query.length <= DOCUMENT_LENGTH);
  const seen: Record<string, string | number>[] = [];
  for (const { what, query } of short) {
    const runs = [await measured(query), await measured(query), await measured(query)];
    // The best of three: what else runs on the machine is not the document's.
    const cpu = round(Math.min(...runs.map((run) => run.cpu)));
    const clock = round(Math.min(...runs.map((run) => run.clock)));
    seen.push({
      what,
      characters: query.length,
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
    await Promise.all([...hardest, ...attacks].map(({ query }) => server.graphql(query, {}, token)));
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

/** Sends one document after the other until the time is over; tells how many. */
async function attack(
  target: ServerProcess,
  bodies: readonly string[],
  from: number,
  until: number,
): Promise<number> {
  let sent = 0;
  while (performance.now() < until) {
    const body = bodies[(from + sent) % bodies.length] ?? '';
    await post(target, body);
    sent += 1;
  }
  return sent;
}

async function post({ address }: ServerProcess, body: string): Promise<number> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(`${address}/graphql`, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.status;
}

/** How long a plain query takes, asked every so often until the time is over. */
async function plain(target: ServerProcess, until: number): Promise<number[]> {
  const body = JSON.stringify({ query: '{ licenses(first: 3) { nodes { id status customer { name } } } }' });
  const millis: number[] = [];
  while (performance.now() < until) {
    const start = performance.now();
    expect(await post(target, body)).toBe(200);
    millis.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, PLAIN_EVERY_MILLIS));
  }
  return millis.sort((left, right) => left - right);
}

const short = [...hardest, ...attacks].filter(({ query }) => query.length <= DOCUMENT_LENGTH);
const mixes: readonly [what: string, documents: readonly Pick<Attack, 'query'>[]][] = [
  ['nobody', []],
  ['the attacks of the tests', attacks],
  [`all of ${DOCUMENT_LENGTH} characters`, short],
  ['the hardest that are taken', hardest],
];

test.each(mixes)(
  `a plain query answers within ${PLAIN_MILLIS} ms beside ${ATTACKERS} documents at a time: %s`,
  async (what, documents) => {
    const processes = await Processes.open(server);
    try {
      const target = await processes.start();
      const bodies = documents.map((each) => bodyOf({ ...each, what, code: 'BAD_REQUEST' }));
      const attackers = bodies.length === 0 ? 0 : ATTACKERS;
      const until = performance.now() + WARM_MILLIS + ATTACK_MILLIS;
      const attacking = Array.from({ length: attackers }, (_, at) => attack(target, bodies, at, until));
      await plain(target, performance.now() + WARM_MILLIS);

      const millis = await plain(target, until);

      const sent = (await Promise.all(attacking)).reduce((sum, each) => sum + each, 0);
      const at = (share: number): number => round(millis[Math.floor(millis.length * share)] ?? 0);
      rows.push({
        what: `plain query beside ${what}`,
        'attacks a second': round((sent * 1000) / (WARM_MILLIS + ATTACK_MILLIS)),
        'p50 ms': at(0.5),
        'p95 ms': at(0.95),
        'p99 ms': at(0.99),
        'most ms': round(millis.at(-1) ?? 0),
      });
      expect(at(0.99)).toBeLessThan(PLAIN_MILLIS);
    } finally {
      await processes.end();
    }
  },
);
