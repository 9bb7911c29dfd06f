import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { mutation, refused } from '../support/acts.js';
import { writeCountryFile } from '../support/countryFile.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import {
  checkout,
  register,
  requestOf,
  sign,
  signedDevice,
  tryCheckout,
  trySign,
} from '../support/offline.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

/** Who comes by no proxy is at 127.0.0.1, of which the file of countries says nothing. */
let server: TestServer;
let shop: Shop;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countries-'));
  const file = join(folder, 'countries.mmdb');
  await writeCountryFile(file, { '192.0.2.0/24': 'DE' });
  server = await startTestServer({ environment: { LG_GEOIP_FILE: file, LG_TRUSTED_PROXIES: '127.0.0.1' } });
  shop = await openShop(server);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const licensed = (restriction?: object) =>
  createLicense(server, shop, {
    expiryDate: addDays(START, 365),
    maxActivations: 5,
    restrictions: restriction === undefined ? [] : [restriction],
  });

const office = { restrictionType: 'IP_RANGE', operator: 'ALLOW', values: ['127.0.0.0/8'] };
const banned = { restrictionType: 'IP_RANGE', operator: 'DENY', values: ['203.0.113.0/24'] };

describe('whoever carries a request is not where its device is:', () => {
  test.each([office, banned])(
    'a license of addresses is signed for nowhere: $operator',
    async (addresses) => {
      const license = await licensed(addresses);
      await activate(server, license.licenseKey, 'press');
      const { requestCode } = await requestOf(server, license.licenseKey, { deviceFingerprint: 'press' });
      const byId = { licenseId: license.id, deviceFingerprint: 'press' };

      const unsigned = await refused(server, shop.admin, 'RESTRICTED_IP_RANGE', () =>
        trySign(server, shop.admin, requestCode),
      );
      await refused(server, shop.admin, 'RESTRICTED_IP_RANGE', () => tryCheckout(server, { requestCode }));
      await refused(server, shop.admin, 'RESTRICTED_IP_RANGE', () => tryCheckout(server, byId, shop.admin));

      expect(unsigned.extensions.remedy).toBe(
        `Tell the address: restriction 1 (${addresses.operator} IP_RANGE) is judged by it, and it is not known.`,
      );
    },
  );

  test('a device that has a connection is judged by its own address', async () => {
    const license = await licensed(office);
    await activate(server, license.licenseKey, 'press');

    const file = await checkout(server, { licenseKey: license.licenseKey, deviceFingerprint: 'press' });

    expect(file.activation?.id).toBeDefined();
  });

  test('the address of the courier is kept nowhere, at the signing and at the registration', async () => {
    const license = await licensed();

    const signed = await signedDevice(server, shop.admin, license);
    await register(server, signed.requestCode, signed.responseCode);

    const rows = await server.sql`select ip_address, activation_type from license_activations
      where license_id = ${license.id}`;
    expect([...rows]).toEqual([{ ip_address: null, activation_type: 'OFFLINE' }]);
  });

  test('its country is what the device says, though a file says where addresses are', async () => {
    const license = await licensed({ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE'] });
    const requestFrom = async (country?: string) =>
      (await requestOf(server, license.licenseKey, country === undefined ? {} : { country })).requestCode;

    const { activation } = await sign(server, shop.admin, await requestFrom('DE'));

    const inGermany = { 'x-forwarded-for': '192.0.2.7' };
    const signing = mutation('signOfflineActivation', 'responseCode');
    const abroad = { input: { requestCode: await requestFrom('FR') } };
    expect(activation?.status).toBe('ACTIVE');
    await refused(server, shop.admin, 'RESTRICTED_GEOGRAPHIC', () =>
      server.graphql(signing, abroad, shop.admin, inGermany),
    );
    for (const elsewhere of [await requestFrom('FR'), await requestFrom()])
      await refused(server, shop.admin, 'RESTRICTED_GEOGRAPHIC', () =>
        trySign(server, shop.admin, elsewhere),
      );
  });
});
