import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { createLicense, type Issued, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { keyed, refusedUnderKey, storedAnswers } from '../support/replays.js';
import { holdLicense, untilHeld } from '../support/rowLocks.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { type Heard, listen, RawSocket } from '../support/sockets.js';

let server: TestServer;
let url: string;
let shop: Shop;
let license: Issued;
const open: RawSocket[] = [];

beforeAll(async () => {
  server = await startTestServer({ events: true, environment: { LG_DATABASE_POOL: '2' } });
  url = await listen(server);
});
beforeEach(async () => {
  shop = await openShop(server);
  license = await createLicense(server, shop, { licenseType: 'PERPETUAL' });
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((raw) => raw.hangUp()));
});
afterAll(() => server.stop());

async function socket(at = url, token?: string): Promise<RawSocket> {
  const raw = await RawSocket.greeted(at, token ?? (await server.token(shop.admin)));
  open.push(raw);
  return raw;
}

const update = mutation('updateLicense', 'license { id issuedTo updatedAt }');
const issuedTo = (name: string) => ({ input: { licenseId: license.id, issuedTo: name } });
const under = (idempotencyKey: unknown, variables: object = issuedTo('Ada')) => ({
  variables,
  extensions: { idempotencyKey },
});
const resultOf = (heard: readonly Heard[]): unknown => heard.find(({ type }) => type === 'next')?.payload;
const codesOf = (payload: unknown): unknown[] =>
  Array.isArray(payload) ? payload.map((error) => error.extensions.code) : [];

async function updates(): Promise<number> {
  return server.count(
    'license_event_logs',
    `license_id = '${license.id}' and event_type = 'license.updated'`,
  );
}

describe('a mutation over a socket, with a key in its extensions', () => {
  test('is done once, and answers the same whichever door it comes by again', async () => {
    const raw = await socket();

    const first = resultOf(await raw.answer('1', update, under('k1')));
    server.pass(1000);
    const again = resultOf(await raw.answer('2', update, under('k1')));
    const overHttp = await server.graphql(update, issuedTo('Ada'), shop.admin, keyed('k1'));

    expect(first).toMatchObject({ data: { updateLicense: { license: { issuedTo: 'Ada' } } } });
    expect(again).toEqual(first);
    expect({ data: overHttp.data }).toEqual(first);
    expect(await updates()).toBe(1);
  });

  test('that was done over HTTP is answered over a socket', async () => {
    const raw = await socket();

    const first = await server.graphql(update, issuedTo('Ada'), shop.admin, keyed('k1'));
    const again = resultOf(await raw.answer('1', update, under('k1')));

    expect(again).toEqual({ data: first.data });
    expect(await updates()).toBe(1);
  });

  test('without a key, or with null, is done each time', async () => {
    const raw = await socket();

    await raw.answer('1', update, { variables: issuedTo('Ada') });
    await raw.answer('2', update, under(null, issuedTo('Bola')));
    await raw.answer('3', update, under(undefined, issuedTo('Ada')));

    expect(await updates()).toBe(3);
    expect(await storedAnswers(server, shop.admin.tenant_id)).toEqual([]);
  });

  test('of HTTP alone the header counts: what stands in the extensions of a body is no key', async () => {
    const token = await server.token(shop.admin);
    const send = () =>
      server.app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        payload: JSON.stringify({ query: update, ...under('k1') }),
      });

    await send();
    await send();

    expect(await storedAnswers(server, shop.admin.tenant_id)).toEqual([]);
  });

  test.each([
    ['nothing', ''],
    ['a number', 5],
    ['a list', ['k1']],
    ['an object', { key: 'k1' }],
    ['a line break', 'a\nb'],
    ['more than ASCII', 'schlüssel'],
    ['256 characters', 'k'.repeat(256)],
  ])('and %s for one is refused, and nothing is done', async (_what, key) => {
    const raw = await socket();
    const ask = async () => {
      const [heard] = await raw.answer('1', update, under(key));
      const errors = (heard?.type === 'error' ? heard.payload : []) as never;
      return { status: 200, data: null, errors, code: undefined };
    };

    await refusedUnderKey(server, shop.admin.tenant_id, 'BAD_REQUEST', ask);
  });

  test('with other variables is refused; a query and a stream ignore the key', async () => {
    const raw = await socket();
    await raw.answer('1', update, under('k1'));

    const other = await raw.answer('2', update, under('k1', issuedTo('Mallory')));
    const query = await raw.answer('3', '{ viewer { subject } }', under('k1', {}));
    const stream = await raw.answer(
      '4',
      'subscription { licenseChanged(licenseId: "x") { type } }',
      under('k1', {}),
    );

    expect(codesOf((resultOf(other) as { errors: unknown }).errors)).toEqual(['IDEMPOTENCY_KEY_REUSED']);
    expect(resultOf(query)).toEqual({ data: { viewer: { subject: 'tester' } } });
    expect(JSON.stringify(stream)).toContain('INVALID_INPUT');
    expect(await storedAnswers(server, shop.admin.tenant_id)).toHaveLength(1);
  });

  test.each([
    ['is given up', (raw: RawSocket) => raw.send({ type: 'complete', id: '1' })],
    ['loses its socket', (raw: RawSocket) => raw.socket.terminate()],
  ])(
    'that %s while it waits is done all the same, and answered to whoever asks again',
    async (_what, leave) => {
      const [first, second] = [await socket(), await socket()];
      const letGo = await holdLicense(server, license.id);
      first.ask('1', update, under('k1'));
      await untilHeld(server, { open: 1, waiting: 1 });

      leave(first);
      second.ask('1', update, under('k1'));
      await letGo();
      await second.end('1');

      expect(resultOf(second.of('1'))).toMatchObject({
        data: { updateLicense: { license: { issuedTo: 'Ada' } } },
      });
      expect(first.of('1')).toEqual([]);
      expect(await updates()).toBe(1);
    },
  );
});

