import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, addMillis } from '../../src/core/clock.js';
import { eventsDuring, refused } from '../support/acts.js';
import { deactivate, heartbeat, release, validateKey, validateToken } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { checkout } from '../support/offline.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let license: Issued;

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.now = START;
  license = await createLicense(server, shop, { maxActivations: 5 });
});

const HOUR = 3_600_000;
const valid = { valid: true, code: 'VALID', reasons: [] };
const unknown = { valid: false, code: 'NOT_FOUND', reasons: ['NOT_FOUND'] };

/** Activates the one device so many times, a second apart, and tells the tokens. */
async function tokensOf(times: number): Promise<string[]> {
  const tokens: string[] = [];
  for (let time = 0; time < times; time += 1) {
    const { activationToken } = await activate(server, license.licenseKey, 'device-1');
    tokens.push(String(activationToken));
    server.pass(1000);
  }
  return tokens;
}

function directory(): Promise<number> {
  return server.count('key_directory', `subject_id = '${license.id}' and kind = 'ACTIVATION_TOKEN'`);
}

/** The new token was used, and the answer did not wait for the end of the one before it. */
function retired(token: string | undefined): Promise<void> {
  return expect.poll(() => validateToken(server, token), { interval: 5 }).toEqual(unknown);
}

test('a lost answer strands nobody: the token before serves while the new one is unused', async () => {
  const [first, second] = await tokensOf(2);

  expect(await validateToken(server, first)).toEqual(valid);
  expect((await heartbeat(server, first)).errors).toEqual([]);
  expect(await validateToken(server, first)).toEqual(valid);
  expect(await validateToken(server, second)).toEqual(valid);
});

test('a validation with the new token ends the one before it, and writes no event', async () => {
  const [first, second] = await tokensOf(2);

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    expect(await validateToken(server, second)).toEqual(valid);
    await retired(first);
  });

  expect(events).toEqual([]);
  expect(await validateToken(server, second)).toEqual(valid);
  expect(await directory()).toBe(1);
  await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () => heartbeat(server, first));
});

test('a heartbeat with the new token ends the one before it at once', async () => {
  const [first, second] = await tokensOf(2);

  expect((await heartbeat(server, second)).errors).toEqual([]);

  expect(await validateToken(server, first)).toEqual(unknown);
  expect(await directory()).toBe(1);
});

test.each<[string, (activationToken: unknown) => Promise<unknown>]>([
  ['a release of its seat', (activationToken) => release(server, { activationToken })],
  [
    'a license file that it takes out',
    (activationToken) => checkout(server, { activationToken, deviceFingerprint: 'device-1' }),
  ],
])('%s is a use of the new token, which ends the one before it', async (_, use) => {
  license = await createLicense(server, shop, { licenseType: 'CONCURRENT', maxActivations: 5 });
  const [first, second] = await tokensOf(2);

  await use(second);

  expect(await validateToken(server, first)).toEqual(unknown);
  expect(await directory()).toBe(1);
});

test('a validation and a heartbeat that use the new token at once end the one before it, and neither fails', async () => {
  for (let round = 0; round < 30; round += 1) {
    const [first, second] = await tokensOf(2);

    const [verdict, beat] = await Promise.all([validateToken(server, second), heartbeat(server, second)]);

    expect([verdict, beat.errors]).toEqual([valid, []]);
    await retired(first);
  }
  expect(server.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
});

test('the token before serves for 24 hours at most', async () => {
  const [first, second] = await tokensOf(2);

  server.now = START;
  server.pass(1000 + 24 * HOUR - 1);
  expect(await validateToken(server, first)).toEqual(valid);
  server.pass(1);

  expect(await validateToken(server, first)).toEqual(unknown);
  await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () => heartbeat(server, first));
  await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
    deactivate(server, { activationToken: first }),
  );
  expect(await validateToken(server, second)).toEqual(valid);
});

test('of answers that were lost one after another none strands the device, whichever token it still has', async () => {
  const [first, second, third] = await tokensOf(3);

  expect(await validateToken(server, first)).toEqual(valid);
  expect((await heartbeat(server, first)).errors).toEqual([]);
  expect(await validateToken(server, second)).toEqual(valid);
  await retired(first);
  expect((await heartbeat(server, second)).errors).toEqual([]);
  expect(await directory()).toBe(2);
  expect(await validateToken(server, third)).toEqual(valid);
  await retired(second);
  expect(await directory()).toBe(1);
});

