import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { refused } from '../support/acts.js';
import { tryActivate } from '../support/devices.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { requestOf, signedDevice, tryRegister, trySign } from '../support/offline.js';
import { type Answer, START, startTestServer, type TestServer } from '../support/server.js';

const MOST = 5;
const WINDOW = 600_000;
const environment = { LG_RATE_MISSES_PER_10_MINUTES: String(MOST) };

let server: TestServer;
let beside: TestServer;
let shop: Shop;
let license: Issued;
let foreign: Issued;
let signed: Awaited<ReturnType<typeof signedDevice>>;
beforeAll(async () => {
  server = await startTestServer({ environment });
  beside = await startTestServer({ beside: server, environment });
});
beforeEach(async () => {
  server.now = START;
  beside.now = START;
  shop = await openShop(server);
  license = await createLicense(server, shop, { maxActivations: 50 });
  foreign = await createLicense(server, await openShop(server));
  signed = await signedDevice(server, shop.admin, license);
});
afterAll(async () => {
  await beside.stop();
  await server.stop();
});

type Guess = (on: TestServer) => Promise<Answer>;

const byKey = (key: string, on: TestServer) =>
  on.graphql('query ($k: String!) { licenseByKey(licenseKey: $k) { id } }', { k: key }, shop.admin);
const WRONG = '0000-0000-0000-0000-0000';

const guesses: readonly [string, Guess][] = [
  ['a key that nobody has', (on) => byKey(WRONG, on)],
  ["another tenant's key, looked up", (on) => byKey(foreign.licenseKey, on)],
  [
    "another tenant's key, validated",
    (on) =>
      on.graphql(
        'query ($k: String!) { validateLicenseKey(licenseKey: $k) { code } }',
        { k: foreign.licenseKey },
        shop.admin,
      ),
  ],
  [
    'a token',
    (on) =>
      on.graphql(
        'mutation { sendHeartbeat(input: { activationToken: "act_x" }) { status } }',
        {},
        shop.admin,
      ),
  ],
  [
    'an emergency code',
    (on) => tryActivate(on, license.licenseKey, 'd', { emergencyCode: 'EMG-00000' }, shop.admin),
  ],
  ['a request code', (on) => trySign(on, shop.admin, 'none')],
  ['a response code', (on) => tryRegister(on, signed.requestCode, 'none', shop.admin)],
];

async function counted(): Promise<number> {
  const [row] = await server.sql`select coalesce(sum(hits), 0)::int as hits from rate_limits
    where bucket like ${`missed:${shop.admin.tenant_id}:%`}`;
  return Number(row?.hits);
}

/** Nobody waits for the count: the test does. */
async function guessed(guess: Guess, times: number, on = server): Promise<void> {
  for (let tried = 0; tried < times; tried += 1) {
    const before = await counted();
    await guess(on);
    await expect.poll(counted).toBe(before + 1);
    await on.machinery.drain.idle();
  }
}

describe('whoever is signed in and goes on showing what leads nowhere', () => {
  test.each(guesses)('is counted and refused: %s', async (_what, guess) => {
    await guessed(guess, MOST);

    const error = await refused(server, shop.admin, 'RATE_LIMITED', () => guess(server));

    expect(error.extensions.retryAfterSeconds).toBe(600);
    expect(await counted()).toBe(MOST);
  });

  test('learns nothing of what is right, until the window is over', async () => {
    await guessed((on) => byKey(WRONG, on), MOST);
    const { requestCode } = await requestOf(server, license.licenseKey);

    await refused(server, shop.admin, 'RATE_LIMITED', () => byKey(license.licenseKey, server));
    await refused(server, shop.admin, 'RATE_LIMITED', () => trySign(server, shop.admin, requestCode));
    await refused(server, shop.admin, 'RATE_LIMITED', () =>
      tryActivate(server, license.licenseKey, 'd', {}, shop.admin),
    );
    server.pass(WINDOW);

    expect((await byKey(license.licenseKey, server)).data?.licenseByKey?.id).toBe(license.id);
  });

  test('is refused by another server with the next one there', async () => {
    const guess: Guess = (on) => byKey(WRONG, on);
    await guessed(guess, MOST);

    await guessed(guess, 1, beside);

    await refused(beside, shop.admin, 'RATE_LIMITED', () => byKey(license.licenseKey, beside));
  });

  test('is refused nothing else, and nobody else is refused anything', async () => {
    await guessed((on) => byKey(WRONG, on), MOST);

    const rest = await server.graphql(
      'query ($id: ID!) { license(id: $id) { id } }',
      { id: license.id },
      shop.admin,
    );
    const other = await openShop(server);
    const neighbour = await server.graphql(
      'query ($k: String!) { validateLicenseKey(licenseKey: $k) { code } }',
      { k: WRONG },
      other.admin,
    );
    const device = await tryActivate(server, license.licenseKey, 'field');

    expect([rest.code, neighbour.data?.validateLicenseKey?.code, device.code]).toEqual([
      undefined,
      'NOT_FOUND',
      undefined,
    ]);
  });
});
