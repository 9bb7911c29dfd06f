import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { verifyOfflineResponse } from '../../src/sdk/offline/licenseFile.js';
import type { OfflineDevice } from '../../src/sdk/offline/request.js';
import { eventsDuring, refused } from '../support/acts.js';
import { validateToken } from '../support/devices.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import {
  publishedKeys,
  register,
  requestOf,
  seatsInUse,
  sign,
  signedDevice,
  tryRegister,
  trySign,
} from '../support/offline.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

const licensed = (input: object = {}) =>
  createLicense(server, shop, { expiryDate: addDays(START, 365), maxActivations: 2, ...input });

const facts = (deviceFingerprint: string) => ({ deviceFingerprint, now: new Date(server.now) });
const END = '2026-03-15T12:00:00.000Z';

const seats = (licenseId: string) => seatsInUse(server, shop.admin, licenseId);

const signedFor = (license: { licenseKey: string }, device: Partial<OfflineDevice> = {}) =>
  signedDevice(server, shop.admin, license, device);

const signRefused = (code: RefusalCode, requestCode: string) =>
  refused(server, shop.admin, code, () => trySign(server, shop.admin, requestCode));

const registerRefused = (code: RefusalCode, requestCode: string, responseCode: string) =>
  refused(server, shop.admin, code, () => tryRegister(server, requestCode, responseCode));

describe('a device that cannot connect', () => {
  test('is signed for, checks the response by itself, and is registered with a token', async () => {
    const { id, licenseKey } = await licensed();
    const request = await requestOf(server, licenseKey, { deviceFingerprint: 'press' });

    const signed = await sign(server, shop.admin, request.text);
    const verdict = await verifyOfflineResponse(
      String(signed.responseCode),
      request.pending,
      await publishedKeys(server),
      facts('press'),
    );
    const registered = await register(server, request.requestCode, signed.responseCode);

    expect(signed).toMatchObject({
      expiresAt: END,
      activation: { status: 'ACTIVE', activationType: 'OFFLINE', expiresAt: '2026-03-15T12:10:00.000Z' },
      license: { id },
    });
    expect(verdict).toMatchObject({ valid: true, code: 'VALID', reasons: [], expiresAt: END });
    expect(verdict.license).toMatchObject({ id, productId: shop.productId, maxActivations: 2 });
    expect(registered).toEqual({
      activationToken: expect.stringMatching(/^act_[\w-]{43}$/),
      activation: { ...signed.activation, expiresAt: null },
      license: { id, currentActivations: 1 },
    });
    expect((await activate(server, licenseKey, 'press')).activation?.id).toBe(signed.activation?.id);
  });

  test('leaves events that say what was done, and neither its key nor its codes nor its facts anywhere', async () => {
    const license = await licensed();
    const device = { deviceFingerprint: 'press of room 7', hardwareId: 'serial 4711', user: 'ada' };
    const request = await requestOf(server, license.licenseKey, device);

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      const { responseCode } = await sign(server, shop.admin, request.requestCode);
      await register(server, request.requestCode, responseCode);
    });

    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['activation.created', { activation_type: 'OFFLINE' }],
      ['activation.signed_offline', { expires_at: END }],
      ['activation.renewed', {}],
      ['activation.registered', {}],
    ]);
    const rows = await server.sql`select to_jsonb(t)::text as row from offline_requests t
      union all select to_jsonb(t)::text from license_files t
      union all select to_jsonb(t)::text from license_event_logs t where license_id = ${license.id}`;
    const kept = [...rows.map(({ row }) => String(row)), ...server.logged].join('\n');
    for (const secret of ['press of room 7', 'serial 4711', license.licenseKey, request.requestCode])
      expect(kept).not.toContain(secret);
  });

  test('that has a seat already is signed for it, and takes no second one', async () => {
    const license = await licensed();
    const online = await activate(server, license.licenseKey, 'laptop');

    const { signed, requestCode, responseCode } = await signedFor(license, {
      deviceFingerprint: 'laptop',
    });
    const registered = await register(server, requestCode, responseCode);

    expect(signed.activation).toMatchObject({
      id: online.activation?.id,
      activationType: 'ONLINE',
      expiresAt: null,
    });
    expect(registered.license).toEqual({ id: license.id, currentActivations: 1 });
  });

  test('that connects before it is registered keeps its seat for good, and may still register', async () => {
    const license = await licensed({
      maxActivations: 1,
      expiryDate: addDays(START, 10),
      gracePeriodDays: 30,
    });
    const { signed, requestCode, responseCode } = await signedFor(license, { deviceFingerprint: 'laptop' });

    const online = await activate(server, license.licenseKey, 'laptop');
    const registered = await register(server, requestCode, responseCode);
    server.now = addDays(START, 20);

    expect(online.activation?.id).toBe(signed.activation?.id);
    expect(registered.activation).toMatchObject({ activationType: 'ONLINE', expiresAt: null });
    expect(await validateToken(server, registered.activationToken)).toMatchObject({ code: 'GRACE_PERIOD' });
    expect(await seats(license.id)).toBe(1);
  });

  test('of a trial starts its clock, and holds no longer than it', async () => {
    const trial = await licensed({ licenseType: 'TRIAL', trialPeriodDays: 5, expiryDate: null });

    const { signed } = await signedFor(trial);

    expect(signed.expiresAt).toBe(addDays(START, 5));
  });
});

