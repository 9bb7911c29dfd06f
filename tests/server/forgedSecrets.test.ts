import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApiKey } from '../support/apiKeys.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { Forger } from '../support/forgeries.js';
import { emergencyCode } from '../support/guarding.js';
import { signedDevice } from '../support/offline.js';
import { Random } from '../support/random.js';
import { SEED } from '../support/seed.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { contentOf } from '../support/world.js';

/** Together with the 80,000 documents of offlineFuzz.test.ts they are 100,000. */
const COUNT = Number(process.env.SECRETS_FUZZ_COUNT ?? 20_000);
/** What one may ask who shows no token, in one operation. */
const ROOTS = 40;
const AT_ONCE = 4;

interface Secrets {
  readonly key: string;
  readonly token: string;
  readonly apiKey: string;
  readonly emergency: string;
  readonly request: string;
  readonly response: string;
}

let server: TestServer;
let shop: Shop;
let own: Secrets;
let theirs: Secrets;
let forger: Forger;
let random: Random;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
  own = await secretsOf(shop);
  theirs = await secretsOf(await openShop(server));
  random = new Random(SEED);
  forger = new Forger(random, [...Object.values(own), ...Object.values(theirs)]);
});
afterAll(() => server.stop());

async function secretsOf(of: Shop): Promise<Secrets> {
  const license = await createLicense(server, of, { maxActivations: 5, licenseType: 'PERPETUAL' });
  const { activationToken } = await activate(server, license.licenseKey, 'press');
  const { requestCode, responseCode } = await signedDevice(server, of.admin, license);
  return {
    key: license.licenseKey,
    token: String(activationToken),
    apiKey: (await createApiKey(server, of.admin)).secret,
    emergency: await emergencyCode(server, of.admin, license),
    request: requestCode,
    response: responseCode,
  };
}

/** As a person may write a code: what tells it from others is left, look-alikes of its alphabet included. */
const plain: Readonly<Record<keyof Secrets, (text: string) => string>> = {
  key: (text) => text.replace(/[\s-]/g, '').toUpperCase(),
  emergency: (text) =>
    text.replace(/[\s-]/g, '').toUpperCase().replace(/^EMG/, '').replaceAll('O', '0').replace(/[IL]/g, '1'),
  token: (text) => text,
  apiKey: (text) => text.trim(),
  request: (text) => text.replace(/\s/g, ''),
  response: (text) => text.replace(/\s/g, ''),
};

/** A text that none of these people was given. */
function forged(kind: keyof Secrets, among: readonly Secrets[]): string {
  const given = among.map((secrets) => plain[kind](secrets[kind]));
  for (;;) {
    const text = forger.forged(random.pick([own, theirs])[kind]);
    if (!given.includes(plain[kind](text))) return text;
  }
}

interface Hunt {
  readonly name: string;
  /** How many of all that are tried. */
  readonly share: number;
  readonly kind: keyof Secrets;
  readonly type: 'query' | 'mutation';
  /** A root field that takes `$t` in the place of the secret, and answers `hit` where it was taken. */
  readonly root: (variable: string) => string;
  /** Whoever has a tenant is nobody in the other one: there the other's real secrets are forged as well. */
  readonly as?: () => Claims;
}

const staff = () => shop.admin;
const device = 'deviceFingerprint: "intruder"';
const NONE = 'hit: __typename';

const hunts: readonly Hunt[] = [
  {
    name: 'keys that are validated',
    share: 0.32,
    kind: 'key',
    type: 'query',
    root: (t) => `validateLicenseKey(licenseKey: ${t}) { hit: code }`,
  },
  {
    name: 'keys that staff validate',
    share: 0.1,
    kind: 'key',
    type: 'query',
    root: (t) => `validateLicenseKey(licenseKey: ${t}) { hit: code }`,
    as: staff,
  },
  {
    name: 'keys that staff look up',
    share: 0.05,
    kind: 'key',
    type: 'query',
    root: (t) => `licenseByKey(licenseKey: ${t}) { ${NONE} }`,
    as: staff,
  },
  {
    name: 'tokens that are validated',
    share: 0.26,
    kind: 'token',
    type: 'query',
    root: (t) => `validateActivation(activationToken: ${t}) { hit: code }`,
  },
  {
    name: 'tokens of heartbeats',
    share: 0.05,
    kind: 'token',
    type: 'mutation',
    root: (t) => `sendHeartbeat(input: { activationToken: ${t} }) { ${NONE} }`,
  },
  {
    name: 'tokens that staff end',
    share: 0.03,
    kind: 'token',
    type: 'mutation',
    root: (t) => `deactivateActivation(input: { activationToken: ${t} }) { ${NONE} }`,
    as: staff,
  },
  {
    name: 'keys that are activated',
    share: 0.05,
    kind: 'key',
    type: 'mutation',
    root: (t) => `activateLicense(input: { licenseKey: ${t}, ${device} }) { ${NONE} }`,
  },
  {
    name: 'emergency codes beside a real key',
    share: 0.04,
    kind: 'emergency',
    type: 'mutation',
    root: (t) =>
      `activateLicense(input: { licenseKey: "${own.key}", emergencyCode: ${t}, ${device} }) { ${NONE} }`,
  },
  {
    name: 'requests that staff sign',
    share: 0.03,
    kind: 'request',
    type: 'mutation',
    root: (t) => `signOfflineActivation(input: { requestCode: ${t} }) { ${NONE} }`,
    as: staff,
  },
  {
    name: 'requests for a file',
    share: 0.02,
    kind: 'request',
    type: 'mutation',
    root: (t) => `checkoutLicenseFile(input: { requestCode: ${t} }) { ${NONE} }`,
  },
  {
    name: 'responses to a real request',
    share: 0.02,
    kind: 'response',
    type: 'mutation',
    root: (t) => `activateOffline(input: { requestCode: "${own.request}", responseCode: ${t} }) { ${NONE} }`,
  },
];

