import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { DAY_MILLIS, millis } from '../../../src/core/clock.js';
import { type Question, questionDigest } from '../../../src/sdk/client/signedAnswers.js';
import { answering, type BadServer, startBadServer } from '../../support/badServers.js';
import { newClient } from '../../support/clients.js';
import { createLicense, openShop } from '../../support/fixtures.js';
import { publishedKeys } from '../../support/offline.js';
import { START, startTestServer, type TestServer } from '../../support/server.js';

/** Keys of a vendor whose private half the tests hold: what is signed by them is good, unless the test makes it bad. */
const vendor = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const { x = '' } = vendor.publicKey.export({ format: 'jwk' });
const jwk = { kty: 'OKP', crv: 'Ed25519', x, use: 'sig', alg: 'EdDSA', kid: 'v1' } as const;
const keys: JSONWebKeySet = { keys: [jwk] };
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = { alg: 'EdDSA', typ: 'licensegraph-validation+jwt', kid: 'v1' };

function jws(head: object, claims: object, key: KeyObject = vendor.privateKey): string {
  const input = `${encoded(head)}.${encoded(claims)}`;
  return `${input}.${signBytes(null, Buffer.from(input), key).toString('base64url')}`;
}

let bad: BadServer;
let server: TestServer;
beforeAll(async () => {
  bad = await startBadServer(answering('{}'));
  server = await startTestServer();
});
afterAll(async () => {
  await bad.stop();
  await server.stop();
});
beforeEach(() => {
  server.now = START;
});

const licenseKey = 'AAAA-BBBB-CCCC-DDDD-EEEE';
const claimsFor = async (question: Question) => ({
  iss: 'licensegraph',
  iat: Math.floor(millis(START) / 1000),
  exp: Math.floor(millis(START) / 1000) + 300,
  nonce: question.nonce,
  question: await questionDigest(question),
  valid: true,
  code: 'VALID',
  reasons: [],
});
type Claims = Awaited<ReturnType<typeof claimsFor>>;

/** A server that answers validations with what a test makes of the right claims. */
function answeringWith(make: (claims: Claims) => string | null, told: object = {}): void {
  bad.behave = async (response, body) => {
    if (body === '') return answering(JSON.stringify(keys))(response, body);
    const claims = await claimsFor(JSON.parse(body).variables);
    const answer = { valid: true, code: 'VALID', reasons: [], signedAnswer: make(claims), ...told };
    answering(JSON.stringify({ data: { answer } }))(response, body);
  };
}

test('what the vendor has signed is believed', async () => {
  answeringWith((claims) => jws(header, claims));

  const verdict = await newClient(server, { url: bad.url, licenseKey }).client.validate();

  expect(verdict).toMatchObject({ valid: true, code: 'VALID', by: 'SERVER' });
});

const hs256 = (claims: Claims): string => {
  const input = `${encoded({ ...header, alg: 'HS256' })}.${encoded(claims)}`;
  return `${input}.${createHmac('sha256', Buffer.from(x, 'base64url')).update(input).digest('base64url')}`;
};

test.each<[string, (claims: Claims) => string | null]>([
  ['nothing signed', () => null],
  ['an empty text', () => ''],
  ['no token', () => 'VALID'],
  ['the algorithm none', (claims) => `${encoded({ ...header, alg: 'none' })}.${encoded(claims)}.`],
  ['HS256 with the public key', hs256],
  ['an unknown crit', (claims) => jws({ ...header, crit: ['x'], x: 1 }, claims)],
  ['a key of its own in the header', (claims) => jws({ ...header, jwk }, claims)],
  ['an unknown kid', (claims) => jws({ ...header, kid: 'v2' }, claims)],
  ['no kid', (claims) => jws({ alg: 'EdDSA', typ: header.typ }, claims)],
  ['the type of a license file', (claims) => jws({ ...header, typ: 'licensegraph-license+jwt' }, claims)],
  ['the type of a bearer token', (claims) => jws({ ...header, typ: 'JWT' }, claims)],
  ["a stranger's signature", (claims) => jws(header, claims, stranger.privateKey)],
  ['another issuer', (claims) => jws(header, { ...claims, iss: 'somebody' })],
  ['another nonce', (claims) => jws(header, { ...claims, nonce: 'another nonce' })],
  ['another question', (claims) => jws(header, { ...claims, question: claims.question.replace(/^./, '_') })],
  ['an unknown code', (claims) => jws(header, { ...claims, code: 'FINE' })],
  ['a refusal that calls itself valid', (claims) => jws(header, { ...claims, code: 'LICENSE_REVOKED' })],
  ['no time', (claims) => jws(header, { ...claims, iat: undefined })],
  ['a time that is text', (claims) => jws(header, { ...claims, iat: '1' })],
])('%s is refused, and nothing of it is held', async (_, make) => {
  const { client } = newClient(server, { url: bad.url, licenseKey });
  answeringWith(make);

  const verdict = await client.validate();
  bad.behave = answering('', 503);
  const held = await client.validate();

  expect(verdict).toMatchObject({
    valid: false,
    code: 'ANSWER_FORGED',
    by: 'NOBODY',
    problem: { kind: 'FORGED' },
  });
  expect(held).toMatchObject({ valid: false, code: 'OUTAGE' });
});

