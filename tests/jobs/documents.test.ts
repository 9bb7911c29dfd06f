import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, DAY_MILLIS } from '../../src/core/clock.js';
import { mutation, refused } from '../support/acts.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { emergencyCode } from '../support/guarding.js';
import { checkout, requestOf, sign, trySign } from '../support/offline.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let license: Issued;
beforeAll(async () => {
  server = await startTestServer({ environment: { LG_OFFLINE_CODE_DAYS: '90' } });
});
beforeEach(async () => {
  server.now = START;
  shop = await openShop(server);
  license = await createLicense(server, shop, { maxActivations: 5, expiryDate: addDays(START, 1_000) });
});
afterAll(() => server.stop());

const left = () =>
  Promise.all(
    ['license_files', 'offline_requests', 'emergency_codes'].map((table) =>
      server.count(table, `tenant_id = '${shop.admin.tenant_id}'`),
    ),
  );
const swept = () => server.jobs.run('document.forget');

test('files, requests and codes stand for 92 days after their end, and are then forgotten', async () => {
  const asked = { licenseKey: license.licenseKey, deviceFingerprint: 'press' };
  await activate(server, license.licenseKey, 'press');
  await checkout(server, { ...asked, validDays: 1 });
  await emergencyCode(server, shop.admin, license);
  server.pass(92 * DAY_MILLIS);
  await emergencyCode(server, shop.admin, license);
  await checkout(server, { ...asked, validDays: 1 });

  const early = await swept();
  const before = await left();
  server.pass(DAY_MILLIS + 1);
  const late = await swept();

  expect(early).toEqual({ licenseFiles: 0, offlineRequests: 0, emergencyCodes: 0 });
  expect(before).toEqual([2, 0, 2]);
  expect(late).toEqual({ licenseFiles: 1, offlineRequests: 0, emergencyCodes: 1 });
  expect(await left()).toEqual([1, 0, 1]);
});

test('a request whose row was forgotten is too old to be signed once more', async () => {
  const short = await createLicense(server, shop, { maxActivations: 5, expiryDate: addDays(START, 1) });
  const { requestCode } = await requestOf(server, short.licenseKey);
  await sign(server, shop.admin, requestCode);
  await server.ok(
    mutation('renewLicense', 'license { id }'),
    { input: { licenseId: short.id, durationMonths: 12 } },
    shop.admin,
  );
  server.pass(93 * DAY_MILLIS + 1);

  const { offlineRequests } = await swept();

  expect(offlineRequests).toBe(1);
  await refused(server, shop.admin, 'OFFLINE_CODE_EXPIRED', () => trySign(server, shop.admin, requestCode));
});

test('what is of other tenants is swept for them too, and what is not over is left alone', async () => {
  const other = await openShop(server);
  const theirs = await createLicense(server, other, { expiryDate: addDays(START, 1_000) });
  await activate(server, theirs.licenseKey, 'press');
  await checkout(server, { licenseKey: theirs.licenseKey, deviceFingerprint: 'press', validDays: 1 });
  await activate(server, license.licenseKey, 'press');
  server.pass(70 * DAY_MILLIS);
  await checkout(server, { licenseKey: license.licenseKey, deviceFingerprint: 'press', validDays: 30 });
  server.pass(24 * DAY_MILLIS);

  const { licenseFiles } = await swept();

  expect(licenseFiles).toBe(1);
  expect(await left()).toEqual([1, 0, 0]);
});
