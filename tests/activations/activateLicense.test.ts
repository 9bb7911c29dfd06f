import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { actOn, eventsDuring, readLicense, refused } from '../support/acts.js';
import { seatsOf, tryActivate } from '../support/devices.js';
import {
  activate,
  createCustomer,
  createLicense,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Answer, START, startTestServer, type TestServer } from '../support/server.js';

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

/** A license that ends in ten days and is honoured for five more. */
function ending(input: object = {}): Promise<Issued> {
  return createLicense(server, shop, {
    expiryDate: addDays(START, 10),
    gracePeriodDays: 5,
    maxActivations: 2,
    ...input,
  });
}

const act = (name: string, license: Issued, input: object = {}) =>
  actOn(server, shop.admin, name, { licenseId: license.id, ...input });

const refusedWith = (code: Parameters<typeof refused>[2], run: () => Promise<Answer>) =>
  refused(server, shop.admin, code, run);

async function activationOf(id: unknown, selection: string) {
  const data = await server.ok(
    `query ($id: ID!) { activation(id: $id) { ${selection} } }`,
    { id },
    shop.admin,
  );
  return data.activation;
}

test('a device that is activated has a seat, a token, and one event that says so', async () => {
  const license = await ending();

  let answer: Awaited<ReturnType<typeof activate>> | undefined;
  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    answer = await activate(server, license.licenseKey, 'device-1', { machineName: 'desk' });
  });

  expect(answer?.activationToken).toMatch(/^act_[\w-]{43}$/);
  expect(answer?.license).toEqual({ status: 'ACTIVE', currentActivations: 1 });
  expect(events).toEqual([
    {
      type: 'activation.created',
      subjectId: answer?.activation?.id,
      licenseId: license.id,
      actor: `license:${license.id}`,
      data: { activation_type: 'ONLINE' },
    },
  ]);
  const token = String(answer?.activationToken);
  expect(
    await activationOf(
      answer?.activation?.id,
      'activationToken machineName applicationVersion units status activatedAt expiresAt leaseExpiresAt ipAddress',
    ),
  ).toEqual({
    activationToken: `act_…${token.slice(-4)}`,
    machineName: 'desk',
    applicationVersion: 'unknown',
    units: 1,
    status: 'ACTIVE',
    activatedAt: START,
    expiresAt: null,
    leaseExpiresAt: null,
    ipAddress: '127.0.0.1',
  });
});

test('a key is read in any case, with and without its dashes', async () => {
  const license = await ending({ maxActivations: 1 });
  const key = license.licenseKey;
  const spelled = [
    key,
    key.toLowerCase(),
    key.replaceAll('-', ''),
    ` ${key.replaceAll('-', ' ').toLowerCase()} `,
  ];

  const answers = await Promise.all(spelled.map((each) => tryActivate(server, each, 'device-1')));

  expect(answers.map(({ errors }) => errors)).toEqual([[], [], [], []]);
  expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
});

describe('the same device again', () => {
  test('gets its activation with a fresh token, takes no second seat, and one event says so', async () => {
    const license = await ending({ maxActivations: 1 });
    const first = await activate(server, license.licenseKey, 'device-1');
    server.pass(60_000);

    let again: Awaited<ReturnType<typeof activate>> | undefined;
    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      again = await activate(server, license.licenseKey, 'device-1');
    });

    expect(again?.activation).toEqual(first.activation);
    expect(again?.activationToken).not.toBe(first.activationToken);
    expect(events.map(({ type, subjectId }) => [type, subjectId])).toEqual([
      ['activation.renewed', first.activation?.id],
    ]);
    expect(await activationOf(first.activation?.id, 'activatedAt')).toEqual({ activatedAt: START });
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  });

  test('keeps what it told before, and what it tells anew replaces it', async () => {
    const license = await ending({ licenseModel: 'PER_CORE', maxActivations: 8 });
    const told = {
      user: 'ada',
      units: 8,
      machineName: 'desk',
      hardwareId: 'hw-1',
      macAddress: '0A:1B:2C:3D:4E:5F',
      operatingSystem: 'Linux',
      userAgent: 'radar/2',
      applicationVersion: '2.0',
      location: { country: 'DE', timezone: 'Europe/Berlin' },
      metadata: { room: 7 },
    };
    const selection =
      'user units machineName hardwareId macAddress operatingSystem userAgent applicationVersion location { country city timezone }';
    const { activation } = await activate(server, license.licenseKey, 'device-1', told);
    const before = await activationOf(activation?.id, selection);

    await activate(server, license.licenseKey, 'device-1', { applicationVersion: '2.1' });

    expect(before?.hardwareId).toEqual(expect.stringMatching(/^k1\./));
    expect(before?.user).toBe('ada');
    expect(await activationOf(activation?.id, selection)).toEqual({ ...before, applicationVersion: '2.1' });
    const [row] = await server.sql`select metadata from license_activations where license_id = ${license.id}`;
    expect(row?.metadata).toEqual({ room: 7 });
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 8, stored: 8, live: 8 });
  });

  test('is taken in grace, and when the limit was lowered below the count', async () => {
    const license = await ending({ maxActivations: 3 });
    for (const device of ['one', 'two', 'three']) await activate(server, license.licenseKey, device);
    await act('updateLicense', license, { maxActivations: 1 });

    const lowered = await activate(server, license.licenseKey, 'two', { units: 4, user: 'ada' });
    server.now = addMillis(addDays(START, 15), -1);
    const late = await activate(server, license.licenseKey, 'three');

    expect(lowered.license).toEqual({ status: 'ACTIVE', currentActivations: 3 });
    expect(late.license).toEqual({ status: 'EXPIRED', currentActivations: 3 });
  });

  test('is another activation once the first was ended', async () => {
    const license = await ending({ maxActivations: 1 });
    const first = await activate(server, license.licenseKey, 'device-1');
    await server.ok(
      'mutation ($input: DeactivateActivationInput!) { deactivateActivation(input: $input) { activation { id } } }',
      { input: { activationToken: first.activationToken } },
    );

    const second = await activate(server, license.licenseKey, 'device-1');

    expect(second.activation?.id).not.toBe(first.activation?.id);
    expect(await seatsOf(server, shop, license)).toEqual({ graph: 1, stored: 1, live: 1 });
  });
});

