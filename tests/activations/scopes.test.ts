import { createHash } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalText } from '../../src/core/canonicalText.js';
import { addDays, millis } from '../../src/core/clock.js';
import { verifyLicenseFile } from '../../src/sdk/offline/licenseFile.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { checkout, publishedKeys } from '../support/offline.js';
import { type Json, START, startTestServer, type TestServer } from '../support/server.js';

/** A license that counts people, whose maintenance is over, with Ada at its one device, and a file of it there. */
let server: TestServer;
let shop: Shop;
let license: Issued;
let token: string;
let file: string;
let keys: JSONWebKeySet;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  license = await createLicense(server, shop, {
    licenseModel: 'PER_SEAT',
    maintenanceExpiry: addDays(START, 1),
    features: [{ featureId: 'maps', featureName: 'Maps' }],
  });
  const { activationToken } = await activate(server, license.licenseKey, 'known', { user: 'ada' });
  token = String(activationToken);
  const taken = await checkout(server, { activationToken, deviceFingerprint: 'known', user: 'ada' });
  file = String(taken.licenseFile);
  keys = await publishedKeys(server);
  server.now = addDays(START, 2);
});
afterAll(() => server.stop());

interface Scopes {
  readonly productId: string;
  readonly version: string;
  readonly deviceFingerprint: string;
  readonly user: string;
  readonly features: readonly string[];
}

const fitting = (): Scopes => ({
  productId: shop.productId,
  version: '2.0',
  deviceFingerprint: 'known',
  user: 'ada',
  features: ['maps'],
});
const wrong: Scopes = {
  productId: 'OTHER',
  version: '9.0',
  deviceFingerprint: 'other',
  user: 'bo',
  features: ['maps', 'vpn'],
};

type Way = (scopes: Scopes) => Promise<readonly unknown[]>;
const NONCE = 'one-nonce-of-mine';

function asking(field: string, name: string, shown: () => string): Way {
  return async (scopes) => {
    const question = { [name]: shown(), ...scopes, nonce: NONCE };
    const data = await server.ok(
      `query ($${name}: String!, $productId: ID, $version: String, $deviceFingerprint: String, $user: String,
          $features: [String!], $nonce: String) {
        ${field}(${name}: $${name}, productId: $productId, version: $version, deviceFingerprint: $deviceFingerprint,
          user: $user, features: $features, nonce: $nonce) { valid code reasons { code remedy } signedAnswer } }`,
      question,
    );
    const { valid, code, reasons, signedAnswer } = data[field] ?? {};
    const listed = (Array.isArray(reasons) ? reasons : []).map((reason: Json) => reason.code);
    const { payload } = await jwtVerify(String(signedAnswer), createLocalJWKSet(keys), {
      currentDate: new Date(millis(server.now)),
    });
    expect(payload).toMatchObject({ nonce: NONCE, valid, code, reasons: listed });
    expect(payload.question).toBe(createHash('sha256').update(canonicalText(question)).digest('base64url'));
    return [valid, code, listed];
  };
}

const byFile: Way = async ({ version, ...scopes }) => {
  const asked = { ...scopes, features: [...scopes.features], version: { name: version } };
  const verdict = await verifyLicenseFile(file, keys, { ...asked, now: new Date(server.now) });
  expect(verdict.reasons.every(({ remedy }) => remedy.length > 0)).toBe(true);
  return [verdict.valid, verdict.code, verdict.reasons.map(({ code }) => code)];
};

describe.each<[string, Way, { deviceFingerprint: string }]>([
  // By a key another device is not somebody else's: it is one that is not activated.
  [
    'a key',
    asking('validateLicenseKey', 'licenseKey', () => license.licenseKey),
    { deviceFingerprint: 'NOT_ACTIVATED' },
  ],
  [
    'a token',
    asking('validateActivation', 'activationToken', () => token),
    { deviceFingerprint: 'FINGERPRINT_MISMATCH' },
  ],
  ['a file', byFile, { deviceFingerprint: 'FINGERPRINT_MISMATCH' }],
])('every scope at once, by %s,', (way, ask, { deviceFingerprint }) => {
  const codes = {
    productId: 'PRODUCT_MISMATCH',
    version: 'VERSION_NOT_COVERED',
    deviceFingerprint,
    user: 'USER_MISMATCH',
    features: 'FEATURE_NOT_LICENSED',
  } as const;

  test('is valid where all fit', async () => {
    expect(await ask(fitting())).toEqual([true, 'VALID', []]);
  });

  test.each(Object.keys(codes) as (keyof Scopes)[])('is refused by its %s alone', async (scope) => {
    // In a file the user is marked under a key that the fingerprint of the device alone opens.
    const bound = way === 'a file' && scope === 'deviceFingerprint' ? ['USER_MISMATCH'] : [];

    const answer = await ask({ ...fitting(), [scope]: wrong[scope] });

    expect(answer).toEqual([false, codes[scope], [codes[scope], ...bound]]);
  });

  test('lists every scope that does not fit, in the order of the rules', async () => {
    const [valid, code, reasons] = await ask(wrong);

    const everywhere = ['PRODUCT_MISMATCH', 'VERSION_NOT_COVERED'];
    expect([valid, code]).toEqual([false, 'PRODUCT_MISMATCH']);
    expect(reasons).toEqual(
      way === 'a key'
        ? [...everywhere, 'TOO_MANY_USERS', 'FEATURE_NOT_LICENSED', 'NOT_ACTIVATED']
        : [...everywhere, 'FINGERPRINT_MISMATCH', 'USER_MISMATCH', 'FEATURE_NOT_LICENSED'],
    );
  });
});
