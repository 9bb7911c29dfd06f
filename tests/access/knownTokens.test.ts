import { webcrypto } from 'node:crypto';
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, type JWTVerifyGetKey, SignJWT } from 'jose';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { VerifiedTokens } from '../../src/access/tokens/verified.js';
import { tokenVerifier, type VerifyToken } from '../../src/access/tokens.js';
import { addMillis, type Instant, millis } from '../../src/core/clock.js';
import { Refusal } from '../../src/core/refusal.js';
import { START } from '../support/server.js';

const LIFE_SECONDS = 3600;
const SECOND = 1000;

interface Signer {
  readonly publicJwk: JWK;
  sign(claims?: object): Promise<string>;
}

async function signer(): Promise<Signer> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  const header = { alg: 'EdDSA', kid: 'k1' };
  const iat = millis(START) / SECOND;
  const base = { iss: 'us', aud: 'them', sub: 'ada', tenant_id: 'acme', iat, exp: iat + LIFE_SECONDS };
  return {
    publicJwk: { ...(await exportJWK(publicKey)), ...header },
    sign: (claims = {}) => new SignJWT({ ...base, ...claims }).setProtectedHeader(header).sign(privateKey),
  };
}

let now: Instant;
let keys: JWTVerifyGetKey;
let verify: VerifyToken;
let first: Signer;
const publish = (...published: readonly JWK[]): void => {
  keys = createLocalJWKSet({ keys: [...published] });
};
beforeEach(async () => {
  now = START;
  first = await signer();
  publish(first.publicJwk);
  const rules = {
    issuer: 'us',
    audience: 'them',
    algorithms: ['EdDSA'],
    operators: false,
    tenants: undefined,
  };
  verify = tokenVerifier([{ ...rules, keys: (...asked) => keys(...asked) }], () => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const outcomeOf = (token: string): Promise<string> =>
  verify(token).then(
    ({ subject }) => subject,
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  );

test('the signature of a token is verified once, however often and however many at once it is sent', async () => {
  const token = await first.sign();
  const verified = vi.spyOn(webcrypto.subtle, 'verify');
  await verify(token);

  const actors = await Promise.all(Array.from({ length: 50 }, () => verify(token)));

  expect(actors.every(({ subject, tenantId }) => `${subject} ${tenantId}` === 'ada acme')).toBe(true);
  expect(verified).toHaveBeenCalledTimes(1);
});

test('a known token is refused from the moment on at which it would be were it new', async () => {
  const token = await first.sign();
  expect(await outcomeOf(token)).toBe('ada');

  const skewMillis = 30 * SECOND;
  const outcomes: string[] = [];
  for (const at of [
    LIFE_SECONDS * SECOND,
    LIFE_SECONDS * SECOND + skewMillis - 1,
    LIFE_SECONDS * SECOND + skewMillis,
  ]) {
    now = addMillis(START, at);
    outcomes.push(await outcomeOf(token));
  }

  expect(outcomes).toEqual(['ada', 'ada', 'TOKEN_EXPIRED']);
});

test('a clock that is set back finds a known token not yet valid', async () => {
  const token = await first.sign();
  expect(await outcomeOf(token)).toBe('ada');

  now = addMillis(START, -31 * SECOND);

  expect(await outcomeOf(token)).toBe('TOKEN_NOT_YET_VALID');
});

test('a known token is refused as soon as its issuer publishes its key no longer, and taken once it does again', async () => {
  const token = await first.sign();
  const second = await signer();
  const outcomes = [await outcomeOf(token)];

  // Another key under the same id, none at all, and the first one again.
  for (const published of [[second.publicJwk], [], [first.publicJwk]]) {
    publish(...published);
    outcomes.push(await outcomeOf(token), await outcomeOf(token));
  }

  const refused = ['TOKEN_INVALID', 'TOKEN_INVALID'];
  expect(outcomes).toEqual(['ada', ...refused, ...refused, 'ada', 'ada']);
});

test('what is like a known token in all but one letter is not known', async () => {
  const token = await first.sign();
  expect(await outcomeOf(token)).toBe('ada');
  const [head = '', body = '', signature = ''] = token.split('.');
  const claims: object = JSON.parse(Buffer.from(body, 'base64url').toString());
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'eve' })).toString('base64url');
  const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;

  const outcomes = [
    await outcomeOf(`${head}.${forged}.${signature}`),
    await outcomeOf(`${head}.${body}.${flipped}`),
    await outcomeOf(`${head}.${body}.`),
  ];

  expect(new Set(outcomes)).toEqual(new Set(['TOKEN_INVALID']));
});

test('of too many tokens the one that was not used for longest is forgotten', async () => {
  const known = new VerifiedTokens();
  const actor = await verify(await first.sign());
  const keep = (token: string): void =>
    known.keep(token, { actor, since: START, key: 1, keyNow: async () => 1 });
  for (let index = 0; index < 10_000; index += 1) keep(`token ${index}`);
  await known.find('token 0', START);

  keep('one more');

  const found = ['token 0', 'token 1', 'token 2', 'one more'].map((token) => known.find(token, START));
  expect(await Promise.all(found)).toEqual([actor, undefined, actor, actor]);
});