describe('a request that nobody registers', () => {
  test('ends by time alone, and its seat is free for another device', async () => {
    const license = await licensed({ maxActivations: 1 });
    const first = await signedFor(license, { deviceFingerprint: 'first' });
    const second = await requestOf(server, license.licenseKey);
    await signRefused('ACTIVATION_LIMIT_EXCEEDED', second.requestCode);

    server.now = addMillis(START, 14 * DAY_MILLIS + 600_000);
    const late = await requestOf(server, license.licenseKey, { deviceFingerprint: 'second' });
    const taken = await sign(server, shop.admin, late.requestCode);

    expect(taken.license).toEqual({ id: license.id });
    expect(await seats(license.id)).toBe(1);
    await registerRefused('OFFLINE_CODE_EXPIRED', first.requestCode, first.responseCode);
    const verdict = await verifyOfflineResponse(
      first.responseCode,
      first.pending,
      await publishedKeys(server),
      facts('first'),
    );
    expect([verdict.valid, verdict.code]).toEqual([false, 'FILE_EXPIRED']);
  });

  test('keeps its seat until the last device has stopped to take its response for good', async () => {
    const license = await licensed({ maxActivations: 1 });
    const { responseCode, pending } = await signedFor(license, { deviceFingerprint: 'first' });
    const keys = await publishedKeys(server);
    const verdictAt = async () =>
      (await verifyOfflineResponse(responseCode, pending, keys, facts('first'))).code;

    server.now = addMillis(START, 14 * DAY_MILLIS + 299_000);
    expect([await verdictAt(), await seats(license.id)]).toEqual(['VALID', 1]);
    server.pass(1000);
    expect([await verdictAt(), await seats(license.id)]).toEqual(['FILE_EXPIRED', 1]);
    server.pass(300_000);
    expect([await verdictAt(), await seats(license.id)]).toEqual(['FILE_EXPIRED', 0]);
  });
});

