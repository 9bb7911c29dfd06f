import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays } from '../../../src/core/clock.js';
import { memoryStore, verifyOffline } from '../../../src/sdk/client/index.js';
import { actOn } from '../../support/acts.js';
import { newClient } from '../../support/clients.js';
import { createLicense, type Issued, openShop, type Shop } from '../../support/fixtures.js';
import { publishedKeys, revocationsOf, seatsInUse, sign } from '../../support/offline.js';
import { START, startTestServer, type TestServer } from '../../support/server.js';
import { listen } from '../../support/sockets.js';

let server: TestServer;
let shop: Shop;
let url: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  url = (await listen(server)).replace('ws:', 'http:');
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

const features = [{ featureId: 'maps', featureName: 'Maps', limitValue: 3 }];
const licensed = (input: object = {}): Promise<Issued> =>
  createLicense(server, shop, { maxActivations: 1, features, expiryDate: addDays(START, 300), ...input });

test('a device activates once, whoever asks again, and validates by its token', async () => {
  const { licenseKey, id } = await licensed();
  const { client, store } = newClient(server, { url, licenseKey });

  const first = await client.activate();
  const second = await client.activate();
  const verdict = await client.validate({ features: ['maps'] });
  const later = newClient(server, { url, licenseKey, store });

  expect(first).toEqual(second);
  expect(verdict).toMatchObject({ valid: true, code: 'VALID', by: 'SERVER', reasons: [], problem: null });
  expect(verdict.signedAt?.toISOString()).toBe(START);
  expect(verdict.holdsUntil?.toISOString()).toBe('2026-03-01T13:00:00.000Z');
  expect(await later.client.activationId()).toBe(first.ok && first.value.activationId);
  expect(await seatsInUse(server, shop.admin, id)).toBe(1);
});

test('a device for which no seat is left is refused by name, and keeps no token', async () => {
  const { licenseKey, id } = await licensed();
  await newClient(server, { url, licenseKey }).client.activate();
  const { client } = newClient(server, { url, licenseKey, device: { fingerprint: 'another laptop' } });

  const refused = await client.activate();
  const verdict = await client.validate();

  expect(refused).toMatchObject({
    ok: false,
    problem: { kind: 'REFUSED', code: 'ACTIVATION_LIMIT_EXCEEDED' },
  });
  expect(refused).toHaveProperty('problem.remedy', expect.stringContaining('give up seats'));
  expect(await client.activationId()).toBeNull();
  expect(verdict).toMatchObject({ valid: false, code: 'TOO_MANY_DEVICES', by: 'SERVER' });
  expect(verdict.reasons.map(({ code }) => code)).toEqual(['TOO_MANY_DEVICES', 'NOT_ACTIVATED']);
  expect(await seatsInUse(server, shop.admin, id)).toBe(1);
});

test.each([
  ['no-key', 'KEY_MALFORMED'],
  ['AAAA-BBBB-CCCC-DDDD-EEEE', 'NOT_FOUND'],
])('a license key %s is answered with %s', async (licenseKey, code) => {
  const { client } = newClient(server, { url, licenseKey });

  expect(await client.validate()).toMatchObject({ valid: false, code, by: 'SERVER' });
});

test('a refusal of the license is heard by its device, with what would make it pass', async () => {
  const { licenseKey, id } = await licensed();
  const { client } = newClient(server, { url, licenseKey });
  await client.activate();
  await actOn(server, shop.admin, 'suspendLicense', { licenseId: id, reason: 'Unpaid' });

  const verdict = await client.validate();

  expect(verdict).toMatchObject({ valid: false, code: 'LICENSE_SUSPENDED', by: 'SERVER' });
  expect(verdict.reasons[0]?.remedy).toBe('Ask the vendor to reinstate the license.');
});

