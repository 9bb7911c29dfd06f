import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { RefusalCode } from '../../src/core/refusal.js';
import { mutation, readLicense, refused, tablesOf } from '../support/acts.js';
import { createLicense, createTemplate, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { type Answer, at, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;

/** Every caller comes through this proxy; from which address is for the test to say. */
const PROXY = '127.0.0.1';

beforeAll(async () => {
  server = await startTestServer({ environment: { LG_TRUSTED_PROXIES: PROXY } });
  shop = await openShop(server);
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

interface Restriction {
  readonly restrictionType: string;
  readonly operator: string;
  readonly values: readonly string[];
}

/** What a caller tells, and the address from which it comes. */
interface Told {
  readonly from?: string;
  readonly [fact: string]: unknown;
}

const place = (country: string) => ({ location: { country, timezone: 'Europe/Berlin' } });
const restricted = (...restrictions: Restriction[]): Promise<Issued> =>
  createLicense(server, shop, { maxActivations: 5, restrictions });
const headersOf = ({ from }: Told) => (from === undefined ? {} : { 'x-forwarded-for': from });

function tryActivate({ licenseKey }: Issued, told: Told, deviceFingerprint = 'laptop'): Promise<Answer> {
  const { from: _, ...facts } = told;
  const input = { licenseKey, deviceFingerprint, ...facts };
  return server.graphql(
    mutation('activateLicense', 'activationToken activation { id hardwareId macAddress }'),
    { input },
    undefined,
    headersOf(told),
  );
}

async function activated(license: Issued, told: Told, device?: string): Promise<Json | undefined> {
  const answer = await tryActivate(license, told, device);
  expect(answer.errors).toEqual([]);
  return answer.data?.activateLicense;
}

async function validated(field: string, asked: string, proof: unknown, told: Told): Promise<unknown> {
  const { from: _, ...facts } = told;
  const query = `query ($proof: String!, $location: ActivationLocationInput, $domain: String, $macAddress: String,
      $hardwareId: String) {
    ${field}(${asked}: $proof, location: $location, domain: $domain, macAddress: $macAddress,
      hardwareId: $hardwareId) { code reasons { code remedy } } }`;
  const data = await server.ok(query, { proof, ...facts }, undefined, headersOf(told));
  return data[field]?.code;
}

const byKey = ({ licenseKey }: Issued, told: Told) =>
  validated('validateLicenseKey', 'licenseKey', licenseKey, told);
const byToken = (token: unknown, told: Told) =>
  validated('validateActivation', 'activationToken', token, told);

type Row = readonly [restriction: Restriction, good: Told, bad: Told, code: RefusalCode];

const rows: readonly Row[] = [
  [
    { restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['de'] },
    place('DE'),
    place('FR'),
    'RESTRICTED_GEOGRAPHIC',
  ],
  [
    { restrictionType: 'GEOGRAPHIC', operator: 'DENY', values: ['KP'] },
    place('DE'),
    place('kp'),
    'RESTRICTED_GEOGRAPHIC',
  ],
  [
    { restrictionType: 'DOMAIN', operator: 'ALLOW', values: ['*.bücher.example'] },
    { domain: 'shop.XN--bcher-kva.example.' },
    { domain: 'bücher.example' },
    'RESTRICTED_DOMAIN',
  ],
  [
    { restrictionType: 'MAC_ADDRESS', operator: 'ALLOW', values: ['00:1a:2b:3c:4d:5e'] },
    { macAddress: '001A.2B3C.4D5E' },
    { macAddress: '00-1A-2B-3C-4D-5F' },
    'RESTRICTED_MAC_ADDRESS',
  ],
  [
    { restrictionType: 'HARDWARE_ID', operator: 'DENY', values: ['CPU-1'] },
    { hardwareId: 'CPU-2' },
    { hardwareId: 'CPU-1' },
    'RESTRICTED_HARDWARE_ID',
  ],
];

describe.each(rows)('%j', (restriction, good, bad, code) => {
  test('lets in who meets it, by key and token, and keeps what was told', async () => {
    const license = await restricted(restriction);

    const activation = await activated(license, good);

    expect(await byKey(license, good)).toBe('VALID');
    expect(await byToken(activation?.activationToken, good)).toBe('VALID');
    expect(await byToken(activation?.activationToken, {})).toBe('VALID');
    expect((await tryActivate(license, {})).errors).toEqual([]);
  });

  test('refuses who does not, and writes nothing', async () => {
    const license = await restricted(restriction);
    const activation = await activated(license, good);

    const stranger = await refused(server, shop.admin, code, () => tryActivate(license, bad, 'other'));
    const known = await refused(server, shop.admin, code, () => tryActivate(license, bad));

    for (const { extensions } of [stranger, known]) {
      expect(extensions.verdict).toBe(code);
      expect(extensions.remedy).toContain(
        `restriction 1 (${restriction.operator} ${restriction.restrictionType})`,
      );
    }
    expect(await byKey(license, bad)).toBe(code);
    expect(await byToken(activation?.activationToken, bad)).toBe(code);
  });

  test('refuses who does not tell', async () => {
    const license = await restricted(restriction);

    const error = await refused(server, shop.admin, code, () => tryActivate(license, {}));

    expect(error.extensions.remedy).toMatch(/^Tell the .*, and it is not known\.$/);
    expect(await byKey(license, {})).toBe(code);
  });
});

test('a refusal by a restriction is recorded, without what the device told', async () => {
  const license = await restricted({
    restrictionType: 'HARDWARE_ID',
    operator: 'DENY',
    values: ['CPU-secret'],
  });
  await tryActivate(license, { hardwareId: 'CPU-secret' });
  await server.machinery.security.flush();

  const events = await server.sql`select event_data from license_event_logs
    where event_type = 'access.refused' and license_id = ${license.id}`;

  expect(events.map((row) => row.event_data.code)).toEqual(['RESTRICTED_HARDWARE_ID']);
  expect(JSON.stringify(events)).not.toContain('CPU-secret');
  expect(server.logged.join()).not.toContain('CPU-secret');
});

describe('an address', () => {
  const intern: Restriction = {
    restrictionType: 'IP_RANGE',
    operator: 'ALLOW',
    values: ['10.0.0.0/8', '2001:db8::/32'],
  };

  test.each([
    ['of the network', '10.1.2.3', 'VALID'],
    ['of the network, within IPv6', '::ffff:10.1.2.3', 'VALID'],
    ['of the network, in IPv6', '2001:db8::7', 'VALID'],
    ['with its port', '10.1.2.3:4711', 'VALID'],
    ['in IPv6 with its port', '[2001:db8::7]:4711', 'VALID'],
    ['of another network', '192.0.2.1', 'RESTRICTED_IP_RANGE'],
    [
      'written by the caller, before the one that the proxy saw',
      '10.1.2.3, 192.0.2.1',
      'RESTRICTED_IP_RANGE',
    ],
    ['that the proxy saw, behind a lie', '192.0.2.1, 10.1.2.3', 'VALID'],
    ['that the first of many proxies saw', '192.0.2.1, 10.1.2.3, 127.0.0.1, 127.0.0.1', 'VALID'],
    ['behind two lies', '10.1.2.3, 10.1.2.3, 192.0.2.1, 127.0.0.1', 'RESTRICTED_IP_RANGE'],
    ['that is none', 'localhost', 'RESTRICTED_IP_RANGE'],
    ['that is none, behind many', `${'10.1.2.3, '.repeat(999)}010.1`, 'RESTRICTED_IP_RANGE'],
  ])('%s', async (_, from, code) => {
    const license = await restricted(intern);

    expect(await byKey(license, { from })).toBe(code);
    const codes = code === 'VALID' ? [] : [code];
    expect((await tryActivate(license, { from })).errors.map(({ extensions }) => extensions.code)).toEqual(
      codes,
    );
  });

  test('forwarded by nobody who is trusted is not believed', async () => {
    const license = await restricted(intern);
    const query = `{ validateLicenseKey(licenseKey: "${license.licenseKey}") { code } }`;
    const ask = (remoteAddress: string, forwarded: string) =>
      server.app.inject({
        method: 'POST',
        url: '/graphql',
        remoteAddress,
        headers: { 'content-type': 'application/json', 'x-forwarded-for': forwarded },
        payload: JSON.stringify({ query }),
      });
    const codeOf = (reply: Awaited<ReturnType<typeof ask>>) => reply.json().data.validateLicenseKey.code;

    expect(codeOf(await ask('203.0.113.9', '10.1.2.3'))).toBe('RESTRICTED_IP_RANGE');
    expect(codeOf(await ask('203.0.113.9', '10.1.2.3, 127.0.0.1'))).toBe('RESTRICTED_IP_RANGE');
    expect(codeOf(await ask('10.1.2.3', '203.0.113.9'))).toBe('VALID');
    expect(codeOf(await ask('::ffff:127.0.0.1', '10.1.2.3'))).toBe('VALID');
  });
});

test('hours are judged by the clock of the server', async () => {
  const office = {
    restrictionType: 'TIME_BASED',
    operator: 'ALLOW',
    values: ['MON-FRI 08:00-18:00 Europe/Berlin'],
  };
  const license = await restricted(office);

  server.now = at('2026-03-02T06:59:59.999Z');
  const early = await refused(server, shop.admin, 'RESTRICTED_TIME', () => tryActivate(license, {}));
  server.now = at('2026-03-02T07:00:00Z');
  const activation = await activated(license, {});
  server.now = at('2026-03-02T17:00:00Z');

  expect(early.extensions.remedy).toBe(
    'Use it from 2026-03-02T07:00:00.000Z: restriction 1 (ALLOW TIME_BASED) rules out this time.',
  );
  expect(await byToken(activation?.activationToken, {})).toBe('RESTRICTED_TIME');
});

describe('a heartbeat', () => {
  const beat = (token: unknown, told: Told = {}): Promise<Answer> => {
    const input = { activationToken: token, metrics: { apiCallsCount: 1 } };
    return server.graphql(mutation('sendHeartbeat', 'status'), { input }, undefined, headersOf(told));
  };
  const floating = (...restrictions: Restriction[]) =>
    createLicense(server, shop, { licenseType: 'CONCURRENT', maxActivations: 1, restrictions });

  test('from another network is refused, renews nothing and counts nothing', async () => {
    const intern = { restrictionType: 'IP_RANGE', operator: 'ALLOW', values: ['10.0.0.0/8'] };
    const device = { restrictionType: 'HARDWARE_ID', operator: 'ALLOW', values: ['CPU-1'] };
    const told = { from: '10.1.2.3', hardwareId: 'CPU-1' };
    const activation = await activated(await floating(device, intern), told);
    server.pass(60_000);

    const error = await refused(server, shop.admin, 'RESTRICTED_IP_RANGE', () =>
      beat(activation?.activationToken, { from: '192.0.2.1' }),
    );

    expect(error.extensions.verdict).toBe('RESTRICTED_IP_RANGE');
    expect(error.extensions.remedy).toContain('restriction 2 (ALLOW IP_RANGE)');
    expect((await beat(activation?.activationToken, { from: '10.9.9.9' })).errors).toEqual([]);
  });

  test('goes on until the hour is over, when the lease has lapsed too', async () => {
    const sunday = { restrictionType: 'TIME_BASED', operator: 'ALLOW', values: ['SUN 12:00-12:10 UTC'] };
    const activation = await activated(await floating(sunday), {});
    server.pass(599_999);
    const within = await beat(activation?.activationToken);
    server.pass(1);
    const behind = await beat(activation?.activationToken);
    server.pass(3_600_000);

    const lapsed = await beat(activation?.activationToken);

    expect([within.code, behind.code, lapsed.code]).toEqual([
      undefined,
      'RESTRICTED_TIME',
      'RESTRICTED_TIME',
    ]);
  });

  test('is not asked what it does not tell', async () => {
    const device = { restrictionType: 'HARDWARE_ID', operator: 'ALLOW', values: ['CPU-1'] };
    const activation = await activated(await floating(device), { hardwareId: 'CPU-1' });

    expect((await beat(activation?.activationToken)).errors).toEqual([]);
  });
});

test('what was allowed is judged anew when the license is restricted', async () => {
  const license = await restricted();
  const activation = await activated(license, { ...place('FR'), macAddress: '00:1a:2b:3c:4d:5e' });
  const restrictions = [
    { restrictionType: 'GEOGRAPHIC', operator: 'DENY', values: ['FR'] },
    { restrictionType: 'MAC_ADDRESS', operator: 'DENY', values: ['00-1A-2B-3C-4D-5E'] },
    { restrictionType: 'DOMAIN', operator: 'DENY', values: ['example.com'] },
  ];
  const input = { licenseId: license.id, restrictions };
  await server.ok(mutation('updateLicense', 'license { id }'), { input }, shop.admin);

  const query = `query ($token: String!) { validateActivation(activationToken: $token) { reasons { code } } }`;
  const data = await server.ok(query, { token: activation?.activationToken });

  expect(data.validateActivation?.reasons).toEqual([
    { code: 'RESTRICTED_GEOGRAPHIC' },
    { code: 'RESTRICTED_DOMAIN' },
    { code: 'RESTRICTED_MAC_ADDRESS' },
  ]);
});

test.each([
  ['macAddress', '00:1A:2B'],
  ['macAddress', 'zz:zz:zz:zz:zz:zz'],
  ['domain', 'http://example.com'],
  ['domain', 'a..b'],
  ['domain', '10.0.0.1'],
  ['hardwareId', ''],
])('a %s of %j is refused at the door', async (fact, value) => {
  const license = await restricted();
  const before = await tablesOf(server, shop.admin.tenant_id);

  const acted = await tryActivate(license, { [fact]: value });
  const asked = await server.graphql(
    `query ($value: String!) { validateLicenseKey(licenseKey: "${license.licenseKey}", ${fact}: $value) { code } }`,
    { value },
  );

  expect(acted.errors[0]?.extensions.fields?.map(({ field }) => field)).toEqual([`input.${fact}`]);
  expect(asked.errors[0]?.extensions.fields?.map(({ field }) => field)).toEqual([fact]);
  expect(await tablesOf(server, shop.admin.tenant_id)).toEqual(before);
});

describe('what tells a device', () => {
  const MAC = '00:1A:2B:3C:4D:5E';
  const restrictions: readonly Restriction[] = [
    { restrictionType: 'MAC_ADDRESS', operator: 'ALLOW', values: [MAC, '00:1A:2B:3C:4D:5F'] },
    { restrictionType: 'HARDWARE_ID', operator: 'ALLOW', values: ['CPU-1'] },
  ];
  const raw = /00:1a:2b|001a2b3c|CPU-1/i;
  const device = { macAddress: MAC.toLowerCase(), hardwareId: 'CPU-1' };
  const selection = 'restrictions { restrictionType operator values }';

  test('is kept as a keyed hash in licenses and templates, which is what answers show', async () => {
    const license = await restricted(...restrictions);
    const defaults = restrictions.map(({ values, ...of }) => ({ ...of, defaultValues: values }));
    const templateId = await createTemplate(server, shop.admin, shop.productId, { restrictions: defaults });

    const shown = await readLicense(server, shop.admin, license.id, selection);
    const activation = await activated(license, device);

    const rows = await server.sql`select restrictions::text as kept from licenses where id = ${license.id}
      union all select restrictions::text from license_templates where id = ${templateId}`;
    expect(rows).toHaveLength(2);
    for (const { kept } of rows) expect(kept).not.toMatch(raw);
    expect(JSON.stringify(await server.sql`select event_data from license_event_logs`)).not.toMatch(raw);
    const { macAddress, hardwareId } = activation?.activation ?? {};
    expect(shown.restrictions).toEqual([
      { ...restrictions[0], values: [macAddress, expect.stringMatching(/^k1\..{43}$/)] },
      { ...restrictions[1], values: [hardwareId] },
    ]);
  });

  test('goes back as it was shown, and means the same device', async () => {
    const license = await restricted(...restrictions);
    const shown = await readLicense(server, shop.admin, license.id, selection);

    const input = { licenseId: license.id, restrictions: shown.restrictions };
    await server.ok(mutation('updateLicense', 'license { id }'), { input }, shop.admin);

    expect(await readLicense(server, shop.admin, license.id, selection)).toEqual(shown);
    expect(await byKey(license, device)).toBe('VALID');
  });

  test('is not given by its hash: whoever reads the hash is not the device', async () => {
    const license = await restricted(...restrictions);
    const shown = await readLicense(server, shop.admin, license.id, selection);
    const [, hardware]: readonly Json[] = Object.values(shown.restrictions ?? {});
    const [hash] = Object.values(hardware?.values ?? {});

    expect(await byKey(license, { ...device, hardwareId: hash })).toBe('RESTRICTED_HARDWARE_ID');
  });

  test('of a template comes with the licenses that are issued from it', async () => {
    const defaults = restrictions.map(({ values, ...of }) => ({ ...of, defaultValues: values }));
    const templateId = await createTemplate(server, shop.admin, shop.productId, { restrictions: defaults });
    const copy = await server.ok(
      mutation('duplicateTemplate', 'template { id }'),
      { input: { templateId, newName: 'Copy' } },
      shop.admin,
    );
    const issued = await server.ok(
      mutation('issueLicense', 'licenseKey licenseId'),
      { input: { templateId: copy.duplicateTemplate?.template?.id, customerId: shop.customerId } },
      shop.admin,
    );
    const license = {
      id: String(issued.issueLicense?.licenseId),
      licenseKey: String(issued.issueLicense?.licenseKey),
    };

    expect(await byKey(license, device)).toBe('VALID');
    expect(await byKey(license, { ...device, hardwareId: 'CPU-2' })).toBe('RESTRICTED_HARDWARE_ID');
  });
});
