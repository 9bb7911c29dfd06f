import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readConfig } from '../../src/core/config.js';
import { KeptDocuments } from '../../src/server/limits/documents.js';
import {
  type Claims,
  type GraphError,
  type Json,
  startTestServer,
  type TestServer,
} from '../support/server.js';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const by = (sha256Hash: unknown, version: unknown = 1) => ({ persistedQuery: { version, sha256Hash } });

const OPEN = '{ __typename }';
const CREATE =
  'mutation ($name: String!) { createReseller(input: { name: $name }) { reseller { id name } } }';
const FOLLOW = 'subscription { licenseChanged { type } }';
const UNLISTED = '{ other: __typename }';
const listed: Readonly<Record<string, string>> = Object.fromEntries(
  [OPEN, CREATE, FOLLOW].map((text) => [hash(text), text]),
);

let folder: string;
let automatic: TestServer;
let trusted: TestServer;
let inFull: TestServer;
const addresses = new Map<TestServer, string>();

async function start(environment: NodeJS.ProcessEnv, events = false): Promise<TestServer> {
  const beside = automatic === undefined ? {} : { beside: automatic };
  const server = await startTestServer({ environment, events, ...beside });
  addresses.set(server, await server.app.listen({ host: '127.0.0.1', port: 0 }));
  return server;
}

