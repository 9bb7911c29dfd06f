import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { verdictCodes } from '../../src/activations/model/verdict.js';
import { addDays, DAY_MILLIS } from '../../src/core/clock.js';
import { actOn, eventsDuring, refused, tablesOf } from '../support/acts.js';
import { deactivate, type VerdictAnswer, validateKey, validateToken } from '../support/devices.js';
import {
  activate,
  createCustomer,
  createLicense,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
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

interface Scene {
  readonly license: Issued;
  /** The token of the device `known`. */
  readonly token: unknown;
}

const device = { deviceFingerprint: 'known' };
const stranger = { deviceFingerprint: 'stranger' };

/** A license that ends in ten days with five of grace, and one device on it. */
async function scene(input: object = {}, claim: object = {}): Promise<Scene> {
  const features = [{ featureId: 'maps', featureName: 'Maps' }];
  const terms = { expiryDate: addDays(START, 10), gracePeriodDays: 5, maxActivations: 2, features };
  const license = await createLicense(server, shop, { ...terms, ...input });
  const { activationToken: token } = await activate(server, license.licenseKey, 'known', claim);
  return { license, token };
}

const act = (name: string, { license }: Scene, input: object) =>
  actOn(server, shop.admin, name, { licenseId: license.id, ...input });
const suspend = (of: Scene) => act('suspendLicense', of, { reason: 'Unpaid' });
const fill = ({ license }: Scene) => activate(server, license.licenseKey, 'filler', { user: 'bo' });

type Row = readonly [what: string, codes: readonly string[], ask: () => Promise<VerdictAnswer>];

function byKey(input: object, asked: object, change?: (of: Scene) => Promise<unknown>, claim?: object) {
  return async (): Promise<VerdictAnswer> => {
    const found = await scene(input, claim);
    await change?.(found);
    return validateKey(server, found.license.licenseKey, asked);
  };
}

function byToken(input: object, asked: object, change?: (of: Scene) => Promise<unknown>) {
  return async (): Promise<VerdictAnswer> => {
    const found = await scene(input);
    await change?.(found);
    return validateToken(server, found.token, asked);
  };
}

const passing = (millis: number) => async () => server.pass(millis);
const floating = { licenseType: 'CONCURRENT', expiryDate: null, maxActivations: 1 };
const LEASE = 900_000;

/** Each case with every rule that fails, in order; the first is the code. */
const table: readonly Row[] = [
  ['no key', ['KEY_MALFORMED'], () => validateKey(server, 'A1B2-C3D4')],
  [
    'a key with a letter beyond A to Z',
    ['KEY_MALFORMED'],
    () => validateKey(server, 'ÄAAA-BBBB-CCCC-DDDD-EEEE'),
  ],
  ['a key of no license', ['NOT_FOUND'], () => validateKey(server, 'AAAA-BBBB-CCCC-DDDD-EEEE')],
  ['a token of no activation', ['NOT_FOUND'], () => validateToken(server, 'act_nobody')],
  ['a running license', ['VALID'], byKey({}, {})],
  ['a running license, full', ['VALID'], byKey({ maxActivations: 1 }, {})],
  ['its device', ['VALID'], byKey({ maxActivations: 1 }, device)],
  ['its token', ['VALID'], byToken({}, device)],
  [
    'its product and features',
    ['VALID'],
    () =>
      scene().then(({ token }) =>
        validateToken(server, token, { productId: shop.productId, features: ['maps'] }),
      ),
  ],
  ['in grace', ['GRACE_PERIOD'], byKey({}, {}, passing(10 * DAY_MILLIS))],
  ['in grace, its device', ['GRACE_PERIOD'], byKey({}, device, passing(15 * DAY_MILLIS - 1))],
  ['in grace, its token', ['GRACE_PERIOD'], byToken({}, {}, passing(12 * DAY_MILLIS))],
  [
    'in grace, a stranger',
    ['LICENSE_EXPIRED', 'NOT_ACTIVATED'],
    byKey({}, stranger, passing(10 * DAY_MILLIS)),
  ],
  [
    'in grace, a device that was ended',
    ['LICENSE_EXPIRED', 'ACTIVATION_DEACTIVATED'],
    byToken({}, {}, async ({ token }) => {
      await deactivate(server, { activationToken: token });
      server.pass(10 * DAY_MILLIS);
    }),
  ],
  ['past grace', ['LICENSE_SUSPENDED'], byToken({}, device, passing(15 * DAY_MILLIS))],
  ['suspended', ['LICENSE_SUSPENDED'], byKey({}, {}, suspend)],
  [
    'suspended, its token, its product',
    ['LICENSE_SUSPENDED', 'PRODUCT_MISMATCH'],
    byToken({}, { productId: 'SONAR' }, suspend),
  ],
  [
    'suspended, a stranger, full',
    ['LICENSE_SUSPENDED', 'TOO_MANY_DEVICES', 'NOT_ACTIVATED'],
    byKey({ maxActivations: 1 }, stranger, suspend),
  ],
  ['revoked', ['LICENSE_REVOKED'], byKey({}, {}, (of) => act('revokeLicense', of, { reason: 'Fraud' }))],
  [
    'revoked, its token',
    ['LICENSE_REVOKED', 'ACTIVATION_DEACTIVATED'],
    byToken({}, {}, (of) => act('revokeLicense', of, { reason: 'Fraud' })),
  ],
  [
    'switched off',
    ['LICENSE_INACTIVE'],
    byKey({}, device, (of) => act('updateLicense', of, { status: 'INACTIVE' })),
  ],
  ['another product', ['PRODUCT_MISMATCH'], byKey({}, { productId: 'SONAR' })],
  [
    'ended',
    ['ACTIVATION_DEACTIVATED'],
    byToken({}, {}, ({ token }) => deactivate(server, { activationToken: token })),
  ],
  [
    'ended, by its device',
    ['NOT_ACTIVATED'],
    byKey({}, device, ({ token }) => deactivate(server, { activationToken: token })),
  ],
  [
    'limited in time and over',
    ['ACTIVATION_EXPIRED'],
    byToken(
      {},
      {},
      ({ license }) =>
        server.sql`update license_activations set expires_at = ${START} where license_id = ${license.id}`,
    ),
  ],
  ['the token on another device', ['FINGERPRINT_MISMATCH'], byToken({}, stranger)],
  [
    'another user',
    ['USER_MISMATCH'],
    byKey({ licenseModel: 'PER_SEAT' }, { ...device, user: 'bo' }, undefined, { user: 'ada' }),
  ],
  [
    'another user, where devices count',
    ['VALID'],
    byKey({}, { ...device, user: 'bo' }, undefined, { user: 'ada' }),
  ],
  [
    'a user without a device',
    ['VALID'],
    byKey({ licenseModel: 'PER_SEAT' }, { user: 'bo' }, undefined, { user: 'ada' }),
  ],
  ['a lapsed lease', ['LEASE_EXPIRED'], byToken(floating, device, passing(LEASE))],
  [
    'a lapsed lease that was taken, by its device',
    ['LEASE_EXPIRED', 'TOO_MANY_LEASES'],
    byKey(floating, device, async (of) => {
      server.pass(LEASE);
      await fill(of);
    }),
  ],
  ['full of leases', ['TOO_MANY_LEASES', 'NOT_ACTIVATED'], byKey(floating, stranger)],
  [
    'full of users',
    ['TOO_MANY_USERS', 'NOT_ACTIVATED'],
    byKey({ licenseModel: 'PER_SEAT' }, { ...stranger, user: 'cy' }, fill),
  ],
  [
    'full of users, one of them',
    ['NOT_ACTIVATED'],
    byKey({ licenseModel: 'PER_SEAT' }, { ...stranger, user: 'bo' }, fill),
  ],
  ['full of devices', ['TOO_MANY_DEVICES', 'NOT_ACTIVATED'], byKey({}, stranger, fill)],
  [
    'full of processors',
    ['TOO_MANY_CPUS', 'NOT_ACTIVATED'],
    byKey({ licenseModel: 'PER_CPU' }, stranger, fill),
  ],
  ['full of cores', ['TOO_MANY_CORES', 'NOT_ACTIVATED'], byKey({ licenseModel: 'PER_CORE' }, stranger, fill)],
  ['a feature that is not granted', ['FEATURE_NOT_LICENSED'], byToken({}, { features: ['maps', 'sonar'] })],
  ['a stranger', ['NOT_ACTIVATED'], byKey({}, stranger)],
  [
    'a trial that has not begun',
    ['NOT_ACTIVATED'],
    () =>
      issueLicense(server, shop, { trial: true }).then(({ licenseKey }) => validateKey(server, licenseKey)),
  ],
];

describe('a validation answers', () => {
  test.each(table)('%s: %j', async (_, codes, ask) => {
    const answer = await ask();

    const [code] = codes;
    const valid = code === 'VALID' || code === 'GRACE_PERIOD';
    expect(answer).toEqual({ valid, code, reasons: valid ? [] : codes });
  });

  test('every code of the list that a question over the network can have', () => {
    const shown = new Set(table.map(([, [code]]) => code));
    const ofFiles = ['SIGNATURE_INVALID', 'FILE_EXPIRED', 'CLOCK_SET_BACK'];
    const elsewhere = ['DEVICE_BLACKLISTED', 'VERSION_NOT_COVERED', ...ofFiles];

    const missing = Object.keys(verdictCodes).filter((code) => !shown.has(code));

    expect(missing.filter((code) => !elsewhere.includes(code) && !code.startsWith('RESTRICTED_'))).toEqual(
      [],
    );
  });
});

test('validations write nothing, whatever they answer', async () => {
  const found = await scene();
  const key = found.license.licenseKey;
  const before = await tablesOf(server, shop.admin.tenant_id);

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    for (const asked of [{}, device, stranger, { ...device, productId: 'SONAR' }]) {
      await validateKey(server, key, asked);
    }
    await validateToken(server, found.token, device);
    await validateToken(server, found.token, stranger);
    server.pass(20 * DAY_MILLIS);
    await validateKey(server, key, device);
    await validateToken(server, found.token);
  });

  expect(events).toEqual([]);
  expect(await tablesOf(server, shop.admin.tenant_id)).toEqual(before);
});