test('an answer that says beside its signature what it does not sign is refused', async () => {
  answeringWith((claims) => jws(header, { ...claims, valid: false, code: 'NOT_FOUND' }));

  const verdict = await newClient(server, { url: bad.url, licenseKey }).client.validate();

  expect(verdict).toMatchObject({ valid: false, code: 'ANSWER_FORGED' });
});

test('an answer that was recorded is refused when it is played again', async () => {
  const { client } = newClient(server, { url: bad.url, licenseKey });
  let recorded = '';
  answeringWith((claims) => {
    recorded = jws(header, claims);
    return recorded;
  });
  const first = await client.validate();
  answeringWith(() => recorded);

  const replayed = await client.validate();

  expect([first.code, replayed.code]).toEqual(['VALID', 'ANSWER_FORGED']);
});

test('keys that came with the application are the only ones, whatever an address publishes', async () => {
  const trust = await publishedKeys(server);
  answeringWith((claims) => jws(header, claims));

  const verdict = await newClient(server, { url: bad.url, licenseKey, trust }).client.validate();

  expect(verdict.code).toBe('ANSWER_FORGED');
});

test('an answer whose key cannot be fetched says neither good nor bad', async () => {
  const { client } = newClient(server, { url: bad.url, licenseKey });
  bad.behave = async (response, body) => {
    if (body === '') return answering('', 503)(response, body);
    const signedAnswer = jws(header, await claimsFor(JSON.parse(body).variables));
    const answer = { valid: true, code: 'VALID', reasons: [], signedAnswer };
    answering(JSON.stringify({ data: { answer } }))(response, body);
  };

  expect(await client.validate()).toMatchObject({ valid: false, code: 'OUTAGE', by: 'NOBODY' });
});

test('a key that was withdrawn is believed for a day at most', async () => {
  const { client, time } = newClient(server, { url: bad.url, licenseKey });
  answeringWith((claims) => jws(header, claims));
  expect(await client.validate()).toMatchObject({ valid: true });
  bad.behave = async (response, body) => {
    if (body === '') return answering(JSON.stringify({ keys: [{ ...jwk, kid: 'v2' }] }))(response, body);
    const signedAnswer = jws(header, await claimsFor(JSON.parse(body).variables));
    const answer = { valid: true, code: 'VALID', reasons: [], signedAnswer };
    answering(JSON.stringify({ data: { answer } }))(response, body);
  };

  time.pass(DAY_MILLIS - 1);
  expect(await client.validate()).toMatchObject({ valid: true, by: 'SERVER' });
  time.pass(1);
  expect(await client.validate()).toMatchObject({ valid: false, code: 'ANSWER_FORGED' });
});

test('a rotated key is fetched when an answer names it', async () => {
  const shop = await openShop(server);
  const issued = await createLicense(server, shop);
  const { client, time } = newClient(server, { url: bad.url, licenseKey: issued.licenseKey });
  answeringWith((claims) => jws(header, claims));
  await client.validate();
  const next = { ...header, kid: 'v2' };
  const published = { keys: [...keys.keys, { ...jwk, kid: 'v2' }] };
  bad.behave = async (response, body) => {
    if (body === '') return answering(JSON.stringify(published))(response, body);
    const signedAnswer = jws(next, await claimsFor(JSON.parse(body).variables));
    const answer = { valid: true, code: 'VALID', reasons: [], signedAnswer };
    answering(JSON.stringify({ data: { answer } }))(response, body);
  };
  time.pass(1_000);

  expect(await client.validate()).toMatchObject({ valid: true, by: 'SERVER' });
});
