import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { millis } from '../../src/core/clock.js';
import { readConfig } from '../../src/core/config.js';
import { createLog } from '../../src/core/log.js';
import { Refusal } from '../../src/core/refusal.js';
import { StartupError } from '../../src/core/startupError.js';
import { openTokens } from '../../src/server/callers/openTokens.js';
import { newKeys, START } from '../support/server.js';

const ISSUER = 'https://id.example';
const now = millis(START) / 1000;

interface IssuerKey {
  readonly privateJwk: JWK;
  readonly publicJwk: JWK;
  sign(claims?: object): Promise<string>;
}

async function issuerKey(alg: string, kid: string, iss = ISSUER): Promise<IssuerKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const base = { iss, aud: 'licensegraph', sub: 'ada', tenant_id: 'acme', iat: now, exp: now + 3600 };
  return {
    privateJwk: await exportJWK(privateKey),
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    sign: (claims = {}) =>
      new SignJWT({ ...base, ...claims }).setProtectedHeader({ alg, kid }).sign(privateKey),
  };
}

/** An issuer on this machine that publishes its keys over HTTP. */
class Issuer {
  published: readonly JWK[] = [];
  answers = 200;
  asked = 0;
  private readonly http: Server = createServer((_request, response) => {
    this.asked += 1;
    response.writeHead(this.answers, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ keys: this.published }));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    const { port } = this.http.address() as AddressInfo;
    return `http://127.0.0.1:${port}/jwks.json`;
  }

  stop(): Promise<unknown> {
    this.http.closeAllConnections();
    return new Promise((resolve) => this.http.close(resolve));
  }
}

let issuer: Issuer;
let url: string;
beforeAll(async () => {
  issuer = new Issuer();
  url = await issuer.start();
});
afterEach(() => {
  vi.useRealTimers();
  issuer.answers = 200;
});
afterAll(() => issuer.stop());

async function verifierOf(environment: NodeJS.ProcessEnv) {
  return (await openTokens(readConfig(environment), newKeys(), () => START)).verify;
}

const verifierFor = (environment: NodeJS.ProcessEnv) =>
  verifierOf({ LG_AUTH_ISSUER: ISSUER, ...environment });

const reasonOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'taken',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );

const fetched = "The issuer's keys cannot be fetched at the moment; try again.";
const unpublished = 'The token is signed with a key that its issuer does not publish.';
const unverified = 'The token has a signature that does not verify.';
const codeOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'taken',
    (error: unknown) => (error instanceof Refusal ? error.code : String(error)),
  );

test.each(['EdDSA', 'ES256', 'RS256', 'PS256'])(
  'a token under %s verifies by the published key',
  async (alg) => {
    const key = await issuerKey(alg, 'k1');
    issuer.published = [key.publicJwk];

    const actor = await (await verifierFor({ LG_AUTH_JWKS_URL: url }))(
      await key.sign({ roles: ['auditor'] }),
    );

    expect(actor).toMatchObject({ kind: 'user', subject: 'ada', tenantId: 'acme' });
  },
);

test('an algorithm that is not on the list is refused although its key is published', async () => {
  const key = await issuerKey('ES256', 'k1');
  issuer.published = [key.publicJwk];
  const verify = await verifierFor({ LG_AUTH_JWKS_URL: url, LG_AUTH_ALGORITHMS: 'EdDSA,RS256' });

  expect(await reasonOf(verify(await key.sign()))).toBe(
    'The token uses a signature algorithm that is not allowed here.',
  );
});

test('keys are fetched once, and again for a key that is new, but not for every stranger', async () => {
  const [first, second] = [await issuerKey('EdDSA', 'k1'), await issuerKey('EdDSA', 'k2')];
  issuer.published = [first.publicJwk];
  const verify = await verifierFor({ LG_AUTH_JWKS_URL: url });
  issuer.asked = 0;

  await verify(await first.sign());
  await verify(await first.sign());
  issuer.published = [first.publicJwk, second.publicJwk];
  const early = await reasonOf(verify(await second.sign()));
  const askedEarly = issuer.asked;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
  const late = await reasonOf(verify(await second.sign()));

  expect([early, askedEarly, late, issuer.asked]).toEqual([unpublished, 1, 'taken', 2]);
});

