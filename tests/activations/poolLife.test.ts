import { afterAll, beforeAll, expect, test } from 'vitest';
import { addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { heartbeat, tryActivate } from '../support/devices.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let beside: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  beside = await startTestServer({ beside: server });
  shop = await openShop(server);
});
afterAll(async () => {
  await beside?.stop();
  await server?.stop();
});

const POOL = 5;
const CLIENTS = 50;
const STEP_MILLIS = 3 * 3_600_000;
const LEASE_STEPS = 3;

/** A generator of numbers that one seed says all of. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A program that runs, or has crashed and said nothing; its lease ends at a step that it knows of. */
interface Client {
  readonly name: string;
  token: string | undefined;
  running: boolean;
  leaseEnds: number;
}

async function liveNow(license: Issued): Promise<number> {
  const [row] = await server.sql`select count(*)::int as live from license_activations
    where license_id = ${license.id} and status = 'ACTIVE' and seat_freed_at is null
      and lease_expires_at > ${server.now}::timestamptz`;
  return Number(row?.live);
}

test('a pool of 5 lives two weeks with 50 clients that crash: never more than 5, and time alone brings seats back', async () => {
  const seed = 20_260_301;
  const roll = dice(seed);
  const license = await createLicense(server, shop, {
    licenseType: 'CONCURRENT',
    maxActivations: POOL,
    leaseSeconds: (LEASE_STEPS * STEP_MILLIS) / 1000,
  });
  const clients: Client[] = Array.from({ length: CLIENTS }, (_, index) => ({
    name: `client-${index}`,
    token: undefined,
    running: false,
    leaseEnds: 0,
  }));
  const happened = { crashes: 0, seated: 0, refused: 0, returned: 0 };
  const on = (): TestServer => (roll() < 0.5 ? server : beside);

  const steps = (14 * DAY_MILLIS) / STEP_MILLIS;
  for (let step = 1; step <= steps; step += 1) {
    server.now = addMillis(START, step * STEP_MILLIS);
    beside.now = server.now;
    const freed = clients.filter(({ leaseEnds, running }) => !running && leaseEnds === step);
    happened.returned += freed.length;
    const running = clients.filter((client) => client.running);
    const [crashing, beating] = [running.filter(() => roll() < 0.2), [] as Client[]];
    for (const client of crashing) client.running = false;
    happened.crashes += crashing.length;
    beating.push(...running.filter((client) => client.running));

    const beats = await Promise.all(beating.map(({ token }) => heartbeat(on(), token, { apiCallsCount: 1 })));
    for (const client of beating) client.leaseEnds = step + LEASE_STEPS;
    const held = clients.filter(({ leaseEnds }) => leaseEnds > step).length;
    const wanting = clients.filter((client) => !client.running && client.leaseEnds <= step && roll() < 0.1);
    const seats = await Promise.all(wanting.map(({ name }) => tryActivate(on(), license.licenseKey, name)));
    const seated = wanting.filter((client, index) => {
      const answer = seats[index];
      if (answer === undefined || answer.code !== undefined) return false;
      client.token = String(answer.data?.activateLicense?.activationToken);
      client.running = true;
      client.leaseEnds = step + LEASE_STEPS;
      return true;
    });

    const refused = seats.flatMap(({ code }) => code ?? []);
    expect(
      beats.flatMap(({ errors }) => errors),
      `seed ${seed}, step ${step}`,
    ).toEqual([]);
    expect([...new Set(refused)].filter((code) => code !== 'ACTIVATION_LIMIT_EXCEEDED')).toEqual([]);
    expect(seated.length, `seed ${seed}, step ${step}`).toBe(Math.min(wanting.length, POOL - held));
    expect(await liveNow(license)).toBe(held + seated.length);
    expect(held + seated.length).toBeLessThanOrEqual(POOL);
    happened.seated += seated.length;
    happened.refused += refused.length;
  }

  expect(happened.crashes).toBeGreaterThan(50);
  expect(happened.returned).toBeGreaterThan(50);
  expect(happened.refused).toBeGreaterThan(50);
  expect(happened.seated).toBeGreaterThan(50);
  server.now = addMillis(server.now, LEASE_STEPS * STEP_MILLIS);
  expect(await liveNow(license)).toBe(0);
});
