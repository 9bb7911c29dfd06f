import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keyRing } from '../../src/core/crypto.js';
import { ACTIVATE, DEACTIVATE, HEARTBEAT, seatsOf } from '../support/devices.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let processes: Processes;
let pair: readonly [ServerProcess, ServerProcess];

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  processes = await Processes.open(server);
  pair = await Promise.all([processes.start(), processes.start()]);
});

afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

/** The processes run on the system's clock: a license without an end is the same to all. */
function endless(input: object = {}): Promise<Issued> {
  return createLicense(server, shop, { licenseType: 'PERPETUAL', ...input });
}

/** Sends the same act so many times at once, every other one to the other process. */
function atOnce(
  count: number,
  query: string,
  input: (index: number) => object,
  of: readonly [ServerProcess, ServerProcess] = pair,
): Promise<Answer[]> {
  const calls = Array.from({ length: count }, (_, index) => {
    const process = index % 2 === 0 ? of[0] : of[1];
    return process.graphql(query, { input: input(index) });
  });
  return Promise.all(calls);
}

async function activateOn(
  process: ServerProcess,
  license: Issued,
  deviceFingerprint: string,
): Promise<string> {
  const answer = await process.graphql(ACTIVATE, {
    input: { licenseKey: license.licenseKey, deviceFingerprint },
  });
  expect(answer.errors).toEqual([]);
  return tokenIn(answer);
}

const codesOf = (answers: readonly Answer[]): unknown[] =>
  answers.map(({ code }) => code ?? 'done').toSorted();
const tokenIn = ({ data }: Answer): string => String(data?.activateLicense?.activationToken);

/** What was done; what was refused is recorded behind the answer, once a minute by each process. */
async function eventsOf(license: Issued): Promise<string[]> {
  const rows = await server.sql`select event_type from license_event_logs
    where license_id = ${license.id} and event_type <> 'access.refused' order by event_type`;
  return rows.map((row) => String(row.event_type));
}

function tokensInDirectory(license: Issued): Promise<number> {
  return server.count('key_directory', `subject_id = '${license.id}' and kind = 'ACTIVATION_TOKEN'`);
}

test('the last seat goes to exactly one of 50 callers on two servers', async () => {
  const license = await endless({ maxActivations: 3 });
  await activateOn(pair[0], license, 'seated-1');
  await activateOn(pair[1], license, 'seated-2');

  const answers = await atOnce(50, ACTIVATE, (index) => ({
    licenseKey: license.licenseKey,
    deviceFingerprint: `device-${index}`,
  }));

  expect(codesOf(answers)).toEqual([...Array(49).fill('ACTIVATION_LIMIT_EXCEEDED'), 'done']);
  const [refused] = answers.flatMap(({ errors }) => errors);
  expect(refused?.extensions).toEqual({
    code: 'ACTIVATION_LIMIT_EXCEEDED',
    verdict: 'TOO_MANY_DEVICES',
    current_activations: 3,
    max_activations: 3,
    remedy: expect.any(String),
  });
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 3, stored: 3, live: 3 });
  expect(await eventsOf(license)).toEqual([...Array(3).fill('activation.created'), 'license.created']);
  expect(await tokensInDirectory(license)).toBe(3);
});

test('one device that 50 callers activate at once on two servers has one activation and one seat', async () => {
  const license = await endless({ maxActivations: 1 });

  const answers = await atOnce(50, ACTIVATE, () => ({
    licenseKey: license.licenseKey,
    deviceFingerprint: 'the-one',
  }));

  expect(codesOf(answers)).toEqual(Array(50).fill('done'));
  expect(new Set(answers.map(({ data }) => data?.activateLicense?.activation?.id)).size).toBe(1);
  expect(new Set(answers.map(tokenIn)).size).toBe(50);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  expect(await eventsOf(license)).toEqual([
    'activation.created',
    ...Array(49).fill('activation.renewed'),
    'license.created',
  ]);
  // The current token, and of those before it, which serve until a later one is used, the first and the last three.
  expect(await tokensInDirectory(license)).toBe(5);
});

