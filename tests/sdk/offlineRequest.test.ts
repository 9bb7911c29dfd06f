import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { bindingOf, marksOf } from '../../src/sdk/offline/deviceBinding.js';
import { armored, codeIn } from '../../src/sdk/offline/documents.js';
import { createOfflineRequest, openRequest, requestKeyId } from '../../src/sdk/offline/request.js';
import { fc } from '../support/seed.js';
import { START } from '../support/server.js';

const device = { licenseKey: 'A1B2-C3D4-E5F6-A7B8-C9D0', deviceFingerprint: 'press 7', user: 'Ada' };
let keys: JSONWebKeySet;
let privateKey: JWK;
beforeAll(async () => {
  const pair = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
  privateKey = await exportJWK(pair.privateKey);
  keys = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', use: 'enc', alg: 'ECDH-ES' }] };
});

const opened = async (text: string) => {
  const sealed = requestKeyId(text);
  return sealed === undefined ? undefined : openRequest(sealed.code, privateKey);
};

describe('a request code', () => {
  test('says to its key, and to nobody else, what the device is', async () => {
    const { requestCode, text, pending } = await createOfflineRequest(device, keys, new Date(START));

    expect(await opened(text)).toEqual({
      ...device,
      nonce: pending.nonce,
      madeAt: START,
      units: null,
      productId: null,
      machineName: null,
      hardwareId: null,
      macAddress: null,
      operatingSystem: null,
      applicationVersion: null,
      domain: null,
      country: null,
      timezone: null,
    });
    const parts = requestCode.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'));
    expect(parts.filter((part) => part.includes('A1B2') || part.includes('press'))).toEqual([]);
    const strange = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
    expect(await openRequest(requestCode, await exportJWK(strange.privateKey))).toBeUndefined();
  });

  test('of the same device differs each time, in its nonce too', async () => {
    const both = [
      await createOfflineRequest(device, keys, new Date(START)),
      await createOfflineRequest(device, keys, new Date(START)),
    ];

    expect(new Set(both.map(({ requestCode }) => requestCode)).size).toBe(2);
    expect(new Set(both.map(({ pending }) => pending.nonce)).size).toBe(2);
  });

  test.each([
    ['broken lines of a mail', (text: string) => text.replaceAll('\n', '\r\n  ')],
    ['spaces instead of lines', (text: string) => text.replaceAll('\n', ' ')],
    ['hard spaces of a word processor', (text: string) => text.replaceAll(' ', '\u00a0')],
    ['a byte order mark', (text: string) => `\ufeff${text}`],
    ['no lines around it, as from a QR code', (text: string) => text.split('\n').slice(1, -2).join('')],
  ])('is read with %s', async (_what, spoil) => {
    const { text } = await createOfflineRequest(device, keys, new Date(START));

    expect(await opened(spoil(text))).toMatchObject({ deviceFingerprint: 'press 7' });
  });

  test.each([
    ['a license key of 101 characters', { licenseKey: 'A'.repeat(101) }],
    ['no fingerprint', { deviceFingerprint: '' }],
    ['a fingerprint of 1025 characters', { deviceFingerprint: 'x'.repeat(1025) }],
    ['a NUL', { machineName: 'a\0b' }],
    ['half a surrogate pair', { machineName: '\ud800' }],
    ['0 units', { units: 0 }],
    ['half a unit', { units: 1.5 }],
    ['a country of three letters', { country: 'DEU' }],
  ])('with %s is none', async (_what, wrong) => {
    const { text } = await createOfflineRequest({ ...device, ...wrong }, keys, new Date(START));

    expect(await opened(text)).toBeUndefined();
  });

  test('of another type, with another member in its header, or changed in any character is none', async () => {
    const { requestCode } = await createOfflineRequest(device, keys, new Date(START));
    const [head = '', ...rest] = requestCode.split('.');
    const header = JSON.parse(Buffer.from(head, 'base64url').toString());
    const changed = [
      { ...header, typ: 'licensegraph-license+jwt' },
      { ...header, zip: 'DEF' },
      { ...header, crit: ['x'], x: 1 },
      { ...header, alg: 'dir' },
      { ...header, enc: 'A128CBC-HS256' },
      { ...header, epk: {} },
      { ...header, epk: null },
    ].map((each) => [Buffer.from(JSON.stringify(each)).toString('base64url'), ...rest].join('.'));
    const flipped = [...requestCode].map((letter, at) => {
      const other = letter === 'A' ? 'B' : 'A';
      return `${requestCode.slice(0, at)}${other}${requestCode.slice(at + 1)}`;
    });

    const answers = await Promise.all([...changed, ...flipped].map(opened));

    expect(answers.filter((answer) => answer !== undefined)).toEqual([]);
  });
});

describe('the text of a document', () => {
  test('holds any code, and no code of another kind', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 90 }), { minLength: 1, maxLength: 5 }), (parts) => {
        const code = parts.map((part) => Buffer.from(part).toString('base64url')).join('.');
        fc.pre(code !== '');
        expect(codeIn('response', armored('response', code))).toBe(code);
        expect(codeIn('licenseFile', armored('response', code))).toBeUndefined();
      }),
    );
  });

  test('with a last character that no encoder writes is none: one document has one text', () => {
    expect(codeIn('response', 'AA.AA.AA')).toBe('AA.AA.AA');
    expect(codeIn('response', 'AA.AA.AB')).toBeUndefined();
  });

  test('that is longer than any document is not looked at', () => {
    expect(codeIn('response', 'A'.repeat(262_145))).toBeUndefined();
  });
});

describe('a device binding', () => {
  const facts = {
    deviceFingerprint: 'press 7',
    macAddress: '00:1a:2b:3c:4d:5e',
    hardwareId: 'h',
    user: 'Ada',
  };

  test('is what the device finds, however its MAC address is written, and shows none of its facts', async () => {
    const binding = await bindingOf(facts);

    expect(await marksOf(binding, { ...facts, macAddress: '001A.2B3C.4D5E' })).toEqual(binding);
    expect(JSON.stringify(binding)).not.toMatch(/press|Ada|1a:|2b:|"h"/i);
  });

  test('of the same device has another salt each time, and no mark in common', async () => {
    const [one, other] = [await bindingOf(facts), await bindingOf(facts)];

    const names = ['salt', 'fingerprint', 'hardwareId', 'macAddress', 'user'] as const;
    expect(names.filter((name) => one[name] === other[name])).toEqual([]);
  });

  test.each([
    ['hardwareId', { hardwareId: 'i' }],
    ['macAddress', { macAddress: '00:1a:2b:3c:4d:5f' }],
    ['macAddress', { macAddress: null }],
    ['user', { user: 'Eve' }],
  ] as const)('differs in its %s alone where that differs', async (name, other) => {
    const binding = await bindingOf(facts);

    const own = await marksOf(binding, { ...facts, ...other });

    expect({ ...own, [name]: binding[name] }).toEqual(binding);
    expect(own[name]).not.toBe(binding[name]);
  });

  test('has nothing in common with what another fingerprint opens', async () => {
    const binding = await bindingOf(facts);

    const own = await marksOf(binding, { ...facts, deviceFingerprint: 'press 8' });

    const names = ['fingerprint', 'hardwareId', 'macAddress', 'user'] as const;
    expect(names.filter((name) => own[name] === binding[name])).toEqual([]);
  });
});
