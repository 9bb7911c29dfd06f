import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusalCodes } from '../../src/core/refusal.js';
import { issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type GraphError, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let behindProxy: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  behindProxy = await startTestServer({
    environment: { LG_TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8', LG_INTROSPECTION: 'false' },
    beside: server,
  });
  shop = await openShop(server);
});
afterAll(async () => {
  await behindProxy.stop();
  await server.stop();
});

interface Reply {
  readonly status: number;
  readonly codes: readonly string[];
  readonly body: { readonly data?: unknown; readonly errors?: readonly GraphError[] };
}

/** Sends what no client of the graph would, and holds that it is no defect of ours. */
async function send(request: InjectOptions, to: TestServer = server): Promise<Reply> {
  const logged = to.logged.length;
  const response = await to.app.inject({ method: 'POST', url: '/graphql', ...request });
  const body = response.json<Reply['body']>();
  const codes = (body.errors ?? []).map(({ extensions }) => extensions.code);
  for (const code of codes) expect(Object.keys(refusalCodes)).toContain(code);
  expect(to.logged.slice(logged).filter((line) => line.includes('"level":50'))).toEqual([]);
  return { status: response.statusCode, codes, body };
}

const json = { 'content-type': 'application/json' };
const viewer = '{ viewer { subject } }';
const open = '{ __typename }';
const post = (body: unknown): InjectOptions => ({ headers: json, payload: JSON.stringify(body) });
const get = (search: string, headers: Record<string, string> = { 'apollo-require-preflight': '1' }) => ({
  method: 'GET' as const,
  url: `/graphql?${search}`,
  headers,
});
const query = (text: string): string => `query=${encodeURIComponent(text)}`;
const persisted = (hash: unknown, version = 1) => ({ persistedQuery: { version, sha256Hash: hash } });

