import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addMillis } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { borrow, deactivate, HEARTBEAT, heartbeat, seatsOf, tryActivate } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { keyed } from '../support/replays.js';
import { type Answer, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let beside: TestServer;
let shop: Shop;
beforeAll(async () => {
  const environment = { LG_OPERATION_SECONDS: '60' };
  server = await startTestServer({ environment });
  beside = await startTestServer({ environment, beside: server });
  shop = await openShop(server);
});
afterAll(async () => {
  await beside?.stop();
  await server?.stop();
});
beforeEach(() => {
  server.now = START;
  beside.now = START;
});

const LEASE = 900_000;
const on = (index: number): TestServer => (index % 2 === 0 ? server : beside);

async function devices(license: Issued, count: number): Promise<string[]> {
  const tokens: string[] = [];
  for (let device = 0; device < count; device += 1) {
    tokens.push(String((await activate(server, license.licenseKey, `d${device}`)).activationToken));
  }
  return tokens;
}

/** So many heartbeats of one device in one request: its roots run one after the other. */
function manyBeats(on: TestServer, token: string, count: number): Promise<Answer> {
  const beats = Array.from(
    { length: count },
    (_, index) =>
      `b${index}: sendHeartbeat(input: { activationToken: $token, metrics: $metrics }) { status }`,
  );
  return on.graphql(`mutation ($token: String!, $metrics: UsageMetricsInput) { ${beats.join(' ')} }`, {
    token,
    metrics: {
      apiCallsCount: 3,
      totalRuntimeHours: 0.5,
      featureUsage: { maps: 2 },
      peakConcurrentUsers: count,
    },
  });
}

const errorsLogged = (): string[] =>
  [...server.logged, ...beside.logged].filter((line) => line.includes('"level":50'));

interface Totals {
  readonly calls: number;
  readonly hours: number;
  readonly maps: number;
}

async function totals(license: Issued): Promise<Totals> {
  const [row] = await server.sql<[Totals]>`
    select sum((usage_metrics->>'api_calls_count')::int)::int as calls,
      sum((usage_metrics->>'total_runtime_hours')::float8) as hours, sum((feature_usage->>'maps')::int)::int as maps
    from license_activations where license_id = ${license.id}`;
  return { calls: Number(row?.calls), hours: Number(row?.hours), maps: Number(row?.maps) };
}

const LANES = 100;
const REQUESTS_A_LANE = 25;
const BEATS_A_REQUEST = 4;

test('10,000 heartbeats of 50 devices, from 100 callers of two servers, add up to the unit', async () => {
  const license = await createLicense(server, shop, { maxActivations: 50 });
  const tokens = await devices(license, 50);
  const lane = async (_: unknown, index: number): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let request = 0; request < REQUESTS_A_LANE; request += 1) {
      answers.push(await manyBeats(on(index + request), tokens[index % 50] ?? '', BEATS_A_REQUEST));
    }
    return answers;
  };

  const answers = await Promise.all(Array.from({ length: LANES }, lane));

  expect(answers.flat().flatMap(({ errors }) => errors)).toEqual([]);
  expect(await totals(license)).toEqual({ calls: 30_000, hours: 5_000, maps: 20_000 });
  expect(errorsLogged()).toEqual([]);
});

test('a heartbeat under one key, sent twenty times at once to two servers, is added once', async () => {
  const license = await createLicense(server, shop);
  const [token] = await devices(license, 1);
  const input = { activationToken: token, metrics: { apiCallsCount: 7, featureUsage: { maps: 1 } } };

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      on(index).graphql(HEARTBEAT, { input }, undefined, keyed('the one')),
    ),
  );

  expect(new Set(answers.map(({ data, errors }) => JSON.stringify({ data, errors }))).size).toBe(1);
  expect(answers[0]?.errors).toEqual([]);
  expect(await totals(license)).toEqual({ calls: 7, hours: 0, maps: 1 });
});

