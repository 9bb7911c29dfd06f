import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { verifyOfflineResponse } from '../../src/sdk/offline/licenseFile.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { publishedKeys, register, requestOf, sign } from '../support/offline.js';
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
});