async function fileOf(content: unknown): Promise<string> {
  const path = join(folder, `${hash(JSON.stringify(content)).slice(0, 16)}.json`);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-documents-'));
  automatic = await start({});
  trusted = await start({ TRUSTED_DOCUMENTS: await fileOf(listed) }, true);
  inFull = await start({ LG_PERSISTED_QUERIES: 'false' });
});
afterAll(async () => {
  await inFull?.stop();
  await trusted?.stop();
  await automatic?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Reply {
  readonly status: number;
  readonly code: string | undefined;
  readonly data: Json | null | undefined;
}

interface Ask {
  readonly as?: Claims;
  readonly headers?: Record<string, string>;
}

async function sent(server: TestServer, search: string, body: unknown, { as, headers }: Ask): Promise<Reply> {
  const authorization = as === undefined ? {} : { authorization: `Bearer ${await server.token(as)}` };
  const init: RequestInit =
    body === undefined
      ? { headers: { 'apollo-require-preflight': '1', ...authorization, ...headers } }
      : {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...authorization, ...headers },
          body: JSON.stringify(body),
        };
  const response = await fetch(`${addresses.get(server)}/graphql${search}`, init);
  const answer = (await response.json()) as { data?: Json | null; errors?: GraphError[] };
  return { status: response.status, code: answer.errors?.[0]?.extensions.code, data: answer.data };
}

const post = (server: TestServer, body: unknown, ask: Ask = {}): Promise<Reply> =>
  sent(server, '', body, ask);
const get = (server: TestServer, parameters: Record<string, string>, ask: Ask = {}): Promise<Reply> =>
  sent(server, `?${new URLSearchParams(parameters)}`, undefined, ask);

/** The first answer over a socket: data, or the code of its error. */
async function overSocket(server: TestServer, as: Claims, payload: object): Promise<unknown> {
  const client = createClient({
    url: `${addresses.get(server)?.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { token: await server.token(as) },
    retryAttempts: 0,
  });
  try {
    const answers = client.iterate<Json>({ query: '', ...payload });
    const { value } = await answers.next();
    return value?.errors?.[0]?.extensions?.code ?? JSON.parse(JSON.stringify(value?.data ?? null));
  } catch (errors) {
    return Array.isArray(errors) ? errors[0].extensions.code : errors;
  } finally {
    await client.dispose();
  }
}

const done = { status: 200, code: undefined, data: { __typename: 'Query' } };

describe('automatic persisted queries', () => {
  test('a hash that nobody knows asks for its text, and is enough from then on, at either door', async () => {
    const text = `${OPEN} # automatic`;
    const admin = await automatic.tenant();
    const extensions = by(hash(text));

    const unknown = await post(automatic, { extensions });
    const registered = await post(automatic, { query: text, extensions });
    const known = await post(automatic, { extensions });
    const fetched = await get(automatic, { extensions: JSON.stringify(extensions) });
    const streamed = await overSocket(automatic, admin, { extensions });

    expect(unknown).toEqual({ status: 200, code: 'PERSISTED_QUERY_NOT_FOUND', data: undefined });
    expect([registered, known, fetched]).toEqual([done, done, done]);
    expect(streamed).toEqual({ __typename: 'Query' });
  });

  test('a hash registered over a socket is known over HTTP', async () => {
    const text = `${OPEN} # by socket`;
    const admin = await automatic.tenant();

    const unknown = await overSocket(automatic, admin, { extensions: by(hash(text)) });
    await overSocket(automatic, admin, { query: text, extensions: by(hash(text)) });

    expect(unknown).toBe('PERSISTED_QUERY_NOT_FOUND');
    expect(await post(automatic, { extensions: by(hash(text)) })).toEqual(done);
  });

  test.each<[string, object]>([
    ['the hash of another text', { query: OPEN, extensions: by(hash(UNLISTED)) }],
    ['no hash', { query: OPEN, extensions: by('') }],
    ['half a hash', { query: OPEN, extensions: by(hash(OPEN).slice(0, 32)) }],
    ['a hash in capitals', { query: OPEN, extensions: by(hash(OPEN).toUpperCase()) }],
    ['a hash that is a number', { query: OPEN, extensions: by(1) }],
    ['a hash that is a list', { query: OPEN, extensions: by([hash(OPEN)]) }],
    ['another version', { query: OPEN, extensions: by(hash(OPEN), 2) }],
    ['no version', { query: OPEN, extensions: by(hash(OPEN), null) }],
  ])('%s is refused and registers nothing', async (_what, body) => {
    expect(await post(automatic, body)).toEqual({ status: 400, code: 'BAD_REQUEST', data: undefined });
    expect((await post(automatic, { extensions: by(hash(UNLISTED)) })).code).toBe(
      'PERSISTED_QUERY_NOT_FOUND',
    );
  });

  test.each(['__proto__', 'constructor', 'toString'])(
    'no member of an object is a document: %s',
    async (name) => {
      expect((await post(automatic, { extensions: by(name) })).code).toBe('PERSISTED_QUERY_NOT_FOUND');
    },
  );

  test('a hash opens nothing that its text would not: validation, permission and method are asked each time', async () => {
    const invalid = '{ viewer { password } }';
    const secret = '{ customers { nodes { id } } }';
    const [tenant, resellers] = [await automatic.tenant(), await automatic.count('resellers')];
    for (const query of [invalid, secret, CREATE]) {
      await post(automatic, { query, extensions: by(hash(query)), variables: { name: 1 } }, { as: tenant });
    }

    const answers = [
      await post(automatic, { extensions: by(hash(invalid)) }),
      await post(automatic, { extensions: by(hash(secret)) }),
      await get(
        automatic,
        { extensions: JSON.stringify(by(hash(CREATE))), variables: '{"name":"x"}' },
        { as: tenant },
      ),
    ];

    expect(answers.map(({ status, code }) => [status, code])).toEqual([
      [400, 'GRAPHQL_VALIDATION_FAILED'],
      [200, 'UNAUTHENTICATED'],
      [405, 'METHOD_NOT_ALLOWED'],
    ]);
    expect(await automatic.count('resellers')).toBe(resellers);
  });

  test('what is too large to be parsed is so by its hash too, whichever door it came by', async () => {
    const deep = `${'{a'.repeat(3000)}${'}'.repeat(3000)}`;
    const admin = await automatic.tenant();
    const extensions = by(hash(deep));

    const registered = await overSocket(automatic, admin, { query: deep, extensions });
    const [recalled, streamed] = [
      await post(automatic, { extensions }),
      await overSocket(automatic, admin, { extensions }),
    ];

    expect([registered, streamed]).toEqual(['OPERATION_TOO_LARGE', 'OPERATION_TOO_LARGE']);
    expect(recalled).toEqual({ status: 400, code: 'OPERATION_TOO_LARGE', data: undefined });
  });

  test.each([
    ['a thousand', 1000, 10],
    ['four million characters', 200, 20_000],
  ])('%s are kept, and the one that was used last stays', (_what, count, length) => {
    const documents = new KeptDocuments();
    const texts = Array.from({ length: count }, (_, index) => String(index).padEnd(length, '#'));
    const register = (query: string) => documents.find({ query, extensions: by(hash(query)) });
    const recall = (text = '') => documents.find({ extensions: by(hash(text)) });
    for (const text of texts) register(text);

    const before = recall(texts[0]);
    register('one more');

    expect([before, recall(texts[0]), recall(texts[2])]).toEqual([texts[0], texts[0], texts[2]]);
    expect(() => recall(texts[1])).toThrow('PersistedQueryNotFound');
  });

  test('are refused where they are switched off, by hash and with their text', async () => {
    const extensions = by(hash(OPEN));
    const refused = { status: 200, code: 'PERSISTED_QUERY_NOT_SUPPORTED', data: undefined };

    expect(await post(inFull, { extensions })).toEqual(refused);
    expect(await post(inFull, { query: OPEN, extensions })).toEqual(refused);
    expect(await post(inFull, { query: OPEN })).toEqual(done);
  });
});

