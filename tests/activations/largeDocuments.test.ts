import { afterAll, beforeAll, expect, test } from 'vitest';
import { QR_CHARACTERS, qrCode } from '../../src/core/qrCode.js';
import { DOCUMENT_CHARACTERS } from '../../src/sdk/offline/documents.js';
import { verifyLicenseFile, verifyOfflineResponse } from '../../src/sdk/offline/licenseFile.js';
import { mutation, refused } from '../support/acts.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { publishedKeys, requestOf, sign, tryCheckout, trySign } from '../support/offline.js';
import { startTestServer, type TestServer } from '../support/server.js';

const DEVICE = 'press';
let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

/** As many features as a license may have, each called by the longest name. */
const features = Array.from({ length: 200 }, (_, index) => ({
  featureId: `feature-${String(index).padStart(40, '0')}`,
  featureName: 'A long name '.padEnd(255, 'x'),
  limitValue: 1_000_000 + index,
  limitPeriod: 'MONTH',
  expiresAt: '2027-01-01T00:00:00Z',
}));
const label = 'x'.repeat(60);
const restrictions = Array.from({ length: 20 }, (_, index) => ({
  restrictionType: 'DOMAIN',
  operator: 'DENY',
  values: Array.from({ length: 200 }, (__, value) => `${label}.d${index}-${value}.example`),
}));

const CHECKOUT = mutation('checkoutLicenseFile', 'licenseFile file { text qrCode qrCodeProblem }');
async function fileOf(licenseKey: string, encrypted: boolean) {
  const input = { licenseKey, deviceFingerprint: DEVICE, encrypted };
  const { checkoutLicenseFile } = await server.ok(CHECKOUT, { input });
  return { file: checkoutLicenseFile?.file, text: String(checkoutLicenseFile?.licenseFile) };
}

test('two hundred features with the longest names are carried, encrypted too, and are too many for a QR code', async () => {
  const { licenseKey } = await createLicense(server, shop, { features });
  await activate(server, licenseKey, DEVICE);
  const keys = await publishedKeys(server);
  const asked = { now: new Date(server.now), deviceFingerprint: DEVICE, licenseKey };
  const last = features.at(-1)?.featureId ?? '';

  for (const encrypted of [false, true]) {
    const { file, text } = await fileOf(licenseKey, encrypted);

    expect(text.length).toBeLessThan(DOCUMENT_CHARACTERS);
    expect(await verifyLicenseFile(text, keys, { ...asked, features: [last] })).toMatchObject({
      valid: true,
      license: { features: { length: 200 } },
    });
    expect([file?.text, file?.qrCode]).toEqual([text, null]);
    expect(file?.qrCodeProblem).toMatch(/^It has \d+ characters, and a QR code that cameras read holds 2300/);
  }
  const { requestCode, pending } = await requestOf(server, licenseKey, { deviceFingerprint: DEVICE });
  const { responseCode } = await sign(server, shop.admin, requestCode);
  const verdict = await verifyOfflineResponse(String(responseCode), pending, keys, asked);
  expect(verdict).toMatchObject({ valid: true, code: 'VALID' });
});

test('a license that no document can carry is refused by name, and nothing is written', async () => {
  const { licenseKey } = await createLicense(server, shop, { features, restrictions, maxActivations: 2 });
  await activate(server, licenseKey, DEVICE, { domain: 'app.example.com' });
  const asked = { licenseKey, deviceFingerprint: DEVICE, domain: 'app.example.com' };
  const { requestCode } = await requestOf(server, licenseKey, {
    deviceFingerprint: 'other',
    domain: 'app.example.com',
  });

  const file = await refused(server, shop.admin, 'DOCUMENT_TOO_LARGE', () => tryCheckout(server, asked));
  await refused(server, shop.admin, 'DOCUMENT_TOO_LARGE', () => trySign(server, shop.admin, requestCode));

  expect(file.extensions).toMatchObject({ limit: DOCUMENT_CHARACTERS });
  expect(await server.count('license_activations', "status = 'ACTIVE'")).toBe(2);
});

test('a QR code holds as much as cameras read, and no character more', () => {
  const longest = 'A'.repeat(QR_CHARACTERS);

  expect(qrCode(longest)).toMatch(/^<svg /);
  expect(qrCode(`${longest}A`)).toBeUndefined();
});
