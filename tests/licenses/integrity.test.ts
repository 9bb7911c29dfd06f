import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openPool } from '../../src/core/db.js';
import { sealAll } from '../../src/server/database/sealAll.js';
import type { Machinery } from '../../src/server/operation/operation.js';
import { actOn, mutation, tablesOf } from '../support/acts.js';
import {
  activate,
  createCustomer,
  createLicense,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, type Json, newKeys, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

const QUERY = `query ($licenseKey: String!, $signature: String) {
  checkLicenseIntegrity(licenseKey: $licenseKey, signature: $signature) {
    integrityCheck tamperingDetected certificateStatus altered outdated } }`;

async function check(license: Issued, signature?: string, on = server): Promise<Json> {
  const { licenseKey } = license;
  const data = await on.ok(QUERY, { licenseKey, signature }, shop.admin);
  if (data.checkLicenseIntegrity === undefined) throw new Error('nothing was answered');
  return data.checkLicenseIntegrity;
}

const intact = {
  integrityCheck: true,
  tamperingDetected: false,
  certificateStatus: null,
  altered: [],
  outdated: [],
};
const alteredIn = (...altered: string[]) => ({
  ...intact,
  integrityCheck: false,
  tamperingDetected: true,
  altered,
});

async function certificateOf({ id }: Issued, as: Claims = shop.admin): Promise<string> {
  const data = await server.ok('query ($id: ID!) { license(id: $id) { certificate } }', { id }, as);
  return String(data.license?.certificate);
}

const feature = { featureId: 'reports', featureName: 'Reports', limitValue: 9_007_199_254_740_991 };

describe('the seal', () => {
  test('fits after every act', async () => {
    const issued = await issueLicense(server, shop, { trial: true });
    const created = await createLicense(server, shop, {
      features: [feature],
      restrictions: [{ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', values: ['DE'] }],
      metadata: { größe: '大', nested: [1, { ratio: 0.1 }] },
      gracePeriodDays: 7,
      expiryDate: '2027-01-01T00:00:00.123Z',
    });
    const checked = [await check(issued), await check(created)];
    const run = async (act: string, input: object): Promise<void> => {
      await actOn(server, shop.admin, act, { licenseId: created.id, ...input });
      checked.push(await check(created));
    };

    await activate(server, issued.licenseKey, 'laptop');
    checked.push(await check(issued));
    await run('updateLicense', {
      issuedTo: 'Grace',
      features: [{ ...feature, overage: 'WARN' }],
      status: 'INACTIVE',
    });
    await run('updateLicense', { maintenanceExpiry: null, maxActivations: 7, status: 'ACTIVE' });
    await run('suspendLicense', { reason: 'unpaid' });
    await run('reinstateLicense', {});
    await run('renewLicense', { durationMonths: 1, upgradeFeatures: [{ ...feature, limitValue: 5 }] });
    await run('grantFeature', { feature: { featureId: 'more', featureName: 'More' } });
    const newCustomerId = await createCustomer(server, shop.admin, 'Grace');
    await run('transferLicense', { newCustomerId, newIssuedTo: 'G', transferReason: 'sold' });
    await run('revokeLicense', { reason: 'fraud' });

    expect(checked).toEqual(checked.map(() => intact));
  });

  test('names all that was edited at once, and does not watch what is no fact of the license', async () => {
    const license = await issueLicense(server, shop);

    await server.sql`update licenses set metadata = '{"note": 1}', current_activations = 3, updated_at = now()
      where id = ${license.id}`;
    const noted = await check(license);
    await server.sql`update licenses set max_activations = 9, trial_period_days = 1, product_version = '9'
      where id = ${license.id}`;

    expect([noted, await check(license)]).toEqual([
      intact,
      alteredIn('max_activations', 'product_version', 'trial_period_days'),
    ]);
  });

  test.each([
    ['taken away', 'null'],
    ['emptied', `'{}'`],
    ['no seal at all', `'"k1.x"'`],
    ['of other types', `'{"whole": 1, "fields": [2]}'`],
    [
      'of another license',
      '(select seal from licenses other where other.id <> licenses.id and other.tenant_id = licenses.tenant_id)',
    ],
    ['without one of its fields', `seal #- '{fields,max_activations}'`],
    ['under a key that is not there', `jsonb_set(seal, '{whole}', '"k9.abc"')`],
    [
      'with another hash',
      `jsonb_set(seal, '{whole}', to_jsonb(overlay(seal->>'whole' placing '0000' from 8)))`,
    ],
  ])('that is %s is told as tampering', async (_what, value) => {
    await issueLicense(server, shop);
    const license = await createLicense(server, shop);

    await server.sql.unsafe(`update licenses set seal = ${value} where id = '${license.id}'`);

    const { altered, ...verdict } = await check(license);
    expect(verdict).toMatchObject({ integrityCheck: false, tamperingDetected: true });
    expect(altered).not.toEqual([]);
  });

  test('an innocent act launders no edit; the act that sets the very column does', async () => {
    const license = await issueLicense(server, shop);
    await server.sql`update licenses set max_activations = 1000 where id = ${license.id}`;

    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'Grace' });
    await activate(server, license.licenseKey, 'laptop');
    const laundered = await check(license);
    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, maxActivations: 5 });

    expect([laundered, await check(license)]).toEqual([alteredIn('max_activations'), intact]);
  });

  test('a seal that was taken away is not made anew by an act', async () => {
    const license = await issueLicense(server, shop);
    await server.sql`update licenses set seal = null, max_activations = 1000 where id = ${license.id}`;

    await actOn(server, shop.admin, 'renewLicense', { licenseId: license.id, durationMonths: 1 });

    expect(await check(license)).toEqual(alteredIn('seal'));
  });

  test('is read under any pepper of the ring and renewed under the first', async () => {
    const license = await issueLicense(server, shop);
    const { peppers } = server.keys;
    const second = { id: 'k2', bytes: randomBytes(32) };
    const rotated = await startTestServer({
      beside: server,
      keys: { ...server.keys, peppers: [second, ...peppers] },
    });
    const sealedBy = async () => {
      const [row] = await server.sql`select seal->>'whole' as whole from licenses where id = ${license.id}`;
      return String(row?.whole).slice(0, 2);
    };

    const before = [await check(license, undefined, rotated), await sealedBy()];
    await actOn(rotated, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'Grace' });
    const after = [await check(license, undefined, rotated), await sealedBy()];
    await rotated.stop();

    expect([before, after]).toEqual([
      [intact, 'k1'],
      [intact, 'k2'],
    ]);
  });
});

