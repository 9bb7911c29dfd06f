import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { codeIn } from '../../src/sdk/offline/documents.js';
import { verifyLicenseFile } from '../../src/sdk/offline/licenseFile.js';
import type { Issued } from '../support/fixtures.js';
import { OfflineWorld } from '../support/offline.js';
import { START, type TestServer } from '../support/server.js';

let world: OfflineWorld;
let server: TestServer;
let license: Issued;
let file: string;
let keys: JSONWebKeySet;
beforeAll(async () => {
  world = await OfflineWorld.open();
  ({ server, license, keys } = world);
  file = await world.fileOf(license);
});
afterAll(() => server.stop());
beforeEach(() => {
  server.now = START;
});

describe('forged:', () => {
  let ours: { privateKey: CryptoKey; set: JSONWebKeySet; jwk: JWK };
  let claims: Record<string, unknown>;
  beforeAll(async () => {
    const pair = await generateKeyPair('EdDSA', { extractable: true });
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'EdDSA', use: 'sig' };
    ours = { privateKey: pair.privateKey as CryptoKey, set: { keys: [jwk] }, jwk };
    const [, body = ''] = String(codeIn('licenseFile', file)).split('.');
    claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  });

  const header = { alg: 'EdDSA', typ: 'licensegraph-license+jwt', kid: 'k' };

  async function signedWith(head: object, content: unknown = claims): Promise<string> {
    const bytes = new TextEncoder().encode(typeof content === 'string' ? content : JSON.stringify(content));
    const signing = new CompactSign(bytes).setProtectedHeader({ ...header, ...head });
    return signing.sign(ours.privateKey, { crit: { strange: true } });
  }

  const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  test('the same claims with a proper header are taken, so that what follows is refused for what is wrong in it', async () => {
    expect(await world.codesOf(await signedWith({}), {}, ours.set)).toEqual([true, 'VALID', []]);
  });

  test('no signature, and an HMAC under the public key', async () => {
    const unsigned = `${segment({ ...header, alg: 'none' })}.${segment(claims)}.`;
    const secret = new TextEncoder().encode(JSON.stringify(ours.jwk));
    const hmac = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ ...header, alg: 'HS256' })
      .sign(secret);
    const withX = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
      .setProtectedHeader({ ...header, alg: 'HS256' })
      .sign(Buffer.from(String(ours.jwk.x), 'base64url'));

    for (const text of [unsigned, hmac, withX])
      expect((await world.codesOf(text, {}, ours.set))[1]).toBe('SIGNATURE_INVALID');
  });

  test.each<[string, object]>([
    ['another key id', { kid: 'other' }],
    ['no key id', { kid: undefined }],
    ['the type of a bearer token', { typ: 'JWT' }],
    ['the type of a response', { typ: 'licensegraph-offline+jwt' }],
    ['the type of an entitlement set', { typ: 'licensegraph-entitlements+jwt' }],
    ['no type', { typ: undefined }],
    ['a key of its own', { jwk: { kty: 'OKP', crv: 'Ed25519', x: 'AAAA' } }],
    ['an address of keys', { jku: 'https://evil.example/jwks.json' }],
    ['an unknown critical member', { crit: ['strange'], strange: 1 }],
    ['another content type', { cty: 'JWT' }],
  ])('%s in the header', async (_what, head) => {
    expect(await world.codesOf(await signedWith(head), {}, ours.set)).toEqual([
      false,
      'SIGNATURE_INVALID',
      ['SIGNATURE_INVALID'],
    ]);
  });

  test('a payload that is not encoded', async () => {
    const head = { ...header, crit: ['b64'], b64: false };
    const bytes = Buffer.from(`${segment(head)}.${JSON.stringify(claims)}`);
    const signature = Buffer.from(await crypto.subtle.sign('Ed25519', ours.privateKey, bytes)).toString(
      'base64url',
    );

    for (const body of [segment(claims), JSON.stringify(claims)])
      expect((await world.codesOf(`${segment(head)}.${body}.${signature}`, {}, ours.set))[1]).toBe(
        'SIGNATURE_INVALID',
      );
  });

  test('a key that is not for signatures, of another curve, or there twice', async () => {
    const text = await signedWith({});
    const sets = [
      [{ ...ours.jwk, use: 'enc' }],
      [{ ...ours.jwk, alg: 'ES256' }],
      [{ ...ours.jwk, crv: 'X25519' }],
      [ours.jwk, ours.jwk],
      [],
    ];

    for (const set of sets)
      expect((await world.codesOf(text, {}, { keys: set as JWK[] }))[1]).toBe('SIGNATURE_INVALID');
  });

  test('every claim that is left out or of another type, though signed', async () => {
    const wrong = ['iss', 'iat', 'exp', 'jti', 'tenantId', 'epoch', 'license'].flatMap((name) =>
      [undefined, null, {}, [], 'x'.repeat(2_000), -1, 1.5, 1e300, true].map((value) => ({
        ...claims,
        [name]: value,
      })),
    );
    const deep = Object.keys(claims.license as object).map((name) => ({
      ...claims,
      license: { ...(claims.license as object), [name]: { toString: 'x' } },
    }));
    const others = ['', '[]', 'null', '"x"', '{}', '{'];

    for (const content of [...wrong, ...deep, ...others]) {
      const { code } = await verifyLicenseFile(await signedWith({}, content), ours.set, world.onDevice());
      expect([content, code]).toEqual([content, 'SIGNATURE_INVALID']);
    }
  });

  test('every field of the file with one bit flipped', async () => {
    const code = String(codeIn('licenseFile', file));
    const bits = [...code].flatMap((letter, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => {
        const other = String.fromCharCode(letter.charCodeAt(0) ^ (1 << bit));
        return `${code.slice(0, at)}${other}${code.slice(at + 1)}`;
      }),
    );
    const accepted: string[] = [];

    for (const text of bits) {
      if ((await verifyLicenseFile(text, keys, world.onDevice())).code !== 'SIGNATURE_INVALID')
        accepted.push(text);
    }

    expect(bits.length).toBe(code.length * 8);
    expect(accepted).toEqual([]);
  });
});