test('a heartbeat with a token in between ends those before it at once, and none behind it', async () => {
  const [first, second, third] = await tokensOf(3);

  expect((await heartbeat(server, second)).errors).toEqual([]);

  expect(await validateToken(server, first)).toEqual(unknown);
  expect((await heartbeat(server, third)).errors).toEqual([]);
  expect(await validateToken(server, second)).toEqual(unknown);
  expect(await directory()).toBe(1);
});

test('each token that was kept through lost answers ends 24 hours after it was replaced', async () => {
  const [first] = await tokensOf(1);
  server.now = addMillis(START, HOUR);
  const [second] = await tokensOf(1);
  server.now = addMillis(START, 2 * HOUR);
  const [third] = await tokensOf(1);

  server.now = addMillis(START, 25 * HOUR - 1);
  expect(await validateToken(server, first)).toEqual(valid);
  server.pass(1);
  expect(await validateToken(server, first)).toEqual(unknown);
  server.now = addMillis(START, 26 * HOUR - 1);
  expect((await heartbeat(server, second)).errors).toEqual([]);
  server.pass(1);

  expect(await validateToken(server, second)).toEqual(unknown);
  await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () => heartbeat(server, second));
  expect(await validateToken(server, third)).toEqual(valid);
});

test('of ten answers that were lost the token that was used serves, and the last four with the newest', async () => {
  const [used] = await tokensOf(1);
  await heartbeat(server, used);
  const lost = await tokensOf(10);

  const served: number[] = [];
  for (const [index, token] of lost.entries()) {
    const [row] = await server.sql`select exists (select from key_directory
      where hash = ${server.machinery.keys.hash('ACTIVATION_TOKEN', token)}) as serves`;
    if (row?.serves === true) served.push(index);
  }

  expect(served).toEqual([6, 7, 8, 9]);
  expect(await directory()).toBe(5);
  expect(await validateToken(server, used)).toEqual(valid);
  expect(await validateToken(server, lost[5])).toEqual(unknown);
  expect(await validateToken(server, lost[9])).toEqual(valid);
});

test('a used token is the one that stays when the device activates again', async () => {
  const [, second] = await tokensOf(2);
  await heartbeat(server, second);

  const [third] = await tokensOf(1);

  expect(await validateToken(server, second)).toEqual(valid);
  expect(await validateToken(server, third)).toEqual(valid);
});

test('the token before gives up the seat as well, and both then name an activation that was ended', async () => {
  const [first, second] = await tokensOf(2);

  const answer = await deactivate(server, { activationToken: first });

  expect(answer.data?.deactivateActivation?.activation?.status).toBe('DEACTIVATED');
  const ended = { valid: false, code: 'ACTIVATION_DEACTIVATED', reasons: ['ACTIVATION_DEACTIVATED'] };
  expect(await validateToken(server, first)).toEqual(ended);
  expect(await validateToken(server, second)).toEqual(ended);
});

test('a token serves its own activation only', async () => {
  const [token] = await tokensOf(1);
  const other = await activate(server, license.licenseKey, 'device-2');

  await deactivate(server, { activationToken: other.activationToken });

  expect(await validateToken(server, token)).toEqual(valid);
  expect(await validateKey(server, license.licenseKey, { deviceFingerprint: 'device-1' })).toEqual(valid);
});

test('a token is not known by its parts, its hash or its mask', async () => {
  const [token = ''] = await tokensOf(1);
  const [row] = await server.sql`select activation_token_hash as hash from license_activations
    where license_id = ${license.id}`;

  for (const guess of [
    token.slice(4),
    token.slice(0, -1),
    `${token}A`,
    token.toUpperCase(),
    row?.hash,
    `act_…${token.slice(-4)}`,
  ]) {
    expect(await validateToken(server, guess), String(guess)).toEqual(unknown);
  }
});

test('a token of a tenant is nothing to the callers of another', async () => {
  const [token] = await tokensOf(1);
  const elsewhere = await server.tenant();

  expect(await validateToken(server, token, {}, elsewhere)).toEqual(unknown);
  expect(await validateToken(server, token, {}, shop.admin)).toEqual(valid);
});

test('a token outlives the expiry of what it was given in, and not the end of grace', async () => {
  license = await createLicense(server, shop, { expiryDate: addDays(START, 1), gracePeriodDays: 1 });
  const [token] = await tokensOf(1);

  server.now = addDays(START, 1);
  expect(await validateToken(server, token)).toEqual({ valid: true, code: 'GRACE_PERIOD', reasons: [] });
  server.now = addDays(START, 2);

  expect(await validateToken(server, token)).toEqual({
    valid: false,
    code: 'LICENSE_SUSPENDED',
    reasons: ['LICENSE_SUSPENDED'],
  });
});