test('20 devices that begin a trial at once on two servers begin it once', async () => {
  const license = await createLicense(server, shop, {
    licenseType: 'TRIAL',
    trialPeriodDays: 30,
    maxActivations: 20,
  });

  const answers = await atOnce(20, ACTIVATE, (index) => ({
    licenseKey: license.licenseKey,
    deviceFingerprint: `device-${index}`,
  }));

  expect(codesOf(answers)).toEqual(Array(20).fill('done'));
  expect(await eventsOf(license)).toEqual([
    ...Array(20).fill('activation.created'),
    'license.activated',
    'license.created',
  ]);
  const [row] = await server.sql`select status, current_activations as seats,
    expiry_date - activation_date = interval '30 days' as whole from licenses where id = ${license.id}`;
  expect(row).toEqual({ status: 'ACTIVE', seats: 20, whole: true });
});

test('20 deactivations of one activation at once on two servers free one seat and write one event', async () => {
  const license = await endless({ maxActivations: 2 });
  await activateOn(pair[0], license, 'kept');
  const activationToken = await activateOn(pair[1], license, 'ended');

  const answers = await atOnce(20, DEACTIVATE, (index) => ({ activationToken, reason: `call ${index}` }));

  expect(codesOf(answers)).toEqual(Array(20).fill('done'));
  const reasons = answers.map(({ data }) => data?.deactivateActivation?.activation?.deactivationReason);
  expect(new Set(reasons).size).toBe(1);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  expect(await eventsOf(license)).toEqual([
    'activation.created',
    'activation.created',
    'activation.deactivated',
    'license.created',
  ]);
});

test('60 heartbeats at once on two servers add up to the unit', async () => {
  const license = await endless();
  const activationToken = await activateOn(pair[0], license, 'device');

  const answers = await atOnce(60, HEARTBEAT, (index) => ({
    activationToken,
    metrics: { apiCallsCount: index, featureUsage: { reports: 1 }, peakConcurrentUsers: index },
  }));

  expect(codesOf(answers)).toEqual(Array(60).fill('done'));
  const [row] = await server.sql`select usage_metrics->'api_calls_count' as calls, feature_usage as used,
    usage_metrics->'peak_concurrent_users' as peak from license_activations where license_id = ${license.id}`;
  expect(row).toEqual({ calls: (59 * 60) / 2, used: { reports: 60 }, peak: 59 });
});

test('no server prints a key, a token or what tells a device from others', async () => {
  const license = await endless({ maxActivations: 1 });
  const device = {
    licenseKey: license.licenseKey,
    deviceFingerprint: 'fingerprint-of-nobody-else',
    hardwareId: 'hardware-of-nobody-else',
    macAddress: '0A:1B:2C:3D:4E:5F',
  };
  const [process] = pair;
  const activated = await process.graphql(ACTIVATE, { input: device });
  const activationToken = tokenIn(activated);
  await process.graphql(HEARTBEAT, { input: { activationToken } });

  const refused = [
    await process.graphql(ACTIVATE, { input: { ...device, deviceFingerprint: 'another' } }),
    await process.graphql(ACTIVATE, { input: { ...device, machineName: '\0' } }),
    await process.graphql(ACTIVATE, { input: { ...device, units: 'many' } }),
    await process.graphql(HEARTBEAT, { input: { activationToken, metrics: { apiCallsCount: -1 } } }),
    await process.graphql(`{ validateLicenseKey(licenseKey: ["${license.licenseKey}"]) { valid } }`),
  ];

  expect(refused.map(({ code }) => code)).toEqual([
    'ACTIVATION_LIMIT_EXCEEDED',
    'INVALID_INPUT',
    'BAD_USER_INPUT',
    'INVALID_INPUT',
    'GRAPHQL_VALIDATION_FAILED',
  ]);
  const printed = process.output.join('').toLowerCase();
  const secrets = [activationToken, activationToken.slice(4), ...Object.values(device)];
  const spoken = [...secrets, license.licenseKey.replaceAll('-', ''), '0a-1b-2c-3d-4e-5f', '0a1b2c3d4e5f'];
  expect(printed).toContain('"path":"/graphql"');
  expect(spoken.filter((secret) => printed.includes(secret.toLowerCase()))).toEqual([]);
});

/** So many activations of its devices are committed. */
function activationsOf(license: Issued): Promise<number> {
  return server.count(
    'license_event_logs',
    `license_id = '${license.id}' and event_type in ('activation.created', 'activation.renewed')`,
  );
}

