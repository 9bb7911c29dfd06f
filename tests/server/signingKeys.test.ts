import {
  createLocalJWKSet,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keyRing } from '../../src/core/crypto.js';
import { openPool, type Pool } from '../../src/core/db.js';
import { SigningKeys } from '../../src/server/signingKeys.js';
import { activate, createCustomer, createLicense, grantToTenant } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop } from '../support/meters.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: FeatureShop;
let pool: Pool;
let keys: SigningKeys;
beforeAll(async () => {
  server = await startTestServer();
  pool = openPool({ url: server.url, role: 'lg_worker', maxConnections: 2 });
  keys = new SigningKeys({ pool, keys: keyRing(server.keys), clock: () => server.now });
});
beforeEach(async () => {
  shop = await openFeatureShop(server);
});
afterAll(async () => {
  await pool.end();
  await server.stop();
});

const DAY = 86_400_000;
const calls = { featureId: 'calls', featureName: 'Calls', limitValue: 10, limitPeriod: 'DAY' };
const QUERY = 'query ($licensee: LicenseeInput) { entitlementSet(licensee: $licensee) { token expiresAt } }';

async function published(on = server): Promise<JSONWebKeySet> {
  return (await on.app.inject('/.well-known/jwks.json')).json<JSONWebKeySet>();
}

async function setOf(as: Claims, licensee?: object): Promise<{ token: string; expiresAt: string }> {
  const data = await server.ok(QUERY, { licensee }, as);
  return { token: String(data.entitlementSet?.token), expiresAt: String(data.entitlementSet?.expiresAt) };
}

async function verified(token: string, set?: JSONWebKeySet): Promise<JWTPayload> {
  const { payload } = await jwtVerify(token, createLocalJWKSet(set ?? (await published())), {
    typ: 'licensegraph-entitlements+jwt',
    issuer: 'licensegraph',
    algorithms: ['EdDSA'],
    currentDate: new Date(server.now),
  });
  return payload;
}

/** What was read of keys is worked with for a second of real time. */
async function anew(): Promise<TestServer> {
  const beside = await startTestServer({ beside: server });
  beside.now = server.now;
  return beside;
}

describe('an entitlement set', () => {
  test('verifies offline with the published keys and says what the licensee has', async () => {
    const customerId = await createCustomer(server, shop.admin);
    await createLicense(server, shop, { licenseType: 'PERPETUAL', customerId, features: [calls] });
    const issuedAt = Date.parse(server.now) / 1000;

    const { token, expiresAt } = await setOf(shop.admin, { customerId });

    expect(await verified(token)).toEqual({
      iss: 'licensegraph',
      iat: issuedAt,
      exp: issuedAt + 300,
      sub: `customer:${customerId}`,
      tenant_id: shop.tenantId,
      licensed: true,
      features: [
        {
          featureId: 'calls',
          featureName: 'Calls',
          limit: 10,
          limitType: null,
          limitPeriod: 'DAY',
          used: 0,
          left: 10,
          windowEndsAt: '2026-03-02T12:00:00.000Z',
          expiresAt: null,
        },
      ],
    });
    expect(expiresAt).toBe('2026-03-01T12:05:00.000Z');
  });

  test('is refused when it is over, changed, or shown as a bearer', async () => {
    const { token } = await setOf(shop.admin);
    const [head, body = '', signature] = token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const forged = Buffer.from(JSON.stringify({ ...claims, licensed: true })).toString('base64url');
    const set = await published();

    const shown = await server.graphql('{ viewer { kind } }', {}, token);

    expect(shown.code).toBe('TOKEN_INVALID');
    await expect(verified([head, forged, signature].join('.'), set)).rejects.toThrow('signature');
    server.pass(301_000);
    await expect(verified(token, set)).rejects.toThrow('exp');
  });

  test('of an activation that is limited in time ends with it', async () => {
    const { licenseKey } = await grantToTenant(server, shop, [calls], { licenseModel: 'PER_DEVICE' });
    const { activationToken } = await activate(server, licenseKey, 'laptop');
    const end = new Date(Date.parse(server.now) + 90_000).toISOString();
    await server.sql`update license_activations set expires_at = ${end} where tenant_id = ${shop.tenantId}`;

    const { token, expiresAt } = await setOf(shop.admin, { activationToken });

    expect(expiresAt).toBe(end);
    expect((await verified(token)).exp).toBe(Date.parse(end) / 1000);
  });

  test('without a license says so', async () => {
    const { token } = await setOf(shop.admin);

    expect(await verified(token)).toMatchObject({ licensed: false, features: [] });
  });
});