const refused: [what: string, status: number, code: string, request: InjectOptions][] = [
  ['a body that is no JSON', 400, 'BAD_REQUEST', { headers: json, payload: '{"query": ' }],
  ['an empty body', 400, 'BAD_REQUEST', { headers: json }],
  ['no body and no type', 400, 'BAD_REQUEST', {}],
  ['a body over a megabyte', 413, 'PAYLOAD_TOO_LARGE', post({ query: open, filler: 'x'.repeat(1_000_000) })],
  ['plain text', 415, 'UNSUPPORTED_MEDIA_TYPE', { headers: { 'content-type': 'text/plain' }, payload: open }],
  [
    'the type of GraphQL itself',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { headers: { 'content-type': 'application/graphql' }, payload: open },
  ],
  [
    'a form',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'query={__typename}' },
  ],
  [
    'an upload',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { headers: { 'content-type': 'multipart/form-data; boundary=x' }, payload: '--x--' },
  ],
  [
    'a type that is none',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    { headers: { 'content-type': 'json' }, payload: '{}' },
  ],
  ['a batch', 400, 'BAD_REQUEST', post([{ query: open }, { query: open }])],
  ['an empty batch', 400, 'BAD_REQUEST', post([])],
  ['a text', 400, 'BAD_REQUEST', post('{ __typename }')],
  ['a number', 400, 'BAD_REQUEST', post(1)],
  ['null', 400, 'BAD_REQUEST', post(null)],
  ['an empty object', 400, 'BAD_REQUEST', post({})],
  ['an object without a query', 400, 'BAD_REQUEST', post({ variables: {} })],
  ['a query that is a number', 400, 'BAD_REQUEST', post({ query: 1 })],
  ['a query that is a list', 400, 'BAD_REQUEST', post({ query: [open] })],
  [
    'a query that is a parsed document',
    400,
    'BAD_REQUEST',
    post({ query: { kind: 'Document', definitions: [] } }),
  ],
  ['an empty query', 400, 'BAD_REQUEST', post({ query: '' })],
  ['variables that are text', 400, 'BAD_REQUEST', post({ query: open, variables: '{}' })],
  ['variables that are a list', 400, 'BAD_REQUEST', post({ query: open, variables: [] })],
  ['variables that are a number', 400, 'BAD_REQUEST', post({ query: open, variables: 5 })],
  ['extensions that are text', 400, 'BAD_REQUEST', post({ query: open, extensions: '{}' })],
  ['an operation name that is a number', 400, 'BAD_REQUEST', post({ query: open, operationName: 5 })],
  [
    'members that would change prototypes',
    400,
    'BAD_REQUEST',
    { headers: json, payload: `{"query":"${open}","__proto__":{"a":1}}` },
  ],
  [
    'a persisted query that nobody sent',
    200,
    'PERSISTED_QUERY_NOT_FOUND',
    post({ extensions: persisted('0'.repeat(64)) }),
  ],
  [
    'a persisted query of another hash',
    400,
    'BAD_REQUEST',
    post({ query: open, extensions: persisted('0'.repeat(64)) }),
  ],
  [
    'a persisted query of another version',
    400,
    'BAD_REQUEST',
    post({ query: open, extensions: persisted('0', 2) }),
  ],
  ['a persisted query whose hash is an object', 400, 'BAD_REQUEST', post({ extensions: persisted({}) })],
  [
    'an operation name that is not in the document',
    400,
    'OPERATION_RESOLUTION_FAILURE',
    post({ query: `query A ${open}`, operationName: 'B' }),
  ],
  [
    'several operations and no name',
    400,
    'OPERATION_RESOLUTION_FAILURE',
    post({ query: `query A ${open} query B ${open}` }),
  ],
  [
    'two operations of one name',
    400,
    'GRAPHQL_VALIDATION_FAILED',
    post({ query: `query A ${open} query A ${open}`, operationName: 'A' }),
  ],
  ['a comment', 400, 'GRAPHQL_PARSE_FAILED', post({ query: '# nothing' })],
  ['a NUL in the document', 400, 'GRAPHQL_PARSE_FAILED', post({ query: '{ viewer\0 { subject } }' })],
  [
    'half a surrogate pair in the document',
    400,
    'GRAPHQL_PARSE_FAILED',
    post({ query: '{ validateLicenseKey(licenseKey: "\ud800") { code } }' }),
  ],
  [
    'more tokens than an operation has',
    400,
    'OPERATION_TOO_LARGE',
    post({ query: `{ ${'a: viewer { subject } '.repeat(2000)} }` }),
  ],
  [
    'two thousand levels of selections',
    400,
    'OPERATION_TOO_LARGE',
    post({ query: `${'{a'.repeat(2400)}${'}'.repeat(199)}` }),
  ],
  [
    'two thousand levels of lists',
    400,
    'OPERATION_TOO_LARGE',
    post({ query: `{ viewer(x: ${'['.repeat(2400)}${']'.repeat(2400)}) { kind } }` }),
  ],
  [
    'two thousand levels of a type',
    400,
    'OPERATION_TOO_LARGE',
    post({ query: `query ($x: ${'['.repeat(2400)}Int${']'.repeat(2400)}) ${viewer}` }),
  ],
  ['a field that is not there', 400, 'GRAPHQL_VALIDATION_FAILED', post({ query: '{ viewer { password } }' })],
  [
    'a fragment in a circle',
    400,
    'GRAPHQL_VALIDATION_FAILED',
    post({ query: '{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }' }),
  ],
  [
    'a directive that is not there',
    400,
    'GRAPHQL_VALIDATION_FAILED',
    post({ query: '{ viewer @defer { subject } }' }),
  ],
  [
    'the mark of a feature, in an operation',
    400,
    'GRAPHQL_VALIDATION_FAILED',
    post({ query: '{ viewer @requiresFeature(feature: "x") { subject } }' }),
  ],
  [
    'a mutation by GET',
    405,
    'METHOD_NOT_ALLOWED',
    get(query('mutation { createReseller(input: { name: "Blue" }) { __typename } }')),
  ],
  [
    'a mutation by GET among queries, chosen by name',
    405,
    'METHOD_NOT_ALLOWED',
    get(
      `${query(`query A ${open} mutation B { createReseller(input: { name: "Blue" }) { __typename } }`)}&operationName=B`,
    ),
  ],
  ['a GET that any page could send', 400, 'BAD_REQUEST', get(query(open), {})],
  ['a GET without a query', 400, 'BAD_REQUEST', get('')],
  ['a GET with two queries', 400, 'BAD_REQUEST', get(`${query(open)}&${query(open)}`)],
  ['a GET whose variables are no JSON', 400, 'BAD_REQUEST', get(`${query(open)}&variables={`)],
  ['a GET whose variables are a list', 400, 'BAD_REQUEST', get(`${query(open)}&variables=[]`)],
  [
    'a GET of another type',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    get(query(open), { 'apollo-require-preflight': '1', 'content-type': 'text/html' }),
  ],
  [
    'a GET whose address is too long',
    414,
    'URI_TOO_LONG',
    get(query(`{ viewer { subject } } # ${'x'.repeat(8000)}`)),
  ],
  ['another method', 405, 'METHOD_NOT_ALLOWED', { method: 'DELETE' }],
];

