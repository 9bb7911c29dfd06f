import { buildSchema, type GraphQLSchema, isObjectType } from 'graphql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { piped } from '../../src/core/queue.js';
import type { Context } from '../../src/graph/context.js';
import { protectSchema } from '../../src/server/operation/protectSchema.js';
import { mutation } from '../support/acts.js';
import { createCustomer, grantToTenant } from '../support/fixtures.js';
import { type FeatureShop, openFeatureShop, unitsUsed } from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';

/** Streams with marks, which the product's own graph has none of. */
const marked = buildSchema(`
  directive @requiresFeature(feature: String!, consumeQuota: Boolean = false, amount: Int = 1) on FIELD_DEFINITION | OBJECT
  type Query { open: String }
  type Mutation { poke: Boolean }
  type Subscription {
    ticks: Tick
    metered: Tick @requiresFeature(feature: "gold", consumeQuota: true, amount: 2)
    closed: Tick @requiresFeature(feature: "platinum")
  }
  type Tick {
    at: String
    nugget: Int @requiresFeature(feature: "gold", consumeQuota: true, amount: 3)
    broken: Int @requiresFeature(feature: "gold", consumeQuota: true)
    shaky: Int @requiresFeature(feature: "gold", consumeQuota: true)
  }`);

let server: TestServer;
let url: string;
let shop: FeatureShop;
let raw: RawSocket;
/** What the shaky field does with the next event. */
let fails = false;

function prepare(): GraphQLSchema {
  const define = (
    path: string,
    resolve: (ctx: Context) => unknown,
    follow?: (ctx: Context) => unknown,
    permission = 'anyone',
  ) => {
    const [type = '', name = ''] = path.split('.');
    const target = marked.getType(type);
    const field = isObjectType(target) ? target.getFields()[name] : undefined;
    if (field === undefined) throw new Error(`there is no field ${path}`);
    field.resolve = (_source, _args, ctx) => resolve(ctx);
    if (follow !== undefined) field.subscribe = (_source, _args, ctx) => follow(ctx);
    field.extensions = { permission };
  };
  const broken = () => Promise.reject(new Error('broken for the test'));
  define('Query.open', () => 'open');
  define('Mutation.poke', () => true);
  for (const name of ['ticks', 'metered', 'closed'])
    define(
      `Subscription.${name}`,
      () => ({}),
      // Not what the charge itself tells: that a threshold is reached.
      async (ctx) =>
        piped(await ctx.follow(), async (told) => (told.type === 'customer.created' ? told : undefined)),
    );
  define('Tick.at', ({ now }) => now);
  define('Tick.nugget', () => 1);
  define('Tick.broken', broken);
  define('Tick.shaky', () => (fails ? broken() : 1));
  return protectSchema(marked);
}

beforeAll(async () => {
  server = await startTestServer({ graph: prepare(), events: true });
  url = await listen(server);
});
beforeEach(async () => {
  shop = await openShopHere();
  raw = await RawSocket.as(server, url, shop.admin);
});
afterEach(async () => {
  await raw.hangUp();
  await nothingLeft(server);
});
afterAll(() => server.stop());

/** The product's acts are not in this graph: what it grants stands in the database. */
async function openShopHere(): Promise<FeatureShop> {
  return openFeatureShop(product);
}
let product: TestServer;
beforeAll(async () => {
  product = await startTestServer({ beside: server });
  return () => product.stop();
});

async function granted(limitValue: number): Promise<void> {
  await grantToTenant(product, shop, [{ featureId: 'gold', limitValue }]);
  // What is numbered later than a stream begins is told to it, though it was committed before.
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
}
const units = () => unitsUsed(server, shop.tenantId);
const untilUnits = (used: Record<string, number>) => expect.poll(units).toEqual(used);
let made = 0;
const event = () => createCustomer(product, shop.admin, `C ${made++}`);

/** A stream that has begun and charged. */
async function begun(query: string, used: Record<string, number>): Promise<void> {
  raw.ask('1', query);
  await untilUnits(used);
  await expect.poll(() => server.machinery.feed?.readers).toBe(1);
}