test('heartbeats beside everything else that changes activations: nobody fails, and seats and sums hold', async () => {
  for (let round = 0; round < 3; round += 1) {
    server.now = START;
    beside.now = START;
    const license = await createLicense(server, shop, {
      licenseType: 'CONCURRENT',
      maxActivations: 8,
      maxBorrowHours: 24,
    });
    const tokens = await devices(license, 8);
    server.pass(LEASE);
    beside.pass(LEASE);

    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, index) => {
        const token = tokens[index % 8];
        if (index % 10 === 3) return tryActivate(on(index), license.licenseKey, `d${index % 12}`);
        if (index % 10 === 6) return borrow(on(index + 1), token, 1);
        if (index === 77) return deactivate(on(index), { activationToken: token });
        if (index === 110)
          return on(index).graphql(
            mutation('revokeLicense', '__typename'),
            { input: { licenseId: license.id, reason: 'fraud' } },
            shop.admin,
          );
        return heartbeat(on(index), token, { apiCallsCount: 1 });
      }),
    );

    const codes = new Set(answers.map(({ code }) => code ?? 'done'));
    const mayBe = [
      'done',
      'ACTIVATION_LIMIT_EXCEEDED',
      'LEASE_EXPIRED',
      'LICENSE_REVOKED',
      'ACTIVATION_DEACTIVATED',
      'ACTIVATION_NOT_FOUND',
    ];
    expect([...codes].filter((code) => !mayBe.includes(code))).toEqual([]);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 0, stored: 0, live: 0 });
  }
  expect(errorsLogged()).toEqual([]);
});

test('whoever holds the row of one device keeps no other waiting, and its own heartbeat comes through in the end', async () => {
  const license = await createLicense(server, shop, { maxActivations: 3 });
  const [first, ...others] = await devices(license, 3);
  let free = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  const hash = server.machinery.keys.hash('ACTIVATION_TOKEN', String(first));
  const holding = server.sql.begin(async (transaction) => {
    await transaction`select 1 from license_activations where activation_token_hash = ${hash} for update`;
    await held;
  });

  const waiting = heartbeat(server, first, { apiCallsCount: 1 });
  const answered = await Promise.all(others.map((token) => heartbeat(server, token, { apiCallsCount: 1 })));
  const early = await Promise.race([waiting.then(() => 'answered'), Promise.resolve('waiting')]);
  free();
  await holding;

  expect(answered.flatMap(({ errors }) => errors)).toEqual([]);
  expect(early).toBe('waiting');
  expect((await waiting).errors).toEqual([]);
  expect((await totals(license)).calls).toBe(3);
});

test('a pool of 5 whose 40 devices all come back at once after an outage has 5 of them', async () => {
  const license = await createLicense(server, shop, { licenseType: 'CONCURRENT', maxActivations: 5 });
  const tokens: string[] = [];
  for (let device = 0; device < 40; device += 1) {
    tokens.push(String((await activate(server, license.licenseKey, `d${device}`)).activationToken));
    server.pass(LEASE);
  }
  beside.now = server.now;

  const answers = await Promise.all(tokens.map((token, index) => heartbeat(on(index), token)));

  const codes = answers.map(({ code }) => code ?? 'won').toSorted();
  expect(codes).toEqual([...Array(35).fill('LEASE_EXPIRED'), ...Array(5).fill('won')]);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 5, stored: 5, live: 5 });
});

test('a lease is renewed in its last moment or its seat is given away: never both, by clocks that differ', async () => {
  const outcomes = new Set<string>();
  for (let round = 0; round < 30; round += 1) {
    server.now = START;
    const license = await createLicense(server, shop, { licenseType: 'CONCURRENT', maxActivations: 1 });
    const [token] = await devices(license, 1);
    server.now = addMillis(START, LEASE - 1);
    beside.now = addMillis(START, LEASE);

    const [beat, other] = await Promise.all([
      heartbeat(server, token),
      tryActivate(beside, license.licenseKey, 'other'),
    ]);

    outcomes.add(`${beat.code ?? 'renewed'} ${other.code ?? 'seated'}`);
    expect(await seatsOf(beside, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  }
  const mayBe = ['renewed ACTIVATION_LIMIT_EXCEEDED', 'LEASE_EXPIRED seated'];
  expect([...outcomes].filter((outcome) => !mayBe.includes(outcome))).toEqual([]);
});