test('a key that the issuer took back verifies nothing once its keys are fetched anew', async () => {
  const key = await issuerKey('EdDSA', 'k1');
  issuer.published = [key.publicJwk];
  const verify = await verifierFor({ LG_AUTH_JWKS_URL: url });
  await verify(await key.sign());

  issuer.published = [];
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 601_000 });

  expect(await reasonOf(verify(await key.sign()))).toBe(unpublished);
});

test('an issuer that fails or is away says so, and not that the token is wrong', async () => {
  const key = await issuerKey('EdDSA', 'k1');
  issuer.published = [key.publicJwk];
  issuer.answers = 503;
  const gone = new Issuer();
  const goneUrl = await gone.start();
  await gone.stop();

  expect(await reasonOf((await verifierFor({ LG_AUTH_JWKS_URL: url }))(await key.sign()))).toBe(fetched);
  expect(await reasonOf((await verifierFor({ LG_AUTH_JWKS_URL: goneUrl }))(await key.sign()))).toBe(fetched);
});

test('keys that are given as a document need no network', async () => {
  const key = await issuerKey('ES256', 'k1');

  const verify = await verifierFor({ LG_AUTH_JWKS: JSON.stringify({ keys: [key.publicJwk] }) });

  expect(await reasonOf(verify(await key.sign()))).toBe('taken');
  expect(await codeOf(verify(await key.sign({ iss: 'https://evil.example' })))).toBe('TOKEN_ISSUER_UNKNOWN');
});

test('a shared secret takes HS256 and nothing else', async () => {
  const secret = 'a secret that is shared for development';
  const verify = await verifierFor({ LG_AUTH_HS256_SECRET: secret });
  const claims = { iss: ISSUER, aud: 'licensegraph', sub: 'ada', tenant_id: 'acme', iat: now, exp: now + 60 };
  const under = (text: string) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(text));

  expect(await reasonOf(verify(await under(secret)))).toBe('taken');
  expect(await reasonOf(verify(await under('another secret of the same length !!')))).toBe(
    'The token has a signature that does not verify.',
  );
  expect(await reasonOf(verify(await (await issuerKey('EdDSA', 'k1')).sign()))).toBe(
    'The token uses a signature algorithm that is not allowed here.',
  );
});

test('an issuer that failed is left alone for a while, and its known keys verify meanwhile', async () => {
  const [known, unknown] = [await issuerKey('EdDSA', 'k1'), await issuerKey('EdDSA', 'k2')];
  issuer.published = [known.publicJwk];
  const verify = await verifierFor({ LG_AUTH_JWKS_URL: url });
  await verify(await known.sign());
  issuer.answers = 500;
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31_000 });
  issuer.asked = 0;

  const strangers = Array.from({ length: 20 }, async () => codeOf(verify(await unknown.sign())));
  const codes = new Set(await Promise.all(strangers));

  expect([...codes]).toEqual(['ISSUER_UNAVAILABLE']);
  expect(issuer.asked).toBe(1);
  expect(await reasonOf(verify(await known.sign()))).toBe('taken');
});

test('that an issuer is away stands in the log once, however many tokens come', async () => {
  const key = await issuerKey('EdDSA', 'k1');
  issuer.answers = 500;
  const lines: string[] = [];
  const log = createLog('warn', { write: (line: string) => void lines.push(line) });
  const config = readConfig({ LG_AUTH_ISSUER: ISSUER, LG_AUTH_JWKS_URL: url });
  const { verify } = await openTokens(config, newKeys(), () => START, log);

  const codes = [];
  for (let sent = 0; sent < 20; sent += 1) codes.push(await codeOf(verify(await key.sign())));

  expect(new Set(codes)).toEqual(new Set(['ISSUER_UNAVAILABLE']));
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['the keys of an issuer are away']);
});

test.each<[string, (key: IssuerKey) => unknown]>([
  ['a private key', ({ privateJwk, publicJwk }) => ({ ...publicJwk, ...privateJwk })],
  ['a shared secret', () => ({ kty: 'oct', k: 'c2VjcmV0', kid: 'k9' })],
])('a document that publishes %s beside a good one is taken for none', async (_what, made) => {
  const key = await issuerKey('EdDSA', 'k1');
  issuer.published = [key.publicJwk, made(key) as JWK];
  const verify = await verifierFor({ LG_AUTH_JWKS_URL: url });

  expect(await codeOf(verify(await key.sign()))).toBe('ISSUER_UNAVAILABLE');
});