describe('the graph refuses with a listed code', () => {
  test.each(refused)('%s', async (_what, status, code, request) => {
    const resellers = await server.count('resellers');

    const reply = await send(request);

    expect(reply).toMatchObject({ status, codes: [code] });
    expect(reply.body.data).toBe(undefined);
    expect(await server.count('resellers')).toBe(resellers);
  });

  test('fragments that double each other, before they hold the process', async () => {
    const levels = Array.from(
      { length: 17 },
      (_, level) => `fragment F${level} on Viewer { ...F${level + 1} ...F${level + 1} }`,
    );
    const bomb = `{ viewer { ...F0 } } ${levels.join(' ')} fragment F17 on Viewer { subject }`;

    const reply = await send(post({ query: bomb }));

    expect(reply).toMatchObject({ status: 400, codes: ['OPERATION_TOO_LARGE'] });
  });
});

describe('the graph takes', () => {
  test.each<[string, InjectOptions]>([
    ['a query by GET', get(query(open))],
    ['a GET with a type, as some clients send it', get(query(open), json)],
    [
      'variables and extensions that are null',
      post({ query: open, variables: null, extensions: null, operationName: null }),
    ],
    [
      'an operation by its name',
      post({ query: `query A ${open} query B { viewer { subject } }`, operationName: 'A' }),
    ],
    ['variables that nobody declared', post({ query: open, variables: { licenseKey: 1 } })],
    [
      'a type with a character set',
      {
        headers: { 'content-type': 'application/json; charset=utf-8' },
        payload: JSON.stringify({ query: open }),
      },
    ],
    ['a document that begins with a byte order mark', post({ query: `\ufeff${open}` })],
    ['members that nobody knows', post({ query: open, id: 1, doc_id: 'x' })],
  ])('%s', async (_what, request) => {
    const reply = await send(request);

    expect(reply).toMatchObject({ status: 200, body: { data: { __typename: 'Query' } } });
  });

  test.each(['text/html', 'image/png, text/plain;q=0.5', 'application/json;q=0', '*/*;q=0', 'nonsense'])(
    'a mutation whose answer is wanted as %s: it is done, and answered as JSON',
    async (accept) => {
      const authorization = `Bearer ${await server.token(shop.admin)}`;
      const payload = { query: 'mutation { createReseller(input: { name: "Blue" }) { reseller { name } } }' };

      const response = await server.app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { ...json, accept, authorization },
        payload,
      });

      expect(response.statusCode).toBe(200);
      expect(response.headers['content-type']).toMatch(/^application\/json/);
      expect(response.json().data).toEqual({ createReseller: { reseller: { name: 'Blue' } } });
    },
  );
});

