import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { verifyLicenseFile, verifyOfflineResponse } from '../../src/sdk/offline/licenseFile.js';
import { newClient } from '../support/clients.js';
import { tryActivate } from '../support/devices.js';
import {
  activate,
  createLicense,
  createProduct,
  type Issued,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { checkout, publishedKeys, signedDevice } from '../support/offline.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen } from '../support/sockets.js';

/** Two vendors on one server. The second has called a product as the first calls his, and makes licenses of it. */
const PRODUCT = 'RADAR-PRO';
const DEVICE = 'the laptop of Ada';
let server: TestServer;
let url: string;
let keys: JSONWebKeySet;
let vendor: Shop;
let own: Issued;
let theirs: Issued;
beforeAll(async () => {
  server = await startTestServer();
  url = (await listen(server)).replace('ws:', 'http:');
  const shops = [await openShop(server), await openShop(server)] as const;
  for (const { admin } of shops) await createProduct(server, admin, PRODUCT);
  vendor = { ...shops[0], productId: PRODUCT };
  own = await createLicense(server, vendor, { maxActivations: 9 });
  theirs = await createLicense(server, { ...shops[1], productId: PRODUCT }, { maxActivations: 9 });
  keys = await publishedKeys(server);
});
afterAll(() => server.stop());

const QUESTIONS = {
  validateLicenseKey: ['licenseKey', 'String!'],
  validateActivation: ['activationToken', 'String!'],
} as const;

async function asked(field: keyof typeof QUESTIONS, shown: unknown, tenantId?: string) {
  const [name] = QUESTIONS[field];
  const data = await server.ok(
    `query ($shown: String!, $tenantId: ID) {
      ${field}(${name}: $shown, productId: "${PRODUCT}", tenantId: $tenantId) {
        valid code reasons { code } license { id } activation { id } } }`,
    { shown, tenantId },
  );
  return data[field];
}

const nobody = {
  valid: false,
  code: 'NOT_FOUND',
  reasons: [{ code: 'NOT_FOUND' }],
  license: null,
  activation: null,
};

test('a key or token of another vendor is not found by whoever says whose application it is', async () => {
  const { activationToken: ownToken } = await activate(server, own.licenseKey, DEVICE);
  const { activationToken: theirToken } = await activate(server, theirs.licenseKey, DEVICE);
  const tenantId = vendor.admin.tenant_id;

  expect(await asked('validateLicenseKey', theirs.licenseKey)).toMatchObject({ code: 'VALID' });
  expect(await asked('validateLicenseKey', theirs.licenseKey, tenantId)).toEqual(nobody);
  expect(await asked('validateActivation', theirToken, tenantId)).toEqual(nobody);
  expect(await asked('validateLicenseKey', own.licenseKey, tenantId)).toMatchObject({ code: 'VALID' });
  expect(await asked('validateActivation', ownToken, tenantId)).toMatchObject({ code: 'VALID' });
});

test('a license of another vendor is activated by no application of this one, and nothing is written', async () => {
  const input = { productId: PRODUCT, tenantId: vendor.admin.tenant_id };
  const rows = () =>
    server.sql`select (select count(*)::int from license_activations) as activations,
      (select count(*)::int from key_directory) as keys, (select count(*)::int from license_event_logs) as events`;
  const before = await rows();

  const refused = await tryActivate(server, theirs.licenseKey, 'another laptop', input);

  expect(refused.errors.map(({ extensions }) => extensions?.code)).toEqual(['LICENSE_NOT_FOUND']);
  expect(await rows()).toEqual(before);
  expect((await tryActivate(server, own.licenseKey, 'another laptop', input)).errors).toEqual([]);
});

test('a file or response that another vendor has had signed says nothing to a device of this one', async () => {
  await activate(server, theirs.licenseKey, DEVICE);
  const shown = { licenseKey: theirs.licenseKey, deviceFingerprint: DEVICE };
  const file = String((await checkout(server, shown)).licenseFile);
  const admin = { ...vendor.admin, tenant_id: await tenantOf(theirs) };
  const carried = await signedDevice(server, admin, theirs, { deviceFingerprint: 'press' });
  const record = { seenAt: server.now, epoch: 7 };
  const at = { now: new Date(server.now), productId: PRODUCT, record };
  const onLaptop = { ...at, deviceFingerprint: DEVICE };
  const onPress = { ...at, deviceFingerprint: 'press' };
  const tenantId = vendor.admin.tenant_id;
  const message = "The document is another vendor's.";
  const reason = { code: 'SIGNATURE_INVALID', message };
  const refused = { valid: false, code: 'SIGNATURE_INVALID', reasons: [reason], license: null, record };

  expect(await verifyLicenseFile(file, keys, onLaptop)).toMatchObject({ code: 'VALID' });
  expect(await verifyLicenseFile(file, keys, { ...onLaptop, tenantId })).toMatchObject(refused);
  const { responseCode, pending } = carried;
  expect(await verifyOfflineResponse(responseCode, pending, keys, onPress)).toMatchObject({ code: 'VALID' });
  const response = await verifyOfflineResponse(responseCode, pending, keys, { ...onPress, tenantId });
  expect(response).toMatchObject(refused);
});

async function tenantOf({ id }: Issued): Promise<string> {
  const [row] = await server.sql`select tenant_id from licenses where id = ${id}`;
  return String(row?.tenant_id);
}

test('the client of an application goes by its own vendor alone, with a connection and without', async () => {
  const tenantId = vendor.admin.tenant_id;
  const rogue = newClient(server, { url, licenseKey: theirs.licenseKey, tenantId }).client;
  const honest = newClient(server, { url, licenseKey: own.licenseKey, tenantId }).client;
  const shown = { licenseKey: theirs.licenseKey, deviceFingerprint: DEVICE };
  const file = String((await checkout(server, shown)).licenseFile);

  expect(await rogue.activate()).toMatchObject({ ok: false, problem: { code: 'LICENSE_NOT_FOUND' } });
  expect(await rogue.consume([{ featureId: 'maps' }])).toMatchObject({
    problem: { kind: 'NOT_READY', reason: 'NOT_ACTIVATED' },
  });
  expect(await rogue.validate()).toMatchObject({ valid: false, code: 'NOT_FOUND', by: 'SERVER' });
  expect(await rogue.verifyFile(file)).toMatchObject({ valid: false, code: 'SIGNATURE_INVALID' });
  expect(await honest.activate()).toMatchObject({ ok: true });
  expect(await honest.validate()).toMatchObject({ valid: true, by: 'SERVER' });
  expect(await honest.consume([{ featureId: 'maps' }])).toMatchObject({ ok: true });
  const checkedOut = await honest.checkout();
  const ownFile = checkedOut.ok ? checkedOut.value.licenseFile : '';
  expect(await honest.verifyFile(ownFile)).toMatchObject({ valid: true, code: 'VALID' });
  expect(await honest.verifyFile(file)).toMatchObject({ valid: false, code: 'SIGNATURE_INVALID' });
});
