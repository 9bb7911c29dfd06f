import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readConfig } from '../../src/core/config.js';
import { startTestServer, type TestServer } from '../support/server.js';

const APP = 'https://app.example.com';
const OTHER = 'https://evil.example.com';

/** By default, with a list of origins, open to everybody. */
let closed: TestServer;
let listing: TestServer;
let open: TestServer;
const addresses = new Map<TestServer, string>();

async function listening(environment: NodeJS.ProcessEnv, beside?: TestServer): Promise<TestServer> {
  const server = await startTestServer({ environment, ...(beside === undefined ? {} : { beside }) });
  addresses.set(server, await server.app.listen({ host: '127.0.0.1', port: 0 }));
  return server;
}

beforeAll(async () => {
  closed = await listening({});
  listing = await listening({ LG_CORS_ORIGINS: `${APP}, http://localhost:3000` }, closed);
  open = await listening({ LG_CORS_ORIGINS: '*' }, closed);
});
afterAll(async () => {
  await open.stop();
  await listing.stop();
  await closed.stop();
});

interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

async function send(to: TestServer, init: RequestInit, path = '/graphql'): Promise<Sent> {
  const response = await fetch(`${addresses.get(to)}${path}`, init);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** What a browser sends ahead of a request with a bearer token. */
function preflight(to: TestServer, origin: string): Promise<Sent> {
  const headers = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,idempotency-key,apollo-require-preflight',
  };
  return send(to, { method: 'OPTIONS', headers });
}

function ask(to: TestServer, origin?: string): Promise<Sent> {
  const headers = { 'content-type': 'application/json', ...(origin === undefined ? {} : { origin }) };
  return send(to, { method: 'POST', headers, body: '{"query":"{ __typename }"}' });
}

const corsHeaders = ({ headers }: Sent): string[] =>
  [...headers.keys()].filter((name) => name.startsWith('access-control-'));
const createReseller = 'mutation { createReseller(input: { name: "Forged" }) { reseller { id } } }';

describe('a page of another origin', () => {
  test('is told nothing by default', async () => {
    const answers = [await preflight(closed, APP), await ask(closed, APP)];

    expect(answers.map(corsHeaders)).toEqual([[], []]);
  });

  test('that is listed may send what clients send, and read what they need', async () => {
    const asked = await preflight(listing, APP);
    const answered = await ask(listing, APP);

    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(APP);
    expect(asked.headers.get('access-control-allow-methods')).toBe('GET, POST');
    expect(asked.headers.get('access-control-allow-headers')).toBe(
      'authorization, content-type, idempotency-key, apollo-require-preflight, x-apollo-operation-name',
    );
    expect(asked.headers.get('access-control-max-age')).toBe('7200');
    expect(answered).toMatchObject({ status: 200, body: '{"data":{"__typename":"Query"}}\n' });
    expect(answered.headers.get('access-control-allow-origin')).toBe(APP);
    expect(answered.headers.get('access-control-expose-headers')).toBe(
      'retry-after, www-authenticate, x-request-id',
    );
    expect(answered.headers.get('vary')).toBe('origin');
  });

  test.each([
    OTHER,
    'null',
    `${APP}.evil.com`,
    `${APP}:8443`,
    'http://app.example.com',
    'https://APP.example.com',
    `${APP}/`,
    'https://example.com',
    `${APP}, ${OTHER}`,
  ])('that is not listed is never reflected: %s', async (origin) => {
    const answers = [await preflight(listing, origin), await ask(listing, origin)];

    expect(answers.map(corsHeaders)).toEqual([[], []]);
    expect(answers.map(({ headers }) => headers.get('vary'))).toEqual(['origin', 'origin']);
  });

  test('is never given credentials, not even where every origin is allowed', async () => {
    const answers = [await preflight(open, OTHER), await ask(open, OTHER)];

    expect(answers.map(({ headers }) => headers.get('access-control-allow-origin'))).toEqual(['*', '*']);
    expect(answers.map(({ headers }) => headers.get('access-control-allow-credentials'))).toEqual([
      null,
      null,
    ]);
    expect(answers.map(({ headers }) => headers.get('set-cookie'))).toEqual([null, null]);
  });

  test('reads errors too where it is listed, and a cache keeps its answer for it alone', async () => {
    const missing = await send(listing, { headers: { origin: APP } }, '/nowhere');
    const without = await ask(listing);

    expect([missing.status, missing.headers.get('access-control-allow-origin')]).toEqual([404, APP]);
    expect([without.headers.get('vary'), corsHeaders(without)]).toEqual(['origin', []]);
  });
});

