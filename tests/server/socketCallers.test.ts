import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Refusal, type RefusalCode, refusalCodes } from '../../src/core/refusal.js';
import { farewellOf } from '../../src/server/sockets/webSocket.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { type Closed, listen, nothingLeft, RawSocket } from '../support/sockets.js';

let server: TestServer;
let url: string;
let shop: Shop;
let token: string;

beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
  shop = await openShop(server);
});
beforeEach(async () => {
  token = await server.token(shop.admin);
});
afterEach(() => nothingLeft(server));
afterAll(() => server.stop());

const init = () => ({ type: 'connection_init', payload: { token } });
const ask = { id: '1', type: 'subscribe', payload: { query: 'subscription { licenseChanged { type } }' } };

/** Sends messages in one go and answers how the socket was closed. */
async function closedAfter(...messages: readonly unknown[]): Promise<Closed> {
  const raw = await RawSocket.open(url);
  for (const message of messages) raw.send(message);
  return raw.closed;
}

describe('4401, 4403: who is let in', () => {
  const unauthenticated = (reason: string) => ({ code: 4401, reason: `UNAUTHENTICATED: ${reason}` });
  const noToken = unauthenticated('Send a bearer token, or a license key, as `authorization`.');

  test('an operation before the acknowledgement', async () => {
    const expected = { code: 4401, reason: 'Unauthorized' };

    expect(await closedAfter(ask)).toEqual(expected);
    expect(await closedAfter(init(), ask)).toEqual(expected);
  });

  test.each([
    ['no payload', { type: 'connection_init' }],
    ['null', { type: 'connection_init', payload: null }],
    ['an empty one', { type: 'connection_init', payload: {} }],
    ['a token that is no text', { type: 'connection_init', payload: { token: { token: 'x' } } }],
    ['a list of tokens', { type: 'connection_init', payload: { authorization: ['Bearer x'] } }],
    ['null for a token', { type: 'connection_init', payload: { authorization: null, token: null } }],
    [
      'members of every object',
      '{"type":"connection_init","payload":{"__proto__":{"token":"x"},"constructor":1}}',
    ],
    [
      'lists within lists',
      `{"type":"connection_init","payload":{"a":${'['.repeat(9000)}${']'.repeat(9000)}}}`,
    ],
    [
      'nearly all that a message may be',
      { type: 'connection_init', payload: { padding: 'x'.repeat(499_000) } },
    ],
  ])('an init with %s names nobody', async (_what, message) => {
    expect(await closedAfter(message)).toEqual(noToken);
  });

  test('a token that does not verify, or is over, or of a tenant that does not exist', async () => {
    const over = await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, server.now, -120);
    const nowhere = await server.token({ tenant_id: 'nowhere', roles: ['admin'] });
    const initWith = (payload: object) => closedAfter({ type: 'connection_init', payload });

    const closed = await Promise.all([
      initWith({ token: 'forged' }),
      initWith({ token: `${token.slice(0, -4)}AAAA` }),
      initWith({ authorization: token }),
      initWith({ authorization: 'Basic dXNlcjpwYXNz' }),
      initWith({ token: over }),
      initWith({ token: nowhere }),
    ]);

    expect(closed.map(({ code }) => code)).toEqual(Array(6).fill(4401));
    for (const { reason } of closed) expect(reason).toMatch(/^[A-Z_]+: \S/);
  });

  test('the token stands as `authorization`, in either spelling, or as `token`', async () => {
    for (const payload of [
      { authorization: `Bearer ${token}` },
      { Authorization: `bearer ${token}` },
      { token },
    ]) {
      const raw = await RawSocket.open(url);
      raw.send({ type: 'connection_init', payload });
      await raw.until(({ type }) => type === 'connection_ack');
      await raw.hangUp();
    }
  });

  test('a socket ends with its token, its streams before it', async () => {
    const soon = await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, server.now, 1);
    const raw = await RawSocket.greeted(url, soon ?? '');
    raw.send(ask);
    server.pass(2000);

    const closed = await raw.closed;

    expect(closed.code).toBe(4401);
    expect(raw.of('1')).toEqual([]);
  });

  const closing: readonly (readonly [RefusalCode, number])[] = [
    ['UNAUTHENTICATED', 4401],
    ['FORBIDDEN', 4403],
    ['CUSTOMER_INACTIVE', 4403],
    ['QUOTA_EXCEEDED', 1013],
  ];
  test.each(closing)('a caller who is not let in for %s is told with %d', (code, closeCode) => {
    expect(farewellOf(new Refusal(code, 'why'))).toEqual({ code: closeCode, reason: `${code}: why` });
  });

  test('every refusal has a close code, and a defect is masked', () => {
    const codes = Object.keys(refusalCodes) as RefusalCode[];

    const used = new Set(codes.map((code) => farewellOf(new Refusal(code, 'why')).code));

    expect([...used].toSorted()).toEqual([1013, 4401, 4403]);
    expect(farewellOf(new Error('select * from secrets'))).toEqual({
      code: 4500,
      reason: 'INTERNAL_SERVER_ERROR: Something went wrong on our side.',
    });
  });
});
