import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type HeartbeatOptions,
  memoryStore,
  type Problem,
  type UsageReport,
} from '../../../src/sdk/client/index.js';
import { actOn } from '../../support/acts.js';
import { answering, startBadServer } from '../../support/badServers.js';
import { newClient } from '../../support/clients.js';
import { createLicense, openShop, type Shop } from '../../support/fixtures.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { START, startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

let server: TestServer;
let shop: Shop;
let relay: Relay;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  relay = await startRelay((await listen(server)).replace('ws:', 'http:'));
});
afterAll(async () => {
  await relay.stop();
  await server.stop();
});
beforeEach(() => {
  server.now = START;
  relay.wire = () => 'CARRIES';
});

async function device(options: HeartbeatOptions = {}) {
  const { id, licenseKey } = await createLicense(server, shop, { maxActivations: 50 });
  const store = memoryStore();
  const made = newClient(server, { url: relay.url, licenseKey, store });
  await made.client.activate();
  const problems: Problem[] = [];
  const lost: UsageReport[] = [];
  const onProblem = (problem: Problem): void => void problems.push(problem);
  const onLost = (usage: UsageReport): void => void lost.push(usage);
  const told = { onProblem, onLost, ...options };
  return { ...made, id, licenseKey, problems, lost, heartbeats: made.client.heartbeats(told) };
}

async function metricsOf(licenseId: string): Promise<Record<string, unknown>[]> {
  const rows =
    await server.sql`select usage_metrics as metrics, feature_usage as uses from license_activations
    where license_id = ${licenseId} order by id`;
  return rows.map(({ metrics, uses }) => ({ ...metrics, uses }));
}

/** The loop has sent, heard and planned again when there is a timer again. */
const planned = ({ time }: Awaited<ReturnType<typeof device>>) =>
  expect.poll(() => time.waits.length).toBe(1);

describe('the loop', () => {
  test('beats at once and then at its interval, and stop leaves no timer', async () => {
    const own = await device({ intervalSeconds: 100 });

    own.heartbeats.start();
    own.heartbeats.start();
    expect(own.time.waits).toEqual([0]);
    own.time.pass(0);
    await planned(own);
    const [wait] = own.time.waits;
    const stopped = await own.heartbeats.stop();

    expect(wait).toBe(100_000);
    expect(stopped).toEqual({ ok: true, value: null });
    expect(own.time.waits).toEqual([]);
    expect(own.heartbeats.isRunning).toBe(false);
  });

  test.each([
    [0, 90_000],
    [0.999_999_999, 110_000],
  ])('a chance of %d makes an interval of 100 s one of %d ms', async (chance, millis) => {
    const own = await device({ intervalSeconds: 100 });
    own.time.chance = chance;

    own.heartbeats.start();
    own.time.pass(0);
    await planned(own);

    expect(Math.round(own.time.waits[0] ?? 0)).toBe(millis);
    await own.heartbeats.stop();
  });

  test('rests grow while the server is away, up to a bound, and are forgotten when it is back', async () => {
    const own = await device({ intervalSeconds: 100, mostBackOffSeconds: 6 });
    own.time.chance = 0;
    relay.wire = () => 'CUT';
    const waits: (number | undefined)[] = [];

    own.heartbeats.start();
    for (let round = 0; round < 6; round += 1) {
      own.time.pass(own.time.waits[0] ?? 0);
      await planned(own);
      waits.push(own.time.waits[0]);
    }
    relay.wire = () => 'CARRIES';
    own.time.pass(own.time.waits[0] ?? 0);
    await planned(own);

    expect(waits.map((wait) => Math.round(wait ?? 0))).toEqual([500, 1_000, 2_000, 3_000, 3_000, 3_000]);
    expect(Math.round(own.time.waits[0] ?? 0)).toBe(90_000);
    expect(own.problems.map(({ kind }) => kind)).toEqual(Array(6).fill('OUTAGE'));
    await own.heartbeats.stop();
  });

  test('leaves a server alone for as long as it asks', async () => {
    const { store, licenseKey } = await device();
    const error = { message: 'no', extensions: { code: 'RATE_LIMITED', retryAfterSeconds: 40 } };
    const bad = await startBadServer(answering(JSON.stringify({ errors: [error] })));
    const own = newClient(server, { url: bad.url, licenseKey, store });
    own.time.chance = 0;
    const heartbeats = own.client.heartbeats();

    heartbeats.start();
    own.time.pass(0);
    await expect.poll(() => own.time.waits.length).toBe(1);
    const [wait] = own.time.waits;
    const stopped = await heartbeats.stop();
    await bad.stop();

    expect(wait).toBe(40_500);
    expect(stopped.ok).toBe(true);
    expect(bad.seen.requests).toBe(1);
  });

  test('ends by itself when the activation has ended, and goes on while the license may come back', async () => {
    const own = await device({ intervalSeconds: 100 });
    own.heartbeats.start();
    await actOn(server, shop.admin, 'suspendLicense', { licenseId: own.id, reason: 'Unpaid' });
    own.time.pass(0);
    await planned(own);
    const goesOn = own.heartbeats.isRunning;
    await actOn(server, shop.admin, 'revokeLicense', { licenseId: own.id, reason: 'Fraud' });

    own.time.pass(own.time.waits[0] ?? 0);
    await expect.poll(() => own.heartbeats.isRunning).toBe(false);

    expect(goesOn).toBe(true);
    expect(own.time.waits).toEqual([]);
    expect(own.problems).toMatchObject([{ code: 'LICENSE_SUSPENDED' }, { code: 'LICENSE_REVOKED' }]);
  });
});