test('a device is given up once, however often it says so', async () => {
  const { licenseKey, id } = await licensed();
  const { client } = newClient(server, { url, licenseKey });
  await client.activate();

  const given = await client.deactivate({ reason: 'sold' });
  const again = await client.deactivate();

  expect(given).toEqual({ ok: true, value: null });
  expect(again).toMatchObject({ ok: false, problem: { kind: 'NOT_READY', reason: 'NOT_ACTIVATED' } });
  expect(await seatsInUse(server, shop.admin, id)).toBe(0);
});

test('units are drawn once for a key, refused past the limit, and returned once', async () => {
  const { licenseKey } = await licensed();
  const { client } = newClient(server, { url, licenseKey });
  await client.activate();
  const two = [{ featureId: 'maps', amount: 2 }];

  const drawn = await client.consume(two, { idempotencyKey: 'mine' });
  const again = await client.consume(two, { idempotencyKey: 'mine' });
  const over = await client.consume(two);
  const grantId = String(drawn.ok && drawn.value.grantId);
  const returned = [await client.refund({ grantId }), await client.refund({ grantId })];

  expect(drawn).toMatchObject({ ok: true, value: { verdicts: [{ granted: true, limit: 3, used: 2 }] } });
  expect(again).toEqual(drawn);
  expect(over).toMatchObject({ ok: true, value: { verdicts: [{ granted: false, code: 'QUOTA_EXCEEDED' }] } });
  expect(returned).toEqual([
    { ok: true, value: null },
    { ok: true, value: null },
  ]);
  expect(await client.consume([{ featureId: 'maps', amount: 3 }])).toMatchObject({
    ok: true,
    value: { verdicts: [{ granted: true, used: 3 }] },
  });
});

test('a key of no license draws nothing', async () => {
  const { client } = newClient(server, { url, licenseKey: 'AAAA-BBBB-CCCC-DDDD-EEEE' });
  // What earlier questions told is taken down behind their answers.
  await server.machinery.drain.idle();
  const before = await server.count('license_event_logs');

  const drawn = await client.consume([{ featureId: 'maps' }]);

  expect(drawn).toMatchObject({ ok: false, problem: { kind: 'REFUSED', code: 'APPLICATION_UNKNOWN' } });
  await server.machinery.drain.idle();
  expect(await server.count('license_event_logs')).toBe(before);
});

test('a license file holds on its device without a network, encrypted or not, and on no other', async () => {
  const { licenseKey } = await licensed();
  const { client, time } = newClient(server, { url, licenseKey });
  await client.activate();
  await client.publicKeys();

  const taken = await client.checkout({ validDays: 7, encrypted: true });
  const file = taken.ok ? taken.value.licenseFile : '';
  const keys = await publishedKeys(server);
  const facts = { licenseKey, now: new Date(time.now()) };

  expect(await client.verifyFile(file, { features: ['maps'] })).toMatchObject({ valid: true, code: 'VALID' });
  expect(await verifyOffline(file, keys, { ...facts, deviceFingerprint: 'the laptop of Ada' })).toMatchObject(
    {
      valid: true,
    },
  );
  expect(await verifyOffline(file, keys, { ...facts, deviceFingerprint: 'another' })).toMatchObject({
    valid: false,
    code: 'FINGERPRINT_MISMATCH',
  });
  time.pass(8 * 86_400_000);
  expect(await client.verifyFile(file)).toMatchObject({ valid: false, code: 'FILE_EXPIRED' });
  time.wall -= 8 * 86_400_000;
  expect(await client.verifyFile(file)).toMatchObject({ valid: false, code: 'CLOCK_SET_BACK' });
});