describe('on two processes with two connections each', () => {
  let processes: Processes;
  let pair: readonly [ServerProcess, ServerProcess];
  beforeAll(async () => {
    processes = await Processes.open(server, { LG_DATABASE_POOL: '2' });
    pair = await Promise.all([processes.start(), processes.start()]);
  });
  afterAll(() => processes?.end());

  /** The processes run on the system's clock. */
  async function socketTo({ address }: ServerProcess): Promise<RawSocket> {
    const now = instant(Date.now());
    const token = await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, now, 600);
    return socket(`${address.replace('http', 'ws')}/graphql`, token ?? '');
  }

  test('200 at once with one key have one effect and 200 equal answers, though the first was killed half-way', async () => {
    const letGo = await holdLicense(server, license.id);
    const victim = await processes.start();
    const lost = await socketTo(victim);
    lost.ask('first', update, under('k1'));
    await untilHeld(server, { open: 1, waiting: 1 });
    const sockets = await Promise.all([...pair, ...pair].map(socketTo));
    for (const raw of sockets) {
      for (let index = 0; index < 50; index += 1) raw.ask(`${index}`, update, under('k1'));
    }

    await victim.kill();
    await letGo();
    const answers = await Promise.all(
      sockets.flatMap((raw) =>
        Array.from({ length: 50 }, async (_, index) => {
          await raw.end(`${index}`);
          return JSON.stringify(raw.of(`${index}`).map(({ type, payload }) => [type, payload]));
        }),
      ),
    );

    expect(answers).toHaveLength(200);
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).toMatch(
      /^\[\["next",\{"data":\{"updateLicense":\{"license":.*"issuedTo":"Ada".*\["complete",null\]\]$/,
    );
    expect((await lost.closed).code).toBe(1006);
    expect(lost.of('first')).toEqual([]);
    expect(await updates()).toBe(1);
  });
});
