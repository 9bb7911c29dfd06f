import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusalCodes } from '../../src/core/refusal.js';
import { grantAnalytics, openFeatureShop, useAnalytics } from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';

/** Behind no proxy, and behind one that this machine is. */
let server: TestServer;
let proxied: TestServer;
const ports = new Map<TestServer, number>();

async function listening(environment: NodeJS.ProcessEnv, beside?: TestServer): Promise<TestServer> {
  const started = await startTestServer({ environment, ...(beside === undefined ? {} : { beside }) });
  const address = await started.app.listen({ host: '127.0.0.1', port: 0 });
  ports.set(started, Number(new URL(address).port));
  return started;
}

beforeAll(async () => {
  server = await listening({ LG_HSTS_SECONDS: '31536000' });
  proxied = await listening({ LG_HSTS_SECONDS: '31536000', LG_TRUSTED_PROXIES: '127.0.0.0/8' }, server);
});
afterAll(async () => {
  await proxied.stop();
  await server.stop();
});

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Writes these bytes to a connection of its own and reads the one answer that comes. */
async function raw(bytes: string, to = server): Promise<Reply> {
  const socket = connect(ports.get(to) ?? 0, '127.0.0.1');
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [line = '', ...fields] = head.split('\r\n');
  const headers = new Headers(fields.map((field) => field.split(/: (.*)/s, 2) as [string, string]));
  return { status: Number(line.split(' ')[1]), headers, body };
}

const request = (line: string, headers: Record<string, string> = {}, body = ''): string =>
  [
    `${line} HTTP/1.1`,
    'host: licenses.example.com',
    'connection: close',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === '' ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
    '',
    body,
  ].join('\r\n');

const KEY = '1234-ABCD-5678-EF90-1A2B';
const json = { 'content-type': 'application/json' };
const query = '{"query":"{ __typename }"}';