/** Verdicts and refusals of a secret that leads nowhere; anything else is a hit or a defect of ours. */
const MISSES: ReadonlySet<unknown> = new Set([
  'KEY_MALFORMED',
  'NOT_FOUND',
  'INVALID_INPUT',
  'INVALID_LICENSE_KEY_FORMAT',
  'LICENSE_NOT_FOUND',
  'ACTIVATION_NOT_FOUND',
  'EMERGENCY_CODE_UNKNOWN',
  'OFFLINE_CODE_INVALID',
  'OFFLINE_CODE_MISMATCH',
  'SIGNATURE_INVALID',
]);

interface Tally {
  tried: number;
  readonly wrong: unknown[][];
}

/** What no text of ours can hold is refused before anything is looked up, and with it every field that cannot be null. */
const canBeHeld = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** One operation with a forgery under each alias. */
async function ask({ name, type, root, as }: Hunt, texts: readonly string[], tally: Tally): Promise<void> {
  if (texts.length === 0) return;
  const declared = texts.map((_, at) => `$v${at}: String!`).join();
  const fields = texts.map((_, at) => `f${at}: ${root(`$v${at}`)}`).join(' ');
  const variables = Object.fromEntries(texts.map((text, at) => [`v${at}`, text]));
  const { data, errors } = await server.graphql(`${type} (${declared}) { ${fields} }`, variables, as?.());
  const codes = new Map(errors.map(({ path, extensions }) => [path?.[0], extensions.code]));
  texts.forEach((text, at) => {
    const hit = data?.[`f${at}`]?.hit ?? 'NOT_FOUND';
    const outcome = codes.get(`f${at}`) ?? (data === null ? errors[0]?.extensions.code : hit);
    tally.tried += 1;
    const isAlone = data !== null || !canBeHeld(text);
    if (!isAlone || !MISSES.has(outcome)) tally.wrong.push([name, text, outcome, errors[0]?.message]);
  });
}

/** A long response leaves room for few. */
const rootsOf = ({ kind }: Hunt): number => (kind === 'response' ? 10 : ROOTS);

async function hunt(one: Hunt, tally: Tally): Promise<void> {
  const among = one.as === undefined ? [own, theirs] : [own];
  const texts = Array.from({ length: rootsOf(one) }, () => forged(one.kind, among));
  await ask(one, texts.filter(canBeHeld), tally);
  await ask(
    one,
    texts.filter((text) => !canBeHeld(text)),
    tally,
  );
}

async function atOnce(wanted: () => boolean, run: () => Promise<void>): Promise<void> {
  const one = async (): Promise<void> => {
    while (wanted()) await run();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

/** What stands ahead of an operation that everybody who is known is answered, and what of it would be real. */
const schemes = [
  ['License', 'key'],
  ['Activation', 'token'],
  ['Bearer', 'apiKey'],
] as const;

async function knock(tally: Tally): Promise<void> {
  const [scheme, kind] = random.pick(schemes);
  const text = forged(kind, [own, theirs]).replace(/[^\x20-\x7e]/g, '?');
  const response = await server.app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', authorization: `${scheme} ${text}` },
    payload: '{"query":"{ viewer { kind } }"}',
  });
  const body = response.json<{ data?: Json | null; errors?: { extensions: { code: string } }[] }>();
  const code = body.errors?.[0]?.extensions.code;
  tally.tried += 1;
  const taken = body.data?.viewer !== undefined && body.data.viewer !== null;
  if (taken || code === undefined || !UNKNOWN.has(code)) tally.wrong.push([scheme, text, code, body]);
}

const UNKNOWN: ReadonlySet<string> = new Set([
  'APPLICATION_UNKNOWN',
  'API_KEY_INVALID',
  'TOKEN_INVALID',
  'UNAUTHENTICATED',
  'BAD_REQUEST',
]);

test(`of ${COUNT} random and mutated keys, tokens and codes (seed ${SEED}) none is taken, none is an internal error, and nothing is written`, {
  timeout: 120_000,
}, async () => {
  const before = await contentOf(server);
  const tally: Tally = { tried: 0, wrong: [] };

  for (const one of hunts) {
    let asked = 0;
    await atOnce(
      () => asked < one.share * COUNT,
      async () => {
        asked += rootsOf(one);
        await hunt(one, tally);
      },
    );
  }
  await atOnce(
    () => tally.tried < COUNT,
    () => knock(tally),
  );

  expect(tally.wrong.slice(0, 20), `seed ${SEED}`).toEqual([]);
  expect(tally.tried).toBeGreaterThanOrEqual(COUNT);
  expect(await contentOf(server), `seed ${SEED}`).toBe(before);
  expect(server.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
});

test('what was hunted for is taken in each of these ways where it is real', async () => {
  const tally: Tally = { tried: 0, wrong: [] };

  for (const one of hunts) await ask(one, [own[one.kind]], tally);

  expect(tally.wrong.map(([name]) => name)).toEqual(hunts.map(({ name }) => name));
});
