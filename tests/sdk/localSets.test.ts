import { exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LicenseGraphOptions, licenseGraph } from '../../src/sdk/index.js';
import { answering, type BadServer, startBadServer } from '../support/badServers.js';

/** A machine that hands out whatever set and keys a test gives it. */
let server: BadServer;
let token: string;
let keys: object[];
let keysAsked: number;
let setsAsked: number;
let isAway: boolean;
let now: number;
let errors: unknown[];
beforeEach(async () => {
  [keysAsked, setsAsked, isAway, errors] = [0, 0, false, []];
  now = Date.parse('2026-03-01T12:00:00Z');
  server = await startBadServer((response, body) => {
    if (isAway) return answering('{}', 503)(response, body);
    if (body === '') {
      keysAsked += 1;
      return answering(JSON.stringify({ keys }))(response, body);
    }
    setsAsked += 1;
    return answering(JSON.stringify({ data: { answer: { token } } }))(response, body);
  });
  token = await signed();
  keys = [signing.jwk];
});
afterEach(() => server.stop());

async function keyPair(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  return { privateKey, kid, jwk: { ...(await exportJWK(publicKey)), kid, alg: 'EdDSA', use: 'sig' } };
}
let signing: Awaited<ReturnType<typeof keyPair>>;
let other: Awaited<ReturnType<typeof keyPair>>;
beforeAll(async () => {
  signing = await keyPair('one');
  other = await keyPair('two');
});

const LIFE_SECONDS = 300;
const seconds = (): number => Math.floor(now / 1000);
const base = () => ({
  iss: 'licensegraph',
  sub: 'customer:c1',
  tenant_id: 't1',
  iat: seconds(),
  exp: seconds() + LIFE_SECONDS,
  licensed: true,
  features: [{ featureId: 'calls', expiresAt: null }],
});

function signed(claims: object = {}, header: object = {}, key = signing): Promise<string> {
  return new SignJWT({ ...base(), ...claims })
    .setProtectedHeader({
      alg: 'EdDSA',
      typ: 'licensegraph-entitlements+jwt',
      kid: key.kid,
      ...header,
    } as JWTHeaderParameters)
    .sign(key.privateKey, { crit: { exotic: true } });
}

function connect(options: Partial<LicenseGraphOptions> = {}) {
  const graph = licenseGraph({
    url: server.url,
    apiKey: 'lgk_x',
    failMode: 'OPEN',
    decide: 'LOCAL',
    clock: () => now,
    onError: (error) => void errors.push(error),
    ...options,
  });
  return (customerId = 'c1', feature = 'calls'): Promise<unknown> =>
    graph.requireFeature({ customerId }, feature).then(
      ({ uncounted }) => uncounted ?? 'granted',
      ({ code }) => code,
    );
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (): string =>
  `${encoded({ alg: 'none', typ: 'licensegraph-entitlements+jwt', kid: 'one' })}.${encoded(base())}.`;
/** The public key taken for a shared secret. */
const confused = (): Promise<string> =>
  new SignJWT(base())
    .setProtectedHeader({ alg: 'HS256', typ: 'licensegraph-entitlements+jwt', kid: 'one' })
    .sign(Buffer.from(JSON.stringify(signing.jwk)));

describe('a set is taken as it should be', () => {
  test.each([
    ['is what it should be', () => signed()],
    ['is older than it lives, as far as clocks may differ', () => signed({ exp: seconds() - 29 })],
    ['was issued in the future, as far as clocks may differ', () => signed({ iat: seconds() + 29 })],
  ])('that %s', async (_what, make) => {
    token = await make();

    expect(await connect()()).toBe('granted');
    expect(errors).toEqual([]);
  });
});

describe('a set opens nothing, whatever the failure mode,', () => {
  test.each([
    ['of another issuer', () => signed({ iss: 'somebody' })],
    ['that says of itself that it is a bearer token', () => signed({}, { typ: 'JWT' })],
    ['that says of itself that it is a license file', () => signed({}, { typ: 'licensegraph-license+jwt' })],
    ['that does not say what it is', () => signed({}, { typ: undefined })],
    ['that is addressed to another audience', () => signed({ aud: 'somebody' })],
    ['of another customer', () => signed({ sub: 'customer:c2' })],
    ['of a license', () => signed({ sub: 'license:c1' })],
    ['that is over', () => signed({ exp: seconds() - 31 })],
    ['that has no end', () => signed({ exp: undefined })],
    ['whose end is no number', () => signed({ exp: '9e9' })],
    ['that was issued in the future', () => signed({ iat: seconds() + 31 })],
    ['that is not signed', async () => unsigned()],
    ['signed with the public key as a secret', confused],
    ['signed with another key under the known name', () => signed({}, { kid: 'one' }, other)],
    ['signed with a key that nobody publishes', () => signed({}, {}, other)],
    ['that names a key that there is not', () => signed({}, { kid: 'three' })],
    ['with a critical header that nobody knows', () => signed({}, { crit: ['exotic'], exotic: 1 })],
    ['that says in words that it is licensed', () => signed({ licensed: 'true' })],
    ['without features', () => signed({ features: undefined })],
    ['whose features have no shape', () => signed({ features: ['calls'] })],
    ['whose feature ends at no time', () => signed({ features: [{ featureId: 'calls', expiresAt: 'x' }] })],
    ['without a tenant', () => signed({ tenant_id: undefined })],
    ['of a tenant that is a list', () => signed({ tenant_id: ['t1'] })],
    ['that is no token', async () => 'a.b.c'],
  ])('%s', async (_what, make) => {
    token = await make();

    expect(await connect()()).toBe('ENTITLEMENTS_UNAVAILABLE');
    expect(errors).toHaveLength(1);
  });

  test('of another tenant than the options name, or than the set before it', async () => {
    const named = connect({ tenantId: 't2' });
    const follows = connect();

    const answers = [await named(), await follows()];
    now += (LIFE_SECONDS + 1) * 1000;
    token = await signed({ tenant_id: 't2' });
    answers.push(await named(), await follows());

    expect(answers).toEqual(['ENTITLEMENTS_UNAVAILABLE', 'granted', 'granted', 'ENTITLEMENTS_UNAVAILABLE']);
  });
});

describe('the public keys', () => {
  test('are fetched again for a key that is new', async () => {
    const ask = connect();
    await ask();

    now += 40_000;
    token = await signed({ sub: 'customer:c2' }, {}, other);
    keys = [signing.jwk, other.jwk];

    expect(await ask('c2')).toBe('granted');
    expect(keysAsked).toBe(2);
  });

  test('are fetched once in 30 seconds, however many sets name keys that nobody knows', async () => {
    const ask = connect();
    token = await signed({}, {}, other);

    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`c${index}`)));
    for (let asked = 0; asked < 20; asked += 1) await ask();

    expect(new Set(answers)).toEqual(new Set(['ENTITLEMENTS_UNAVAILABLE']));
    expect(keysAsked).toBe(1);
    now += 31_000;
    await ask();
    expect(keysAsked).toBe(2);
  });

  test('are fetched again after five minutes: what a retired key signs opens nothing', async () => {
    const ask = connect();
    await ask();

    keys = [other.jwk];
    now += (LIFE_SECONDS + 1) * 1000;
    token = await signed();

    expect(await ask()).toBe('ENTITLEMENTS_UNAVAILABLE');
  });
});

