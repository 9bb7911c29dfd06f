import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../../src/core/log.js';
import { openCountries } from '../../src/server/callers/countries.js';
import { writeCountryFile } from '../support/countryFile.js';
import { createLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

let folder: string;
let file: string;
let server: TestServer;
let shop: Shop;

const atFirst = {
  '192.0.2.0/24': 'DE',
  '198.51.100.0/24': 'FR',
  '2001:db8::/32': 'DE',
  '203.0.113.0/24': 'ZZ',
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countries-'));
  file = join(folder, 'countries.mmdb');
  await writeCountryFile(file, atFirst);
  server = await startTestServer({
    environment: { LG_TRUSTED_PROXIES: '127.0.0.1', LG_GEOIP_FILE: file },
  });
  shop = await openShop(server);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const quiet = createLog('silent');
const german = () =>
  createLicense(server, shop, {
    restrictions: [{ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE'] }],
  });

async function codeFrom(licenseKey: string, from: string, told?: string): Promise<unknown> {
  const data = await server.ok(
    `query ($licenseKey: String!, $location: ActivationLocationInput) {
      validateLicenseKey(licenseKey: $licenseKey, location: $location) { code } }`,
    { licenseKey, ...(told && { location: { country: told, timezone: 'UTC' } }) },
    undefined,
    { 'x-forwarded-for': from },
  );
  return data.validateLicenseKey?.code;
}

test.each([
  ['a place allowed', '192.0.2.7', undefined, 'VALID'],
  ['a place allowed, whatever the device says', '192.0.2.7', 'FR', 'VALID'],
  ['a place allowed, of the sixth version', '2001:db8::7', undefined, 'VALID'],
  ['a place allowed, as IPv4 within IPv6', '::ffff:192.0.2.7', undefined, 'VALID'],
  ['another place, whatever the device says', '198.51.100.7', 'DE', 'RESTRICTED_GEOGRAPHIC'],
  [
    'an address that the file does not have, whatever the device says',
    '8.8.8.8',
    'DE',
    'RESTRICTED_GEOGRAPHIC',
  ],
  ['an address in no country that there is', '203.0.113.7', 'DE', 'RESTRICTED_GEOGRAPHIC'],
  ['a network of one’s own, where the device is believed', '10.1.2.3', 'DE', 'VALID'],
  ['a network of one’s own, of a device elsewhere', '10.1.2.3', 'FR', 'RESTRICTED_GEOGRAPHIC'],
  ['a network of one’s own, of a device that says nothing', 'fd00::1', undefined, 'RESTRICTED_GEOGRAPHIC'],
])('from %s', async (_, from, told, code) => {
  const { licenseKey } = await german();

  expect(await codeFrom(licenseKey, from, told)).toBe(code);
});

test('a device from another country is refused, wherever it says it is, and writes nothing', async () => {
  const license = await german();
  const input = {
    licenseKey: license.licenseKey,
    deviceFingerprint: 'laptop',
    location: { country: 'DE', timezone: 'Europe/Berlin' },
  };

  const answer = await server.graphql(
    'mutation ($input: ActivateLicenseInput!) { activateLicense(input: $input) { activationToken } }',
    { input },
    undefined,
    { 'x-forwarded-for': '198.51.100.7' },
  );

  expect(answer.code).toBe('RESTRICTED_GEOGRAPHIC');
  expect(await server.count('license_activations', `license_id = '${license.id}'`)).toBe(0);
});

/** The file is looked at each second. */
const soon = { interval: 100 };

test('a new file is in use soon, and one that cannot be read leaves the old one', async () => {
  const path = join(folder, 'replaced.mmdb');
  await writeCountryFile(path, { '192.0.2.0/24': 'DE' });
  const logged: string[] = [];
  const countries = openCountries(
    path,
    createLog('info', { write: (line: string) => void logged.push(line) }),
  );
  const before = countries.of('192.0.2.7');

  await writeFile(path, 'no such file');
  await expect.poll(() => logged.join(), soon).toContain('cannot be read; the old one stays');
  const meanwhile = countries.of('192.0.2.7');
  await writeCountryFile(path, { '192.0.2.0/24': 'FR' });
  await expect.poll(() => countries.of('192.0.2.7'), soon).toBe('FR');
  countries.close();

  expect([before, meanwhile]).toEqual(['DE', 'DE']);
});

test.each([
  ['there is none', async () => join(folder, 'nowhere')],
  [
    'it is something else',
    async () => {
      await writeFile(join(folder, 'text'), 'country,DE');
      return join(folder, 'text');
    },
  ],
])('a server whose file cannot be used does not start: %s', async (_, path) => {
  const named = await path();

  expect(() => openCountries(named, quiet)).toThrow(/^LG_GEOIP_FILE: .* cannot be read/);
});

test('a code that stands as a text is read as well', async () => {
  const path = join(folder, 'flat.mmdb');
  await writeCountryFile(path, { '192.0.2.0/24': 'de' }, (country) => ({ country }));
  const countries = openCountries(path, quiet);

  expect(countries.of('192.0.2.7')).toBe('DE');
  expect(countries.of('nowhere')).toBeNull();
  countries.close();
});
