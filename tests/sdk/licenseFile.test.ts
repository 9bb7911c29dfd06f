import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, DAY_MILLIS } from '../../src/core/clock.js';
import { keyRing } from '../../src/core/crypto.js';
import { openPool } from '../../src/core/db.js';
import { codeIn } from '../../src/sdk/offline/documents.js';
import type { OfflineFacts } from '../../src/sdk/offline/judge.js';
import { verifyLicenseFile } from '../../src/sdk/offline/licenseFile.js';
import { SigningKeys } from '../../src/server/signingKeys.js';
import { actOn } from '../support/acts.js';
import { effort } from '../support/effort.js';
import { activate, createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { checkout, OfflineWorld, publishedKeys, reports, revocationsOf } from '../support/offline.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

let world: OfflineWorld;
let server: TestServer;
let shop: Shop;
let license: Issued;
let file: string;
let keys: JSONWebKeySet;
beforeAll(async () => {
  world = await OfflineWorld.open();
  ({ server, shop, license, keys } = world);
  file = await world.fileOf(license);
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

describe('a license file', () => {
  test('says on its device, without a connection, what the server would say', async () => {
    const verdict = await verifyLicenseFile(file, keys, world.onDevice({ features: ['reports'] }));

    expect(verdict).toMatchObject({
      valid: true,
      code: 'VALID',
      reasons: [],
      expiresAt: addDays(START, 25),
      record: { seenAt: START, epoch: 0 },
      license: {
        id: license.id,
        productId: shop.productId,
        licenseType: 'SUBSCRIPTION',
        licenseModel: 'PER_DEVICE',
        issuedTo: 'Ada Okafor',
        expiryDate: addDays(START, 20),
        gracePeriodDays: 5,
        features: [
          {
            ...reports,
            enabled: true,
            limitType: null,
            limitPeriod: 'NONE',
            overage: 'DENY',
            expiresAt: null,
          },
        ],
      },
    });
  });

  test.each<[string, OfflineFacts, number, unknown[]]>([
    [
      'on another device',
      { deviceFingerprint: 'other' },
      0,
      [false, 'FINGERPRINT_MISMATCH', ['FINGERPRINT_MISMATCH']],
    ],
    [
      'on no device',
      { deviceFingerprint: undefined },
      0,
      [false, 'FINGERPRINT_MISMATCH', ['FINGERPRINT_MISMATCH']],
    ],
    ['for another product', { productId: 'OTHER' }, 0, [false, 'PRODUCT_MISMATCH', ['PRODUCT_MISMATCH']]],
    [
      'for a feature that is not granted',
      { features: ['vpn'] },
      0,
      [false, 'FEATURE_NOT_LICENSED', ['FEATURE_NOT_LICENSED']],
    ],
    ['in grace', {}, 21, [true, 'GRACE_PERIOD', []]],
    ['at the end of grace', {}, 25, [false, 'LICENSE_SUSPENDED', ['LICENSE_SUSPENDED']]],
    ['when all is over', {}, 26, [false, 'LICENSE_SUSPENDED', ['LICENSE_SUSPENDED', 'FILE_EXPIRED']]],
    ['with the clock set back', {}, -1, [false, 'CLOCK_SET_BACK', ['CLOCK_SET_BACK']]],
    [
      'with everything wrong, in the order of the rules',
      { deviceFingerprint: 'other', productId: 'OTHER', features: ['vpn'] },
      -1,
      [
        false,
        'PRODUCT_MISMATCH',
        ['PRODUCT_MISMATCH', 'FINGERPRINT_MISMATCH', 'FEATURE_NOT_LICENSED', 'CLOCK_SET_BACK'],
      ],
    ],
  ])('%s', async (_what, asked, days, expected) => {
    server.now = addMillis(START, days * DAY_MILLIS);

    expect(await world.codesOf(file, asked)).toEqual(expected);
  });

  test('is over, and not begun, by five minutes more than it says', async () => {
    const short = await world.fileOf(license, { validDays: 1 });
    const at = async (millis: number) => {
      server.now = addMillis(START, millis);
      return (await world.codesOf(short))[1];
    };

    expect([await at(-300_000), await at(-300_001)]).toEqual(['VALID', 'CLOCK_SET_BACK']);
    expect([await at(DAY_MILLIS + 299_999), await at(DAY_MILLIS + 300_000)]).toEqual([
      'VALID',
      'FILE_EXPIRED',
    ]);
  });

  test('finds a clock that shows less than it has shown by the record that the application keeps', async () => {
    server.now = addDays(START, 10);
    const { record } = await verifyLicenseFile(file, keys, world.onDevice());
    server.now = addDays(START, 9);

    const verdict = await verifyLicenseFile(file, keys, world.onDevice({ record }));

    expect(verdict.code).toBe('CLOCK_SET_BACK');
    expect(verdict.record).toEqual({ seenAt: addDays(START, 10), epoch: 0 });
  });

  test('of a license that counts people is bound to its user, and shows neither user nor device', async () => {
    const perSeat = await world.licensed({ licenseModel: 'PER_SEAT' });
    await activate(server, perSeat.licenseKey, 'press', { user: 'ada@example.com' });

    const text = await world.fileOf(perSeat);

    expect((await world.codesOf(text, { user: 'ada@example.com' }))[1]).toBe('VALID');
    expect((await world.codesOf(text, { user: 'eve@example.com' }))[1]).toBe('USER_MISMATCH');
    const [, body = ''] = String(codeIn('licenseFile', text)).split('.');
    expect(Buffer.from(body, 'base64url').toString()).not.toMatch(/ada@|press/);
  });

  test('that is restricted by MAC address holds with that address alone; by place, where it is allowed', async () => {
    const restrictions = [
      { restrictionType: 'MAC_ADDRESS', operator: 'ALLOW', values: ['00:1A:2B:3C:4D:5E'] },
      { restrictionType: 'GEOGRAPHIC', operator: 'DENY', values: ['FR'] },
      { restrictionType: 'IP_RANGE', operator: 'DENY', values: ['10.0.0.0/8'] },
    ];
    const bound = await world.licensed({ restrictions });
    const device = { macAddress: '00-1a-2b-3c-4d-5e', country: 'DE' };
    const location = { country: 'DE', timezone: 'Europe/Berlin' };
    await activate(server, bound.licenseKey, 'press', { macAddress: device.macAddress, location });

    const text = await world.fileOf(bound, device);

    expect(await world.codesOf(text, device)).toEqual([true, 'VALID', []]);
    expect((await world.codesOf(text, { ...device, macAddress: '00-1a-2b-3c-4d-5f' }))[1]).toBe(
      'RESTRICTED_MAC_ADDRESS',
    );
    expect((await world.codesOf(text, { country: 'DE' }))[1]).toBe('RESTRICTED_MAC_ADDRESS');
    expect((await world.codesOf(text, { ...device, country: 'FR' }))[1]).toBe('RESTRICTED_GEOGRAPHIC');
    expect(text).not.toContain('1A2B');
  });
});

describe('an encrypted license file', () => {
  test('opens with its license key, however written, and with no other', async () => {
    const sealed = await world.fileOf(license, { encrypted: true });
    const withKey = (licenseKey: string | undefined) =>
      verifyLicenseFile(sealed, keys, { ...world.onDevice(), licenseKey }).then(({ code }) => code);

    expect(await withKey(license.licenseKey.toLowerCase().replaceAll('-', ' '))).toBe('VALID');
    expect(await withKey('0000-0000-0000-0000-0000')).toBe('SIGNATURE_INVALID');
    expect(await withKey(undefined)).toBe('KEY_MALFORMED');
    const parts = String(codeIn('licenseFile', sealed)).split('.');
    const shown = parts.map((part) => Buffer.from(part, 'base64url').toString('latin1')).join('\n');
    expect(shown).not.toContain('Ada Okafor');
  });

  test('that asks for more rounds than ours keeps no device busy', async () => {
    const [head = '', ...rest] = String(
      codeIn('licenseFile', await world.fileOf(license, { encrypted: true })),
    ).split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString());
    const greedy = Buffer.from(JSON.stringify({ ...header, p2c: 2_000_000_000 })).toString('base64url');
    const taken = effort();

    const verdict = await verifyLicenseFile([greedy, ...rest].join('.'), keys, {
      ...world.onDevice(),
      licenseKey: license.licenseKey,
    });

    expect(verdict.code).toBe('SIGNATURE_INVALID');
    expect(taken()).toBeLessThan(1_000);
  });
});

describe('keys', () => {
  test('is not begun before it was signed, whatever an older record has seen', async () => {
    server.now = addDays(START, 5);
    const young = await world.fileOf(license);
    const at = (days: number, seen: number) => ({
      now: new Date(addDays(START, days)),
      record: { seenAt: addDays(START, seen), epoch: 0 },
    });

    expect((await world.codesOf(young, at(4, 3)))[1]).toBe('CLOCK_SET_BACK');
    expect((await world.codesOf(young, at(5, 3)))[1]).toBe('VALID');
    expect((await world.codesOf(young, at(5, 6)))[1]).toBe('CLOCK_SET_BACK');
  });

  test('that were replaced verify until they are retired', async () => {
    const alone = await startTestServer();
    const pool = openPool({ url: alone.url, role: 'lg_worker', maxConnections: 2 });
    const signing = new SigningKeys({ pool, keys: keyRing(alone.keys), clock: () => alone.now });
    const theirs = await openShop(alone);
    const own = await createLicense(alone, theirs, { expiryDate: addDays(START, 300) });
    await activate(alone, own.licenseKey, 'press');
    const asked = { licenseKey: own.licenseKey, deviceFingerprint: 'press' };
    const old = String((await checkout(alone, asked)).licenseFile);
    const kid = String(
      JSON.parse(Buffer.from(String(codeIn('licenseFile', old)).split('.')[0] ?? '', 'base64url').toString())
        .kid,
    );

    await signing.rotate('licenseFile');
    alone.pass(700_000);
    const beside = await startTestServer({ beside: alone });
    beside.now = alone.now;
    const young = String((await checkout(beside, asked)).licenseFile);
    const rotated = await publishedKeys(beside);
    const asksAt = { deviceFingerprint: 'press', now: new Date(alone.now) };
    const before = [old, young].map((each) => verifyLicenseFile(each, rotated, asksAt));
    const codes = (await Promise.all(before)).map(({ code }) => code);
    await beside.stop();
    await signing.retire(kid);
    await pool.end();
    const third = await startTestServer({ beside: alone });
    third.now = addMillis(alone.now, 1);
    const left = await publishedKeys(third);
    await third.stop();
    const after = [old, young].map((each) => verifyLicenseFile(each, left, asksAt));

    expect(codes).toEqual(['VALID', 'VALID']);
    expect((await Promise.all(after)).map(({ code }) => code)).toEqual(['SIGNATURE_INVALID', 'VALID']);
    await alone.stop();
  });
});

describe('a revocation list', () => {
  test.each<[string, string, (id: string) => Promise<unknown>]>([
    [
      'a revoked license',
      'LICENSE_REVOKED',
      (licenseId) => actOn(server, shop.admin, 'revokeLicense', { licenseId, reason: 'x' }),
    ],
    [
      'a suspended one',
      'LICENSE_SUSPENDED',
      (licenseId) => actOn(server, shop.admin, 'suspendLicense', { licenseId, reason: 'x' }),
    ],
    [
      'one that is switched off',
      'LICENSE_INACTIVE',
      (licenseId) => actOn(server, shop.admin, 'updateLicense', { licenseId, status: 'INACTIVE' }),
    ],
  ])('that names %s ends its files: %s', async (_what, code, change) => {
    const own = await world.licensed();
    await activate(server, own.licenseKey, 'press');
    const text = await world.fileOf(own);
    await change(own.id);
    const beside = await startTestServer({ beside: server });
    const revocations = await revocationsOf(beside, shop.admin.tenant_id);
    await beside.stop();

    expect((await world.codesOf(text))[1]).toBe('VALID');
    expect((await world.codesOf(text, { revocations }))[1]).toBe(code);
    expect((await world.codesOf(file, { revocations }))[1]).toBe('VALID');
  });

  test('is no evidence on a file that was signed after it, whoever has no record', async () => {
    const lost = await world.licensed();
    await activate(server, lost.licenseKey, 'press');
    await world.fileOf(lost);
    const early = await revocationsOf(server, shop.admin.tenant_id);
    await actOn(server, shop.admin, 'revokeLicense', { licenseId: lost.id, reason: 'x' });
    const beside = await startTestServer({ beside: server });
    await revocationsOf(beside, shop.admin.tenant_id);
    await beside.stop();

    const young = await world.fileOf(license);

    expect((await world.codesOf(file, { revocations: early }))[1]).toBe('VALID');
    expect(await world.codesOf(young, { revocations: early })).toEqual([
      false,
      'SIGNATURE_INVALID',
      ['SIGNATURE_INVALID'],
    ]);
  });

  test('is no evidence if it is forged, older than one that is known, or of another tenant', async () => {
    const revocations = await revocationsOf(server, shop.admin.tenant_id);
    const other = await openShop(server);
    const theirs = await revocationsOf(server, other.admin.tenant_id);
    const record = { seenAt: START, epoch: 9_000_000_000 };

    expect((await world.codesOf(file, { revocations }))[1]).toBe('VALID');
    for (const wrong of [
      { revocations: `${revocations.slice(0, -3)}AAA` },
      { revocations: '' },
      { revocations: theirs },
      { revocations, record },
      { revocations: String(codeIn('licenseFile', file)) },
    ])
      expect([wrong, await world.codesOf(file, wrong)]).toEqual([
        wrong,
        [false, 'SIGNATURE_INVALID', ['SIGNATURE_INVALID']],
      ]);
  });
});