describe('a set that is kept', () => {
  const at = (part: number): void => {
    now += LIFE_SECONDS * part * 1000;
  };

  test('is asked for once by many who come at once', async () => {
    const ask = connect();

    const answers = await Promise.all(Array.from({ length: 30 }, () => ask()));
    now += 1_000;
    await Promise.all(Array.from({ length: 30 }, () => ask()));

    expect(new Set(answers)).toEqual(new Set(['granted']));
    expect([setsAsked, keysAsked]).toEqual([1, 1]);
  });

  test('is renewed before it ends, and nobody waits for it', async () => {
    const ask = connect();
    await ask();
    token = await signed({ iat: seconds() + 240, exp: seconds() + 240 + LIFE_SECONDS, features: [] });

    at(0.79);
    const early = [await ask(), setsAsked];
    at(0.02);
    const during = await ask();
    await expect.poll(() => setsAsked).toBe(2);

    expect([early, during]).toEqual([['granted', 1], 'granted']);
    await expect.poll(() => ask()).toBe('FEATURE_NOT_LICENSED');
    expect(setsAsked).toBe(2);
  });

  test('is gone by while it cannot be renewed, and then the failure mode decides', async () => {
    const open = connect();
    const closed = connect({ failMode: 'CLOSED' });
    await Promise.all([open(), closed()]);

    isAway = true;
    at(0.9);
    const during = [await open(), await closed()];
    await expect.poll(() => errors.length).toBe(2);
    at(0.11);

    expect(during).toEqual(['granted', 'granted']);
    expect([await open(), await closed()]).toEqual([
      'the license server was away',
      'ENTITLEMENTS_UNAVAILABLE',
    ]);
  });

  test('is gone by no longer than it lives by a clock that lags behind', async () => {
    token = await signed({ iat: seconds() + 25, exp: seconds() + 25 + LIFE_SECONDS });
    const ask = connect();
    await ask();

    at(1);
    await ask();

    expect(setsAsked).toBe(2);
  });

  test('is not believed by a clock that was set back', async () => {
    const ask = connect();
    await ask();

    now -= 3_600_000;

    expect(await ask()).toBe('ENTITLEMENTS_UNAVAILABLE');
    expect(setsAsked).toBe(2);
  });

  test('knows a feature that has ended meanwhile', async () => {
    token = await signed({
      features: [{ featureId: 'calls', expiresAt: new Date(now + 10_000).toISOString() }],
    });
    const ask = connect();

    const before = await ask();
    now += 10_000;

    expect([before, await ask()]).toEqual(['granted', 'FEATURE_NOT_LICENSED']);
    expect(setsAsked).toBe(1);
  });
});
