import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis } from '../../src/core/clock.js';
import { actOn, eventsDuring, refused } from '../support/acts.js';
import { activate, type Issued, type Shop } from '../support/fixtures.js';
import { checkout, OfflineWorld, requestOf, sign, tryCheckout } from '../support/offline.js';
import { START, type TestServer } from '../support/server.js';

let world: OfflineWorld;
let server: TestServer;
let shop: Shop;
let license: Issued;
beforeAll(async () => {
  world = await OfflineWorld.open();
  ({ server, shop, license } = world);
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

describe('checkoutLicenseFile', () => {
  test('is for staff, the customer and the device itself, by id, key, token and request', async () => {
    const own = await world.licensed({ customerId: shop.customerId });
    const { activationToken } = await activate(server, own.licenseKey, 'press');
    const { requestCode } = await requestOf(server, own.licenseKey, { deviceFingerprint: 'press' });
    const customer = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer' as const],
      customer_id: shop.customerId,
    };
    const byId = { licenseId: own.id, deviceFingerprint: 'press' };

    const files = [
      await checkout(server, byId, shop.admin),
      await checkout(server, byId, customer),
      await checkout(server, { licenseKey: own.licenseKey, deviceFingerprint: 'press' }),
      await checkout(server, { activationToken, deviceFingerprint: 'press' }),
      await checkout(server, { requestCode }),
    ];

    for (const { licenseFile } of files) expect((await world.codesOf(String(licenseFile)))[1]).toBe('VALID');
    expect((await tryCheckout(server, byId)).code).toBe('UNAUTHENTICATED');
    expect((await tryCheckout(server, byId, await server.tenant())).code).toBe('LICENSE_NOT_FOUND');
  });

  test('emits one event, and ends with the setting, the days asked for, and the license', async () => {
    const long = await world.licensed({ expiryDate: addDays(START, 400) });
    await activate(server, long.licenseKey, 'press');
    const ends: unknown[] = [];

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      for (const input of [{}, { validDays: 3 }, { validDays: 366, encrypted: true }]) {
        const asked = { licenseKey: long.licenseKey, deviceFingerprint: 'press', ...input };
        ends.push((await checkout(server, asked)).expiresAt);
      }
    });

    expect(ends).toEqual([30, 3, 30].map((days) => addDays(START, days)));
    expect(events.map(({ type, data }) => [type, data.encrypted])).toEqual(
      [false, false, true].map((encrypted) => ['license_file.issued', encrypted]),
    );
  });

  test('of a floating seat ends with its lease, and of one that was kept for a device with that', async () => {
    const floating = await world.licensed({ licenseType: 'CONCURRENT' });
    await activate(server, floating.licenseKey, 'press');
    const kept = await world.licensed({ expiryDate: addDays(START, 300) });
    const { requestCode } = await requestOf(server, kept.licenseKey, { deviceFingerprint: 'press' });
    await sign(server, shop.admin, requestCode);

    const ends = [
      (await checkout(server, { licenseKey: floating.licenseKey, deviceFingerprint: 'press' })).expiresAt,
      (await checkout(server, { requestCode })).expiresAt,
    ];

    expect(ends).toEqual([addMillis(START, 900_000), '2026-03-15T12:10:00.000Z']);
  });

  test('needs a device where devices are counted, and none where they are not', async () => {
    const site = await world.licensed({ licenseModel: 'SITE_LICENSE' });

    const { licenseFile, activation } = await checkout(server, { licenseKey: site.licenseKey });

    expect(activation).toBeNull();
    expect(await world.codesOf(String(licenseFile), { deviceFingerprint: undefined })).toEqual([
      true,
      'VALID',
      [],
    ]);
    await refused(server, shop.admin, 'INVALID_INPUT', () =>
      tryCheckout(server, { licenseKey: license.licenseKey }),
    );
  });

  test.each<[string, Parameters<typeof refused>[2], (own: Issued) => Promise<object>]>([
    [
      'a device that was not activated',
      'ACTIVATION_NOT_FOUND',
      async ({ licenseKey }) => ({ licenseKey, deviceFingerprint: 'new' }),
    ],
    [
      'a token of another device',
      'FINGERPRINT_MISMATCH',
      async ({ licenseKey }) => ({
        activationToken: (await activate(server, licenseKey, 'press')).activationToken,
        deviceFingerprint: 'other',
      }),
    ],
    [
      'a key that is none',
      'INVALID_LICENSE_KEY_FORMAT',
      async () => ({ licenseKey: 'x', deviceFingerprint: 'press' }),
    ],
    ['a request that is none', 'OFFLINE_CODE_INVALID', async () => ({ requestCode: 'x' })],
    ['two ways at once', 'INVALID_INPUT', async ({ licenseKey }) => ({ licenseKey, requestCode: 'x' })],
    ['no way', 'INVALID_INPUT', async () => ({ deviceFingerprint: 'press' })],
  ])('refuses %s with %s and writes nothing', async (_what, code, ask) => {
    const own = await world.licensed();
    const input = await ask(own);

    await refused(server, shop.admin, code, () => tryCheckout(server, input));
  });

  test('refuses a license that was suspended', async () => {
    const own = await world.licensed();
    await activate(server, own.licenseKey, 'press');
    await actOn(server, shop.admin, 'suspendLicense', { licenseId: own.id, reason: 'x' });

    await refused(server, shop.admin, 'LICENSE_SUSPENDED', () =>
      tryCheckout(server, { licenseKey: own.licenseKey, deviceFingerprint: 'press' }),
    );
  });
});
