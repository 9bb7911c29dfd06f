import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { keyRing, type SecretKey } from '../../src/core/crypto.js';
import { type Keys, loadKeys } from '../../src/core/keys.js';
import { StartupError } from '../../src/core/startupError.js';
import { activate, issueLicense, openShop } from '../support/fixtures.js';
import { newKeys, startTestServer } from '../support/server.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-keys-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bytes = (fill: number): string => Buffer.alloc(32, fill).toString('base64');
const document = {
  peppers: [
    { id: 'p2', key: bytes(2) },
    { id: 'p1', key: bytes(1) },
  ],
  encryption: [{ id: 'e1', key: bytes(3) }],
};

function ids(keys: Keys): string[][] {
  return [keys.peppers.map(({ id }) => id), keys.encryption.map(({ id }) => id)];
}

describe('key material', () => {
  test('comes from the environment', async () => {
    const config = readConfig({
      LG_KEYS: 'env',
      LG_PEPPERS: `p2:${bytes(2)},p1:${bytes(1)}`,
      LG_ENCRYPTION_KEYS: `e1:${bytes(3)}`,
    });

    expect(ids(await loadKeys(config))).toEqual([['p2', 'p1'], ['e1']]);
  });

  test('comes from a file, or from what a command prints', async () => {
    const path = join(folder, 'given.json');
    await writeFile(path, JSON.stringify(document));

    const fromFile = await loadKeys(readConfig({ LG_KEYS: 'file', LG_KEYS_FILE: path }));
    const fromCommand = await loadKeys(readConfig({ LG_KEYS: 'command', LG_KEYS_COMMAND: `cat '${path}'` }));

    expect(ids(fromFile)).toEqual([['p2', 'p1'], ['e1']]);
    expect(fromCommand).toEqual(fromFile);
  });

  test('is generated once in development, for the owner alone, also by two starts at once', async () => {
    const config = readConfig({ LG_DATA_DIR: join(folder, 'generated') });

    const [first, second] = await Promise.all([loadKeys(config), loadKeys(config)]);
    const again = await loadKeys(config);

    expect(second).toEqual(first);
    expect(again).toEqual(first);
    expect((await stat(join(folder, 'generated', 'keys.json'))).mode & 0o777).toBe(0o600);
  });

  const bad: [what: string, environment: NodeJS.ProcessEnv, named: RegExp][] = [
    [
      'nothing in production',
      {
        NODE_ENV: 'production',
        DATABASE_URL: 'postgres://x',
        LG_AUTH_ISSUER: 'i',
        LG_AUTH_JWKS_URL: 'https://x.example/k',
      },
      /LG_PEPPERS/,
    ],
    [
      'a pepper that is too short',
      { LG_KEYS: 'env', LG_PEPPERS: 'p1:c2hvcnQ=', LG_ENCRYPTION_KEYS: `e1:${bytes(1)}` },
      /peppers\.0\.key: must be 32 bytes/,
    ],
    [
      'two keys of one id',
      { LG_KEYS: 'env', LG_PEPPERS: `p1:${bytes(1)},p1:${bytes(2)}`, LG_ENCRYPTION_KEYS: `e1:${bytes(1)}` },
      /ids must differ/,
    ],
    ['a folder that cannot be written to', { LG_DATA_DIR: '/dev/null/keys' }, /LG_DATA_DIR: .*ENOTDIR/],
    ['a file that is not there', { LG_KEYS: 'file', LG_KEYS_FILE: '/nowhere/keys.json' }, /LG_KEYS_FILE/],
    ['a command that fails', { LG_KEYS: 'command', LG_KEYS_COMMAND: 'exit 3' }, /LG_KEYS_COMMAND/],
    [
      'a command that prints no JSON',
      { LG_KEYS: 'command', LG_KEYS_COMMAND: 'echo secret-word' },
      /LG_KEYS_COMMAND is not JSON/,
    ],
  ];

  test.each(bad)('stops the start: %s', async (_what, environment, named) => {
    const failure: unknown = await loadKeys(readConfig(environment)).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(StartupError);
    expect(String(failure)).toMatch(named);
    expect(String(failure)).not.toContain('secret-word');
  });
});

describe('the key ring', () => {
  const secret = (id: string): SecretKey => ({ id, bytes: randomBytes(32) });

  test('hashes one value differently for each kind, tenant and pepper', () => {
    const ring = keyRing({ peppers: [secret('p2'), secret('p1')], encryption: [secret('e1')] });
    const hashes = [
      ...ring.hashes('LICENSE_KEY', 'A'),
      ring.hash('ACTIVATION_TOKEN', 'A'),
      ring.hash('FINGERPRINT', 'A'),
    ];

    expect(new Set(hashes).size).toBe(hashes.length);
    expect(ring.hashes('LICENSE_KEY', 'A')[0]).toBe(ring.hash('LICENSE_KEY', 'A'));
  });

  test('opens a ciphertext only in its own place, and with the key that made it', () => {
    const old = secret('e1');
    const before = keyRing({ peppers: [secret('p1')], encryption: [old] });
    const after = keyRing({ peppers: [secret('p1')], encryption: [secret('e2'), old] });
    const sealed = before.encrypt('the key', 'row 1');

    expect(after.decrypt(sealed, 'row 1')).toBe('the key');
    expect(() => after.decrypt(sealed, 'row 2')).toThrow();
    expect(after.encrypt('the key', 'row 1')).toMatch(/^e2\./);
  });
});

test('after a rotation old keys are found and revealed, and a known device takes no second seat', async () => {
  const oldKeys = newKeys();
  const before = await startTestServer({ keys: oldKeys });
  const shop = await openShop(before);
  const { id, licenseKey } = await issueLicense(before, shop);
  await activate(before, licenseKey, 'laptop');
  const [pepper, cipher] = [
    { id: 'k2', bytes: randomBytes(32) },
    { id: 'k2', bytes: randomBytes(32) },
  ];
  const rotated = {
    ...oldKeys,
    peppers: [pepper, ...oldKeys.peppers],
    encryption: [cipher, ...oldKeys.encryption],
  };
  const after = await startTestServer({ keys: rotated, beside: before });
  try {
    const again = await activate(after, licenseKey, 'laptop');
    const revealed = await after.ok(
      'mutation ($input: RevealLicenseKeyInput!) { revealLicenseKey(input: $input) { licenseKey } }',
      { input: { licenseId: id } },
      shop.admin,
    );
    const fresh = await issueLicense(after, shop);

    expect(again.license?.currentActivations).toBe(1);
    expect(revealed.revealLicenseKey?.licenseKey).toBe(licenseKey);
    const [row] =
      await after.sql`select license_key_hash, license_key_ciphertext from licenses where id = ${fresh.id}`;
    expect(row?.license_key_hash).toMatch(/^k2\./);
    expect(row?.license_key_ciphertext).toMatch(/^k2\./);
  } finally {
    await after.stop();
    await before.stop();
  }
});

test('a generated key file holds what it says', async () => {
  const config = readConfig({ LG_DATA_DIR: join(folder, 'held') });
  await loadKeys(config);

  const held: unknown = JSON.parse(await readFile(join(folder, 'held', 'keys.json'), 'utf8'));

  expect(held).toMatchObject({
    peppers: [{ id: 'k1' }],
    encryption: [{ id: 'k1' }],
    tokens: { kty: 'OKP', crv: 'Ed25519' },
  });
});