/** Whatever is in the database is whole: rows, directory, events and counts tell the same story. */
async function halvesOf(license: Issued): Promise<Record<string, number>> {
  const [row] = await server.sql<Record<string, number>[]>`
    with devices as (select * from license_activations where license_id = ${license.id}),
      tokens as (select * from key_directory where subject_id = ${license.id} and kind = 'ACTIVATION_TOKEN'),
      made as (select activation_id from license_event_logs
        where license_id = ${license.id} and event_type = 'activation.created')
    select
      (select count(*)::int from devices where activation_token_hash not in (select hash from tokens)) as unknown_tokens,
      (select count(*)::int from tokens where hash not in (select activation_token_hash from devices
        union all select token_hash from earlier_tokens where activation_id in (select id from devices))) as stray_tokens,
      (select count(*)::int from devices where id not in (select activation_id from made)) as untold,
      (select count(*)::int from made where activation_id not in (select id from devices)) as unmade,
      (select abs(current_activations - (select count(*)::int from devices where status = 'ACTIVE'))
        from licenses where id = ${license.id}) as miscounted`;
  return row ?? {};
}

const whole = { unknown_tokens: 0, stray_tokens: 0, untold: 0, unmade: 0, miscounted: 0 };

const LANES = 8;
const DEVICES_A_LANE = 5;

/**
 * Activates devices, old and new, in several lanes that each have their own, freezes the server behind so many answers
 * where an activation is committed and its answer is not sent, kills it there, and tells the last token that it
 * answered to each device. A device uses its token before it asks for another one: of those that nobody has used the
 * rule keeps the newest, and the last that was used.
 */
async function activateUntilKilled(victim: ServerProcess, license: Issued, answers: number) {
  const tokens = new Map<string, string>();
  const before = await activationsOf(license);
  let answered = 0;
  let isOver = false;
  const lane = async (_: unknown, number: number): Promise<void> => {
    for (let turn = 0; !isOver; turn += 1) {
      const deviceFingerprint = `device-${number}-${turn % DEVICES_A_LANE}`;
      const input = { licenseKey: license.licenseKey, deviceFingerprint };
      const answer = await victim.graphql(ACTIVATE, { input }).catch(() => undefined);
      if (answer === undefined) return;
      expect(answer.errors).toEqual([]);
      answered += 1;
      tokens.set(deviceFingerprint, tokenIn(answer));
      const used = { activationToken: tokenIn(answer) };
      expect((await victim.graphql(HEARTBEAT, { input: used }).catch(() => undefined))?.errors ?? []).toEqual(
        [],
      );
    }
  };
  const isBehindCommit = async (): Promise<boolean> => {
    if (answered < answers) return false;
    victim.signal('SIGSTOP');
    const committed = (await activationsOf(license)) - before;
    // What was sent before the freeze is read by the time that another question is answered.
    await activationsOf(license);
    if (committed > answered) return true;
    victim.signal('SIGCONT');
    return false;
  };
  const lanes = Promise.all(Array.from({ length: LANES }, lane));
  await expect
    .poll(isBehindCommit, { interval: 5 })
    .toBe(true)
    .finally(() => {
      isOver = true;
    });
  await victim.kill();
  await lanes;
  return tokens;
}

function busyConnections(): Promise<number> {
  return server.count(
    'pg_stat_activity',
    "datname = current_database() and application_name like 'licensegraph%' and state <> 'idle'",
  );
}

test('a server that is killed behind the commit of an activation leaves nothing half done, nothing locked and every token that it answered', {
  timeout: 120_000,
}, async () => {
  const license = await endless({ maxActivations: LANES * DEVICES_A_LANE + 1 });
  const { hash } = keyRing(server.keys);

  for (const answers of [1, randomInt(2, 30), randomInt(50, 100)]) {
    const victim = await processes.start();
    const tokens = await activateUntilKilled(victim, license, answers);
    await expect.poll(busyConnections, { interval: 10 }).toBe(0);

    expect(await halvesOf(license)).toEqual(whole);
    // What was committed and not answered takes nothing from what was.
    const promised = [...tokens.values()].map((token) => hash('ACTIVATION_TOKEN', token));
    const kept = await server.sql`select hash from key_directory where hash = any(${promised})`;
    expect(promised.length).toBeGreaterThan(0);
    expect(kept).toHaveLength(promised.length);
  }

  await activateOn(pair[0], license, 'after-it-all');
  expect(await halvesOf(license)).toEqual(whole);
  const { live, ...counts } = await seatsOf(server, shop, license);
  expect(counts).toEqual({ graph: live, stored: live });
});