test('the reasons say what they mean', async () => {
  const data = await server.ok(
    '{ validateLicenseKey(licenseKey: "nothing") { code reasons { code message } } }',
  );

  expect(data.validateLicenseKey).toEqual({
    code: 'KEY_MALFORMED',
    reasons: [{ code: 'KEY_MALFORMED', message: 'The license key is not well-formed.' }],
  });
});

const WITH_BOTH = `query ($licenseKey: String!, $deviceFingerprint: String) {
  validateLicenseKey(licenseKey: $licenseKey, deviceFingerprint: $deviceFingerprint) {
    code license { id status currentActivations licenseKey } activation { id status activationToken } } }`;

describe('who asks', () => {
  test('nobody, with a key, sees the license and its own activation, both without secrets', async () => {
    const { license, token } = await scene();

    const data = await server.ok(WITH_BOTH, { licenseKey: license.licenseKey, ...device });

    expect(data.validateLicenseKey).toEqual({
      code: 'VALID',
      license: {
        id: license.id,
        status: 'ACTIVE',
        currentActivations: 1,
        licenseKey: `${license.licenseKey.slice(0, 4)}-****-****-****-${license.licenseKey.slice(-4)}`,
      },
      activation: {
        id: expect.any(String),
        status: 'ACTIVE',
        activationToken: `act_…${String(token).slice(-4)}`,
      },
    });
  });

  test('nobody, with keys of two licenses in one query, is asked for two queries', async () => {
    const [one, two] = [await scene(), await scene()];

    const answer = await server.graphql(
      'query ($a: String!, $b: String!) { a: validateLicenseKey(licenseKey: $a) { code } b: validateLicenseKey(licenseKey: $b) { code } }',
      { a: one.license.licenseKey, b: two.license.licenseKey },
    );

    expect(answer.errors.map((error) => error.extensions.code)).toEqual(['ONE_LICENSE_PER_OPERATION']);
  });

  test('a caller of another tenant, or another customer, finds nothing', async () => {
    const { license, token } = await scene({ customerId: shop.customerId });
    const elsewhere = await server.tenant();
    const other = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: await createCustomer(server, shop.admin, 'Bo'),
    } as const;
    const unknown = { valid: false, code: 'NOT_FOUND', reasons: ['NOT_FOUND'] };

    for (const caller of [elsewhere, other]) {
      expect(await validateKey(server, license.licenseKey, {}, caller)).toEqual(unknown);
      expect(await validateToken(server, token, {}, caller)).toEqual(unknown);
    }
    const own = { ...other, customer_id: shop.customerId };
    expect(await validateKey(server, license.licenseKey, {}, own)).toEqual({
      valid: true,
      code: 'VALID',
      reasons: [],
    });
  });
});

