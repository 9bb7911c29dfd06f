import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import type { OfflineDevice } from '../../src/sdk/offline/request.js';
import { actOn, refused } from '../support/acts.js';
import { deactivate } from '../support/devices.js';
import { createCustomer, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { register, requestOf, sign, signedDevice, tryRegister, trySign } from '../support/offline.js';
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

const signedFor = (license: { licenseKey: string }, device: Partial<OfflineDevice> = {}) =>
  signedDevice(server, shop.admin, license, device);

const signRefused = (code: RefusalCode, requestCode: string) =>
  refused(server, shop.admin, code, () => trySign(server, shop.admin, requestCode));

const registerRefused = (code: RefusalCode, requestCode: string, responseCode: string) =>
  refused(server, shop.admin, code, () => tryRegister(server, requestCode, responseCode));

describe('refused by name, and nothing written:', () => {
  test('a request that is none, was cut, or is for another deployment', async () => {
    const { licenseKey } = await licensed();
    const other = await startTestServer();
    const foreign = await requestOf(other, licenseKey);
    await other.stop();
    const { requestCode } = await requestOf(server, licenseKey);

    for (const code of ['none', requestCode.slice(0, -1), `${requestCode}A`, foreign.requestCode])
      await signRefused('OFFLINE_CODE_INVALID', code);
  });

  test('a request that is too old, or that a clock ahead made', async () => {
    const license = await licensed();
    const { requestCode } = await requestOf(server, license.licenseKey);

    server.pass(14 * DAY_MILLIS);
    await signRefused('OFFLINE_CODE_EXPIRED', requestCode);
    server.now = addMillis(START, -DAY_MILLIS - 1);
    const error = await signRefused('OFFLINE_CODE_EXPIRED', requestCode);

    expect(error.message).toContain('set that clock right');
    server.pass(1);
    expect((await trySign(server, shop.admin, requestCode)).code).toBeUndefined();
  });

  test("another tenant's license, and another customer's, as one that does not exist", async () => {
    const customerId = await createCustomer(server, shop.admin);
    const { licenseKey } = await licensed({ customerId });
    const { requestCode } = await requestOf(server, licenseKey);
    const { requestCode: nobodys } = await requestOf(server, '0000-0000-0000-0000-0000');
    const foreign = await server.tenant();
    const customer = { tenant_id: shop.admin.tenant_id, roles: ['customer' as const] };

    const answers = [
      await trySign(server, foreign, requestCode),
      await trySign(server, { ...customer, customer_id: shop.customerId }, requestCode),
      await trySign(server, shop.admin, nobodys),
    ];

    expect(
      answers.map(({ errors }) => errors.map(({ message, extensions }) => [message, extensions.code])),
    ).toEqual(answers.map(() => [['There is no license with this key.', 'LICENSE_NOT_FOUND']]));
    expect(
      (await trySign(server, { ...customer, customer_id: customerId }, requestCode)).code,
    ).toBeUndefined();
  });

  test.each<[RefusalCode, (id: string) => Promise<unknown>]>([
    [
      'LICENSE_REVOKED',
      (licenseId) => actOn(server, shop.admin, 'revokeLicense', { licenseId, reason: 'x' }),
    ],
    [
      'LICENSE_SUSPENDED',
      (licenseId) => actOn(server, shop.admin, 'suspendLicense', { licenseId, reason: 'x' }),
    ],
    [
      'LICENSE_INACTIVE',
      (licenseId) => actOn(server, shop.admin, 'updateLicense', { licenseId, status: 'INACTIVE' }),
    ],
  ])('%s, when signed, when asked again, and when registered', async (code, change) => {
    const license = await licensed();
    const before = await signedFor(license);
    const { requestCode } = await requestOf(server, license.licenseKey);
    await change(license.id);

    await signRefused(code, requestCode);
    if (code !== 'LICENSE_REVOKED') await signRefused(code, before.requestCode);
    const registering = await tryRegister(server, before.requestCode, before.responseCode);

    // Revocation has ended the seat that was kept.
    expect(registering.code).toBe(code === 'LICENSE_REVOKED' ? 'OFFLINE_CODE_USED' : code);
  });

  test('a new device in grace, and another product', async () => {
    const license = await licensed({ expiryDate: addDays(START, 1), gracePeriodDays: 5 });
    const wrong = await requestOf(server, license.licenseKey, { productId: 'OTHER' });
    await signRefused('PRODUCT_MISMATCH', wrong.requestCode);

    server.pass(2 * DAY_MILLIS);
    const { requestCode } = await requestOf(server, license.licenseKey);

    await signRefused('LICENSE_EXPIRED', requestCode);
  });

  test('a response that was tampered with, is of another key, or is no response', async () => {
    const license = await licensed();
    const { requestCode, responseCode } = await signedFor(license);
    const [head, body, signature = ''] = responseCode.split('.');
    const other = await startTestServer();
    const theirs = await openShop(other);
    const foreign = await createLicense(other, theirs);
    const strange = await requestOf(other, foreign.licenseKey);
    const signedElsewhere = String((await sign(other, theirs.admin, strange.requestCode)).responseCode);
    await other.stop();

    const flipped = `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
    for (const forged of [flipped, signedElsewhere, 'none', requestCode])
      await registerRefused('SIGNATURE_INVALID', requestCode, forged);
    const [told] = (await tryRegister(server, requestCode, flipped)).errors;
    expect(told?.message).toBe(
      'The response code is not as it was signed: it was cut or changed on the way. Take it as it was answered.',
    );
    expect((await tryRegister(server, requestCode, responseCode)).code).toBeUndefined();
  });

  test('the response to another request, of the same license, another, and another tenant', async () => {
    const license = await licensed({ maxActivations: 5 });
    const [mine, other] = [await signedFor(license), await signedFor(license)];
    const elsewhere = await signedFor(await licensed());
    const theirs = await openShop(server);
    const foreign = await createLicense(server, theirs);
    const strange = await requestOf(server, foreign.licenseKey);
    const signedThere = String((await sign(server, theirs.admin, strange.requestCode)).responseCode);

    for (const code of [other.responseCode, elsewhere.responseCode, signedThere])
      await registerRefused('OFFLINE_CODE_MISMATCH', mine.requestCode, code);
    const unsigned = await requestOf(server, license.licenseKey);
    await registerRefused('OFFLINE_CODE_MISMATCH', unsigned.requestCode, mine.responseCode);
  });

  test('codes that were used, and codes whose seat was given up since', async () => {
    const license = await licensed();
    const used = await signedFor(license);
    await register(server, used.requestCode, used.responseCode);
    await registerRefused('OFFLINE_CODE_USED', used.requestCode, used.responseCode);

    const given = await signedFor(license);
    await deactivate(server, { activationId: given.signed.activation?.id }, shop.admin);

    await registerRefused('OFFLINE_CODE_USED', given.requestCode, given.responseCode);
    const { message } = await signRefused('OFFLINE_CODE_MISMATCH', given.requestCode);
    expect(message).toContain('a seat that was given up');
  });

  test('a signature that is none is recorded behind the answer', async () => {
    const license = await licensed();
    const { requestCode } = await signedFor(license);

    await tryRegister(server, requestCode, 'none');

    await expect
      .poll(() =>
        server.count('license_event_logs', `license_id = '${license.id}' and event_type = 'access.refused'`),
      )
      .toBe(1);
  });
});
