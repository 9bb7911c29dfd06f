import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { describeConfig, readConfig } from '../../src/core/config.js';
import { StartupError } from '../../src/core/startupError.js';

const ISSUER = 'https://id.example';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const good = publicKey.export({ format: 'jwk' });
const secret = privateKey.export({ format: 'jwk' });
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });

function problemsOf(environment: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    const [, ...lines] = error.message.split('\n');
    return lines.map((line) => line.trim());
  }
}

const documentOf = (...keys: unknown[]): string => JSON.stringify({ keys });

test.each<[string, string, string]>([
  ['is no JSON', 'secret-word', 'LG_AUTH_JWKS: is not JSON'],
  ['is no document', '{"keys":"secret-word"}', 'LG_AUTH_JWKS: keys: '],
  ['is empty', documentOf(), 'LG_AUTH_JWKS: keys: '],
  ['holds a private key', documentOf(good, secret), 'LG_AUTH_JWKS: keys.1: is a private key'],
  [
    'holds a shared secret',
    documentOf({ kty: 'oct', k: 'secret-word' }),
    'LG_AUTH_JWKS: keys.0: is a shared',
  ],
  ['holds half a key', documentOf({ kty: 'OKP', crv: 'Ed25519' }), 'LG_AUTH_JWKS: keys.0: is no public key'],
  ['holds a weak key', documentOf(weak), 'LG_AUTH_JWKS: keys.0: has fewer than 2048 bits'],
  ['holds what is no key', documentOf(7), 'LG_AUTH_JWKS: keys.0: '],
])('a JWKS document that %s stops the start', (_what, document, problem) => {
  const [line, ...others] = problemsOf({ LG_AUTH_ISSUER: ISSUER, LG_AUTH_JWKS: document });

  expect(others).toEqual([]);
  expect(line).toContain(problem);
  expect(line).not.toContain('secret-word');
  expect(line).not.toContain(String(secret.d));
});

const issuer = (change: object = {}) => ({ issuer: ISSUER, jwks: { keys: [good] }, ...change });

test.each<[string, unknown, string]>([
  ['is no list', issuer(), 'LG_AUTH_ISSUERS: '],
  ['is empty', [], 'LG_AUTH_ISSUERS: '],
  ['has no name', [issuer({ issuer: undefined })], 'LG_AUTH_ISSUERS: 0.issuer: '],
  ['has one name twice', [issuer(), issuer()], 'LG_AUTH_ISSUERS: 1.issuer: stands twice'],
  ['has no keys', [{ issuer: ISSUER }], 'LG_AUTH_ISSUERS: 0: takes either `jwksUrl` or `jwks`'],
  ['has keys twice', [issuer({ jwksUrl: 'https://id.example/k' })], 'LG_AUTH_ISSUERS: 0: takes either'],
  ['has keys at no address', [{ issuer: ISSUER, jwksUrl: 'secret-word' }], 'LG_AUTH_ISSUERS: 0.jwksUrl: '],
  ['has keys in a file', [{ issuer: ISSUER, jwksUrl: 'file:///etc/keys' }], 'LG_AUTH_ISSUERS: 0.jwksUrl: '],
  [
    'has a private key',
    [issuer({ jwks: { keys: [secret] } })],
    'LG_AUTH_ISSUERS: 0.jwks.keys.0: is a private',
  ],
  ['has algorithms of secrets', [issuer({ algorithms: ['HS256'] })], 'LG_AUTH_ISSUERS: 0.algorithms.0: '],
  ['has no algorithm', [issuer({ algorithms: [] })], 'LG_AUTH_ISSUERS: 0.algorithms: '],
  ['has tenants that are none', [issuer({ tenants: ['*'] })], 'LG_AUTH_ISSUERS: 0.tenants.0: '],
  ['has no tenant', [issuer({ tenants: [] })], 'LG_AUTH_ISSUERS: 0.tenants: '],
  ['has operators that are text', [issuer({ operators: 'yes' })], 'LG_AUTH_ISSUERS: 0.operators: '],
  ['has a member that nobody knows', [issuer({ url: 'secret-word' })], 'LG_AUTH_ISSUERS: 0: '],
])('a list of issuers that %s stops the start, with the member named', (_what, list, problem) => {
  const [line, ...others] = problemsOf({ LG_AUTH_ISSUERS: JSON.stringify(list) });

  expect(others).toEqual([]);
  expect(line).toContain(problem);
  expect(line).not.toContain('secret-word');
  expect(line).not.toContain(String(secret.d));
});

test('every wrong member is named at once', () => {
  const [line] = problemsOf({
    LG_AUTH_ISSUERS: JSON.stringify([
      issuer({ operators: 1 }),
      issuer({ issuer: 'b', algorithms: ['none'] }),
    ]),
  });

  expect(line).toContain('0.operators: ');
  expect(line).toContain('1.algorithms.0: ');
});

test.each<[NodeJS.ProcessEnv, string]>([
  [{ LG_AUTH_JWKS: documentOf(good) }, 'LG_AUTH_ISSUER: is required with token keys'],
  [
    { LG_AUTH_ISSUER: ISSUER, LG_AUTH_JWKS: documentOf(good), LG_AUTH_JWKS_URL: 'https://id.example/k' },
    'LG_AUTH_JWKS: does not go with LG_AUTH_JWKS_URL',
  ],
  [
    { LG_AUTH_ISSUER: ISSUER, LG_AUTH_JWKS: documentOf(good), LG_AUTH_HS256_SECRET: 'x'.repeat(40) },
    'LG_AUTH_HS256_SECRET: does not go with LG_AUTH_JWKS',
  ],
  [
    { LG_AUTH_ISSUER: ISSUER, LG_AUTH_ISSUERS: JSON.stringify([issuer()]) },
    'LG_AUTH_ISSUER: does not go with LG_AUTH_ISSUERS',
  ],
])('settings that do not go together stop the start: %j', (environment, problem) => {
  expect(problemsOf(environment)).toEqual([problem]);
});

test('in production keys are fetched with https alone', () => {
  const production = { NODE_ENV: 'production', DATABASE_URL: 'postgres://db.example/lg' };
  const url = 'http://id.example/keys';

  const single = problemsOf({ ...production, LG_AUTH_ISSUER: ISSUER, LG_AUTH_JWKS_URL: url });
  const several = problemsOf({
    ...production,
    LG_AUTH_ISSUERS: JSON.stringify([issuer(), { issuer: 'b', jwksUrl: url }]),
  });

  expect(single).toEqual(['LG_AUTH_JWKS_URL: must begin with https in production']);
  expect(several).toEqual(['LG_AUTH_ISSUERS: 1.jwksUrl: must begin with https in production']);
  expect(problemsOf({ LG_AUTH_ISSUER: ISSUER, LG_AUTH_JWKS_URL: url })).toEqual([]);
});

test('a list of issuers is enough in production, and is shown as it was set', () => {
  const config = readConfig({
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://db.example/lg',
    LG_AUTH_ISSUERS: JSON.stringify([issuer({ tenants: ['acme'] })]),
  });

  const shown = describeConfig(config).find(({ name }) => name === 'LG_AUTH_ISSUERS')?.value ?? '';

  expect(JSON.parse(shown)).toEqual([issuer({ tenants: ['acme'], operators: false })]);
});