describe('signing keys', () => {
  const made = (): Promise<number> => server.count('signing_keys', "purpose = 'entitlementSet'");

  test('40 at once on two servers make one', async () => {
    const first = await startTestServer();
    const { admin } = await openFeatureShop(first);
    const pair = [first, await startTestServer({ beside: first })];

    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => (pair[index % 2] ?? first).ok(QUERY, {}, admin)),
    );
    const kids = answers.map((data) => decodeProtectedHeader(String(data.entitlementSet?.token)).kid);
    const count = await first.count('signing_keys');
    for (const each of pair.toReversed()) await each.stop();

    expect(new Set(kids).size).toBe(1);
    expect(count).toBe(1);
  });

  test('are kept encrypted, and published without their private half', async () => {
    await setOf(shop.admin);
    const other = await anew();

    const rows = await server.sql`select private_jwk, public_jwk from signing_keys`;
    const { keys: shown } = await published(other);
    await other.stop();

    expect(rows.map((row) => String(row.private_jwk)).filter((text) => text.includes('"d"'))).toEqual([]);
    expect(shown.flatMap((key) => Object.keys(key)).filter((name) => name === 'd')).toEqual([]);
    expect(shown.map(({ kid }) => kid)).toContain(rows[0]?.public_jwk.kid);
  });

  test('are followed by another before they end, which is published a week ahead and old tokens still verify', async () => {
    const { token } = await setOf(shop.admin);
    const { kid } = decodeProtectedHeader(token);
    const before = await made();
    server.pass(84 * DAY);
    const ahead = await anew();
    const early = await ahead.ok(QUERY, {}, { ...shop.admin });
    const known = (await published(ahead)).keys.map((key) => key.kid);
    await ahead.stop();
    server.pass(7 * DAY);
    const later = await anew();
    const late = await later.ok(QUERY, {}, shop.admin);
    const kept = (await published(later)).keys.map((key) => key.kid);
    await later.stop();

    expect(decodeProtectedHeader(String(early.entitlementSet?.token)).kid).toBe(kid);
    expect(await made()).toBe(before + 1);
    const next = decodeProtectedHeader(String(late.entitlementSet?.token)).kid;
    expect(next).not.toBe(kid);
    expect(known).toContain(next);
    expect(kept).toContain(kid);
  });

  test('are rotated once verifiers know the new one, and a retired one is published no more', async () => {
    const { token } = await setOf(shop.admin);
    const { kid = '' } = decodeProtectedHeader(token);

    const next = await keys.rotate('entitlementSet');
    const [first] = [await anew()];
    const soon = await first.ok(QUERY, {}, shop.admin);
    await first.stop();
    server.pass(601_000);
    const second = await anew();
    const late = await second.ok(QUERY, {}, shop.admin);
    const retired = await keys.retire(kid);
    await second.stop();
    const third = await anew();
    const left = (await published(third)).keys.map((key) => key.kid);
    await third.stop();

    expect(decodeProtectedHeader(String(soon.entitlementSet?.token)).kid).toBe(kid);
    expect(decodeProtectedHeader(String(late.entitlementSet?.token)).kid).toBe(next);
    expect(retired).toBe(true);
    expect(left).toContain(next);
    expect(left).not.toContain(kid);
  });

  test('that applications ship are published before anybody asks for them, once, and a year before they sign', async () => {
    const shipped =
      "purpose in ('validation', 'licenseFile', 'offlineResponse', 'revocationList', 'offlineRequest')";
    const pair = [await startTestServer(), await startTestServer({ beside: server })];
    const first = pair[0] ?? server;
    await Promise.all([1, 2, 3, 4].map(() => published(first)));
    const now = await first.count('signing_keys', shipped);
    first.pass(731 * DAY);
    const later = await startTestServer({ beside: first });
    later.now = first.now;
    const shown = await published(later);
    const [{ ahead } = { ahead: 0 }] = await first.sql`select count(*)::int as ahead from signing_keys
      where signs_from > ${first.now}::timestamptz + interval '360 days'`;
    const kept = shown.keys.length;
    for (const each of [later, ...pair.toReversed()]) await each.stop();

    expect(now).toBe(5);
    expect(ahead).toBe(5);
    // The development key, and two of each.
    expect(kept).toBe(11);
  });
});