const [FIRST, SECOND] = ['https://first.example', 'https://second.example'];

/** Two issuers whose keys have one id, and what is set for each. */
async function twoIssuers(first: object = {}, second: object = {}) {
  const keys = [await issuerKey('EdDSA', 'k1', FIRST), await issuerKey('EdDSA', 'k1', SECOND)] as const;
  const jwks = (key: IssuerKey) => ({ jwks: { keys: [key.publicJwk] } });
  const list = [
    { issuer: FIRST, ...('jwksUrl' in first ? {} : jwks(keys[0])), ...first },
    { issuer: SECOND, ...('jwksUrl' in second ? {} : jwks(keys[1])), ...second },
  ];
  return { verify: await verifierOf({ LG_AUTH_ISSUERS: JSON.stringify(list) }), keys };
}

test('of two issuers each verifies by its own keys, also when these have one id', async () => {
  const { verify, keys } = await twoIssuers();

  expect(await codeOf(verify(await keys[0].sign()))).toBe('taken');
  expect(await codeOf(verify(await keys[1].sign()))).toBe('taken');
  expect(await reasonOf(verify(await keys[0].sign({ iss: SECOND })))).toBe(unverified);
  expect(await reasonOf(verify(await keys[1].sign({ iss: FIRST })))).toBe(unverified);
});

test('an issuer that is away does not harm the other', async () => {
  const gone = new Issuer();
  const goneUrl = await gone.start();
  await gone.stop();
  const { verify, keys } = await twoIssuers({ jwksUrl: goneUrl });

  expect(await codeOf(verify(await keys[0].sign()))).toBe('ISSUER_UNAVAILABLE');
  expect(await codeOf(verify(await keys[1].sign()))).toBe('taken');
});

test('each issuer has an audience and algorithms of its own, or those of all', async () => {
  const { verify, keys } = await twoIssuers({ audience: 'first' }, { algorithms: ['ES256'] });

  expect(await codeOf(verify(await keys[0].sign()))).toBe('TOKEN_AUDIENCE_MISMATCH');
  expect(await codeOf(verify(await keys[0].sign({ aud: 'first' })))).toBe('taken');
  expect(await codeOf(verify(await keys[1].sign()))).toBe('TOKEN_INVALID');
});

test('an issuer speaks for the tenants that it was given, and for no other', async () => {
  const { verify, keys } = await twoIssuers({ tenants: ['acme'] });

  expect(await codeOf(verify(await keys[0].sign()))).toBe('taken');
  expect(await codeOf(verify(await keys[0].sign({ tenant_id: 'globex' })))).toBe('TOKEN_CLAIM_INVALID');
  expect(await codeOf(verify(await keys[1].sign({ tenant_id: 'globex' })))).toBe('taken');
});

test('operators are made by an issuer that may, and by no other', async () => {
  const { verify, keys } = await twoIssuers({ operators: true });
  const single = await issuerKey('EdDSA', 'k1');
  const document = JSON.stringify({ keys: [single.publicJwk] });
  const operator = { roles: ['operator'] };

  const made = await verify(await keys[0].sign(operator));
  expect([...made.permissions]).toContain('tenant.list');
  expect(await codeOf(verify(await keys[1].sign(operator)))).toBe('TOKEN_CLAIM_INVALID');
  expect(await codeOf(verify(await keys[1].sign({ permissions: ['tenant.list'] })))).toBe(
    'TOKEN_CLAIM_INVALID',
  );
  expect(await codeOf((await verifierFor({ LG_AUTH_JWKS: document }))(await single.sign(operator)))).toBe(
    'taken',
  );
});

test('given key material and no issuer stop the start by the name of the setting', async () => {
  const keys = { ...newKeys(), tokenKey: undefined };

  const failure: unknown = await openTokens(readConfig({}), keys, () => START).catch(
    (error: unknown) => error,
  );

  expect(failure).toBeInstanceOf(StartupError);
  expect(String(failure)).toContain('LG_AUTH_JWKS_URL:');
});