describe('introspection', () => {
  const schema = '{ __schema { types { name } } }';

  test('answers where it is on', async () => {
    expect((await send(post({ query: schema }))).codes).toEqual([]);
  });

  test.each([schema, '{ __type(name: "License") { fields { name } } }'])(
    'is refused where it is off: %s',
    async (text) => {
      const reply = await send(post({ query: text }), behindProxy);

      expect(reply.codes[0]).toBe('GRAPHQL_VALIDATION_FAILED');
      expect(reply.body.data).toBe(undefined);
    },
  );

  test('is not replaced by suggestions where it is off', async () => {
    const misspelt = post({ query: '{ licens { id } viewer { subjec } }' });

    expect(JSON.stringify((await send(misspelt)).body)).toContain('Did you mean');
    expect(JSON.stringify((await send(misspelt, behindProxy)).body)).not.toContain('Did you mean');
  });

  test('leaves __typename alone', async () => {
    expect((await send(post({ query: open }), behindProxy)).body.data).toEqual({ __typename: 'Query' });
  });
});

test('the log has the route of a request and nothing of its address, whatever stands there', async () => {
  const { licenseKey } = await issueLicense(server, shop);
  const logged = server.logged.length;
  const search = query(`{ validateLicenseKey(licenseKey: "${licenseKey}") { valid } }`);

  const answered = await send(get(search));
  await server.app.inject(`/nowhere/${licenseKey}?${search}`);
  await server.app.inject({ method: 'PUT', url: `/graphql?${search}` });

  const lines = server.logged.slice(logged).map((line) => JSON.parse(line));
  expect(answered.body.data).toEqual({ validateLicenseKey: { valid: true } });
  expect(lines.map(({ method, path, status }) => [method, path, status])).toEqual([
    ['GET', '/graphql', 200],
    ['GET', '(none)', 404],
    ['PUT', '(none)', 405],
  ]);
  expect(JSON.stringify(lines)).not.toMatch(new RegExp(`${licenseKey}|query|validate`));
});

describe("a device's address", () => {
  async function addressSeen(by: TestServer, forwarded: string | undefined): Promise<unknown> {
    const { licenseKey } = await issueLicense(server, shop);
    const input = `input: { licenseKey: "${licenseKey}", deviceFingerprint: "laptop" }`;
    const reply = await send(
      {
        headers: { ...json, ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }) },
        payload: { query: `mutation { activateLicense(${input}) { activation { id } } }` },
      },
      by,
    );
    expect(reply.codes).toEqual([]);
    const [row] = await server.sql`select ip_address from license_activations
      where license_id = (select id from licenses order by created_at desc, id desc limit 1)`;
    return row?.ip_address;
  }

  test.each([
    ['is the socket where no proxy is trusted', false, '203.0.113.7', '127.0.0.1'],
    ['is the socket where nothing was forwarded', true, undefined, '127.0.0.1'],
    ['is what a trusted proxy saw', true, '203.0.113.7', '203.0.113.7'],
    ['is the last that no trusted proxy wrote', true, '8.8.8.8, 203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['may be of the sixth version', true, '2001:db8::7', '2001:db8::7'],
    ['is none where a proxy hands on what is no address', true, 'unknown', null],
    ['is none where a proxy hands on what no column holds', true, 'x'.repeat(300), null],
    ['is none where a proxy hands on half an address', true, '203.0.113', null],
  ])('%s', async (_what, proxied, forwarded, expected) => {
    expect(await addressSeen(proxied ? behindProxy : server, forwarded)).toBe(expected);
  });
});

test('a body that would change prototypes is JSON, and is told what is wrong with it', async () => {
  const payload = '{"query":"{ __typename }","variables":{"a":{"__proto__":{"b":1}}}}';

  const response = await server.app.inject({ method: 'POST', url: '/graphql', headers: json, payload });

  expect(response.json().errors[0].message).toBe(
    'The body is not JSON, or has a member called __proto__ or constructor.prototype.',
  );
});
