import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis } from '../../src/core/clock.js';
import {
  actOn,
  eventsDuring,
  inRole,
  mutation,
  readLicense,
  refusedAct,
  refusedFields,
} from '../support/acts.js';
import {
  activate,
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
beforeEach(() => {
  server.now = START;
});
afterAll(() => server.stop());

const selection = `status issuedTo productVersion maxActivations autoRenewal trialPeriodDays gracePeriodDays metadata
  expiryDate maintenanceExpiry features { featureId limitValue } restrictions { restrictionType operator values }`;
const update = (id: string, changes: object, fields = selection) =>
  actOn(server, shop.admin, 'updateLicense', { licenseId: id, ...changes }, fields);
const refusedUpdate = (id: string, changes: object) =>
  refusedFields(server, shop.admin, 'updateLicense', { licenseId: id, ...changes });

const full = {
  expiryDate: '2027-01-01T00:00:00.000Z',
  maintenanceExpiry: '2027-01-01T00:00:00.000Z',
  gracePeriodDays: 10,
  trialPeriodDays: 5,
  metadata: { crm_id: 7, keep: true },
  features: [{ featureId: 'api', featureName: 'API', limitValue: 5 }],
  restrictions: [{ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE'] }],
};

describe('each field changes alone', () => {
  test.each([
    ['status', 'INACTIVE'],
    ['issuedTo', 'Bo Lindqvist'],
    ['productVersion', '3.0'],
    ['maxActivations', 0],
    ['autoRenewal', true],
    ['expiryDate', '2026-06-01T00:00:00.000Z'],
    ['expiryDate', null],
    ['maintenanceExpiry', '2028-01-01T00:00:00.000Z'],
    ['maintenanceExpiry', null],
    ['trialPeriodDays', 3650],
    ['trialPeriodDays', null],
    ['gracePeriodDays', 0],
    ['gracePeriodDays', null],
    ['metadata', { other_key: [1, 'two', null], camelCase: { deep: { er: 0.1 } }, 'with space': '"quoted"' }],
    ['metadata', {}],
    ['restrictions', []],
    ['restrictions', [{ restrictionType: 'DOMAIN', operator: 'DENY', values: ['*.Bücher.example'] }]],
  ])('%s to %j', async (field, value) => {
    const { id } = await createLicense(server, shop, full);
    const before = await readLicense(server, shop.admin, id, selection);

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      expect(await update(id, { [field]: value })).toEqual({ ...before, [field]: value });
    });

    expect(await readLicense(server, shop.admin, id, selection)).toEqual({ ...before, [field]: value });
    const moved = field === 'status' ? { from: 'ACTIVE', to: 'INACTIVE' } : {};
    expect(events).toEqual([
      {
        type: 'license.updated',
        subjectId: id,
        licenseId: id,
        actor: 'tester',
        data: { changed: [field], ...moved },
      },
    ]);
  });

  test('features are replaced as a whole', async () => {
    const { id } = await createLicense(server, shop, full);
    const features = [
      { featureId: 'vpn', featureName: 'VPN' },
      { featureId: 'api', featureName: 'API', limitValue: 0 },
    ];

    const updated = await update(id, { features }, 'features { featureId limitValue }');

    expect(updated.features).toEqual([
      { featureId: 'vpn', limitValue: null },
      { featureId: 'api', limitValue: 0 },
    ]);
  });
});

test('a change moves the instant of the last change and nothing about the making', async () => {
  const { id } = await createLicense(server, shop, full);
  server.pass(5000);

  const updated = await update(id, { issuedTo: 'Bo' }, 'createdAt updatedAt issuedDate');

  expect(updated).toEqual({ createdAt: START, updatedAt: addMillis(START, 5000), issuedDate: START });
});

test('a lower limit leaves active devices alone and takes no new one', async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'device-1');
  await activate(server, license.licenseKey, 'device-2');

  const updated = await update(license.id, { maxActivations: 1 }, 'maxActivations currentActivations');

  expect(updated).toEqual({ maxActivations: 1, currentActivations: 2 });
  const input = { licenseKey: license.licenseKey, deviceFingerprint: 'device-3' };
  const third = await server.graphql(mutation('activateLicense', '__typename'), { input });
  expect(third.code).toBe('ACTIVATION_LIMIT_EXCEEDED');
});

test('a license that is switched off refuses its devices and takes them again when switched on', async () => {
  const license = await issueLicense(server, shop);
  const { activationToken } = await activate(server, license.licenseKey, 'device-1');
  const verdict = async () => {
    const query = 'query ($token: String!) { validateActivation(activationToken: $token) { code } }';
    return (await server.ok(query, { token: activationToken })).validateActivation?.code;
  };

  await update(license.id, { status: 'INACTIVE' });
  const off = await verdict();
  await update(license.id, { status: 'ACTIVE' });

  expect([off, await verdict()]).toEqual(['LICENSE_INACTIVE', 'VALID']);
});

