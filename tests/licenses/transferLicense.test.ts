import { afterAll, beforeAll, expect, test } from 'vitest';
import { actOn, eventsDuring, listIn, readLicense, refusedAct, refusedFields } from '../support/acts.js';
import {
  activate,
  createCustomer,
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

const selection =
  'customerId issuedTo status currentActivations activations { nodes { status deactivationReason } }';
const transfer = (license: Issued, input: object) =>
  actOn(
    server,
    shop.admin,
    'transferLicense',
    { licenseId: license.id, newIssuedTo: 'Bo Lindqvist', transferReason: 'Sold on', ...input },
    selection,
  );

test('a license moves to another customer and its devices are deactivated', async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'device-1');
  const newCustomerId = await createCustomer(server, shop.admin, 'Bo');

  const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
    expect(await transfer(license, { newCustomerId })).toEqual({
      customerId: newCustomerId,
      issuedTo: 'Bo Lindqvist',
      status: 'ACTIVE',
      currentActivations: 0,
      activations: { nodes: [{ status: 'DEACTIVATED', deactivationReason: 'License transferred' }] },
    });
  });

  expect(events.map((event) => event.type)).toEqual(['license.transferred', 'activation.deactivated']);
  expect(events[0]).toMatchObject({
    subjectId: license.id,
    licenseId: license.id,
    data: {
      from_customer_id: shop.customerId,
      to_customer_id: newCustomerId,
      reason: 'Sold on',
      deactivate_existing: true,
    },
  });
});

test('devices stay when asked to, with their seats and tokens', async () => {
  const license = await issueLicense(server, shop);
  const { activationToken } = await activate(server, license.licenseKey, 'device-1');
  const newCustomerId = await createCustomer(server, shop.admin, 'Bo');

  const moved = await transfer(license, { newCustomerId, deactivateExisting: false });

  expect(moved).toMatchObject({
    customerId: newCustomerId,
    currentActivations: 1,
    activations: { nodes: [{ status: 'ACTIVE' }] },
  });
  const query = 'query ($token: String!) { validateActivation(activationToken: $token) { code } }';
  expect((await server.ok(query, { token: activationToken })).validateActivation?.code).toBe('VALID');
});

test('without another customer only the name changes', async () => {
  const license = await issueLicense(server, shop);

  const moved = await transfer(license, { deactivateExisting: null });

  expect(moved).toMatchObject({ customerId: shop.customerId, issuedTo: 'Bo Lindqvist' });
});

test('the history goes with the license, and the old holder sees it no more', async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'device-1');
  const newCustomerId = await createCustomer(server, shop.admin, 'Bo');
  const holder = (customer_id: string) =>
    ({ tenant_id: shop.admin.tenant_id, permissions: ['license.read', 'event.read'], customer_id }) as const;

  await transfer(license, { newCustomerId });

  const { events } = await readLicense(
    server,
    holder(newCustomerId),
    license.id,
    'events { nodes { type } }',
  );
  expect(listIn<{ type: string }>(events?.nodes).map((event) => event.type)).toEqual([
    'activation.deactivated',
    'license.transferred',
    'activation.created',
    'license.created',
  ]);
  const old = await server.ok(
    'query ($id: ID!) { license(id: $id) { id } }',
    { id: license.id },
    holder(shop.customerId),
  );
  expect(old.license).toBeNull();
});

test('its key, dates, limit and template stay what they were', async () => {
  const license = await issueLicense(server, shop);
  const kept =
    'licenseKey issuedDate expiryDate maxActivations templateId resellerId autoRenewal metadata createdAt';
  const before = await readLicense(server, shop.admin, license.id, kept);

  await transfer(license, { newCustomerId: await createCustomer(server, shop.admin, 'Bo') });

  expect(await readLicense(server, shop.admin, license.id, kept)).toEqual(before);
  expect(before.createdAt).toBe(START);
});

const input = (id: string, more: object = {}) => ({
  licenseId: id,
  newIssuedTo: 'Bo',
  transferReason: 'Sold',
  ...more,
});

test("another tenant's customer, or none, is refused by its id", async () => {
  const { id } = await issueLicense(server, shop);
  const other = await openShop(server);
  const nobody = '01930000-0000-7000-8000-000000000000';

  for (const newCustomerId of [other.customerId, nobody]) {
    const given = input(id, { newCustomerId });
    const error = await refusedAct(server, shop.admin, 'transferLicense', given, 'CUSTOMER_NOT_FOUND');
    expect(error.extensions.id).toBe(newCustomerId);
  }
});

test('a customer that is switched off receives no transfer', async () => {
  const { id } = await issueLicense(server, shop);
  const newCustomerId = await createCustomer(server, shop.admin, 'Bo');
  const update =
    'mutation ($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { id } } }';
  await server.ok(update, { input: { customerId: newCustomerId, status: 'INACTIVE' } }, shop.admin);

  await refusedAct(server, shop.admin, 'transferLicense', input(id, { newCustomerId }), 'CUSTOMER_INACTIVE');
});

test('a refused transfer leaves the devices as they are', async () => {
  const license = await issueLicense(server, shop);
  await activate(server, license.licenseKey, 'device-1');
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' });

  await refusedAct(server, shop.admin, 'transferLicense', input(license.id), 'LICENSE_REVOKED');
});

test('a transfer names its reason and the new holder', async () => {
  const { id } = await issueLicense(server, shop);

  const fields = await refusedFields(server, shop.admin, 'transferLicense', {
    licenseId: id,
    newIssuedTo: '',
    transferReason: ' ',
  });

  expect(fields).toEqual(['input.newIssuedTo', 'input.transferReason']);
});
