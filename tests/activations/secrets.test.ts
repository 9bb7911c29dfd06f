import { afterAll, beforeAll, expect, test } from 'vitest';
import { actOn } from '../support/acts.js';
import { deactivate, heartbeat, tryActivate, validateKey, validateToken } from '../support/devices.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;

beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const device = {
  deviceFingerprint: 'Fingerprint-of-nobody-else',
  hardwareId: 'Hardware-of-nobody-else',
  macAddress: '0A:1B:2C:3D:4E:5F',
  machineName: 'a-name-that-is-kept',
};

/** Every way in which a secret could be spoken; all are searched for in any case. */
function spoken(license: Issued, tokens: readonly unknown[]): string[] {
  const texts = [
    license.licenseKey,
    license.licenseKey.replaceAll('-', ''),
    ...tokens.flatMap((token) => [String(token), String(token).slice(4)]),
    device.deviceFingerprint,
    device.hardwareId,
    '0a:1b:2c:3d:4e:5f',
    '0a-1b-2c-3d-4e-5f',
    '0a1b.2c3d.4e5f',
    '0a1b2c3d4e5f',
  ];
  const encoded = texts.flatMap((text) => {
    const bytes = Buffer.from(text);
    return [
      text,
      bytes.toString('hex'),
      bytes.toString('base64').replace(/=+$/, ''),
      encodeURIComponent(text),
    ];
  });
  return [...new Set(encoded.map((text) => text.toLowerCase()))];
}

function found(secrets: readonly string[], where: string): string[] {
  const text = where.toLowerCase();
  return secrets.filter((secret) => text.includes(secret));
}

/** Every row of every table there is, as text. */
async function dump(): Promise<string> {
  const tables = await server.sql`select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  const rows: string[] = [];
  for (const { name } of tables) {
    const all = await server.sql.unsafe(`select t::text as row from ${name} t`);
    rows.push(...all.map(({ row }) => String(row)));
  }
  return rows.join('\n');
}

/** A day in the life of a device; what is refused comes back. */
async function live(license: Issued): Promise<{ tokens: unknown[]; refused: Answer[] }> {
  const key = license.licenseKey;
  const first = await activate(server, key.toLowerCase(), device.deviceFingerprint, device);
  const second = await activate(server, key, device.deviceFingerprint, {
    ...device,
    macAddress: '0a-1b-2c-3d-4e-5f',
  });
  const tokens = [first.activationToken, second.activationToken];
  await heartbeat(server, second.activationToken, { featureUsage: { maps: 1 } });
  await validateKey(server, key, { deviceFingerprint: device.deviceFingerprint });
  await validateToken(server, second.activationToken, { deviceFingerprint: device.deviceFingerprint });
  await server.app.inject({
    url: `/graphql?query=${encodeURIComponent('query($k:String!){validateLicenseKey(licenseKey:$k){code}}')}&variables=${encodeURIComponent(JSON.stringify({ k: key }))}`,
    headers: { 'apollo-require-preflight': 'yes' },
  });
  await server.app.inject({ url: `/by-key/${key}` });
  await server.ok(
    'query ($key: String!) { licenseByKey(licenseKey: $key) { id licenseKey activations { nodes { deviceFingerprint hardwareId macAddress } } } }',
    { key },
    shop.admin,
  );
  const input = { licenseKey: key, ...device };
  const send = (query: string, variables: object = {}) => server.graphql(query, variables);
  const activating =
    'mutation ($input: ActivateLicenseInput!) { activateLicense(input: $input) { activationToken } }';
  const refused = [
    await tryActivate(server, key, 'another', { macAddress: device.macAddress }),
    await tryActivate(server, key, device.deviceFingerprint, { ...device, productId: 'SONAR' }),
    await heartbeat(server, first.activationToken),
    await heartbeat(server, second.activationToken, { apiCallsCount: -1 }),
    await deactivate(server, { activationToken: `${second.activationToken}x` }),
    await send(activating, { input: { ...input, units: 'many' } }),
    await send(activating, { input: { ...input, licenseKey: [key] } }),
    await send(activating, { input: key }),
    await send(activating, { input: { ...input, deviceFingerprint: `${device.deviceFingerprint}\0` } }),
    await send(activating, { input: { ...input, metadata: { deep: '\ud800' } } }),
    await send(activating, { key }),
    await send(`{ validateLicenseKey(licenseKey: ["${key}"]) { code } }`),
    await send(`{ validateLicenseKey(licenseKey "${key}") { code } }`),
    await send(`{ validateActivation(activationToken: { token: "${second.activationToken}" }) { code } }`),
    await send(`{ validateLicenseKey(licenseKey: "${key}"`),
  ];
  await actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'Unpaid' });
  refused.push(await tryActivate(server, key, device.deviceFingerprint, device));
  await actOn(server, shop.admin, 'revokeLicense', { licenseId: license.id, reason: 'Fraud' });
  refused.push(await tryActivate(server, key, device.deviceFingerprint, device));
  return { tokens, refused };
}

test('no key, token, fingerprint, hardware id or MAC address stands in the database, the log or an error', async () => {
  const license = await createLicense(server, shop, { maxActivations: 1 });

  const { tokens, refused } = await live(license);

  const secrets = spoken(license, tokens);
  const [rows, log] = [await dump(), server.logged.join('')];
  expect(refused.map(({ code }) => code)).toEqual([
    'ACTIVATION_LIMIT_EXCEEDED',
    'PRODUCT_MISMATCH',
    'ACTIVATION_NOT_FOUND',
    'INVALID_INPUT',
    'ACTIVATION_NOT_FOUND',
    'BAD_USER_INPUT',
    'BAD_USER_INPUT',
    'BAD_USER_INPUT',
    'INVALID_INPUT',
    'INVALID_INPUT',
    'BAD_USER_INPUT',
    'GRAPHQL_VALIDATION_FAILED',
    'GRAPHQL_PARSE_FAILED',
    'GRAPHQL_VALIDATION_FAILED',
    'GRAPHQL_PARSE_FAILED',
    'LICENSE_SUSPENDED',
    'LICENSE_REVOKED',
  ]);
  // The search finds what is there.
  expect(found([device.machineName, license.id, 'license.revoked'], rows)).toHaveLength(3);
  expect(found(['"path":"/graphql"'], log)).toHaveLength(1);
  expect(found(secrets, rows)).toEqual([]);
  expect(found(secrets, log)).toEqual([]);
  for (const { errors } of refused) expect(found(secrets, JSON.stringify(errors))).toEqual([]);
});

test('an error of ours shows neither its cause nor what it was about', async () => {
  const license = await createLicense(server, shop, { maxActivations: 1 });
  const before = server.logged.length;
  await server.sql`alter table license_activations rename to elsewhere`;

  const answer = await tryActivate(server, license.licenseKey, device.deviceFingerprint, device).finally(
    () => server.sql`alter table elsewhere rename to license_activations`,
  );

  const [error] = answer.errors;
  expect(error?.message).toBe('Something went wrong on our side.');
  expect(error?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', requestId: expect.any(String) });
  const log = server.logged.slice(before).join('');
  expect(log).toContain(String(error?.extensions.requestId));
  expect(log).toContain('license_activations');
  expect(found(spoken(license, []), log)).toEqual([]);
  expect(
    await server.count('key_directory', `subject_id = '${license.id}' and kind = 'ACTIVATION_TOKEN'`),
  ).toBe(0);
});
