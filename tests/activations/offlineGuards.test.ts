import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { verifyLicenseFile, verifyOfflineResponse } from '../../src/sdk/offline/licenseFile.js';
import { refused } from '../support/acts.js';
import { tryActivate } from '../support/devices.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { blacklistDevice } from '../support/guarding.js';
import {
  checkout,
  publishedKeys,
  register,
  requestOf,
  revocationsOf,
  seatsInUse,
  sign,
  signedDevice,
  tryCheckout,
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

const licensed = (input: object = {}) =>
  createLicense(server, shop, { expiryDate: addDays(START, 365), maxActivations: 5, ...input });

test('a device that was shut out is not signed for, not registered, gets no file, and the list ends those it has', async () => {
  const license = await licensed();
  const asked = { licenseKey: license.licenseKey, deviceFingerprint: 'stolen' };
  const signed = await signedDevice(server, shop.admin, license, asked);
  const { licenseFile } = await checkout(server, asked);
  const { requestCode } = await requestOf(server, license.licenseKey, asked);

  await blacklistDevice(server, shop.admin, 'stolen');

  await refused(server, shop.admin, 'DEVICE_BLACKLISTED', () => trySign(server, shop.admin, requestCode));
  await refused(server, shop.admin, 'DEVICE_BLACKLISTED', () => tryCheckout(server, asked));
  await refused(server, shop.admin, 'OFFLINE_CODE_USED', () =>
    tryRegister(server, signed.requestCode, signed.responseCode),
  );
  const { code, reasons } = await verifyLicenseFile(String(licenseFile), await publishedKeys(server), {
    deviceFingerprint: 'stolen',
    now: new Date(server.now),
    revocations: await revocationsOf(server, shop.admin.tenant_id),
  });
  expect([code, reasons.map((reason) => reason.code)]).toEqual([
    'DEVICE_BLACKLISTED',
    ['DEVICE_BLACKLISTED', 'ACTIVATION_DEACTIVATED'],
  ]);
});

test('a device that is signed for while it is shut out on another server keeps no seat', async () => {
  const beside = await startTestServer({ beside: server });
  const license = await licensed({ maxActivations: 20 });

  for (let round = 0; round < 10; round += 1) {
    const deviceFingerprint = `racing ${round}`;
    const { requestCode } = await requestOf(server, license.licenseKey, { deviceFingerprint });
    await Promise.all([
      trySign(server, shop.admin, requestCode),
      blacklistDevice(beside, shop.admin, deviceFingerprint),
    ]);
  }
  await beside.stop();

  expect(await seatsInUse(server, shop.admin, license.id)).toBe(0);
  expect(
    await server.count('license_activations', `license_id = '${license.id}' and status = 'ACTIVE'`),
  ).toBe(0);
});

test('what a device told before is told again for whatever it takes along: it is bound to that', async () => {
  const values = ['00:1A:2B:3C:4D:5E'];
  const license = await licensed({
    restrictions: [{ restrictionType: 'MAC_ADDRESS', operator: 'ALLOW', values }],
  });
  const asked = { licenseKey: license.licenseKey, deviceFingerprint: 'press' };
  const [macAddress] = values;
  await activate(server, license.licenseKey, 'press', { macAddress });
  expect((await tryActivate(server, license.licenseKey, 'press')).code).toBeUndefined();
  const { requestCode } = await requestOf(server, license.licenseKey, asked);

  await refused(server, shop.admin, 'RESTRICTED_MAC_ADDRESS', () => trySign(server, shop.admin, requestCode));
  await refused(server, shop.admin, 'RESTRICTED_MAC_ADDRESS', () => tryCheckout(server, asked));
  const told = await requestOf(server, license.licenseKey, { ...asked, macAddress });
  expect((await trySign(server, shop.admin, told.requestCode)).code).toBeUndefined();
  expect((await tryCheckout(server, { ...asked, macAddress })).code).toBeUndefined();
});

test('a device that is signed for more cores than it has is counted for them, before it registers', async () => {
  const license = await licensed({ licenseModel: 'PER_CORE', maxActivations: 8 });
  await activate(server, license.licenseKey, 'press', { units: 4 });
  await activate(server, license.licenseKey, 'other', { units: 2 });
  const ask = async (units: number) => {
    const device = { deviceFingerprint: 'press', units };
    return (await requestOf(server, license.licenseKey, device)).requestCode;
  };

  await refused(server, shop.admin, 'ACTIVATION_LIMIT_EXCEEDED', async () =>
    trySign(server, shop.admin, await ask(7)),
  );
  const requestCode = await ask(6);
  const { responseCode } = await sign(server, shop.admin, requestCode);
  const reserved = await seatsInUse(server, shop.admin, license.id);
  await refused(server, shop.admin, 'ACTIVATION_LIMIT_EXCEEDED', () =>
    tryActivate(server, license.licenseKey, 'third'),
  );
  await sign(server, shop.admin, await ask(1));

  expect(reserved).toBe(8);
  expect(await seatsInUse(server, shop.admin, license.id)).toBe(8);
  await register(server, requestCode, responseCode);
  expect(await seatsInUse(server, shop.admin, license.id)).toBe(8);
});

test('a response to another request of the same device is refused on the device, and one that is over by name', async () => {
  const license = await licensed();
  const asked = { licenseKey: license.licenseKey, deviceFingerprint: 'press' };
  const [first, second] = [
    await signedDevice(server, shop.admin, license, asked),
    await signedDevice(server, shop.admin, license, asked),
  ];
  const keys = await publishedKeys(server);
  const verdictOf = (responseCode: string, pending: { nonce: string }, days = 0) =>
    verifyOfflineResponse(responseCode, pending, keys, {
      deviceFingerprint: 'press',
      now: new Date(addDays(server.now, days)),
    });

  expect(await verdictOf(first.responseCode, first.pending)).toMatchObject({ valid: true, code: 'VALID' });
  expect(await verdictOf(first.responseCode, second.pending)).toMatchObject({
    valid: false,
    code: 'SIGNATURE_INVALID',
    reasons: [{ code: 'SIGNATURE_INVALID', message: 'The response answers another request.' }],
  });
  expect(await verdictOf(second.responseCode, second.pending, 15)).toMatchObject({ code: 'FILE_EXPIRED' });
});

test('a floating seat is kept for as long as its response holds, registered or not, and free then by time alone', async () => {
  const license = await licensed({ licenseType: 'CONCURRENT', maxActivations: 1 });
  const begun = server.now;
  const signed = await signedDevice(server, shop.admin, license, { deviceFingerprint: 'press' });
  await register(server, signed.requestCode, signed.responseCode);
  const other = await requestOf(server, license.licenseKey);
  const seats: unknown[] = [];

  await refused(server, shop.admin, 'ACTIVATION_LIMIT_EXCEEDED', () =>
    trySign(server, shop.admin, other.requestCode),
  );
  for (const millis of [13 * DAY_MILLIS, 14 * DAY_MILLIS + 599_000, 14 * DAY_MILLIS + 600_000]) {
    server.now = addMillis(begun, millis);
    seats.push(await seatsInUse(server, shop.admin, license.id));
  }
  const late = await requestOf(server, license.licenseKey);
  await sign(server, shop.admin, late.requestCode);
  server.now = begun;

  expect(seats).toEqual([1, 1, 0]);
});