describe('what is refused', () => {
  test.each([
    ['nothing to change', {}, ['input']],
    [
      'null where a value has to be',
      { issuedTo: null, metadata: null, status: null },
      ['input.status', 'input.issuedTo', 'input.metadata'],
    ],
    ['a blank holder', { issuedTo: '\t' }, ['input.issuedTo']],
    ['a version of 51 characters', { productVersion: '1'.repeat(51) }, ['input.productVersion']],
    ['a limit below zero', { maxActivations: -1 }, ['input.maxActivations']],
    ['a trial of no days', { trialPeriodDays: 0 }, ['input.trialPeriodDays']],
    ['a grace of more than ten years', { gracePeriodDays: 3651 }, ['input.gracePeriodDays']],
    [
      'metadata nested nine levels deep',
      { metadata: { a: { b: { c: { d: { e: { f: { g: { h: { i: 1 } } } } } } } } } },
      ['input.metadata'],
    ],
    [
      'a feature twice',
      { features: ['a', 'a'].map((featureId) => ({ featureId, featureName: 'F' })) },
      ['input.features.1.featureId'],
    ],
    [
      'a country that is none',
      { restrictions: [{ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE', 'Germany'] }] },
      ['input.restrictions.0.values.1'],
    ],
    ['an expiry at the issue date', { expiryDate: START }, ['input.expiryDate']],
  ])('%s, every field named', async (_, changes, fields) => {
    const { id } = await createLicense(server, shop, full);

    expect(await refusedUpdate(id, changes)).toEqual(fields);
  });

  test('an expiry of a perpetual license', async () => {
    const { id } = await createLicense(server, shop, { licenseType: 'PERPETUAL' });

    expect(await refusedUpdate(id, { expiryDate: '2030-01-01T00:00:00Z' })).toEqual(['input.expiryDate']);
  });

  test('an expiry of a trial that has not begun, also while it is suspended', async () => {
    const { id } = await createLicense(server, shop, { licenseType: 'TRIAL', trialPeriodDays: 9 });
    const expiryDate = '2030-01-01T00:00:00Z';

    expect(await refusedUpdate(id, { expiryDate })).toEqual(['input.expiryDate']);
    await actOn(server, shop.admin, 'suspendLicense', { licenseId: id, reason: 'Check' });
    expect(await refusedUpdate(id, { expiryDate })).toEqual(['input.expiryDate']);
    expect(await refusedUpdate(id, { trialPeriodDays: null })).toEqual(['input.trialPeriodDays']);
  });

  test('no end for a trial that has begun', async () => {
    const license = await issueLicense(server, shop, { trial: true });
    await activate(server, license.licenseKey, 'device-1');

    expect(await refusedUpdate(license.id, { expiryDate: null })).toEqual(['input.expiryDate']);
  });

  test.each(['auditor', 'support', 'reseller', 'customer', 'application'] as const)(
    'the role %s',
    async (role) => {
      const { id } = await createLicense(server, shop, full);
      const as = inRole(shop.admin, role);

      await refusedAct(server, as, 'updateLicense', { licenseId: id, issuedTo: 'Bo' }, 'FORBIDDEN');
    },
  );

  test("another tenant's license, as one that does not exist", async () => {
    const { id } = await createLicense(server, shop, full);
    const other = await openShop(server);

    await refusedAct(
      server,
      other.admin,
      'updateLicense',
      { licenseId: id, issuedTo: 'Bo' },
      'LICENSE_NOT_FOUND',
    );

    expect((await readLicense(server, shop.admin, id, 'issuedTo')).issuedTo).toBe('Ada Okafor');
  });
});

describe('dates never bring a lapsed license back', () => {
  const lapsed = (expiredDays: number) =>
    createLicense(server, shop, {
      issuedDate: '2020-01-01T00:00:00Z',
      expiryDate: addDays(START, -expiredDays),
      gracePeriodDays: 10,
    });
  async function swept(): Promise<Issued> {
    const license = await lapsed(20);
    await server.sql`update licenses set status = 'SUSPENDED', suspended_from = 'ACTIVE',
      suspension_cause = 'GRACE_EXPIRED', suspension_reason = 'Grace period expired' where id = ${license.id}`;
    return license;
  }
  async function suspendedForCause(): Promise<Issued> {
    const license = await createLicense(server, shop, { expiryDate: addDays(START, 1) });
    await actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'Invoice open' });
    server.now = addDays(START, 2);
    return license;
  }
  const refusedRevival = async ({ id }: Issued, changes: object) => {
    const input = { licenseId: id, ...changes };
    const error = await refusedAct(server, shop.admin, 'updateLicense', input, 'INVALID_TRANSITION');
    expect(error.message).toMatch(/renew/);
    return [error.extensions.from, error.extensions.to];
  };
  const later = { expiryDate: addDays(START, 100) };

  test('in grace', async () => {
    const license = await lapsed(5);

    expect(await refusedRevival(license, later)).toEqual(['EXPIRED', 'ACTIVE']);
    expect(await refusedRevival(license, { expiryDate: null })).toEqual(['EXPIRED', 'ACTIVE']);
  });

  test('past grace', async () => {
    const license = await lapsed(20);

    expect(await refusedRevival(license, later)).toEqual(['SUSPENDED', 'ACTIVE']);
    expect(await refusedRevival(license, { gracePeriodDays: 30 })).toEqual(['SUSPENDED', 'EXPIRED']);
  });

  test('past grace, once a sweep has recorded it', async () => {
    expect(await refusedRevival(await swept(), later)).toEqual(['SUSPENDED', 'ACTIVE']);
  });

  test('beneath a suspension for cause', async () => {
    expect(await refusedRevival(await suspendedForCause(), later)).toEqual(['SUSPENDED', 'ACTIVE']);
  });

  test('but grace may be made longer while it lasts, and an expiry earlier', async () => {
    const { id } = await lapsed(5);

    const longer = await update(id, { gracePeriodDays: 90 }, 'status inGrace');
    const running = await createLicense(server, shop, { ...full, issuedDate: '2020-01-01T00:00:00Z' });
    const earlier = await update(running.id, { expiryDate: addDays(START, -1) }, 'status inGrace');

    expect(longer).toEqual({ status: 'EXPIRED', inGrace: true });
    expect(earlier).toEqual({ status: 'EXPIRED', inGrace: true });
  });
});