test('what a file shows of the time counts for what is held, and what is held for files', async () => {
  const { licenseKey } = await licensed();
  const outage = { holdSeconds: 30 * 86_400 };
  const store = memoryStore();
  const { client, time } = newClient(server, { url, licenseKey, outage, store });
  await client.activate();
  await client.validate();
  const taken = await client.checkout({ validDays: 7 });
  const file = taken.ok ? taken.value.licenseFile : '';
  const away = newClient(server, {
    url: 'http://127.0.0.1:9/graphql',
    licenseKey,
    outage,
    store,
    time,
  }).client;

  time.pass(86_400_000);
  expect(await away.verifyFile(file)).toMatchObject({ valid: true });
  time.wall -= 86_400_000;
  expect(await away.validate()).toMatchObject({ valid: false, code: 'CLOCK_SET_BACK' });
  time.wall += 2 * 86_400_000;
  expect(await away.validate()).toMatchObject({ valid: true, by: 'HELD' });
  time.wall -= 86_400_000;
  expect(await away.verifyFile(file)).toMatchObject({ valid: false, code: 'CLOCK_SET_BACK' });
});

test('of two looks at once the later revocation list stays known, whichever is written last', async () => {
  const [license, lost] = [await licensed(), await licensed()];
  const { client } = newClient(server, { url, licenseKey: license.licenseKey });
  const { client: other } = newClient(server, { url, licenseKey: lost.licenseKey });
  await Promise.all([client.activate(), other.activate()]);
  const [plain, slow] = [await client.checkout(), await client.checkout({ encrypted: true })];
  const [file, slowFile] = [plain, slow].map((taken) => (taken.ok ? taken.value.licenseFile : ''));
  await other.checkout();
  await client.publicKeys();
  const before = await revocationsOf(server, shop.admin.tenant_id);
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: lost.id, reason: 'x' });
  const beside = await startTestServer({ beside: server });
  const after = await revocationsOf(beside, shop.admin.tenant_id);
  await beside.stop();

  const looks = [client.verifyFile(file ?? '', { revocations: after }), client.verifyFile(slowFile ?? '')];

  expect((await Promise.all(looks)).map(({ code }) => code)).toEqual(['VALID', 'VALID']);
  expect(await client.verifyFile(file ?? '', { revocations: before })).toMatchObject({
    code: 'SIGNATURE_INVALID',
  });
});

test('a device without a network asks, is answered, works, and registers when it comes back', async () => {
  const { licenseKey, id } = await licensed();
  const store = memoryStore();
  const trust = await publishedKeys(server);
  const away = newClient(server, { url: 'http://127.0.0.1:9/graphql', licenseKey, store, trust }).client;

  const made = await away.createOfflineRequest();
  const { responseCode } = await sign(server, shop.admin, made.ok ? made.value.text : '');
  const verdict = await away.verifyResponse(String(responseCode));
  const { client } = newClient(server, { url, licenseKey, store, trust });
  const registered = await client.register(String(responseCode));
  const twice = await client.register(String(responseCode));

  expect(verdict).toMatchObject({ ok: true, value: { valid: true, code: 'VALID' } });
  expect(registered).toMatchObject({ ok: true });
  expect(twice).toMatchObject({ ok: false, problem: { reason: 'NO_REQUEST_PENDING' } });
  expect(await client.validate()).toMatchObject({ valid: true, by: 'SERVER' });
  expect(await seatsInUse(server, shop.admin, id)).toBe(1);
});

test('what needs keys, a request or an activation says so without asking anybody', async () => {
  const { client } = newClient(server, { url: 'http://127.0.0.1:9/graphql', licenseKey: 'A' });

  expect(await client.createOfflineRequest()).toMatchObject({ problem: { reason: 'NO_PUBLIC_KEYS' } });
  expect(await client.verifyResponse('x')).toMatchObject({ problem: { reason: 'NO_PUBLIC_KEYS' } });
  expect(await client.register('x')).toMatchObject({ problem: { reason: 'NO_REQUEST_PENDING' } });
  expect(await client.deactivate()).toMatchObject({ problem: { reason: 'NOT_ACTIVATED' } });
  expect(await client.heartbeats().beat()).toMatchObject({ problem: { reason: 'NOT_ACTIVATED' } });
});
