import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { impossibleTravel } from '../../src/activations/model/travel.js';
import { addMillis } from '../../src/core/clock.js';
import { writeCountryFile } from '../support/countryFile.js';
import { HEARTBEAT, tryActivate } from '../support/devices.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

const MINUTE = 60_000;
const [berlin, paris] = ['192.0.2.7', '198.51.100.7'];

let folder: string;
let server: TestServer;
let shop: Shop;
let token: string;
let licenseKey: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countries-'));
  const file = join(folder, 'countries.mmdb');
  await writeCountryFile(file, { '192.0.2.0/24': 'DE', '198.51.100.0/24': 'FR' });
  server = await startTestServer({
    environment: { LG_TRUSTED_PROXIES: '127.0.0.1', LG_GEOIP_FILE: file },
  });
});
beforeEach(async () => {
  server.now = START;
  shop = await openShop(server);
  ({ licenseKey } = await createLicense(server, shop));
  token = String((await activate(server, licenseKey, 'laptop')).activationToken);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

type Ask = (from: string) => Promise<unknown>;

const beat: Ask = async (from) => {
  const headers = { 'x-forwarded-for': from };
  await server.ok(HEARTBEAT, { input: { activationToken: token } }, undefined, headers);
};
const VALIDATE =
  'query ($t: String!) { validateActivation(activationToken: $t, deviceFingerprint: "laptop") { valid } }';
const byToken: Ask = async (from) => {
  await server.ok(VALIDATE, { t: token }, undefined, { 'x-forwarded-for': from });
};
const BY_KEY =
  'query ($k: String!) { validateLicenseKey(licenseKey: $k, deviceFingerprint: "laptop") { valid } }';
const byKey: Ask = async (from) => {
  await server.ok(BY_KEY, { k: licenseKey }, undefined, { 'x-forwarded-for': from });
};

/** What is written behind an answer has been written. */
async function travels(): Promise<unknown[]> {
  await server.machinery.drain.idle();
  const rows = await server.sql`select evidence from security_incidents
    where tenant_id = ${shop.admin.tenant_id} and activity_type = 'UNUSUAL_LOCATION'`;
  return rows.map(({ evidence }) => evidence);
}

async function seen(): Promise<unknown> {
  await server.machinery.drain.idle();
  const [row] = await server.sql`select seen_country as country, seen_at at time zone 'UTC' as at
    from license_activations where tenant_id = ${shop.admin.tenant_id}`;
  return row?.country;
}

const ways: readonly [string, Ask][] = [
  ['heartbeats', beat],
  ['validations by token', byToken],
  ['validations by key', byKey],
];

describe.each(ways)('a device that is in two countries at once is noticed by its %s', (_how, ask) => {
  test('once an hour, without the places', async () => {
    for (const from of [berlin, paris, berlin, paris]) {
      await ask(from);
      await travels();
      server.pass(5 * MINUTE);
    }

    expect(await travels()).toEqual([{ kilometres: null, minutes: 5 }]);
    expect(
      await server.count(
        'license_event_logs',
        `event_type = 'activation.travelled' and tenant_id = '${shop.admin.tenant_id}'`,
      ),
    ).toBe(1);
  });

  test('and not one that takes its time', async () => {
    for (const from of [berlin, paris, berlin]) {
      await ask(from);
      await travels();
      server.pass(11 * MINUTE);
    }

    expect(await travels()).toEqual([]);
    expect(await seen()).toBe('DE');
  });
});

test('who stays has nothing written by a validation, and by a heartbeat no more than once a minute', async () => {
  await byToken(berlin);
  await beat(berlin);
  await travels();
  server.statements.splice(0);

  for (const ask of [byToken, byKey, beat, byToken]) {
    server.pass(10_000);
    await ask(berlin);
  }
  await travels();

  expect(server.statements.filter((text) => text.includes('seen_country = '))).toEqual([]);
});

test.each([
  ['99 km in no time: a device that is located twice', 0.89, 0, 900, undefined],
  ['100 km in no time', 0.9, 0, 900, { kilometres: 100, minutes: 0 }],
  ['900 km in an hour, which one may', 8.094, 60, 900, undefined],
  ['901 km in an hour', 8.103, 60, 900, { kilometres: 901, minutes: 60 }],
  ['the same by a clock that was set back', 8.103, -60, 900, { kilometres: 901, minutes: 60 }],
  ['anything, where nobody is to be told', 90, 0, 0, undefined],
])('from one point to another: %s', (_, degrees, minutes, kmPerHour, travel) => {
  const from = { country: 'DE', coordinates: { latitude: 0, longitude: 0 }, at: START };
  const at = addMillis(START, minutes * MINUTE);

  const to = { country: 'DE', coordinates: { latitude: degrees, longitude: 0 }, at };

  expect(impossibleTravel(from, to, kmPerHour)).toEqual(travel);
});

test('an address of which the file knows nothing is no place', async () => {
  await beat(berlin);
  server.pass(MINUTE);
  await beat('203.0.113.9');
  await byToken('203.0.113.9');

  expect([await travels(), await seen()]).toEqual([[], 'DE']);
});

test('without a file a validation goes by what the device says', async () => {
  const plain = await startTestServer({ beside: server });
  const ask = (country: string) =>
    plain.ok(
      `query ($t: String!, $l: ActivationLocationInput) {
        validateActivation(activationToken: $t, location: $l) { valid } }`,
      { t: token, l: { country, timezone: 'UTC' } },
    );

  for (const country of ['DE', 'JP']) {
    await ask(country);
    await plain.machinery.drain.idle();
    plain.pass(MINUTE);
  }
  await plain.stop();

  expect(await travels()).toEqual([{ kilometres: null, minutes: 1 }]);
});

test.each(['ßß', 'zz', '\u{1f511}', '  '])(
  '%j is no country, and nothing is taken down of it',
  async (country) => {
    const plain = await startTestServer({ beside: server });
    const location = { country, timezone: 'UTC' };
    const { code } = await tryActivate(plain, licenseKey, 'laptop', { location });
    await plain.graphql(
      'query ($t: String!, $l: ActivationLocationInput) { validateActivation(activationToken: $t, location: $l) { valid } }',
      { t: token, l: location },
    );
    await plain.machinery.drain.idle();
    await plain.stop();

    expect([code, await seen()]).toEqual([country === '  ' ? 'INVALID_INPUT' : undefined, null]);
    expect(plain.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  },
);