describe('the command', () => {
  const worker = (on: TestServer): Machinery => ({
    ...on.machinery,
    pool: openPool({ url: on.url, role: 'lg_worker', maxConnections: 2 }),
  });
  const seal = async (on = server) => {
    const machinery = worker(on);
    return sealAll(machinery).finally(machinery.pool.end);
  };

  test('seals what was never sealed, renews what an earlier pepper sealed, and leaves what was altered', async () => {
    await seal();
    const [old, altered, sound] = [
      await issueLicense(server, shop),
      await issueLicense(server, shop),
      await issueLicense(server, shop),
    ];
    await server.sql`update licenses set seal = null where id = ${old.id}`;
    await server.sql`update licenses set status = 'INACTIVE' where id = ${altered.id}`;

    const first = await seal();
    const second = { id: 'k2', bytes: randomBytes(32) };
    const keys = { ...server.keys, peppers: [second, ...server.keys.peppers] };
    const rotated = await startTestServer({ beside: server, keys });
    const later = await seal(rotated);
    const again = await seal(rotated);
    const verdicts = [
      await check(old, undefined, rotated),
      await check(altered, undefined, rotated),
      await check(sound, undefined, rotated),
    ];
    await rotated.stop();

    expect(first).toMatchObject({ sealed: 1, renewed: 0 });
    expect(first.altered).toContain(altered.id);
    expect(later.sealed).toBe(0);
    expect(later.renewed).toBeGreaterThanOrEqual(2);
    expect(again).toEqual({ sealed: 0, renewed: 0, altered: later.altered });
    expect(verdicts).toEqual([intact, alteredIn('status'), intact]);
    expect(
      await server.count('license_event_logs', `event_type = 'license.sealed' and subject_id = '${old.id}'`),
    ).toBe(1);
  });
});

