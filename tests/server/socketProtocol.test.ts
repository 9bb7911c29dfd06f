import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mutation, tablesOf } from '../support/acts.js';
import { issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { type Closed, listen, nothingLeft, RawSocket } from '../support/sockets.js';

let server: TestServer;
let url: string;
let shop: Shop;
let token: string;

beforeAll(async () => {
  server = await startTestServer({ events: true, environment: { LG_SOCKET_PING_SECONDS: '1' } });
  url = await listen(server);
  shop = await openShop(server);
});
beforeEach(async () => {
  token = await server.token(shop.admin);
});
afterEach(() => nothingLeft(server));
afterAll(() => server.stop());

const init = () => ({ type: 'connection_init', payload: { token } });
const changed = 'subscription { licenseChanged { sequence type license { id issuedTo } } }';
const ask = (id: unknown, query: unknown = '{ viewer { subject } }', rest: object = {}) => ({
  id,
  type: 'subscribe',
  payload: { query, ...rest },
});
const codesOf = (errors: unknown): unknown[] =>
  Array.isArray(errors) ? errors.map((error) => error.extensions.code) : [errors];

/** Sends messages in one go and answers how the socket was closed. */
async function closedAfter(messages: readonly unknown[], protocols?: readonly string[]): Promise<Closed> {
  const raw = await RawSocket.open(url, protocols === undefined ? {} : { protocols });
  for (const message of messages) raw.send(message);
  return raw.closed;
}

/** The same on a socket that was let in before. */
async function closedOnceIn(message: unknown): Promise<Closed> {
  const raw = await RawSocket.greeted(url, token);
  raw.send(message);
  return raw.closed;
}

describe('4400: what is no message of a client', () => {
  const invalid: readonly (readonly [string, unknown])[] = [
    ['no JSON', 'no json'],
    ['nothing', ''],
    ['null', 'null'],
    ['a number', '5'],
    ['text', '"connection_init"'],
    ['a list of messages', '[{"type":"ping"}]'],
    ['an object without a type', {}],
    ['a type that is no text', { type: 5 }],
    ['a type that nobody knows', { type: 'start', id: '1', payload: { query: '{ __typename }' } }],
    ['the name of a member of every object', { type: 'constructor' }],
    ['an acknowledgement', { type: 'connection_ack' }],
    ['a result', { type: 'next', id: '1', payload: { data: {} } }],
    ['an error', { type: 'error', id: '1', payload: [{ message: 'x' }] }],
    ['a subscription without an id', ask(undefined)],
    ['an empty id', ask('')],
    ['an id that is a number', ask(1)],
    ['an id that is a list', ask(['1'])],
    ['a subscription without a payload', { type: 'subscribe', id: '1' }],
    ['a payload that is a list', { type: 'subscribe', id: '1', payload: [] }],
    ['a subscription without a query', { type: 'subscribe', id: '1', payload: {} }],
    ['a query that is a list', ask('1', ['{ viewer { subject } }'])],
    ['variables that are a list', ask('1', '{ __typename }', { variables: [] })],
    ['variables that are text', ask('1', '{ __typename }', { variables: '{}' })],
    ['an operation name that is a number', ask('1', '{ __typename }', { operationName: 1 })],
    ['extensions that are a list', ask('1', '{ __typename }', { extensions: [] })],
    ['the end of an operation without an id', { type: 'complete' }],
    ['a ping whose payload is a list', { type: 'ping', payload: [] }],
    ['a pong whose payload is text', { type: 'pong', payload: 'x' }],
    ['an init whose payload is a list', { type: 'connection_init', payload: [{ token: 'x' }] }],
    ['an init whose payload is text', { type: 'connection_init', payload: 'Bearer x' }],
    ['a binary frame', Buffer.from(JSON.stringify({ type: 'ping' }))],
  ];

  test.each(invalid)('%s closes the socket, before and after it was let in', async (_what, message) => {
    const [before, after] = await Promise.all([closedAfter([message]), closedOnceIn(message)]);

    expect(before).toEqual({ code: 4400, reason: 'Invalid message received' });
    expect(after).toEqual(before);
  });

  test('what comes behind such a message in the same moment is not done', async () => {
    const raw = await RawSocket.greeted(url, token);
    const before = await tablesOf(server, shop.admin.tenant_id);
    const act = 'mutation { createReseller(input: { name: "Late" }) { reseller { id } } }';

    for (const message of ['no json', ask('1', act), ask('2', changed)]) raw.send(message);
    await raw.closed;

    await nothingLeft(server);
    expect(await tablesOf(server, shop.admin.tenant_id)).toEqual(before);
    expect(raw.heard.map(({ type }) => type)).toEqual(['connection_ack']);
  });
});

describe('frames that are none', () => {
  test('a message over a megabyte closes with 1009, and so do its parts', async () => {
    const whole = await RawSocket.greeted(url, token);
    const parts = await RawSocket.greeted(url, token);

    whole.send('x'.repeat(1_000_001));
    for (let part = 0; part < 12; part += 1) parts.socket.send('x'.repeat(100_000), { fin: false });

    expect((await whole.closed).code).toBe(1009);
    expect((await parts.closed).code).toBe(1009);
  });

  test('text that is no UTF-8 closes with 1007', async () => {
    const raw = await RawSocket.greeted(url, token);

    raw.socket.send(Buffer.from([0xff, 0xfe, 0xff]), { binary: false });

    expect((await raw.closed).code).toBe(1007);
  });
});

describe('4406, 4408, 4409, 4429', () => {
  test('another subprotocol, or none, is told so by the code', async () => {
    const expected = { code: 4406, reason: 'Subprotocol not acceptable' };

    expect(await closedAfter([], ['graphql-ws'])).toEqual(expected);
    expect(await closedAfter([init()], [])).toEqual(expected);
    expect(
      (await RawSocket.greeted(url, token, { protocols: ['soap', 'graphql-transport-ws'] })).socket,
    ).toMatchObject({
      protocol: 'graphql-transport-ws',
    });
    for (const client of server.app.websocketServer.clients) client.terminate();
  });

  test('who says nothing, or only pings, is asked to leave after 5 seconds', async () => {
    const pinging = await RawSocket.open(url);
    pinging.send({ type: 'ping' });

    const closed = await Promise.all([pinging.closed, closedAfter([])]);

    expect(closed).toEqual(Array(2).fill({ code: 4408, reason: 'Connection initialisation timeout' }));
  });

  test('an id that is in use', async () => {
    const raw = await RawSocket.greeted(url, token);

    raw.send(ask('x'.repeat(200), changed));
    raw.send(ask('x'.repeat(200)));

    const { code, reason } = await raw.closed;
    expect(code).toBe(4409);
    expect(reason).toMatch(/^Subscriber for x{100,}$/);
  });

  test.each(['1', '__proto__', 'constructor', '終'.repeat(100)])(
    'the id %s serves once and again',
    async (id) => {
      const raw = await RawSocket.greeted(url, token);

      for (const round of [1, 2, 3]) {
        const heard = await raw.answer(id, '{ viewer { subject } }');
        expect(
          heard.map(({ type }) => type),
          `round ${round}`,
        ).toEqual(['next', 'complete']);
        raw.heard.length = 0;
      }
      await raw.hangUp();
    },
  );

  test('a second init, at once and later', async () => {
    const expected = { code: 4429, reason: 'Too many initialisation requests' };

    expect(await closedAfter([init(), init()])).toEqual(expected);
    expect(await closedOnceIn(init())).toEqual(expected);
  });
});

describe('pings', () => {
  test('are answered before and after the init, with what they carry if that is little', async () => {
    const raw = await RawSocket.open(url);

    raw.send({ type: 'ping' });
    raw.send({ type: 'ping', payload: { at: 5 } });
    raw.send({ type: 'ping', payload: { padding: 'x'.repeat(2000) } });
    raw.send(`{"type":"ping","payload":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`);
    raw.send({ type: 'pong', payload: { unasked: true } });
    raw.send(init());
    await raw.until(({ type }) => type === 'connection_ack');

    const pong = { type: 'pong' };
    expect(raw.heard).toEqual([
      pong,
      { ...pong, payload: { at: 5 } },
      pong,
      pong,
      { type: 'connection_ack' },
    ]);
    await raw.hangUp();
  });

  test('a peer that answers none is cut off, its streams with it; one that answers stays', async () => {
    const dead = await RawSocket.greeted(url, token, { autoPong: false });
    const alive = await RawSocket.greeted(url, token);
    dead.ask('1', changed);

    const { code } = await dead.closed;
    const answered = await alive.answer('1', '{ viewer { subject } }');

    expect(code).toBe(1006);
    expect(answered).toHaveLength(2);
    await alive.hangUp();
  });
});

describe('an operation that goes wrong ends itself', () => {
  /** Asks on a socket on which a stream runs and another operation is answered afterwards. */
  async function askBesideOthers(as: Claims, query: string, rest: object = {}) {
    const raw = await RawSocket.as(server, url, as);
    raw.ask('stream', changed);
    const heard = await raw.answer('bad', query, rest);
    const after = await raw.answer('good', '{ viewer { subject } }');
    expect(after.map(({ type }) => type)).toEqual(['next', 'complete']);
    expect(raw.of('stream')).toEqual([]);
    await raw.hangUp();
    return heard;
  }

  test.each([
    ['an empty document', '', {}, 'GRAPHQL_PARSE_FAILED'],
    ['no GraphQL', 'query {', {}, 'GRAPHQL_PARSE_FAILED'],
    ['a field that is not there', '{ nobodyKnows }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'several operations and no name',
      'query a { __typename } query b { __typename }',
      {},
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'the name of another operation',
      'query a { __typename }',
      { operationName: 'b' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['only a fragment', 'fragment f on Query { __typename }', {}, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'variables that do not fit',
      'query ($id: ID!) { license(id: $id) { id } }',
      { variables: { id: [1] } },
      'BAD_USER_INPUT',
    ],
    [
      'an idempotency key that is no text',
      '{ __typename }',
      { extensions: { idempotencyKey: 5 } },
      'BAD_REQUEST',
    ],
  ])('%s', async (_what, query, rest, code) => {
    const heard = await askBesideOthers(shop.admin, query, rest);

    expect(heard.map(({ type, payload }) => [type, codesOf(payload)])).toEqual([['error', [code]]]);
  });

  test('a refused field, as its answer', async () => {
    const nobody: Claims = { tenant_id: shop.admin.tenant_id, roles: [] };
    const raw = await RawSocket.as(server, url, nobody);

    const query = await raw.answer('1', '{ customers { nodes { id } } }');
    const stream = await raw.answer('2', changed);
    const act = await raw.answer('3', mutation('createReseller', 'reseller { id }'), {
      variables: { input: { name: 'x' } },
    });

    for (const heard of [query, stream, act]) {
      expect(heard.map(({ type }) => type)).toEqual(['next', 'complete']);
      expect(codesOf(heard[0]?.payload?.errors)).toEqual(['FORBIDDEN']);
    }
    await raw.hangUp();
  });

  /** Runs while the server's role lacks a right on a table: what needs it fails for real. */
  async function without<Result>(table: string, run: () => Promise<Result>): Promise<Result> {
    await server.sql.unsafe(`revoke select on ${table} from lg_app`);
    return run().finally(() => server.sql.unsafe(`grant select on ${table} to lg_app`));
  }

  test('a defect of ours, in a resolver and before the first, is masked and logged with its request', async () => {
    const { id } = await issueLicense(server, shop);
    await expect.poll(() => server.count('unsealed_events')).toBe(0);
    const metered = `{ license(id: "${id}") { advancedAnalytics { operatingSystems { name } } } }`;

    const [thrown] = await without('customers', () =>
      askBesideOthers(shop.admin, '{ customers { nodes { id } } }'),
    );
    const [unbegun] = await without('licenses', () => askBesideOthers(shop.admin, metered));

    const [error] = thrown?.payload?.errors ?? [];
    expect(thrown?.type).toBe('next');
    expect(error?.message).toBe('Something went wrong on our side.');
    expect(server.logged.filter((line) => line.includes(String(error?.extensions.requestId)))).toHaveLength(
      1,
    );
    expect(unbegun?.type).toBe('error');
    expect(codesOf(unbegun?.payload)).toEqual(['INTERNAL_SERVER_ERROR']);
    expect(JSON.stringify(unbegun)).not.toContain('denied');
  });
});