describe('metrics', () => {
  test('are added up between heartbeats and told together; stop tells the rest', async () => {
    const own = await device();
    await own.heartbeats.record({ apiCallsCount: 2, featureUsage: { maps: 1 }, peakConcurrentUsers: 4 });
    await own.heartbeats.record({ apiCallsCount: 3, featureUsage: { maps: 2, constructor: 1 } });
    await own.heartbeats.beat();
    await own.heartbeats.record({ apiCallsCount: 5, dataProcessedMb: 1.5, peakConcurrentUsers: 3 });

    await own.heartbeats.stop();

    expect(await metricsOf(own.id)).toMatchObject([
      {
        api_calls_count: 10,
        uses: { maps: 3, constructor: 1 },
        data_processed_mb: 1.5,
        peak_concurrent_users: 4,
      },
    ]);
  });

  test('whose answer was lost are counted once, and what came meanwhile as well, after a start too', async () => {
    const own = await device();
    await own.heartbeats.record({ apiCallsCount: 7 });
    relay.wire = () => 'DROPS_ANSWERS';
    const lost = await own.heartbeats.beat();
    await own.heartbeats.record({ apiCallsCount: 1 });
    const stopped = await own.heartbeats.stop();
    relay.wire = () => 'CARRIES';
    const { store, licenseKey } = own;

    const again = newClient(server, { url: relay.url, licenseKey, store }).client.heartbeats();
    await again.stop();

    expect([lost.ok, stopped.ok]).toEqual([false, false]);
    expect(await metricsOf(own.id)).toMatchObject([{ api_calls_count: 8 }]);
  });

  test('that no server takes are given back to the application, and stand in nobody’s way', async () => {
    const own = await device();
    const names = Array.from({ length: 600 }, (_, index) => [`feature ${index}`, 1]);
    await own.heartbeats.record({ featureUsage: Object.fromEntries(names) });

    const refused = await own.heartbeats.beat();
    await own.heartbeats.record({ apiCallsCount: 1 });
    const taken = await own.heartbeats.beat();

    expect([refused.ok, taken.ok]).toEqual([false, true]);
    expect(own.lost.map(({ featureUsage = {} }) => Object.keys(featureUsage).length)).toEqual([600]);
    expect(await metricsOf(own.id)).toMatchObject([{ api_calls_count: 1 }]);
  });

  test.each([
    [{ apiCallsCount: -1 }],
    [{ apiCallsCount: 0.5 }],
    [{ dataProcessedMb: Number.NaN }],
    [{ featureUsage: { maps: Number.POSITIVE_INFINITY } }],
    [{ peakConcurrentUsers: 1.5 }],
  ])('%j is no report', async (report) => {
    const { client } = newClient(server, { url: relay.url, licenseKey: 'A' });

    await expect(client.heartbeats().record(report)).rejects.toThrow(/^usage: has to be/);
  });

  test('of 50 clients behind a wire that drops answers and connections add up exactly', async () => {
    const { id, licenseKey } = await createLicense(server, shop, { maxActivations: 50 });
    const clients = Array.from({ length: 50 }, (_, index) => {
      const { client } = newClient(server, {
        url: relay.url,
        licenseKey,
        device: { fingerprint: `device ${index}` },
        tries: 1,
      });
      return { client, heartbeats: client.heartbeats() };
    });
    for (const { client } of clients) expect(await client.activate()).toMatchObject({ ok: true });
    let turns = 0;
    let dropped = 0;
    relay.wire = () => {
      turns += 1;
      const wire = (['CARRIES', 'DROPS_ANSWERS', 'CARRIES', 'CUT'] as const)[(turns * 7) % 4] ?? 'CARRIES';
      if (wire !== 'CARRIES') dropped += 1;
      return wire;
    };

    let told = 0;
    for (let round = 1; round <= 4; round += 1) {
      const beats = clients.map(async ({ heartbeats }, index) => {
        await heartbeats.record({ apiCallsCount: round * (index + 1) });
        return heartbeats.beat();
      });
      told += (await Promise.all(beats)).filter(({ ok }) => ok).length;
    }
    relay.wire = () => 'CARRIES';
    const stopped = await Promise.all(clients.map(({ heartbeats }) => heartbeats.stop()));

    const counts = (await metricsOf(id)).map(({ api_calls_count }) => Number(api_calls_count));
    expect(dropped).toBeGreaterThan(50);
    expect(told).toBeLessThan(200);
    expect(stopped.every(({ ok }) => ok)).toBe(true);
    expect(counts.sort((one, other) => one - other)).toEqual(clients.map((_, index) => 10 * (index + 1)));
  });
});
