import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { maskLicenseKey, newLicenseKey, parseLicenseKey } from '../../src/licenses/model.js';
import { eventsDuring, inRole, mutation, readLicense, refusedAct } from '../support/acts.js';
import { createCustomer, createLicense, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Answer, type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const byKey = (licenseKey: string, as?: Claims): Promise<Answer> =>
  server.graphql(
    'query ($key: String!) { licenseByKey(licenseKey: $key) { id licenseKey } }',
    { key: licenseKey },
    as ?? shop.admin,
  );

describe('the form of keys', () => {
  test('new keys are twenty upper-case hexadecimal characters, and differ', () => {
    const keys = Array.from({ length: 500 }, newLicenseKey);

    expect(keys.filter((key) => !/^([0-9A-F]{4}-){4}[0-9A-F]{4}$/.test(key))).toEqual([]);
    expect(new Set(keys).size).toBe(500);
  });

  test.each([
    ['as it is', 'A1B2-C3D4-E5F6-G7H8-I9J0'],
    ['in lower case', 'a1b2-c3d4-e5f6-g7h8-i9j0'],
    ['without dashes', 'A1B2C3D4E5F6G7H8I9J0'],
    ['with spaces for dashes', 'A1B2 C3D4 E5F6 G7H8 I9J0'],
    ['with blanks and line ends around it', '\r\n\t A1B2-C3D4-E5F6-G7H8-I9J0 \u00a0'],
    ['with dashes in odd places', '-A1-B2C3D-4E5F6G7-H8I9J0-'],
  ])('a key is read %s', (_, input) => {
    expect(parseLicenseKey(input)).toBe('A1B2-C3D4-E5F6-G7H8-I9J0');
  });

  test.each([
    ['nothing', ''],
    ['nineteen characters', 'A1B2-C3D4-E5F6-G7H8-I9J'],
    ['twenty-one characters', 'A1B2-C3D4-E5F6-G7H8-I9J01'],
    ['another mark', 'A1B2_C3D4_E5F6_G7H8_I9J0'],
    ['a letter beyond A to Z', 'Ä1B2-C3D4-E5F6-G7H8-I9J0'],
    ['a letter that grows in upper case', 'ß1B2-C3D4-E5F6-G7H8-I9J'],
    ['a letter that becomes one of ours in upper case', 'ı1B2-C3D4-E5F6-G7H8-I9J0'],
    ['digits of another script', '١1B2-C3D4-E5F6-G7H8-I9J0'],
    ['a mask', 'A1B2-****-****-****-I9J0'],
    ['a text of a megabyte', 'A'.repeat(1_000_000)],
  ])('%s is no key', (_, input) => {
    expect(parseLicenseKey(input)).toBeUndefined();
  });

  test('a mask shows the first and the last group', () => {
    expect(maskLicenseKey('A1B2-C3D4-E5F6-G7H8-I9J0')).toBe('A1B2-****-****-****-I9J0');
  });
});

describe('licenseByKey', () => {
  test.each<[string, (key: string) => string]>([
    ['as it is', (key) => key],
    ['in lower case without dashes', (key) => key.toLowerCase().replaceAll('-', '')],
    ['with spaces', (key) => ` ${key.replaceAll('-', ' ')}\n`],
  ])('finds a license by its key %s', async (_, spell) => {
    const { id, licenseKey } = await issueLicense(server, shop);

    const answer = await byKey(spell(licenseKey));

    expect(answer.data).toEqual({
      licenseByKey: { id, licenseKey: `${licenseKey.slice(0, 4)}-****-****-****-${licenseKey.slice(-4)}` },
    });
  });

  test('an unknown key and a key of another tenant answer alike', async () => {
    const other = await openShop(server);
    const theirs = await issueLicense(server, other);

    expect(await byKey(theirs.licenseKey)).toEqual(await byKey('AAAA-BBBB-CCCC-DDDD-EEEE'));
    expect((await byKey(theirs.licenseKey)).data).toEqual({ licenseByKey: null });
  });

  test("another customer's key answers as one that does not exist", async () => {
    const { licenseKey } = await issueLicense(server, shop);
    const customer_id = await createCustomer(server, shop.admin, 'Bo');
    const as: Claims = { tenant_id: shop.admin.tenant_id, roles: ['customer'], customer_id };

    expect((await byKey(licenseKey, as)).data).toEqual({ licenseByKey: null });
  });

  test.each(['', 'A1B2', 'A1B2-****-****-****-I9J0', '💥'.repeat(30)])(
    '%j is refused by its form',
    async (key) => {
      const answer = await byKey(key);

      expect([answer.code, answer.data]).toEqual(['INVALID_LICENSE_KEY_FORMAT', { licenseByKey: null }]);
    },
  );

  test('needs a token with license.read', async () => {
    const { licenseKey } = await issueLicense(server, shop);
    const query = 'query ($key: String!) { licenseByKey(licenseKey: $key) { id } }';
    const nobody = await server.graphql(query, { key: licenseKey });
    const without = { tenant_id: shop.admin.tenant_id, permissions: ['license.issue'] };

    expect(nobody.code).toBe('UNAUTHENTICATED');
    expect((await byKey(licenseKey, without)).code).toBe('FORBIDDEN');
  });
});

describe('revealLicenseKey', () => {
  const reveal = mutation('revealLicenseKey', 'licenseKey license { id licenseKey }');

  test('shows the full key and records each look', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    const as = { ...shop.admin, sub: 'ada' };
    const look = async () => (await server.ok(reveal, { input: { licenseId: id } }, as)).revealLicenseKey;

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      expect((await look())?.licenseKey).toBe(licenseKey);
      expect(await look()).toEqual({
        licenseKey,
        license: { id, licenseKey: `${licenseKey.slice(0, 4)}-****-****-****-${licenseKey.slice(-4)}` },
      });
    });

    const seen = { type: 'license.key_revealed', subjectId: id, licenseId: id, actor: 'ada', data: {} };
    expect(events).toEqual([seen, seen]);
  });

  test('shows an imported key as it was imported', async () => {
    const { id } = await createLicense(server, shop, { licenseKey: 'wxyz wxyz wxyz wxyz 0001' });

    const data = await server.ok(reveal, { input: { licenseId: id } }, shop.admin);

    expect(data.revealLicenseKey?.licenseKey).toBe('WXYZ-WXYZ-WXYZ-WXYZ-0001');
  });

  test.each(['auditor', 'support', 'reseller', 'customer', 'application'] as const)(
    '%s may not look',
    async (role) => {
      const { id } = await issueLicense(server, shop);
      const as = inRole(shop.admin, role);

      await refusedAct(server, as, 'revealLicenseKey', { licenseId: id }, 'FORBIDDEN');
    },
  );

  test("another tenant's license answers as one that does not exist", async () => {
    const { id } = await issueLicense(server, shop);
    const other = await openShop(server);

    await refusedAct(server, other.admin, 'revealLicenseKey', { licenseId: id }, 'LICENSE_NOT_FOUND');
  });

  test('no event, no row and no line of the log holds a full key', async () => {
    const { id, licenseKey } = await issueLicense(server, shop);
    await server.ok(reveal, { input: { licenseId: id } }, shop.admin);
    await byKey(licenseKey);
    await readLicense(server, shop.admin, id, 'licenseKey');

    const spellings = [licenseKey, licenseKey.replaceAll('-', ''), licenseKey.toLowerCase()];
    const rows = await server.sql`select t::text as line from licenses t
      union all select t::text from license_event_logs t union all select t::text from key_directory t`;
    const lines = [...rows.map((row) => String(row.line)), ...server.logged];
    expect(lines.filter((line) => spellings.some((key) => line.includes(key)))).toEqual([]);
  });
});
