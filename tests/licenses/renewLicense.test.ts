import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { actOn, eventsDuring, readLicense, refusedAct, refusedFields } from '../support/acts.js';
import { activate, createLicense, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { at, START, startTestServer, type TestServer } from '../support/server.js';

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

const renew = (id: string, durationMonths: number, more: object = {}, selection = 'status expiryDate') =>
  actOn(server, shop.admin, 'renewLicense', { licenseId: id, durationMonths, ...more }, selection);
const expiring = (expiryDate: string, more: object = {}) =>
  createLicense(server, shop, { issuedDate: '2020-01-01T00:00:00Z', expiryDate, ...more });

test.each([
  ['31 January and a month is the end of February', '2027-01-31T09:30:00Z', 1, '2027-02-28T09:30:00.000Z'],
  [
    '31 January of a leap year and a month is 29 February',
    '2028-01-31T09:30:00Z',
    1,
    '2028-02-29T09:30:00.000Z',
  ],
  ['29 February and twelve months is 28 February', '2028-02-29T09:30:00Z', 12, '2029-02-28T09:30:00.000Z'],
  ['sixty months are five years', '2026-06-30T09:30:00Z', 60, '2031-06-30T09:30:00.000Z'],
  [
    'an expiry given in another zone counts in UTC',
    '2027-02-01T00:30:00+02:00',
    1,
    '2027-02-28T22:30:00.000Z',
  ],
])('%s', async (_, expiryDate, months, end) => {
  const { id } = await expiring(expiryDate);

  expect(await renew(id, months)).toEqual({ status: 'ACTIVE', expiryDate: end });
});

test('a license in grace is renewed from its expiry', async () => {
  const { id } = await expiring('2026-02-27T12:00:00Z', { gracePeriodDays: 10 });

  expect(await renew(id, 1)).toEqual({ status: 'ACTIVE', expiryDate: '2026-03-27T12:00:00.000Z' });
});

test('a license whose renewal in grace ends before now stays in grace', async () => {
  const { id } = await expiring('2026-01-15T12:00:00Z', { gracePeriodDays: 90 });

  expect(await renew(id, 1, {}, 'status inGrace expiryDate')).toEqual({
    status: 'EXPIRED',
    inGrace: true,
    expiryDate: '2026-02-15T12:00:00.000Z',
  });
});

test('a license that expired long ago is renewed from now', async () => {
  const { id } = await expiring('2022-05-01T12:00:00Z', { gracePeriodDays: 30 });

  expect(await renew(id, 12)).toEqual({ status: 'ACTIVE', expiryDate: '2027-03-01T12:00:00.000Z' });
});

test('devices come back when renewal lifts the suspension by the end of grace', async () => {
  const license = await createLicense(server, shop, { expiryDate: addDays(START, 1) });
  const { activation } = await activate(server, license.licenseKey, 'device-1');
  server.now = addDays(START, 2);
  const devices = 'status suspensionReason currentActivations activations { nodes { id status } }';

  const lapsed = await readLicense(server, shop.admin, license.id, devices);
  const renewed = await renew(license.id, 1, {}, devices);

  expect(lapsed).toMatchObject({
    status: 'SUSPENDED',
    activations: { nodes: [{ id: activation?.id, status: 'SUSPENDED' }] },
  });
  expect(renewed).toEqual({
    status: 'ACTIVE',
    suspensionReason: null,
    currentActivations: 1,
    activations: { nodes: [{ id: activation?.id, status: 'ACTIVE' }] },
  });
});

test('what a sweep recorded at the end of grace is cleared by renewal', async () => {
  const { id } = await expiring('2026-01-01T12:00:00Z');
  await server.sql`update licenses set status = 'SUSPENDED', suspended_from = 'ACTIVE',
    suspension_cause = 'GRACE_EXPIRED', suspension_reason = 'Grace period expired' where id = ${id}`;

  expect(await renew(id, 1)).toEqual({ status: 'ACTIVE', expiryDate: '2026-04-01T12:00:00.000Z' });

  const [row] =
    await server.sql`select suspended_from, suspension_cause, suspension_reason from licenses where id = ${id}`;
  expect(row).toEqual({ suspended_from: null, suspension_cause: null, suspension_reason: null });
});

test('a license that is switched off stays so', async () => {
  const { id } = await expiring('2026-06-01T12:00:00Z');
  await actOn(server, shop.admin, 'updateLicense', { licenseId: id, status: 'INACTIVE' });

  expect(await renew(id, 1)).toEqual({ status: 'INACTIVE', expiryDate: '2026-07-01T12:00:00.000Z' });
});

test('a perpetual license acquires no expiry, and its maintenance is renewed', async () => {
  const { id } = await createLicense(server, shop, {
    licenseType: 'PERPETUAL',
    maintenanceExpiry: '2026-08-31T12:00:00Z',
  });

  expect(await renew(id, 6, {}, 'status expiryDate maintenanceExpiry')).toEqual({
    status: 'ACTIVE',
    expiryDate: null,
    maintenanceExpiry: '2027-02-28T12:00:00.000Z',
  });
});

test('maintenance is extended only when asked for', async () => {
  const { id } = await expiring('2026-05-31T12:00:00Z', { maintenanceExpiry: '2026-05-31T12:00:00Z' });

  const without = await renew(id, 1, {}, 'expiryDate maintenanceExpiry');
  const withIt = await renew(id, 1, { extendMaintenance: true }, 'expiryDate maintenanceExpiry');

  expect(without).toEqual({
    expiryDate: '2026-06-30T12:00:00.000Z',
    maintenanceExpiry: '2026-05-31T12:00:00.000Z',
  });
  expect(withIt).toEqual({
    expiryDate: '2026-07-30T12:00:00.000Z',
    maintenanceExpiry: '2026-06-30T12:00:00.000Z',
  });
});

test('upgraded features replace those of the same id, and one grants no more than the newest says', async () => {
  const feature = (featureId: string, limitValue: number) => ({
    featureId,
    featureName: featureId,
    limitValue,
  });
  const { id } = await expiring('2026-05-31T12:00:00Z', {
    features: [feature('api', 10), feature('vpn', 1)],
  });

  const upgraded = await renew(
    id,
    1,
    { upgradeFeatures: [feature('sso', 5), feature('api', 500)] },
    'features { featureId limitValue enabled }',
  );

  expect(upgraded.features).toEqual([
    { featureId: 'api', limitValue: 500, enabled: true },
    { featureId: 'vpn', limitValue: 1, enabled: true },
    { featureId: 'sso', limitValue: 5, enabled: true },
  ]);
});

test('a trial that has begun is renewed from its end', async () => {
  const license = await issueLicense(server, shop, { trial: true });
  await activate(server, license.licenseKey, 'device-1');

  expect(await renew(license.id, 1)).toEqual({ status: 'ACTIVE', expiryDate: '2026-04-15T12:00:00.000Z' });
});

test.each([0, 61, -1, 1200])('a renewal for %s months is refused', async (durationMonths) => {
  const { id } = await expiring('2026-05-31T12:00:00Z');

  const fields = await refusedFields(server, shop.admin, 'renewLicense', { licenseId: id, durationMonths });

  expect(fields).toEqual(['input.durationMonths']);
});

test('a feature that stands twice in an upgrade is refused by its place', async () => {
  const { id } = await expiring('2026-05-31T12:00:00Z');
  const api = { featureId: 'api', featureName: 'API' };

  const fields = await refusedFields(server, shop.admin, 'renewLicense', {
    licenseId: id,
    durationMonths: 1,
    upgradeFeatures: [api, { featureId: 'vpn', featureName: 'VPN' }, api],
  });

  expect(fields).toEqual(['input.upgradeFeatures.2.featureId']);
});

test('a renewal past the year 9000 is refused', async () => {
  const { id } = await expiring('8999-06-01T00:00:00Z');

  const input = { licenseId: id, durationMonths: 60 };
  const fields = await refusedFields(server, shop.admin, 'renewLicense', input);

  expect(fields).toEqual(['input.durationMonths']);
});

test('a renewal records for how long, from when to when, and which features it upgraded', async () => {
  const { id } = await expiring('2026-05-31T12:00:00Z');

  const events = await eventsDuring(server, shop.admin.tenant_id, () =>
    renew(id, 1, { upgradeFeatures: [{ featureId: 'api', featureName: 'API' }] }),
  );

  expect(events).toEqual([
    {
      type: 'license.renewed',
      subjectId: id,
      licenseId: id,
      actor: 'tester',
      data: {
        by: 'HAND',
        duration_months: 1,
        from: '2026-05-31T12:00:00.000Z',
        to: '2026-06-30T12:00:00.000Z',
        upgraded: ['api'],
      },
    },
  ]);
});

test('of two renewals at once none is lost', async () => {
  const { id } = await expiring('2026-05-31T12:00:00Z');

  await Promise.all([renew(id, 1), renew(id, 1), renew(id, 1)]);

  const { expiryDate } = await readLicense(server, shop.admin, id, 'expiryDate');
  expect(expiryDate).toBe(at('2026-08-30T12:00:00Z'));
});

test('a reseller renews what it sold and nothing else', async () => {
  const data = await server.ok(
    'mutation ($input: CreateResellerInput!) { createReseller(input: $input) { reseller { id } } }',
    { input: { name: 'Northwind' } },
    shop.admin,
  );
  const resellerId = String(data.createReseller?.reseller?.id);
  const reseller = { tenant_id: shop.admin.tenant_id, roles: ['reseller'], reseller_id: resellerId } as const;
  const sold = await expiring('2026-05-31T12:00:00Z', { resellerId });
  const other = await expiring('2026-05-31T12:00:00Z');

  const renewed = await actOn(server, reseller, 'renewLicense', { licenseId: sold.id, durationMonths: 1 });

  expect(renewed.status).toBe('ACTIVE');
  const input = { licenseId: other.id, durationMonths: 1 };
  await refusedAct(server, reseller, 'renewLicense', input, 'LICENSE_NOT_FOUND');
});