test.each([
  '',
  'example.com',
  'https://app.example.com/',
  'https://app.example.com/x',
  'https://*.example.com',
  'null',
  'ftp://example.com',
  `*, ${APP}`,
  'https://app.example.com:443',
])('LG_CORS_ORIGINS takes exact origins only: %j', (value) => {
  const read = (): unknown => readConfig({ LG_CORS_ORIGINS: value }).LG_CORS_ORIGINS;

  if (value === '') expect(read()).toEqual([]);
  else expect(read).toThrow(/LG_CORS_ORIGINS: /);
});

describe('what a page can send without a preflight changes nothing', () => {
  const query = JSON.stringify({ query: createReseller });
  const form = `query=${encodeURIComponent(createReseller)}`;
  test.each<[string, number, string, RequestInit]>([
    ['a form', 415, '', { body: form, headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    ['JSON as plain text', 415, '', { body: query, headers: { 'content-type': 'text/plain' } }],
    [
      'an upload',
      415,
      '',
      {
        body: `--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n${query}\r\n--x--`,
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      },
    ],
    ['JSON without a type', 415, '', { body: new Blob([query]) }],
    ['nothing but an address', 400, `?${form}`, {}],
    ['a mutation in an address', 400, `?${form}`, { method: 'GET' }],
    [
      'a query in an address',
      400,
      `?query=${encodeURIComponent('{ viewer { subject } }')}`,
      { method: 'GET' },
    ],
    [
      'a look at the head of it',
      400,
      `?query=${encodeURIComponent('{ viewer { subject } }')}`,
      { method: 'HEAD' },
    ],
  ])('%s', async (_what, status, search, init) => {
    const authorization = `Bearer ${await open.token(await open.tenant())}`;
    const resellers = await open.count('resellers');

    const headers = { ...init.headers, origin: OTHER, authorization };
    const answer = await send(open, { method: 'POST', ...init, headers }, `/graphql${search}`);

    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain('"data"');
    expect(await open.count('resellers')).toBe(resellers);
  });
});

describe('a WebSocket', () => {
  async function outcome(to: TestServer, headers: Record<string, string>): Promise<unknown> {
    const url = `${addresses.get(to)?.replace('http', 'ws')}/graphql`;
    const socket = new WebSocket(url, 'graphql-transport-ws', { headers });
    const opened = once(socket, 'open').then(
      () => 'open',
      () => 'refused',
    );
    const refused = once(socket, 'unexpected-response').then(async ([, response]) => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      return [response.statusCode, JSON.parse(body).errors[0].extensions.code];
    });
    refused.catch(() => undefined);
    const result = await Promise.race([opened, refused]);
    socket.on('error', () => undefined);
    socket.terminate();
    return result;
  }
  const host = (to: TestServer): string => addresses.get(to)?.replace('http://', '') ?? '';

  test('of a page of another origin is refused before it is open', async () => {
    expect(await outcome(closed, { origin: OTHER })).toEqual([403, 'ORIGIN_NOT_ALLOWED']);
    expect(await outcome(closed, { origin: 'null' })).toEqual([403, 'ORIGIN_NOT_ALLOWED']);
    expect(await outcome(listing, { origin: OTHER })).toEqual([403, 'ORIGIN_NOT_ALLOWED']);
    expect(await outcome(closed, { origin: OTHER, 'x-forwarded-host': 'evil.example.com' })).toEqual([
      403,
      'ORIGIN_NOT_ALLOWED',
    ]);
  });

  test('opens for our own pages, for those that are listed, and for programs, which send no origin', async () => {
    expect(await outcome(closed, { origin: `http://${host(closed)}` })).toBe('open');
    expect(await outcome(listing, { origin: APP })).toBe('open');
    expect(await outcome(open, { origin: OTHER })).toBe('open');
    expect(await outcome(closed, {})).toBe('open');
  });
});