/** What becomes of a license that had one device, and what is then said to a new one and to its own. */
const closed: readonly [
  string,
  (license: Issued) => Promise<unknown>,
  Parameters<typeof refused>[2],
  string,
  object,
][] = [
  [
    'suspended',
    (license) => act('suspendLicense', license, { reason: 'Unpaid' }),
    'LICENSE_SUSPENDED',
    'Ask the vendor to reinstate the license.',
    { reason: 'Unpaid' },
  ],
  [
    'revoked',
    (license) => act('revokeLicense', license, { reason: 'Fraud' }),
    'LICENSE_REVOKED',
    'Get another license: a revoked one never comes back.',
    {},
  ],
  [
    'switched off',
    (license) => act('updateLicense', license, { status: 'INACTIVE' }),
    'LICENSE_INACTIVE',
    'Have its owner switch the license on.',
    {},
  ],
  [
    'past its grace',
    async () => server.pass(15 * DAY_MILLIS),
    'LICENSE_SUSPENDED',
    'Renew the license: its grace period is over.',
    { reason: 'Grace period expired' },
  ],
];

describe.each(closed)('a license that is %s', (_, close, code, remedy, details) => {
  test('refuses new devices and its own, and nothing is written or emitted', async () => {
    const license = await ending();
    await activate(server, license.licenseKey, 'known');
    await close(license);

    const stranger = await refusedWith(code, () => tryActivate(server, license.licenseKey, 'new'));
    const known = await refusedWith(code, () => tryActivate(server, license.licenseKey, 'known'));

    for (const { extensions } of [stranger, known])
      expect(extensions).toEqual({ code, verdict: code, remedy, ...details });
  });
});

test('in grace a new device is refused, to the millisecond', async () => {
  const license = await ending();
  server.now = addMillis(addDays(START, 10), -1);
  await activate(server, license.licenseKey, 'in-time');
  server.pass(1);

  const error = await refusedWith('LICENSE_EXPIRED', () => tryActivate(server, license.licenseKey, 'late'));

  expect(error.extensions).toEqual({
    code: 'LICENSE_EXPIRED',
    verdict: 'LICENSE_EXPIRED',
    remedy: 'Renew the license: in its grace period it takes no new device.',
  });
});

test('a license that is EXPIRED on record, but whose end was moved on, takes new devices', async () => {
  const license = await ending();
  await server.sql`update licenses set status = 'EXPIRED' where id = ${license.id}`;

  const answer = await activate(server, license.licenseKey, 'device-1');

  expect(answer.license).toEqual({ status: 'ACTIVE', currentActivations: 1 });
});

describe('a trial', () => {
  const read = (license: Issued) =>
    readLicense(server, shop.admin, license.id, 'status activationDate expiryDate');

  test('begins with its first device, and its later ones do not move its end', async () => {
    const license = await issueLicense(server, shop, { trial: true });
    expect(await read(license)).toEqual({ status: 'PENDING', activationDate: null, expiryDate: null });
    server.pass(400 * DAY_MILLIS);
    const begun = server.now;

    const events = await eventsDuring(server, shop.admin.tenant_id, () =>
      activate(server, license.licenseKey, 'device-1'),
    );
    server.pass(DAY_MILLIS);
    await activate(server, license.licenseKey, 'device-2');

    const trial = { status: 'ACTIVE', activationDate: begun, expiryDate: addDays(begun, 14) };
    expect(await read(license)).toEqual(trial);
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['license.activated', { expiry_date: trial.expiryDate }],
      ['activation.created', { activation_type: 'ONLINE' }],
    ]);
  });

  test('does not begin with a device that is refused', async () => {
    const license = await issueLicense(server, shop, { trial: true });

    await refusedWith('PRODUCT_MISMATCH', () =>
      tryActivate(server, license.licenseKey, 'device-1', { productId: 'SONAR' }),
    );

    expect(await read(license)).toEqual({ status: 'PENDING', activationDate: null, expiryDate: null });
  });
});

