import { exportJWK, importJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { millis } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { Bearers } from '../support/bearers.js';
import { type GraphError, START, startTestServer, type TestServer } from '../support/server.js';
import { contentOf, nobodysWorld, openWorld } from '../support/world.js';

const now = millis(START) / 1000;

let server: TestServer;
let bearers: Bearers;
beforeAll(async () => {
  server = await startTestServer();
  bearers = new Bearers(server, await openWorld(server));
});
afterAll(() => server.stop());

const DAY = 86_400;

async function ask(authorization: string) {
  const response = await server.app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', authorization },
    payload: { query: '{ viewer { subject permissions } licenses { totalCount } }' },
  });
  return { response, body: response.json() };
}

/** The names of the tables' rows are known before there is a server, and their values only then. */
const named = (table: (made: Bearers) => object): string[] =>
  Object.keys(table(new Bearers({ now: START } as TestServer, nobodysWorld({ tenant_id: 'nobody' }))));

const headers = named((made) => made.headers());
const claims = named((made) => made.wrongClaims());

test('a hundred tokens and more are refused here', () => {
  expect(headers.length + claims.length).toBeGreaterThanOrEqual(100);
});

describe('a token is refused, with 401, its code and a reason, for', () => {
  async function refusedWith(code: RefusalCode, authorization: string): Promise<string> {
    server.statements.length = 0;
    const logged = server.logged.length;
    const before = await contentOf(server);

    const { response, body } = await ask(authorization);

    expect([response.statusCode, body.data]).toEqual([401, undefined]);
    expect(body.errors.map((error: GraphError) => error.extensions.code)).toEqual([code]);
    expect(response.headers['www-authenticate']).toBe(
      `Bearer error="invalid_token", error_description="${body.errors[0].message}"`,
    );
    expect(server.statements.filter((text) => !text.includes('from "tenants"'))).toEqual([]);
    expect(server.logged.slice(logged).filter((line) => /"level":[45]0/.test(line))).toEqual([]);
    expect(await contentOf(server)).toBe(before);
    return body.errors[0].message;
  }

  test.each(headers)('%s', async (what) => {
    const [code, make] = bearers.headers()[what] ?? [];
    if (code === undefined || make === undefined) throw new Error('no such row');

    const message = await refusedWith(code, await make());

    expect(message).toMatch(/^The .*(token|Authorization header)/);
  });

  test.each(claims)('%s', async (what) => {
    const [code, make] = bearers.wrongClaims()[what] ?? [];
    if (code === undefined || make === undefined) throw new Error('no such row');

    const message = await refusedWith(code, `Bearer ${await bearers.signed(make())}`);

    expect(message).toMatch(/^(The token|An operator)/);
  });
});

test('a claim that does not fit is named', async () => {
  const { body } = await ask(`Bearer ${await bearers.signed({ tenant_id: '*' })}`);

  expect(body.errors[0].extensions).toEqual({ code: 'TOKEN_CLAIM_INVALID', claim: 'tenant_id' });
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
    ['without a life that is counted in whole seconds', () => ({ iat: now - 0.5, exp: now + 0.5 })],
    ['of an operator that is bound to nobody', () => ({ roles: ['admin', 'operator'] })],
    [
      'with claims that mean nothing here',
      () => ({ email: 'ada@example', scope: 'openid', nested: { a: [1] } }),
    ],
  ])('%s', async (_what, change) => {
    const { response, body } = await ask(`Bearer ${await bearers.signed(change())}`);

    expect([response.statusCode, body.errors]).toEqual([200, undefined]);
    expect(body.data.viewer.subject).toBe('ada');
  });

  test.each(['JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'application/jwt', undefined])(
    'of the type %s',
    async (typ) => {
      const { response } = await ask(`Bearer ${await bearers.signed({}, { typ })}`);

      expect(response.statusCode).toBe(200);
    },
  );

  test('with the scheme in any case and more than one space behind it', async () => {
    const { response } = await ask(`bEaReR   ${await bearers.signed()}`);

    expect(response.statusCode).toBe(200);
  });

  test('and its subject is what the trail names', async () => {
    const answer = await server.graphql(
      'mutation { createReseller(input: { name: "Blue" }) { reseller { id } } }',
      {},
      await bearers.signed({ sub: 'é'.repeat(255) }),
    );

    expect(answer.errors).toEqual([]);
    expect(await server.count('license_event_logs', `user_id = '${'é'.repeat(255)}'`)).toBe(1);
  });
});

test('a tenant that is made after it was refused is known', async () => {
  const token = await bearers.signed({ tenant_id: 'late-comer' });
  const early = await server.graphql('{ viewer { subject } }', {}, token);

  await server.tenant('late-comer');
  const late = await server.graphql('{ viewer { tenant { id } } }', {}, token);

  expect([early.status, early.code]).toEqual([401, 'TENANT_NOT_FOUND']);
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
