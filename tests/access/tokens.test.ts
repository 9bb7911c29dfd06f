import { createHmac } from 'node:crypto';
import { exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEVELOPMENT_ISSUER } from '../../src/access/tokens.js';
import { millis } from '../../src/core/clock.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { contentOf, openWorld, type World } from '../support/world.js';

let server: TestServer;
let world: World;
let now: number;
beforeAll(async () => {
  server = await startTestServer();
  world = await openWorld(server);
  now = millis(server.now) / 1000;
});
afterAll(() => server.stop());

const DAY = 86_400;

const header = { alg: 'EdDSA', typ: 'JWT', kid: 'development' };

function claims(): JWTPayload {
  return {
    iss: DEVELOPMENT_ISSUER,
    aud: 'licensegraph',
    sub: 'ada',
    tenant_id: world.admin.tenant_id,
    roles: ['admin'],
    iat: now,
    exp: now + 3600,
  };
}

/** The development server's own key signs whatever it is given: what is wrong is in the claims alone. */
async function signed(change: object = {}, head: object = {}): Promise<string> {
  const key = await importJWK({ ...server.keys.tokenKey }, 'EdDSA');
  return new SignJWT({ ...claims(), ...change }).setProtectedHeader({ ...header, ...head }).sign(key);
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const publicKey = (): string => String(server.tokens.publicKeys.keys[0]?.x);

function hmac(secret: string | Buffer): string {
  const text = `${part({ ...header, alg: 'HS256' })}.${part(claims())}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

async function byStranger(kid: string): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA');
  return new SignJWT(claims()).setProtectedHeader({ ...header, kid }).sign(privateKey);
}

async function tampered(): Promise<string> {
  const [head, , signature] = (await signed()).split('.');
  return `${head}.${part({ ...claims(), sub: 'mallory' })}.${signature}`;
}

async function ask(authorization: string) {
  const response = await server.app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', authorization },
    payload: { query: '{ viewer { subject permissions } licenses { totalCount } }' },
  });
  return { response, body: response.json() };
}

const headers: Readonly<Record<string, () => Promise<string> | string>> = {
  'an empty header': () => '',
  'a scheme without a token': () => 'Bearer',
  'a scheme and a space': () => 'Bearer ',
  'another scheme': () => 'Basic YWRhOnNlY3JldA==',
  'a token without a scheme': () => signed(),
  'two tokens': async () => `Bearer ${await signed()} ${await signed()}`,
  'a list of schemes': async () => `Bearer ${await signed()}, Basic YWRhOg==`,
  'a word': () => 'Bearer abc',
  'two parts': () => 'Bearer a.b',
  'three empty parts': () => 'Bearer ..',
  'parts that are no base64': () => 'Bearer !!!.???.***',
  'a header that is no JSON': () => 'Bearer YWJj.YWJj.YWJj',
  'five parts, as an encrypted token': () => `Bearer ${part({ alg: 'dir', enc: 'A256GCM' })}....`,
  'a payload that is a list': async () => `Bearer ${part(header)}.${part([])}.c2ln`,
  'a payload that is null': async () => `Bearer ${part(header)}.${part(null)}.c2ln`,
  'no signature': async () => `Bearer ${(await signed()).split('.').slice(0, 2).join('.')}.`,
  'a changed payload': async () => `Bearer ${await tampered()}`,
  'alg none': () => `Bearer ${part({ ...header, alg: 'none' })}.${part(claims())}.`,
  'alg None': () => `Bearer ${part({ ...header, alg: 'None' })}.${part(claims())}.`,
  'no alg': () => `Bearer ${part({ typ: 'JWT' })}.${part(claims())}.c2ln`,
  'alg that is a list': () => `Bearer ${part({ ...header, alg: ['EdDSA'] })}.${part(claims())}.c2ln`,
  'HS256 under the public key': () => `Bearer ${hmac(publicKey())}`,
  "HS256 under the public key's bytes": () => `Bearer ${hmac(Buffer.from(publicKey(), 'base64url'))}`,
  'HS256 under the empty secret': () => `Bearer ${hmac('')}`,
  'a stranger who uses our key id': async () => `Bearer ${await byStranger('development')}`,
  'a key id that nobody has': async () => `Bearer ${await byStranger('other')}`,
  'a critical extension that nobody knows': async () =>
    `Bearer ${part({ ...header, crit: ['x'], x: 1 })}.${part(claims())}.c2ln`,
};

const wrongClaims: Readonly<Record<string, () => object>> = {
  'no subject': () => ({ sub: undefined }),
  'an empty subject': () => ({ sub: '' }),
  'a subject that is a number': () => ({ sub: 7 }),
  'a subject of 256 characters': () => ({ sub: 'x'.repeat(256) }),
  'a subject with a NUL': () => ({ sub: 'ada\0' }),
  'a subject with half a surrogate pair': () => ({ sub: 'ada\ud800' }),
  'no issuer': () => ({ iss: undefined }),
  'another issuer': () => ({ iss: 'https://evil.example' }),
  'a list of issuers': () => ({ iss: [DEVELOPMENT_ISSUER] }),
  'no audience': () => ({ aud: undefined }),
  'another audience': () => ({ aud: 'licensegraph2' }),
  'several audiences, none of them ours': () => ({ aud: ['a', 'b'] }),
  'no expiry': () => ({ exp: undefined }),
  'an expiry an hour ago': () => ({ iat: now - 7200, exp: now - 3600 }),
  'an expiry 31 seconds ago': () => ({ iat: now - 60, exp: now - 31 }),
  'an expiry that is text': () => ({ exp: String(now + 3600) }),
  'an expiry before the beginning': () => ({ exp: -1 }),
  'an absurd expiry': () => ({ exp: 1e300 }),
  'a life of 91 days': () => ({ exp: now + 91 * DAY }),
  'no issue date': () => ({ iat: undefined }),
  'an issue date an hour ahead': () => ({ iat: now + 3600, exp: now + 7200 }),
  'an issue date 91 days ago': () => ({ iat: now - 91 * DAY, exp: now + 60 }),
  'an issue date that is text': () => ({ iat: String(now) }),
  'an issue date before the beginning': () => ({ iat: -1e300 }),
  'a beginning an hour ahead': () => ({ nbf: now + 3600 }),
  'a beginning that is text': () => ({ nbf: 'now' }),
  'no tenant': () => ({ tenant_id: undefined }),
  'a tenant that is null': () => ({ tenant_id: null }),
  'a tenant that is a list': () => ({ tenant_id: [world.admin.tenant_id] }),
  'a tenant that is an object': () => ({ tenant_id: { id: world.admin.tenant_id } }),
  'a tenant that is a number': () => ({ tenant_id: 1 }),
  'a tenant that is everybody': () => ({ tenant_id: '*' }),
  'a tenant that is empty': () => ({ tenant_id: '' }),
  'a tenant that is nobody': () => ({ tenant_id: 'no-such-tenant' }),
  'a tenant in other letters': () => ({ tenant_id: world.admin.tenant_id.toUpperCase() }),
  'a tenant that is too long': () => ({ tenant_id: 'a'.repeat(51) }),
  'a tenant with SQL in it': () => ({ tenant_id: "x'; reset role; --" }),
  'a tenant with a line break': () => ({ tenant_id: `${world.admin.tenant_id}\n` }),
  'a customer that is no UUID': () => ({ customer_id: 'C-1001' }),
  'a customer that is empty': () => ({ customer_id: '' }),
  'a customer that is null': () => ({ customer_id: null }),
  'a customer in capital letters': () => ({ customer_id: world.customerId.toUpperCase() }),
  'a list of customers': () => ({ customer_id: [world.customerId] }),
  'a reseller that is no UUID': () => ({ reseller_id: '*' }),
  'roles that are text': () => ({ roles: 'admin' }),
  'roles that are an object': () => ({ roles: { admin: true } }),
  'roles that are no text': () => ({ roles: [['admin']] }),
  'more roles than there can be': () => ({ roles: Array(201).fill('admin') }),
  'permissions that are text': () => ({ permissions: '*' }),
  'permissions that are null': () => ({ permissions: null }),
  'a kind that only the server is': () => ({ kind: 'system' }),
};

describe('a token is refused, with 401 and a reason, for', () => {
  async function refusedWith(authorization: string): Promise<string> {
    server.statements.length = 0;
    const logged = server.logged.length;
    const before = await contentOf(server);

    const { response, body } = await ask(authorization);

    expect(response.statusCode).toBe(401);
    expect(response.headers['www-authenticate']).toBe('Bearer');
    expect(body.data).toBe(undefined);
    expect(body.errors.map((error: { extensions: object }) => error.extensions)).toEqual([
      { code: 'UNAUTHENTICATED' },
    ]);
    expect(server.statements.filter((text) => !text.includes('from "tenants"'))).toEqual([]);
    expect(server.logged.slice(logged).filter((line) => line.includes('"level":50'))).toEqual([]);
    expect(await contentOf(server)).toBe(before);
    return body.errors[0].message;
  }

  test.each(Object.entries(headers))('%s', async (_what, authorization) => {
    const message = await refusedWith(await authorization());

    expect(message).toMatch(/^(The|This) .*(token|Authorization header)/);
  });

  test.each(Object.entries(wrongClaims))('%s', async (_what, change) => {
    const message = await refusedWith(`Bearer ${await signed(change())}`);

    expect(message).toMatch(/^The token/);
  });
});

describe('a token is taken', () => {
  test.each<[string, () => object]>([
    ['as it is', () => ({})],
    ['until 30 seconds behind its expiry, for clocks that differ', () => ({ iat: now - 60, exp: now - 29 })],
    ['from 30 seconds before its beginning', () => ({ nbf: now + 29 })],
    ['from 30 seconds before its issue date', () => ({ iat: now + 29 })],
    ['with a life of 90 days', () => ({ exp: now + 90 * DAY })],
    ['for several audiences, one of them ours', () => ({ aud: ['other', 'licensegraph'] })],
    ['of a service', () => ({ kind: 'service' })],
    [
      'with claims that mean nothing here',
      () => ({ email: 'ada@example', scope: 'openid', nested: { a: [1] } }),
    ],
  ])('%s', async (_what, change) => {
    const { response, body } = await ask(`Bearer ${await signed(change())}`);

    expect([response.statusCode, body.errors]).toEqual([200, undefined]);
    expect(body.data.viewer.subject).toBe('ada');
  });

  test('with the scheme in any case and more than one space behind it', async () => {
    const { response } = await ask(`bEaReR   ${await signed()}`);

    expect(response.statusCode).toBe(200);
  });

  test('and its subject is what the trail names', async () => {
    const answer = await server.graphql(
      'mutation { createReseller(input: { name: "Blue" }) { reseller { id } } }',
      {},
      await signed({ sub: 'é'.repeat(255) }),
    );

    expect(answer.errors).toEqual([]);
    expect(await server.count('license_event_logs', `user_id = '${'é'.repeat(255)}'`)).toBe(1);
  });
});

test('a tenant that is made after it was refused is known', async () => {
  const token = await signed({ tenant_id: 'late-comer' });
  const early = await server.graphql('{ viewer { subject } }', {}, token);

  await server.tenant('late-comer');
  const late = await server.graphql('{ viewer { tenant { id } } }', {}, token);

  expect([early.status, early.code]).toEqual([401, 'UNAUTHENTICATED']);
  expect(late.data).toEqual({ viewer: { tenant: { id: 'late-comer' } } });
});

test('the public keys are published and verify what the server signs, and hold nothing private', async () => {
  const { keys } = (await server.app.inject('/.well-known/jwks.json')).json();

  const [key] = keys;
  expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  expect(await exportJWK(await importJWK(key, 'EdDSA'))).toMatchObject({
    kty: 'OKP',
    crv: 'Ed25519',
    x: key.x,
  });
});