test('an Idempotency-Key knows a mutation again, whether it comes by hash or in full', async () => {
  const as = await automatic.tenant();
  const ask = { as, headers: { 'idempotency-key': 'by-hash' } };
  const variables = { name: 'Once' };
  const extensions = by(hash(CREATE));
  await post(automatic, { query: CREATE, extensions, variables: { name: 'Warm' } }, { as });

  const first = await post(automatic, { extensions, variables }, ask);
  const second = await post(automatic, { query: CREATE.replaceAll(' { ', ' {\n  '), variables }, ask);
  const other = await post(automatic, { extensions, variables: { name: 'Twice' } }, ask);

  expect(first.data?.createReseller?.reseller?.name).toBe('Once');
  expect(second).toEqual(first);
  expect(other.code).toBe('IDEMPOTENCY_KEY_REUSED');
  expect(await automatic.count('resellers', `tenant_id = '${as.tenant_id}' and name = 'Once'`)).toBe(1);
});

describe('with TRUSTED_DOCUMENTS', () => {
  test('what is listed runs: by id, by hash, in full, with POST, GET and over a socket', async () => {
    const admin = await trusted.tenant();
    const id = hash(OPEN);
    const extensions = by(id);

    const answers = [
      await post(trusted, { documentId: id }),
      await post(trusted, { documentId: `sha256:${id}` }),
      await post(trusted, { extensions }),
      await post(trusted, { query: OPEN }),
      await post(trusted, { query: OPEN, extensions }),
      await get(trusted, { documentId: id }),
      await get(trusted, { extensions: JSON.stringify(extensions) }),
      await get(trusted, { query: OPEN }),
    ];
    const streamed = [
      await overSocket(trusted, admin, { documentId: id }),
      await overSocket(trusted, admin, { extensions }),
      await overSocket(trusted, admin, { query: OPEN }),
    ];
    const mutated = await post(
      trusted,
      { documentId: hash(CREATE), variables: { name: 'Listed' } },
      { as: admin },
    );

    expect(answers).toEqual(Array(8).fill(done));
    expect(streamed).toEqual(Array(3).fill({ __typename: 'Query' }));
    expect(mutated.data?.createReseller?.reseller?.name).toBe('Listed');
  });

  const id = hash(OPEN);
  const evil = 'mutation { createReseller(input: { name: "Evil" }) { reseller { id } } }';
  test.each<[string, object]>([
    ['another document', { query: evil }],
    ['a listed one with white space more', { query: `${OPEN} ` }],
    ['introspection', { query: '{ __schema { queryType { name } } }' }],
    ['a hash that is not listed', { extensions: by(hash(evil)) }],
    ['a text that would register itself', { query: evil, extensions: by(hash(evil)) }],
    ['another text behind a listed id', { query: evil, documentId: id }],
    ['another text behind a listed hash', { query: evil, extensions: by(id) }],
    ['a listed text behind an unknown id', { query: OPEN, documentId: hash(evil) }],
    ['an id that is no text', { documentId: { id } }],
    ['an id that is empty', { documentId: '', query: evil }],
    ['a hash that is no text', { query: evil, extensions: by(null) }],
    ['a member of every object', { documentId: 'constructor' }],
  ])('nothing else runs: %s', async (_what, payload) => {
    const admin = await trusted.tenant();
    const refused = { status: 403, code: 'DOCUMENT_NOT_TRUSTED', data: undefined };

    expect(await post(trusted, payload, { as: admin })).toEqual(refused);
    expect(await overSocket(trusted, admin, payload)).toBe('DOCUMENT_NOT_TRUSTED');
    expect(await trusted.count('resellers', `tenant_id = '${admin.tenant_id}'`)).toBe(0);
  });

  test.each([
    `query=${encodeURIComponent(UNLISTED)}`,
    `query=${encodeURIComponent(OPEN)}&query=${encodeURIComponent(UNLISTED)}`,
    `query=${encodeURIComponent(UNLISTED)}&documentId=${id}`,
    `query=${encodeURIComponent(UNLISTED)}&extensions={`,
    `documentId=${id}&documentId=${hash(UNLISTED)}&query=${encodeURIComponent(UNLISTED)}`,
    '',
  ])('nothing else runs by address: %s', async (search) => {
    const { status, data } = await sent(trusted, `?${search}`, undefined, {});

    expect([403, 400]).toContain(status);
    expect(data).toBe(undefined);
  });

  test.each([
    [[{ query: UNLISTED }]],
    [{ query: [UNLISTED] }],
    [{ query: null }],
    [{ variables: {} }],
    [{ query: { kind: 'Document', definitions: [] } }],
  ])('what names no document is no request: %j', async (body) => {
    expect(await post(trusted, body)).toEqual({ status: 400, code: 'BAD_REQUEST', data: undefined });
  });
});

