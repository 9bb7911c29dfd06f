import { createHash } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { canonicalText } from '../../src/core/canonicalText.js';
import { addMillis, millis } from '../../src/core/clock.js';
import { SIGNED_BY, signedTypes } from '../../src/core/tokenTypes.js';
import { actOn } from '../support/acts.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { emergencyCode } from '../support/guarding.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let license: Issued;
let token: unknown;
let activationId: unknown;

const NONCE = 'a-nonce-of-mine-0001';

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  const features = [{ featureId: 'maps', featureName: 'Maps' }];
  license = await createLicense(server, shop, { features, maxActivations: 2 });
  const activated = await activate(server, license.licenseKey, 'laptop');
  token = activated.activationToken;
  activationId = activated.activation?.id;
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

const types: Readonly<Record<string, string>> = {
  licenseKey: 'String!',
  activationToken: 'String!',
  features: '[String!]',
  location: 'ActivationLocationInput',
  productId: 'ID',
};

async function asked(field: string, question: object, as?: Claims): Promise<Json | undefined> {
  const names = Object.keys(question);
  const declared = names.map((name) => `$${name}: ${types[name] ?? 'String'}`).join(', ');
  const given = names.map((name) => `${name}: $${name}`).join(', ');
  const data = await server.ok(
    `query (${declared}) { ${field}(${given}) { valid code reasons { code } signedAnswer } }`,
    question,
    as,
  );
  return data[field];
}

/** As an application does: by the published keys, at the instant of the server's clock. */
async function verified(answer: Json | undefined, now = server.now) {
  const keys = (await server.app.inject('/.well-known/jwks.json')).json();
  return jwtVerify(String(answer?.signedAnswer), createLocalJWKSet(keys), {
    issuer: SIGNED_BY,
    typ: signedTypes.validation,
    algorithms: ['EdDSA'],
    currentDate: new Date(millis(now)),
  });
}

const digest = (question: object) => createHash('sha256').update(canonicalText(question)).digest('base64url');
const second = Math.floor(millis(START) / 1000);

test('an answer is signed for whoever sends a nonce, and for nobody else', async () => {
  const question = { activationToken: token, nonce: NONCE, deviceFingerprint: 'laptop' };

  const plain = await asked('validateActivation', { activationToken: token });
  const signed = await asked('validateActivation', question);

  expect(plain?.signedAnswer).toBeNull();
  expect((await verified(signed)).payload).toEqual({
    iss: SIGNED_BY,
    iat: second,
    exp: second + 300,
    nonce: NONCE,
    question: digest(question),
    valid: true,
    code: 'VALID',
    reasons: [],
    license_id: license.id,
    activation_id: activationId,
  });
});

test('what an emergency code gave is signed to its own end, past the end of grace', async () => {
  const expiryDate = addMillis(START, 3_600_000);
  const own = await createLicense(server, shop, { expiryDate, gracePeriodDays: 1 });
  server.now = addMillis(START, 48 * 3_600_000);
  const given = await emergencyCode(server, shop.admin, own);
  const entered = await activate(server, own.licenseKey, 'spare', { emergencyCode: given });
  const question = { activationToken: entered.activationToken, nonce: NONCE };

  const { payload } = await verified(await asked('validateActivation', question));

  const end = Math.floor(millis(addMillis(server.now, 24 * 3_600_000)) / 1000);
  expect(payload).toMatchObject({ valid: true, code: 'VALID', valid_until: end });
});

test('a refusal is signed, with the codes of all its reasons', async () => {
  const question = {
    licenseKey: license.licenseKey,
    nonce: NONCE,
    deviceFingerprint: 'other',
    productId: 'SONAR',
    features: ['maps', 'sonar'],
    location: { timezone: 'UTC', country: 'DE' },
  };

  const answer = await asked('validateLicenseKey', question);

  const { payload } = await verified(answer);
  const reasons = ['PRODUCT_MISMATCH', 'FEATURE_NOT_LICENSED', 'NOT_ACTIVATED'];
  expect(payload).toMatchObject({ nonce: NONCE, valid: false, code: 'PRODUCT_MISMATCH', reasons });
  expect(payload.question).toBe(digest(question));
  expect(payload.license_id).toBe(license.id);
  expect(payload).not.toHaveProperty('activation_id');
});