describe('a certificate', () => {
  test('is valid for its license until an act changes what it says, and then old and no forgery', async () => {
    const license = await issueLicense(server, shop);
    const signature = await certificateOf(license);

    const fresh = await check(license, signature);
    await actOn(server, shop.admin, 'renewLicense', { licenseId: license.id, durationMonths: 1 });
    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, maxActivations: 6 });
    const old = await check(license, signature);
    const anew = await check(license, await certificateOf(license));

    expect([fresh, old, anew]).toEqual([
      { ...intact, certificateStatus: 'VALID' },
      {
        ...intact,
        integrityCheck: false,
        certificateStatus: 'OUTDATED',
        outdated: ['max_activations', 'expiry_date'],
      },
      { ...intact, certificateStatus: 'VALID' },
    ]);
  });

  test('that is forged, altered, over, of another license or of another kind is told as tampering', async () => {
    const [license, other] = [await issueLicense(server, shop), await issueLicense(server, shop)];
    const signature = await certificateOf(license);
    const [header = '', body = '', mark = ''] = signature.split('.');
    const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
    const set = await server.ok('{ entitlementSet { token } }', {}, shop.admin);
    const typ = 'licensegraph-certificate+jwt';
    const forged = [
      await certificateOf(other),
      String(set.entitlementSet?.token),
      `${header}.${encoded({ ...claims, license: { ...claims.license, max_activations: 99 } })}.${mark}`,
      `${header}.${body}.${mark.startsWith('A') ? 'B' : 'A'}${mark.slice(1)}`,
      `${encoded({ alg: 'none', typ, kid })}.${body}.`,
      `${encoded({ alg: 'HS256', typ, kid })}.${body}.${mark}`,
      `${encoded({ alg: 'EdDSA', typ, kid: 'unknown' })}.${body}.${mark}`,
      `${encoded({ alg: 'EdDSA', typ, kid, crit: ['b64'], b64: false })}.${body}.${mark}`,
      'x',
      `${header}.${body}`,
    ];

    const statuses = [];
    for (const each of forged) statuses.push(await check(license, each));
    server.pass(366 * 86_400_000);
    statuses.push(await check(license, signature));
    server.pass(-366 * 86_400_000);

    const invalid = {
      ...intact,
      integrityCheck: false,
      tamperingDetected: true,
      certificateStatus: 'INVALID',
    };
    expect(statuses).toEqual(statuses.map(() => invalid));
  });

  test('of another deployment is worth nothing', async () => {
    const license = await issueLicense(server, shop);
    const strangers = await startTestServer({ keys: newKeys() });
    const theirs = await openShop(strangers);
    const { id } = await issueLicense(strangers, theirs);
    const data = await strangers.ok(`{ license(id: "${id}") { certificate } }`, {}, theirs.admin);
    await strangers.stop();

    expect(await check(license, String(data.license?.certificate))).toMatchObject({
      certificateStatus: 'INVALID',
    });
  });
});

describe('who asks', () => {
  test('an application asks by its key, and is not told what was altered', async () => {
    const license = await issueLicense(server, shop);
    await server.sql`update licenses set max_activations = 1000 where id = ${license.id}`;
    const { licenseKey } = license;

    const told = await server.ok(
      'query ($licenseKey: String!) { checkLicenseIntegrity(licenseKey: $licenseKey) { integrityCheck tamperingDetected } }',
      { licenseKey },
    );
    const more = await server.graphql(QUERY, { licenseKey });

    expect(told.checkLicenseIntegrity).toEqual({ integrityCheck: false, tamperingDetected: true });
    expect(more.errors.map(({ extensions }) => extensions.permission)).toEqual(['license.read_integrity']);
  });

  test.each([
    ['unknown', '0000-0000-0000-0000-0000', 'LICENSE_NOT_FOUND'],
    ['malformed', 'no key', 'INVALID_LICENSE_KEY_FORMAT'],
  ])('of a key that is %s nothing is said', async (_what, licenseKey, code) => {
    const before = await tablesOf(server, shop.admin.tenant_id);

    const answer = await server.graphql(QUERY, { licenseKey }, shop.admin);

    expect([answer.code, await tablesOf(server, shop.admin.tenant_id)]).toEqual([code, before]);
  });

  test("what was found is recorded in the license's tenant, without the signature", async () => {
    const license = await issueLicense(server, shop);
    const found = () => server.sql`select event_data->>'code' as code, license_id from license_event_logs
      where tenant_id = ${shop.admin.tenant_id} and event_type = 'access.refused' order by id`;

    await check(license, 'a forged signature');
    await server.sql`update licenses set max_activations = 1000 where id = ${license.id}`;
    await check(license);

    await expect
      .poll(async () => [...(await found())])
      .toEqual([
        { code: 'SIGNATURE_INVALID', license_id: license.id },
        { code: 'LICENSE_TAMPERED', license_id: license.id },
      ]);
    expect(server.logged.join('\n')).not.toContain('a forged signature');
  });

  test('a replayed act answers the same certificate', async () => {
    const license = await issueLicense(server, shop);
    const input = { licenseId: license.id, issuedTo: 'Grace' };
    const send = () =>
      server.ok(mutation('updateLicense', 'license { certificate }'), { input }, shop.admin, {
        'idempotency-key': `k ${license.id}`,
      });

    expect(await send()).toEqual(await send());
  });
});
