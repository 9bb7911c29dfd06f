import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const run = promisify(execFile);

let server: TestServer;
let shop: Shop;
let processes: Processes;
let online: ServerProcess;
let folder: string;
let admin: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  processes = await Processes.open(server);
  online = await processes.start();
  folder = await mkdtemp(join(tmpdir(), 'lg-device-'));
  server.now = new Date().toISOString() as TestServer['now'];
  admin = await server.token(shop.admin);
});
afterAll(async () => {
  await processes?.end();
  await rm(folder, { recursive: true, force: true });
  await server?.stop();
});

/** A run of the device's program: it has its folder, and what this line gives it. */
async function onDevice(act: string, argument = ''): Promise<{ code?: string; valid?: boolean }> {
  const { stdout } = await run(process.execPath, [
    path('tests/support/offlineDevice.mjs'),
    path('dist/sdk/offline'),
    folder,
    act,
    argument,
  ]);
  return stdout === '' ? {} : JSON.parse(stdout);
}

/** Somebody with a connection, who carries files between the two. */
async function done(act: string, selection: string, input: object) {
  const answer = await online.graphql(mutation(act, selection), { input }, admin);
  expect(answer.errors).toEqual([]);
  return answer.data?.[act];
}

const carry = (name: string, text: unknown) => writeFile(join(folder, name), String(text));
const carried = (name: string) => readFile(join(folder, name), 'utf8');
const fetched = async (address: string) => (await fetch(`${online.address}${address}`)).text();

test('the program of the device has no connection', async () => {
  await carry('jwks.json', '{"keys":[]}');

  await expect(onDevice('connect')).rejects.toMatchObject({ code: 70 });
});

test('a device behind an air gap is activated, goes by its file, and stops when that was revoked, by files alone', async () => {
  const license = await createLicense(server, shop, { licenseType: 'PERPETUAL', maxActivations: 1 });
  await carry('jwks.json', await fetched('/.well-known/jwks.json'));
  await carry('fingerprint.txt', 'press of room 7');

  const list = `/.well-known/licensegraph/revocations/${shop.admin.tenant_id}`;
  await onDevice('request', license.licenseKey);
  const requestCode = await carried('license-request.txt');
  const signed = await done('signOfflineActivation', 'response { text }', { requestCode });
  await carry('license-response.txt', signed?.response?.text);
  const response = await onDevice('response');

  const registered = await done(
    'activateOffline',
    'activation { id expiresAt } license { currentActivations }',
    {
      requestCode,
      responseCode: await carried('license-response.txt'),
    },
  );
  const file = await done('checkoutLicenseFile', 'file { text }', { requestCode });
  await carry('license.lic', file?.file?.text);
  const running = [await onDevice('file'), await onDevice('file', '864000'), await onDevice('file', '3600')];

  await carry('revocations.jwt', await fetched(list));
  const listed = await onDevice('file', '864000');
  await done('revokeLicense', 'license { status }', { licenseId: license.id, reason: 'sold' });
  // A server goes by what it has read of a list for a second.
  const before = await carried('revocations.jwt');
  await expect.poll(() => fetched(list)).not.toBe(before);
  await carry('revocations.jwt', await fetched(list));
  const revoked = await onDevice('file', '864000');
  await carry('fingerprint.txt', 'a copy');
  const copied = await onDevice('file', '864000');

  expect(response).toEqual({ code: 'VALID', valid: true });
  expect(registered).toMatchObject({ activation: { expiresAt: null }, license: { currentActivations: 1 } });
  expect(running.map(({ code }) => code)).toEqual(['VALID', 'VALID', 'CLOCK_SET_BACK']);
  expect([listed.code, revoked.code, copied.code]).toEqual(['VALID', 'LICENSE_REVOKED', 'LICENSE_REVOKED']);
});