test.each([
  ['a key of no license', 'AAAA-BBBB-CCCC-DDDD-EEEE', 'NOT_FOUND'],
  ['no key', 'AAAA', 'KEY_MALFORMED'],
])('%s is answered with a signature too, which tells of nothing', async (_, licenseKey, code) => {
  const question = { licenseKey, nonce: NONCE };

  const { payload } = await verified(await asked('validateLicenseKey', question));

  expect(Object.keys(payload).toSorted()).toEqual([
    'code',
    'exp',
    'iat',
    'iss',
    'nonce',
    'question',
    'reasons',
    'valid',
  ]);
  expect(payload).toMatchObject({ code, reasons: [code], valid: false, question: digest(question) });
});

test('of the license of another tenant nothing is told, and of what the caller may not see', async () => {
  const question = { licenseKey: license.licenseKey, nonce: NONCE };
  const stranger = await server.tenant();
  const blind = { tenant_id: shop.admin.tenant_id, permissions: [] };

  const foreign = await verified(await asked('validateLicenseKey', question, stranger));
  const unseen = await verified(await asked('validateLicenseKey', question, blind));

  expect(foreign.payload).toMatchObject({ code: 'NOT_FOUND', valid: false });
  expect(foreign.payload).not.toHaveProperty('license_id');
  expect(unseen.payload).toMatchObject({ code: 'VALID', valid: true });
  expect(unseen.payload).not.toHaveProperty('license_id');
});

test('no answer stands for another question', async () => {
  const question = { licenseKey: license.licenseKey, nonce: NONCE, features: ['sonar'], version: '9.9' };
  const answered = await verified(await asked('validateLicenseKey', question));
  const others = [
    { ...question, features: ['maps'] },
    { licenseKey: license.licenseKey, nonce: NONCE, version: '9.9' },
    { ...question, version: '9.8' },
    { ...question, nonce: `${NONCE}-2` },
    { ...question, licenseKey: 'AAAA-BBBB-CCCC-DDDD-EEEE' },
  ];

  const digests = others.map(digest);

  expect(answered.payload.question).toBe(digest(question));
  expect(digests).not.toContain(answered.payload.question);
  expect(new Set(digests).size).toBe(others.length);
});

test('an answer tells what was so when it was asked, and verifies for five minutes', async () => {
  const own = await createLicense(server, shop);
  const question = { licenseKey: own.licenseKey, nonce: NONCE };
  const before = await asked('validateLicenseKey', question);
  await actOn(server, shop.admin, 'suspendLicense', { licenseId: own.id, reason: 'Unpaid' });
  server.pass(1_000);

  const after = await asked('validateLicenseKey', question);

  expect((await verified(before)).payload).toMatchObject({ code: 'VALID', iat: second });
  expect((await verified(after)).payload).toMatchObject({ code: 'LICENSE_SUSPENDED', iat: second + 1 });
  await verified(before, addMillis(START, 299_000));
  await expect(verified(before, addMillis(START, 300_000))).rejects.toThrow(/exp/);
});

test('a changed answer does not verify, and one is no bearer token', async () => {
  const answer = await asked('validateLicenseKey', { licenseKey: 'AAAA', nonce: NONCE });
  const [head, body = '', signature] = String(answer?.signedAnswer).split('.');
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  const better = Buffer.from(JSON.stringify({ ...claims, valid: true, code: 'VALID' })).toString('base64url');
  const forged = { signedAnswer: `${head}.${better}.${signature}` } as unknown as Json;

  const asBearer = await server.graphql('{ viewer { subject } }', {}, String(answer?.signedAnswer));

  await expect(verified(forged)).rejects.toThrow(/signature/);
  expect(asBearer.code).toBe('TOKEN_INVALID');
});

test.each([['too-few'], ['x'.repeat(129)], ['       '], ['']])('a nonce of %j is refused', async (nonce) => {
  const answer = await server.graphql(
    'query ($n: String) { validateLicenseKey(licenseKey: "A", nonce: $n) { code } }',
    {
      n: nonce,
    },
  );

  expect(answer.errors[0]?.extensions.fields?.map(({ field }) => field)).toEqual(['nonce']);
});

test('the text of a question is one, whoever writes it', () => {
  const written = canonicalText({ b: [1, 'ü', null], a: { d: null, c: '"' }, e: undefined });

  expect(written).toBe('{"a":{"c":"\\""},"b":[1,"ü",null]}');
});