describe('a claim that does not fit', () => {
  test('names a key of no license, or no key at all', async () => {
    const unknown = await refusedWith('LICENSE_NOT_FOUND', () =>
      tryActivate(server, 'AAAA-BBBB-CCCC-DDDD-EEEE', 'device-1'),
    );
    const malformed = await refusedWith('INVALID_LICENSE_KEY_FORMAT', () =>
      tryActivate(server, 'AAAA-BBBB-CCCC-DDDD', 'device-1'),
    );

    expect(unknown.message).toBe('There is no license with this key.');
    expect(malformed.message).toBe(
      'A license key has the form XXXX-XXXX-XXXX-XXXX-XXXX, of digits and letters.',
    );
  });

  test('names another user of a device whose user counts', async () => {
    const license = await ending({ licenseModel: 'PER_SEAT' });
    await activate(server, license.licenseKey, 'device-1', { user: 'ada' });

    await refusedWith('USER_MISMATCH', () =>
      tryActivate(server, license.licenseKey, 'device-1', { user: 'bo' }),
    );
  });

  test.each([
    ['licenseKey', { licenseKey: '' }],
    ['deviceFingerprint', { deviceFingerprint: '  ' }],
    ['deviceFingerprint', { deviceFingerprint: 'x'.repeat(1025) }],
    ['deviceFingerprint', { deviceFingerprint: 'a\0b' }],
    ['user', { user: '\ud800' }],
    ['user', { user: 'x'.repeat(256) }],
    ['units', { units: 0 }],
    ['units', { units: -1 }],
    ['units', { units: 100_001 }],
    ['productId', { productId: 'no code' }],
    ['machineName', { machineName: 'x'.repeat(256) }],
    ['hardwareId', { hardwareId: '' }],
    ['macAddress', { macAddress: '0A:1B' }],
    ['operatingSystem', { operatingSystem: 'x'.repeat(101) }],
    ['userAgent', { userAgent: 'x'.repeat(501) }],
    ['applicationVersion', { applicationVersion: 'x'.repeat(51) }],
    ['location.country', { location: { country: 'Germany', timezone: 'Europe/Berlin' } }],
    [
      'location.coordinates.latitude',
      { location: { country: 'DE', timezone: 'UTC', coordinates: { latitude: 91, longitude: 0 } } },
    ],
    ['metadata', { metadata: { a: '\ud800' } }],
    ['metadata', { metadata: { '\0': 1 } }],
    ['metadata', { metadata: { a: 'x'.repeat(20_000) } }],
  ])('names the field that is wrong: %s', async (field, input) => {
    const license = await ending();

    const error = await refusedWith('INVALID_INPUT', () =>
      tryActivate(server, license.licenseKey, 'device-1', input),
    );

    expect(error.extensions.fields?.map((problem) => problem.field)).toEqual([`input.${field}`]);
  });
});

describe('a caller with a token', () => {
  test('of another tenant finds no license, whatever it may do there', async () => {
    const license = await ending();
    const elsewhere = await server.tenant();

    const error = await refusedWith('LICENSE_NOT_FOUND', () =>
      tryActivate(server, license.licenseKey, 'device-1', {}, elsewhere),
    );

    expect(error.message).toBe('There is no license with this key.');
  });

  test("of a customer activates the customer's own licenses, and finds no other", async () => {
    const [ada, bo] = [shop.customerId, await createCustomer(server, shop.admin, 'Bo')];
    const license = await ending({ customerId: ada });
    const as = (customer_id: string) =>
      ({ tenant_id: shop.admin.tenant_id, roles: ['customer'], customer_id }) as const;

    await refusedWith('LICENSE_NOT_FOUND', () =>
      tryActivate(server, license.licenseKey, 'device-1', {}, as(bo)),
    );
    const own = await tryActivate(server, license.licenseKey, 'device-1', {}, as(ada));

    expect(own.errors).toEqual([]);
    const [event] = await server.sql`select user_id from license_event_logs
      where license_id = ${license.id} and event_type = 'activation.created'`;
    expect(event?.user_id).toBe('tester');
  });
});

test('the first activation of any license is remembered', async () => {
  const { id, licenseKey } = await issueLicense(server, shop);
  await activate(server, licenseKey, 'first');
  const begun = server.now;
  server.pass(60_000);
  await activate(server, licenseKey, 'second');

  const data = await server.ok(
    'query ($id: ID!) { license(id: $id) { activationDate } }',
    { id },
    shop.admin,
  );

  expect(data.license?.activationDate).toBe(begun);
});