describe('the file of TRUSTED_DOCUMENTS', () => {
  const manifest = (operations: unknown, version = 1) => ({
    format: 'apollo-persisted-query-manifest',
    version,
    operations,
  });

  test("may be the manifest of Apollo's tools", async () => {
    const operations = [{ id: hash(OPEN), name: 'Open', type: 'query', body: OPEN }];
    const path = await fileOf(manifest(operations));

    const server = await startTestServer({ environment: { TRUSTED_DOCUMENTS: path }, beside: automatic });

    expect((await server.graphql(OPEN)).errors).toEqual([]);
    expect((await server.graphql(UNLISTED)).code).toBe('DOCUMENT_NOT_TRUSTED');
    await server.stop();
  });

  const wrong = hash('another');
  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{ "a"', /takes a JSON object of SHA-256 hashes and documents/],
    ['a list', [OPEN], /takes a JSON object/],
    ['a text', JSON.stringify(OPEN), /takes a JSON object/],
    ['nothing', {}, /has no document/],
    ['a manifest of another version', manifest([], 2), /takes a JSON object/],
    ['a manifest of nothing', manifest(undefined), /takes a JSON object/],
    ['a manifest whose entries are none', manifest([null]), /undefined: is no hash with a document/],
    ['a document that is no text', { [wrong]: 5 }, /is no hash with a document/],
    [
      'a hash of another text',
      { [wrong]: OPEN },
      new RegExp(`${wrong}: is not the SHA-256 hash of its document`),
    ],
    ['no GraphQL', { [hash('{')]: '{' }, new RegExp(`${hash('{')}: Syntax Error`)],
    [
      'a document of another schema',
      { ...listed, [hash('{ price }')]: '{ price }' },
      new RegExp(`${hash('{ price }')}: Cannot query field "price" on type "Query"`),
    ],
  ])('stops the start when it is wrong, and says where: %s', async (_what, content, message) => {
    const environment = { TRUSTED_DOCUMENTS: await fileOf(content) };

    const started = startTestServer({ environment, beside: automatic });

    await expect(started).rejects.toThrow(message);
    await expect(started).rejects.toMatchObject({ name: 'StartupError' });
  });

  test('stops the start when it is not there, or where automatic ones are asked for as well', async () => {
    const environment = { TRUSTED_DOCUMENTS: join(folder, 'nowhere.json') };

    await expect(startTestServer({ environment, beside: automatic })).rejects.toThrow(
      /TRUSTED_DOCUMENTS: .*no such file/,
    );
    expect(() => readConfig({ TRUSTED_DOCUMENTS: 'x', LG_PERSISTED_QUERIES: 'true' })).toThrow(
      /LG_PERSISTED_QUERIES: does not go with TRUSTED_DOCUMENTS/,
    );
  });
});