const handshake = (line: string, headers: Record<string, string> = {}): string =>
  [
    `${line} HTTP/1.1`,
    ...Object.entries({
      host: 'licenses.example.com',
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    }).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n');

const errors: [what: string, status: number, code: string, bytes: string][] = [
  ['an address where nothing is', 404, 'NOT_FOUND', request(`GET /nowhere/${KEY}`)],
  ['the same with a body that is no JSON', 404, 'NOT_FOUND', request(`POST /${KEY}`, json, '{')],
  [
    'the same with a body over the limit',
    404,
    'NOT_FOUND',
    request(`POST /${KEY}`, { ...json, 'content-length': '9000000' }),
  ],
  ['an expectation that nobody knows', 404, 'NOT_FOUND', request(`GET /${KEY}`, { expect: KEY })],
  ['a path with dots', 404, 'NOT_FOUND', request('GET /../../etc/passwd')],
  ['an encoded path with dots', 404, 'NOT_FOUND', request('GET /%2e%2e/%2e%2e/etc/passwd')],
  ['an address that is no URL', 400, 'BAD_REQUEST', request(`GET /%zz${KEY}`)],
  [
    'an address of 9,000 characters',
    414,
    'URI_TOO_LONG',
    request(`GET /graphql?query=${KEY.padEnd(9000, 'x')}`),
  ],
  [
    'headers of 20,000 characters',
    431,
    'HEADERS_TOO_LARGE',
    request('GET /graphql', { cookie: 'x'.repeat(20_000) }),
  ],
  ['another method of the graph', 405, 'METHOD_NOT_ALLOWED', request('DELETE /graphql')],
  [
    'another method of the keys',
    405,
    'METHOD_NOT_ALLOWED',
    request('POST /.well-known/jwks.json', json, '{}'),
  ],
  ['a method that HTTP does not have', 400, 'BAD_REQUEST', request('BREW /graphql')],
  ['a body that is no JSON', 400, 'BAD_REQUEST', request('POST /graphql', json, `{ "${KEY}`)],
  [
    'a body of another type',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    request('POST /graphql', { 'content-type': KEY }, query),
  ],
  [
    'a body over a megabyte',
    413,
    'PAYLOAD_TOO_LARGE',
    request('POST /graphql', { ...json, 'content-length': '9000000' }),
  ],
  ['no HTTP at all', 400, 'BAD_REQUEST', `${KEY}\r\n\r\n`],
  [
    'two lengths of one body',
    400,
    'BAD_REQUEST',
    request('POST /graphql', { ...json, 'content-length': '1' }, query),
  ],
  [
    'a length beside chunks, which hides a second request',
    400,
    'BAD_REQUEST',
    request('POST /graphql', { ...json, 'transfer-encoding': 'chunked' }, '0\r\n\r\nGET /x HTTP/1.1\r\n\r\n'),
  ],
  ['a header with a line break in it', 400, 'BAD_REQUEST', request('GET /graphql', { 'x-a': 'b\rc: d' })],
  ['a WebSocket where nothing is', 404, 'NOT_FOUND', handshake(`GET /${KEY}`)],
  ['a WebSocket where the keys are', 404, 'NOT_FOUND', handshake('GET /.well-known/jwks.json')],
  ['a WebSocket at an address that is no URL', 404, 'NOT_FOUND', handshake('GET /%zz')],
  ['a WebSocket by POST', 400, 'BAD_REQUEST', handshake('POST /graphql', { 'content-length': '10' })],
  [
    'a WebSocket without its key',
    400,
    'BAD_REQUEST',
    handshake('GET /graphql', { 'sec-websocket-key': KEY }),
  ],
  ['an older WebSocket', 400, 'BAD_REQUEST', handshake('GET /graphql', { 'sec-websocket-version': '8' })],
  [
    'subprotocols that are none',
    400,
    'BAD_REQUEST',
    handshake('GET /graphql', { 'sec-websocket-protocol': 'a,,a' }),
  ],
  ['HTTP/1.1 without a host', 400, 'BAD_REQUEST', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n'],
];

const guards = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

function guardsIn({ headers }: Reply): object {
  return Object.fromEntries(Object.keys(guards).map((name) => [name, headers.get(name)]));
}

describe('what HTTP refuses is answered in the form of the graph, with a listed code and nothing of the request', () => {
  test.each(errors)('%s', async (_what, status, code, bytes) => {
    const logged = server.logged.length;

    const reply = await raw(bytes);

    const [error, ...others] = JSON.parse(reply.body).errors;
    expect([reply.status, error.extensions.code, others]).toEqual([status, code, []]);
    expect(Object.keys(refusalCodes)).toContain(code);
    expect(error.extensions.requestId).toBe(reply.headers.get('x-request-id'));
    expect(Object.keys(error)).toEqual(['message', 'extensions']);
    expect(Object.keys(error.extensions).toSorted()).toEqual(['code', 'requestId']);
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(guardsIn(reply)).toEqual(guards);
    const lines = server.logged.slice(logged);
    expect(lines.filter((line) => line.includes(error.extensions.requestId))).toHaveLength(1);
    expect(`${lines.join('\n')} ${reply.body}`).not.toMatch(
      new RegExp(`${KEY}|"level":50|FST_|node_modules`),
    );
  });
});

test.each([
  ['DELETE /graphql', 'GET, HEAD, POST, OPTIONS'],
  ['PUT /healthz', 'GET, HEAD, OPTIONS'],
  ['POST /readyz?x=1', 'GET, HEAD, OPTIONS'],
])('405 names what may be sent: %s', async (line, allow) => {
  expect((await raw(request(line))).headers.get('allow')).toBe(allow);
});

test('OPTIONS tells the methods of an address, and nothing where nothing is', async () => {
  const known = await raw(request('OPTIONS /graphql'));
  const unknown = await raw(request('OPTIONS /nowhere'));

  expect([known.status, known.headers.get('allow'), known.body]).toEqual([
    204,
    'GET, HEAD, POST, OPTIONS',
    '',
  ]);
  expect([unknown.status, unknown.headers.get('allow')]).toEqual([404, null]);
});

test('HEAD answers as GET does, without the body', async () => {
  const search = `query=${encodeURIComponent('{ __typename }')}`;
  for (const path of [`/graphql?${search}`, '/healthz', '/readyz', '/.well-known/jwks.json']) {
    const preflight = { 'apollo-require-preflight': '1' };

    const [head, get] = [
      await raw(request(`HEAD ${path}`, preflight)),
      await raw(request(`GET ${path}`, preflight)),
    ];

    expect([path, head.status, head.body]).toEqual([path, 200, '']);
    for (const name of ['content-type', 'content-length', 'cache-control']) {
      expect([path, name, head.headers.get(name)]).toEqual([path, name, get.headers.get(name)]);
    }
    expect(get.body).not.toBe('');
  }
});

test('every answer of the graph is guarded, kept nowhere, and says nothing of what serves it', async () => {
  const answers = [
    await raw(request('POST /graphql', json, query)),
    await raw(request('POST /graphql', json, '{"query":"{"}')),
    await raw(request('POST /graphql', { ...json, authorization: 'Bearer x' }, query)),
  ];

  expect(answers.map(({ status }) => status)).toEqual([200, 400, 401]);
  for (const answer of answers) {
    expect(guardsIn(answer)).toEqual(guards);
    for (const name of ['server', 'x-powered-by', 'via', 'set-cookie'])
      expect(answer.headers.get(name)).toBe(null);
  }
});

test('browsers are told to come by HTTPS only where they did, as a trusted proxy says', async () => {
  const secure = { 'x-forwarded-proto': 'https' };
  const hsts = async (to: TestServer, headers: Record<string, string>): Promise<string | null> =>
    (await raw(request('GET /healthz', headers), to)).headers.get('strict-transport-security');

  expect(await hsts(proxied, secure)).toBe('max-age=31536000; includeSubDomains');
  expect(await hsts(proxied, {})).toBe(null);
  expect(await hsts(server, secure)).toBe(null);
});

test('an upgrade that nobody knows here is ignored, and the connection goes on', async () => {
  const upgrade = {
    connection: 'Upgrade, HTTP2-Settings',
    upgrade: 'h2c',
    'http2-settings': 'AAMAAABkAAQAAP__',
  };
  const length = { 'content-length': String(query.length) };
  const socket = connect(ports.get(server) ?? 0, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  const answers = (): number => text.split('{"data":{"__typename":"Query"}}').length - 1;

  socket.write(handshake('POST /graphql', { ...json, ...length, ...upgrade }).replace(/\r\nsec-[^\r]*/g, ''));
  socket.write(query);
  await expect.poll(answers).toBe(1);
  socket.write(request('POST /graphql', { ...json, ...upgrade, connection: 'upgrade, close' }, query));
  await once(socket, 'close');

  expect(answers()).toBe(2);
  expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
});

test('an upgrade behind a request that is not answered yet ends the connection', async () => {
  for (const upgrade of ['h2c', 'websocket']) {
    const socket = connect(ports.get(server) ?? 0, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });

    socket.write(
      request('POST /graphql', { ...json, connection: 'keep-alive' }, query).replace(
        'connection: close\r\n',
        '',
      ),
    );
    socket.write(handshake('GET /graphql', { upgrade }).repeat(50));
    await once(socket, 'close');

    expect([upgrade, text.match(/HTTP\/1.1 \d+/g)?.at(-1)]).toEqual([upgrade, 'HTTP/1.1 400']);
  }
});

describe('the id of a request', () => {
  const id = 'proxy-4.2_f3a9';
  const idOf = async (to: TestServer, given: string): Promise<string | null> =>
    (await raw(request('GET /healthz', { 'x-request-id': given }), to)).headers.get('x-request-id');

  test('is ours, one for each, unless a trusted proxy gives one', async () => {
    const ids = [await idOf(server, id), await idOf(server, id)];

    expect(ids.every((each) => /^[0-9a-f-]{36}$/.test(each ?? ''))).toBe(true);
    expect(new Set([...ids, id]).size).toBe(3);
    expect(await idOf(proxied, id)).toBe(id);
  });

  test.each([
    '',
    'short',
    'x'.repeat(65),
    'two words here',
    '{"level":50}',
    '<script>alert(1)',
    'äöüäöüäö',
    `${id}, ${id}`,
  ])('is ours where a trusted proxy gives what is none: %j', async (given) => {
    expect(await idOf(proxied, given)).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('is the same in the answer, the log and the event of the act', async () => {
    const traced = 'proxy-traced';
    const tenant = await proxied.tenant();
    const authorization = `Bearer ${await proxied.token(tenant)}`;
    const body = JSON.stringify({
      query: 'mutation { createReseller(input: { name: "Traced" }) { reseller { id } } }',
    });

    const reply = await raw(
      request('POST /graphql', { ...json, authorization, 'x-request-id': traced }, body),
      proxied,
    );

    const [event] =
      await server.sql`select metadata from license_event_logs where tenant_id = ${tenant.tenant_id}`;
    expect(reply.headers.get('x-request-id')).toBe(traced);
    expect(
      proxied.logged.filter((line) => line.includes(traced)).map((line) => JSON.parse(line).requestId),
    ).toEqual([traced]);
    expect(event?.metadata).toMatchObject({ request_id: traced });
  });

  test('is written beside the units that it used, however long a proxy makes it', async () => {
    const shop = await openFeatureShop(proxied);
    const { id: licenseId } = await grantAnalytics(proxied, shop, 5);
    const authorization = `Bearer ${await proxied.token(shop.admin)}`;
    const longest = 'proxy-'.padEnd(64, '7');
    const body = JSON.stringify({ query: useAnalytics, variables: { id: licenseId } });

    const reply = await raw(
      request('POST /graphql', { ...json, authorization, 'x-request-id': longest }, body),
      proxied,
    );

    const [line] =
      await server.sql`select request_id, amount::int as amount from usage_ledger where tenant_id = ${shop.tenantId}`;
    expect(JSON.parse(reply.body)).toMatchObject({ data: { license: { id: licenseId } } });
    expect(line).toEqual({ request_id: longest, amount: 1 });
  });
});