test.each([
  ['licenseKey', { licenseKey: '\0' }],
  ['licenseKey', { licenseKey: '\ud800' }],
  ['deviceFingerprint', { deviceFingerprint: '' }],
  ['user', { user: 'x'.repeat(256) }],
  ['productId', { productId: '' }],
  ['features', { features: Array(51).fill('maps') }],
  ['features.0', { features: ['\0'] }],
])('a question that does not fit names its field: %s', async (field, asked) => {
  const { license } = await scene();

  const error = await refused(server, shop.admin, 'INVALID_INPUT', () =>
    server.graphql(
      `query ($licenseKey: String!, $deviceFingerprint: String, $user: String, $productId: ID, $features: [String!]) {
        validateLicenseKey(licenseKey: $licenseKey, deviceFingerprint: $deviceFingerprint, user: $user,
          productId: $productId, features: $features) { code } }`,
      { licenseKey: license.licenseKey, ...asked },
    ),
  );

  expect(error.extensions.fields?.map((problem) => problem.field)).toEqual([field]);
});

test('a verdict on a key that nobody knows is an answer and no error', async () => {
  const data = await server.ok(
    '{ validateLicenseKey(licenseKey: "AAAA-AAAA-AAAA-AAAA-AAAA") { valid code license { status } activation { id } } }',
  );

  expect(data.validateLicenseKey).toEqual({
    valid: false,
    code: 'NOT_FOUND',
    license: null,
    activation: null,
  });
});

test.each([
  ['fifty-one', Array.from({ length: 51 }, (_, index) => `f${index}`)],
  ['one that is too long', ['x'.repeat(51)]],
])('of features %s is refused at the door', async (_, features) => {
  const query = `query ($f: [String!]) { validateLicenseKey(licenseKey: "A", features: $f) { code } }`;

  const answer = await server.graphql(query, { f: features });

  expect(answer.errors[0]?.extensions.fields?.map(({ field }) => field)).toEqual(['features']);
});
