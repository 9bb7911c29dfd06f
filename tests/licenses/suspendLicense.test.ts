import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, DAY_MILLIS } from '../../src/core/clock.js';
import { actOn, eventsDuring, mutation, readLicense, refusedAct, refusedFields } from '../support/acts.js';
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

const suspend = (license: Issued, reason = 'Invoice 7 is open') =>
  actOn(
    server,
    shop.admin,
    'suspendLicense',
    { licenseId: license.id, reason },
    'status suspensionReason inGrace',
  );
const reinstate = (license: Issued) =>
  actOn(server, shop.admin, 'reinstateLicense', { licenseId: license.id }, 'status suspensionReason inGrace');

test('the reason of a suspension is readable until reinstatement', async () => {
  const license = await issueLicense(server, shop);

  const suspended = await suspend(license);
  const reinstated = await reinstate(license);

  expect(suspended).toEqual({
    status: 'SUSPENDED',
    suspensionReason: 'Invoice 7 is open',
    inGrace: false,
  });
  expect(reinstated).toEqual({ status: 'ACTIVE', suspensionReason: null, inGrace: false });
});

test('devices read SUSPENDED, keep their seats, and come back with their tokens', async () => {
  const license = await issueLicense(server, shop);
  const { activationToken, activation } = await activate(server, license.licenseKey, 'device-1');
  const devices = 'currentActivations activations { nodes { id status } }';
  const validate = `query ($token: String!) { validateActivation(activationToken: $token) { code } }`;

  await suspend(license);
  const during = await readLicense(server, shop.admin, license.id, devices);
  const refusedVerdict = await server.ok(validate, { token: activationToken });
  await reinstate(license);
  const after = await readLicense(server, shop.admin, license.id, devices);
  const verdict = await server.ok(validate, { token: activationToken });

  expect(during).toEqual({
    currentActivations: 1,
    activations: { nodes: [{ id: activation?.id, status: 'SUSPENDED' }] },
  });
  expect(refusedVerdict.validateActivation?.code).toBe('LICENSE_SUSPENDED');
  expect(after).toEqual({
    currentActivations: 1,
    activations: { nodes: [{ id: activation?.id, status: 'ACTIVE' }] },
  });
  expect(verdict.validateActivation?.code).toBe('VALID');
});

test('a license that was switched off comes back switched off', async () => {
  const license = await issueLicense(server, shop);
  await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, status: 'INACTIVE' });
  await suspend(license);

  expect((await reinstate(license)).status).toBe('INACTIVE');
});

test('a trial that had not begun comes back PENDING and begins with its first activation', async () => {
  const license = await issueLicense(server, shop, { trial: true });
  await suspend(license);
  server.pass(40 * DAY_MILLIS);

  expect((await reinstate(license)).status).toBe('PENDING');
  await activate(server, license.licenseKey, 'device-1');
  expect(await readLicense(server, shop.admin, license.id, 'status expiryDate')).toEqual({
    status: 'ACTIVE',
    expiryDate: addDays(START, 54),
  });
});

test('a license that was suspended in grace comes back in grace', async () => {
  const license = await issueLicense(server, shop);
  server.now = addDays(START, 366);
  const suspended = await eventsDuring(server, shop.admin.tenant_id, () => suspend(license));

  const reinstated = await eventsDuring(server, shop.admin.tenant_id, () => reinstate(license));

  expect(await readLicense(server, shop.admin, license.id, 'status inGrace')).toEqual({
    status: 'EXPIRED',
    inGrace: true,
  });
  expect(suspended.map((event) => event.data)).toEqual([{ reason: 'Invoice 7 is open', from: 'EXPIRED' }]);
  expect(reinstated.map((event) => event.data)).toEqual([{ to: 'EXPIRED' }]);
});

test('what expired while it was suspended comes back EXPIRED', async () => {
  const license = await issueLicense(server, shop);
  await suspend(license);
  server.now = addDays(START, 380);

  expect(await reinstate(license)).toEqual({ status: 'EXPIRED', suspensionReason: null, inGrace: true });
});

test('what outlived its grace while suspended for cause comes back to the end of grace, and can be renewed', async () => {
  const license = await issueLicense(server, shop);
  await suspend(license);
  server.now = addDays(START, 500);

  const reinstated = await reinstate(license);
  const renewed = await actOn(server, shop.admin, 'renewLicense', {
    licenseId: license.id,
    durationMonths: 1,
  });

  expect(reinstated).toEqual({
    status: 'SUSPENDED',
    suspensionReason: 'Grace period expired',
    inGrace: false,
  });
  expect(renewed.status).toBe('ACTIVE');
});

test('the end of grace tells its reason and is undone by renewal alone', async () => {
  const license = await createLicense(server, shop, { expiryDate: addDays(START, 1), gracePeriodDays: 2 });
  server.now = addDays(START, 3);

  const standing = await readLicense(server, shop.admin, license.id, 'status suspensionReason graceEndsAt');
  const refusal = await refusedAct(
    server,
    shop.admin,
    'reinstateLicense',
    { licenseId: license.id },
    'INVALID_TRANSITION',
  );

  expect(standing).toEqual({
    status: 'SUSPENDED',
    suspensionReason: 'Grace period expired',
    graceEndsAt: addDays(START, 3),
  });
  expect(refusal.message).toMatch(/renew/);
});

test('of many suspensions at once exactly one happens', async () => {
  const { id } = await issueLicense(server, shop);
  const input = { licenseId: id, reason: 'Invoice open' };
  const send = () => server.graphql(mutation('suspendLicense', '__typename'), { input }, shop.admin);

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    const codes = (await Promise.all([send(), send(), send(), send()])).map((answer) => answer.code);
    expect(codes.filter((code) => code === undefined)).toHaveLength(1);
    expect(codes.filter((code) => code === 'INVALID_TRANSITION')).toHaveLength(3);
  });

  expect(events.map((event) => event.type)).toEqual(['license.suspended']);
});

test.each([
  ['is missing', ''],
  ['is blank', '   '],
  ['is longer than 2000 characters', 'x'.repeat(2001)],
])('a suspension whose reason %s is refused by the name of the field', async (_, reason) => {
  const { id } = await issueLicense(server, shop);

  const fields = await refusedFields(server, shop.admin, 'suspendLicense', { licenseId: id, reason });

  expect(fields).toEqual(['input.reason']);
});