describe('what a stream was charged at its start', () => {
  test.each([
    ['is given up', () => raw.send({ type: 'complete', id: '1' })],
    ['loses its socket', () => raw.socket.terminate()],
    ['is closed for what it said', () => raw.send('no json')],
  ])('returns when it %s before an event came', async (_how, end) => {
    await granted(10);
    await begun('subscription { ticks { at nugget } }', { gold: 3 });

    end();

    await untilUnits({});
  });

  test('stays when one event has come to the marked field, however many follow', async () => {
    await granted(10);
    await begun('subscription { ticks { nugget } }', { gold: 3 });

    for (let told = 1; told <= 3; told += 1) {
      await event();
      await expect.poll(() => raw.of('1').length).toBe(told);
    }
    raw.send({ type: 'complete', id: '1' });
    await nothingStreams();

    expect(raw.of('1').map(({ payload }) => payload)).toEqual(
      Array(3).fill({ data: { ticks: { nugget: 1 } } }),
    );
    expect(await units()).toEqual({ gold: 3 });
  });

  test('returns when the marked field fails at every event, and no earlier', async () => {
    await granted(10);
    await begun('subscription { ticks { at broken } }', { gold: 1 });

    await event();
    await raw.until(({ id }) => id === '1');
    const during = await units();
    raw.send({ type: 'complete', id: '1' });

    expect(during).toEqual({ gold: 1 });
    await untilUnits({});
  });

  test.each([
    ['first fails and then answers', [true, false]],
    ['first answers and then fails', [false, true]],
  ])('stays when the marked field %s', async (_how, rounds) => {
    await granted(10);
    await begun('subscription { ticks { shaky } }', { gold: 1 });

    for (const [index, failing] of rounds.entries()) {
      fails = failing;
      await event();
      await expect.poll(() => raw.of('1').length).toBe(index + 1);
    }
    raw.send({ type: 'complete', id: '1' });
    await nothingStreams();

    expect(await units()).toEqual({ gold: 1 });
  });

  test('returns in part: the path that answered stays charged, the one that failed does not', async () => {
    await granted(10);
    await begun('subscription { ticks { nugget broken } }', { gold: 4 });

    await event();
    await raw.until(({ id }) => id === '1');
    raw.send({ type: 'complete', id: '1' });

    await untilUnits({ gold: 3 });
  });

  test('at the streamed field itself returns when no event came, and stays when one did', async () => {
    await granted(10);
    await begun('subscription { metered { at } }', { gold: 2 });
    raw.send({ type: 'complete', id: '1' });
    await untilUnits({});

    await begun('subscription { metered { at } }', { gold: 2 });
    await event();
    await raw.until(({ type }) => type === 'next');
    raw.send({ type: 'complete', id: '1' });
    await nothingStreams();

    expect(await units()).toEqual({ gold: 2 });
  });

  test('returns when its token ends it', async () => {
    await granted(10);
    const soon = await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, server.now, 60);
    await raw.hangUp();
    raw = await RawSocket.greeted(url, soon ?? '');
    await begun('subscription { ticks { nugget } }', { gold: 3 });

    await raw.hangUp();

    await untilUnits({});
  });

  test('returns when its server stops', async () => {
    await granted(10);
    const stopping = await startTestServer({ graph: marked, events: true, beside: server });
    const socket = await RawSocket.as(stopping, await listen(stopping), shop.admin);
    for (const id of ['1', '2']) socket.ask(id, 'subscription { ticks { nugget } }');
    await untilUnits({ gold: 6 });

    await stopping.stop();

    expect((await socket.closed).code).toBe(1001);
    expect(await units()).toEqual({});
  });

  test('is refused whole when not enough is left, and nothing is followed', async () => {
    await granted(2);

    const heard = await raw.answer('1', 'subscription { metered { at nugget } }');

    expect(JSON.stringify(heard)).toContain('QUOTA_EXCEEDED');
    expect(heard.map(({ type }) => type)).toEqual(['next', 'complete']);
    expect(await units()).toEqual({});
    expect(server.machinery.feed?.readers).toBe(0);
  });

  test('100 streams at once of a limit of 30 hold exactly what the limit grants, and give it back', async () => {
    await granted(30);

    for (let index = 0; index < 100; index += 1) raw.ask(`s${index}`, 'subscription { ticks { nugget } }');
    await expect.poll(() => server.machinery.feed?.readers).toBe(100);
    await untilUnits({ gold: 30 });
    raw.socket.terminate();

    await untilUnits({});
  });

  test('a feature that is not licensed refuses its stream and charges nothing', async () => {
    await granted(10);

    const heard = await raw.answer('1', 'subscription { closed { at nugget } }');

    expect(JSON.stringify(heard)).toContain('FEATURE_NOT_LICENSED');
    await untilUnits({});
  });
});

describe('a stream whose feature is taken away', () => {
  const act = (name: string, input: object) =>
    product.ok(mutation(name, 'license { id }'), { input }, shop.admin);
  const ended = async () => {
    await raw.until(({ id, type }) => id === '1' && type === 'error');
    return JSON.stringify(raw.of('1').at(-1));
  };
  const gold = (limitValue: number | null) =>
    grantToTenant(product, shop, [{ featureId: 'gold', limitValue }, { featureId: 'platinum' }]);

  test('ends with the refusal when its license is revoked on another server, and the socket goes on', async () => {
    const { id } = await gold(10);
    await begun('subscription { closed { at nugget } }', { gold: 3 });

    await act('revokeLicense', { licenseId: id, reason: 'x' });

    expect(await ended()).toContain('NO_ACTIVE_LICENSE');
    await untilUnits({});
    await nothingStreams();
  });

  test('ends when the feature alone is switched off', async () => {
    const { id } = await gold(10);
    await begun('subscription { closed { at } }', {});

    await act('revokeFeature', { licenseId: id, featureId: 'platinum', reason: 'x' });

    expect(await ended()).toContain('FEATURE_NOT_LICENSED');
  });

  test('goes on while another license grants it, and when its units are used up', async () => {
    const { id } = await gold(3);
    await gold(0);
    await begun('subscription { closed { at nugget } }', { gold: 3 });

    await act('revokeLicense', { licenseId: id, reason: 'x' });
    await event();

    await raw.until(({ id: of, type }) => of === '1' && type === 'next');
    expect(raw.of('1').map(({ type }) => type)).toEqual(['next']);
    raw.send({ type: 'complete', id: '1' });
    await nothingStreams();
  });
});

async function nothingStreams(): Promise<void> {
  await expect.poll(() => server.machinery.feed?.readers).toBe(0);
  await raw.answer('last', '{ open }');
}
