import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { codeIn, type DocumentKind } from '../../src/sdk/offline/documents.js';
import { verifyLicenseFile, verifyOfflineResponse } from '../../src/sdk/offline/licenseFile.js';
import { openRevocationList } from '../../src/sdk/offline/revocationList.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import {
  checkout,
  publishedKeys,
  revocationsOf,
  signedDevice,
  tryCheckout,
  tryRegister,
  trySign,
} from '../support/offline.js';
import { Random } from '../support/random.js';
import { SEED } from '../support/seed.js';
import { START, startTestServer, type TestServer } from '../support/server.js';

const COUNT = Number(process.env.OFFLINE_FUZZ_COUNT ?? 80_000);
const THROUGH_THE_DOOR = 300;

let server: TestServer;
let shop: Shop;
let keys: JSONWebKeySet;
let real: Record<'request' | 'response' | 'licenseFile' | 'sealed' | 'list', string>;
let licenseKey: string;
let nonce: string;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  const license = await createLicense(server, shop, { expiryDate: addDays(START, 300), maxActivations: 5 });
  licenseKey = license.licenseKey;
  await activate(server, licenseKey, 'press');
  const signed = await signedDevice(server, shop.admin, license, { deviceFingerprint: 'bench' });
  nonce = signed.pending.nonce;
  const file = async (encrypted: boolean) => {
    const { licenseFile } = await checkout(server, { licenseKey, deviceFingerprint: 'press', encrypted });
    return codeIn('licenseFile', String(licenseFile)) ?? '';
  };
  real = {
    request: signed.requestCode,
    response: signed.responseCode,
    licenseFile: await file(false),
    sealed: await file(true),
    list: await revocationsOf(server, shop.admin.tenant_id),
  };
  keys = await publishedKeys(server);
});
afterAll(() => server.stop());

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
const STRANGE = [' ', '\n', '\0', '=', '+', '/', '\u00e4', '\ud800', '{', '"', '%'];

function letters(random: Random, most: number): string {
  return Array.from({ length: 1 + random.below(most) }, () => random.pick([...LETTERS])).join('');
}

/** One change of a code that somebody signed or sealed. */
function changed(random: Random, code: string, others: readonly string[]): string {
  const at = random.below(code.length);
  const parts = code.split('.');
  const other = random.pick(others).split('.');
  const ways = [
    () => `${code.slice(0, at)}${random.pick([...LETTERS])}${code.slice(at + 1)}`,
    () => `${code.slice(0, at)}${random.pick(STRANGE)}${code.slice(at + 1)}`,
    () => `${code.slice(0, at)}${code.slice(at + 1 + random.below(40))}`,
    () => `${code.slice(0, at)}${letters(random, 20)}${code.slice(at)}`,
    () => parts.toSpliced(random.below(parts.length), 1, random.pick(other)).join('.'),
    () => parts.toSpliced(random.below(parts.length), 1).join('.'),
    () => parts.toReversed().join('.'),
    () => `${code}${random.pick(['.', 'A', '.A', '=', '\0'])}`,
    () => `${code.slice(0, at)}${code.slice(random.below(code.length))}`,
  ];
  return random.pick(ways)();
}

/** A text that is nobody's code: noise, or a change of one that is real. */
function forged(random: Random, kinds: readonly (keyof typeof real)[]): string {
  if (random.chance(0.1)) return letters(random, 400);
  const text = changed(random, real[random.pick(kinds)], Object.values(real));
  return random.chance(0.2) ? changed(random, `${text}A`, Object.values(real)) : text;
}

/** What a change has left as it was is real: white space says nothing. */
function isReal(kind: DocumentKind, text: string): boolean {
  const code = codeIn(kind, text);
  return Object.values(real).some((each) => each === code || each === text.trim());
}

test(`of ${COUNT} random and mutated documents (seed ${SEED}) a device takes none, and none throws`, {
  timeout: 120_000,
}, async () => {
  const random = new Random(SEED);
  const accepted: unknown[] = [];
  let tried = 0;
  const facts = { deviceFingerprint: 'press', now: new Date(START), licenseKey };
  const take = async (kind: DocumentKind, text: string, run: (text: string) => Promise<boolean>) => {
    if (isReal(kind, text)) return;
    tried += 1;
    if (await run(text)) accepted.push([kind, text]);
  };

  while (tried < COUNT - THROUGH_THE_DOOR) {
    await take(
      'licenseFile',
      forged(random, ['licenseFile']),
      async (text) => (await verifyLicenseFile(text, keys, facts)).license !== null,
    );
    await take(
      'response',
      forged(random, ['response']),
      async (text) =>
        (await verifyOfflineResponse(text, { nonce }, keys, { ...facts, deviceFingerprint: 'bench' }))
          .license !== null,
    );
    await take(
      'licenseFile',
      forged(random, ['list', 'response', 'licenseFile']),
      async (text) => (await openRevocationList(text, keys)) !== undefined,
    );
    if (random.chance(0.003)) {
      await take(
        'licenseFile',
        forged(random, ['sealed']),
        async (text) => (await verifyLicenseFile(text, keys, facts)).license !== null,
      );
    }
  }

  expect(accepted).toEqual([]);
});

test(`of ${THROUGH_THE_DOOR} sent to the server none is taken, none is an internal error, and nothing is written`, async () => {
  const random = new Random(SEED + 1);
  const rows = () =>
    Promise.all(
      ['offline_requests', 'license_activations', 'license_files'].map((table) => server.count(table)),
    );
  const before = await rows();
  const codes = new Set<string | undefined>();

  for (let sent = 0; sent < THROUGH_THE_DOOR; sent += 3) {
    const request = forged(random, ['request']);
    const response = forged(random, ['response', 'licenseFile']);
    if (isReal('request', request) || isReal('response', response)) continue;
    codes.add((await trySign(server, shop.admin, request)).code);
    codes.add((await tryRegister(server, real.request, response)).code);
    codes.add((await tryCheckout(server, { requestCode: request })).code);
  }

  const refusals = ['OFFLINE_CODE_INVALID', 'SIGNATURE_INVALID', 'INVALID_INPUT', 'BAD_USER_INPUT'];
  expect([...codes].filter((code) => code === undefined || !refusals.includes(code))).toEqual([]);
  expect(await rows()).toEqual(before);
  expect(server.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
});