describe('the same request', () => {
  test('gets the same answer, whoever brings it and however it is written, and one seat', async () => {
    const license = await licensed();
    const request = await requestOf(server, license.licenseKey);

    const first = await sign(server, shop.admin, request.requestCode);
    server.pass(DAY_MILLIS);
    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      expect(await sign(server, shop.admin, request.text.replaceAll('\n', '\r\n '))).toEqual(first);
    });

    expect(events).toEqual([]);
    expect(await seats(license.id)).toBe(1);
  });

  test('50 times at once on two servers: one seat, one answer', async () => {
    const license = await licensed({ maxActivations: 1 });
    const { requestCode } = await requestOf(server, license.licenseKey);
    const beside = await startTestServer({ beside: server });

    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => sign(index % 2 ? server : beside, shop.admin, requestCode)),
    );
    await beside.stop();

    expect(new Set(answers.map(({ responseCode }) => responseCode)).size).toBe(1);
    expect(await seats(license.id)).toBe(1);
    expect(await server.count('offline_requests', `license_id = '${license.id}'`)).toBe(1);
    expect(await server.count('license_files', `license_id = '${license.id}'`)).toBe(1);
  });

  test('of 50 devices at once for the last seat on two servers: one is signed, the others are told why', async () => {
    const license = await licensed({ maxActivations: 1 });
    const requests = await Promise.all(
      Array.from({ length: 50 }, () => requestOf(server, license.licenseKey)),
    );
    const beside = await startTestServer({ beside: server });

    const answers = await Promise.all(
      requests.map(({ requestCode }, index) => trySign(index % 2 ? server : beside, shop.admin, requestCode)),
    );
    await beside.stop();

    const codes = answers.map(({ code }) => code ?? 'signed');
    expect(codes.filter((code) => code === 'signed')).toHaveLength(1);
    expect(codes.filter((code) => code === 'ACTIVATION_LIMIT_EXCEEDED')).toHaveLength(49);
    expect(await seats(license.id)).toBe(1);
    expect(await server.count('offline_requests', `license_id = '${license.id}'`)).toBe(1);
  });

  test('registered 20 times at once on two servers gives one token', async () => {
    const license = await licensed();
    const { requestCode, responseCode } = await signedFor(license);
    const beside = await startTestServer({ beside: server });

    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        tryRegister(index % 2 ? server : beside, requestCode, responseCode),
      ),
    );
    await beside.stop();

    const codes = answers.map(({ code }) => code ?? 'registered');
    expect(codes.filter((code) => code === 'registered')).toHaveLength(1);
    expect(codes.filter((code) => code === 'OFFLINE_CODE_USED')).toHaveLength(19);
  });

  test('with an idempotency key is registered once and answered the same again, token and all', async () => {
    const license = await licensed();
    const { requestCode, responseCode } = await signedFor(license);
    const query = `mutation ($input: ActivateOfflineInput!) { activateOffline(input: $input) { activationToken } }`;
    const variables = { input: { requestCode, responseCode } };
    const keyed = { 'idempotency-key': 'courier 1' };

    const first = await server.ok(query, variables, undefined, keyed);
    const again = await server.ok(query, variables, undefined, keyed);

    expect(again).toEqual(first);
    await registerRefused('OFFLINE_CODE_USED', requestCode, responseCode);
  });
});

describe('createOfflineRequest', () => {
  test('makes what the device would make, with instructions, a file and a QR code', async () => {
    const { licenseKey } = await licensed();
    const data = await server.ok(
      `mutation ($input: CreateOfflineRequestInput!) { createOfflineRequest(input: $input) {
        requestCode instructions request { text fileName mediaType qrCode qrCodeProblem } } }`,
      { input: { licenseKey, deviceFingerprint: 'press' } },
    );

    const made = data.createOfflineRequest;
    expect(made?.instructions).toContain('Take the request code');
    expect(made?.request).toMatchObject({
      text: expect.stringMatching(/^-----BEGIN LICENSE REQUEST-----\n/),
      fileName: 'license-request.txt',
      mediaType: 'text/plain; charset=us-ascii',
      qrCode: expect.stringMatching(/^<svg /),
      qrCodeProblem: null,
    });
    expect((await trySign(server, shop.admin, String(made?.requestCode))).code).toBeUndefined();
  });
});
