import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { actOn, listIn, refused } from '../support/acts.js';
import { deactivate, validateToken } from '../support/devices.js';
import {
  activate,
  createCustomer,
  createLicense,
  type Issued,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let license: Issued;
let buyer: string;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  server.now = START;
  shop = await openShop(server);
  buyer = await createCustomer(server, shop.admin, 'Grace Hopper');
  license = await createLicense(server, shop, { customerId: shop.customerId, maxActivations: 5 });
});

function bound(customerId: string): Claims {
  return {
    tenant_id: shop.admin.tenant_id,
    roles: ['customer'],
    permissions: ['event.read'],
    customer_id: customerId,
  };
}

/** A device of so many: its id and its token. */
async function device(name: string): Promise<{ id: string; token: string }> {
  const answer = await activate(server, license.licenseKey, name, { user: name, machineName: name });
  return { id: String(answer.activation?.id), token: String(answer.activationToken) };
}

function transfer(to: string, deactivateExisting = true): Promise<Json> {
  return actOn(server, shop.admin, 'transferLicense', {
    licenseId: license.id,
    newCustomerId: to,
    newIssuedTo: 'Somebody',
    transferReason: 'Sold',
    deactivateExisting,
  });
}

/** The machines and the events of the license that a caller sees, by the license, by the lists and one by one. */
async function seenBy(as: Claims, ids: readonly string[] = []) {
  const list = 'nodes { machineName user }';
  const data = await server.ok(
    `{ license(id: "${license.id}") { activations { ${list} totalCount } events { nodes { type } } }
      activations { ${list} } events { nodes { type } }
      ${ids.map((id, index) => `a${index}: activation(id: "${id}") { machineName }`).join(' ')} }`,
    {},
    as,
  );
  const machines = (connection: Json | undefined) =>
    listIn<{ machineName: string }>(connection?.nodes).map(({ machineName }) => machineName);
  const types = (connection: Json | undefined) =>
    listIn<{ type: string }>(connection?.nodes).map(({ type }) => type);
  expect(machines(data.activations)).toEqual(machines(data.license?.activations));
  expect(data.license?.activations?.totalCount).toBe(machines(data.activations).length);
  return {
    machines: machines(data.activations),
    byId: ids.map((_, index) => data[`a${index}`]?.machineName ?? null),
    ofLicense: types(data.license?.events),
    listed: types(data.events),
  };
}

test('the new customer sees nothing of the old one; the vendor sees it all', async () => {
  const old = await device('old');
  server.pass(1000);
  await transfer(buyer);
  server.pass(1000);
  const fresh = await device('fresh');
  await deactivate(server, { activationToken: fresh.token });

  const customer = await seenBy(bound(buyer), [old.id, fresh.id]);
  const vendor = await seenBy(shop.admin, [old.id, fresh.id]);

  const since = [
    'activation.deactivated',
    'activation.created',
    'activation.deactivated',
    'license.transferred',
  ];
  expect(customer).toEqual({ machines: ['fresh'], byId: [null, 'fresh'], ofLicense: since, listed: since });
  expect(vendor.machines).toEqual(['fresh', 'old']);
  expect(vendor.byId).toEqual(['old', 'fresh']);
  expect(vendor.ofLicense).toEqual([...since, 'activation.created', 'license.created']);
  await refused(server, shop.admin, 'ACTIVATION_NOT_FOUND', () =>
    deactivate(server, { activationId: old.id }, bound(buyer)),
  );
});

test('devices that were handed over live are seen, and go on to be when they are ended', async () => {
  const { id } = await device('kept');
  server.pass(1000);
  await transfer(buyer, false);
  server.pass(1000);
  const live = await seenBy(bound(buyer), [id]);
  await deactivate(server, { activationId: id }, bound(buyer));

  const again = await deactivate(server, { activationId: id }, bound(buyer));

  expect(live).toMatchObject({ machines: ['kept'], byId: ['kept'], listed: ['license.transferred'] });
  expect(again.errors).toEqual([]);
  expect(await seenBy(bound(buyer), [id])).toMatchObject({ machines: ['kept'], byId: ['kept'] });
});

test('a license that is issued to another name and stays with its customer hides nothing', async () => {
  const { id } = await device('kept');
  server.pass(1000);
  await actOn(server, shop.admin, 'transferLicense', {
    licenseId: license.id,
    newIssuedTo: 'Ada Lovelace',
    transferReason: 'Renamed',
  });

  expect(await seenBy(bound(shop.customerId), [id])).toMatchObject({
    machines: ['kept'],
    byId: ['kept'],
    ofLicense: ['activation.deactivated', 'license.transferred', 'activation.created', 'license.created'],
  });
});

test('a token of the old customer still tells its device that it was ended', async () => {
  const { token } = await device('old');
  server.pass(1000);
  await transfer(buyer);

  expect(await validateToken(server, token)).toEqual({
    valid: false,
    code: 'ACTIVATION_DEACTIVATED',
    reasons: ['ACTIVATION_DEACTIVATED'],
  });
});
