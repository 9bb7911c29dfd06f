import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sealEvents } from '../../src/audit/jobs.js';
import { connect, drizzleOn } from '../../src/core/db.js';
import type { LicenseId, TenantId } from '../../src/core/id.js';
import { systemCaller } from '../../src/server/database/seed.js';
import { openWork } from '../../src/server/operation/openWork.js';
import { actOn } from '../support/acts.js';
import { createApiKey, revokeApiKey } from '../support/apiKeys.js';
import { createCustomer, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';
import { emit, followed, sealed, toldOf, writeEvents } from '../support/streams.js';

/** As many as may wait for one subscriber. */
const QUEUE = 5_000;

let server: TestServer;
let url: string;
let shop: Shop;
let tenantId: string;
const open: RawSocket[] = [];
/** The sockets that follow the log and are not closed. */
const following = new Set<RawSocket>();

beforeAll(async () => {
  server = await startTestServer({ events: true });
  url = await listen(server);
});
beforeEach(async () => {
  shop = await openShop(server);
  tenantId = shop.admin.tenant_id;
  await sealed(server);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((raw) => raw.hangUp()));
  await nothingLeft(server);
});
afterAll(() => server.stop());

const query = `subscription ($after: String, $filter: EventStreamFilter) {
  events(after: $after, filter: $filter) { cursor sequence event { id type subjectId licenseId } } }`;
const made = (subjectId: string, count: number, data = {}) =>
  writeEvents(server, tenantId, { type: 'customer.updated', subjectId, data }, count);
const cursorOf = async (as: Claims = shop.admin): Promise<string> =>
  String((await server.ok('{ eventCursor }', {}, as)).eventCursor);

async function socket(as: Claims | string = shop.admin): Promise<RawSocket> {
  const token = typeof as === 'string' ? as : await server.token(as);
  const raw = await RawSocket.greeted(url, token);
  open.push(raw);
  return raw;
}
async function follow(variables: object = {}, as: Claims | string = shop.admin): Promise<RawSocket> {
  const raw = await socket(as);
  // A server may hear of a socket that was closed a moment later than whoever closed it.
  await followed(server, following.size);
  raw.ask('1', query, { variables });
  following.add(raw);
  void raw.closed.then(() => following.delete(raw));
  await followed(server, following.size);
  return raw;
}
const numbers = (raw: RawSocket): number[] => toldOf(raw).map((told) => Number(told?.sequence));
const untilTold = (raw: RawSocket, count: number) =>
  expect.poll(() => toldOf(raw).length, { interval: 5 }).toBe(count);
const refusalOf = async (variables: object, as: Claims = shop.admin) => {
  const raw = await socket(as);
  const [said] = await raw.answer('1', query, { variables });
  return said?.payload?.errors?.[0];
};

/** The tenant's log as it is stored. */
async function logOf(): Promise<{ sequence: number; id: string }[]> {
  const rows = await server.sql`select sequence::int, event_id from audit_seals
    where tenant_id = ${tenantId} order by sequence`;
  return rows.map(({ sequence, event_id }) => ({ sequence: Number(sequence), id: String(event_id) }));
}

describe('from a place on', () => {
  test('behind a cursor everything comes once and in its order, what is stored and what is written meanwhile', async () => {
    const start = await cursorOf();
    await made('stored', 950);
    await sealed(server);

    const raw = await follow({ after: start });
    for (let round = 0; round < 20; round += 1) await made('meanwhile', 10);
    await untilTold(raw, 1_150);

    const log = (await logOf()).slice(-1_150);
    expect(toldOf(raw).map((told) => ({ sequence: told?.sequence, id: told?.event?.id }))).toEqual(log);
  });

  test('without a cursor it begins now, and each event names the place to go on from', async () => {
    await made('before', 3);
    await sealed(server);
    const first = await follow();
    await made('told', 3);
    await untilTold(first, 3);
    await first.hangUp();
    await made('missed', 2);
    await sealed(server);

    const second = await follow({ after: toldOf(first)[1]?.cursor });
    await made('later', 1);
    await untilTold(second, 4);

    expect(toldOf(first).map((told) => told?.event?.subjectId)).toEqual(['told', 'told', 'told']);
    expect(numbers(second)).toEqual([0, 1, 2, 3].map((step) => Number(numbers(first)[2]) + step));
  });

  test('a reader who falls behind by more than may wait reads it from the log and misses nothing', async () => {
    const raw = await socket();
    raw.ask('1', 'subscription { events { sequence event { data } } }');
    await followed(server, 1);
    raw.socket.pause();
    // More than the system keeps of what is not read.
    await made('x', 3_000 + QUEUE, { text: 'x'.repeat(2_500) });
    await sealed(server);
    // Given up by the feed: what it does not read does not wait in memory.
    await followed(server, 0);
    raw.socket.resume();
    await untilTold(raw, 3_000 + QUEUE);
    await made('last', 1);
    await untilTold(raw, 3_001 + QUEUE);

    const told = numbers(raw);
    expect(told).toEqual(told.map((_, index) => Number(told[0]) + index));
  });

  test('of transactions that commit out of order none is left out', async () => {
    const raw = await follow();
    const late = await openWork(server.machinery, systemCaller(tenantId as TenantId));
    await late.work.emit({ type: 'customer.updated', subjectId: 'begun first' });
    await emit(server, tenantId, { type: 'customer.updated', subjectId: 'committed first' });
    await untilTold(raw, 1);

    await late.session.commit();
    await untilTold(raw, 2);

    expect(toldOf(raw).map((told) => told?.event?.subjectId)).toEqual(['committed first', 'begun first']);
  });

  test('what nobody gave word of is found all the same', async () => {
    const raw = await follow();
    const silent = connect(server.adminUrl, { max: 1, connection: { TimeZone: 'UTC' } });
    const { facts } = await silent.begin(async (transaction) => {
      await transaction`select pg_advisory_xact_lock(7461200520)`;
      await emit(server, tenantId, { type: 'customer.updated', subjectId: 'unheard' });
      return sealEvents(drizzleOn(transaction, silent.options), server.now);
    });
    await silent.end();
    expect(facts.length).toBe(1);

    await untilTold(raw, 1);

    expect(toldOf(raw)[0]?.event?.subjectId).toBe('unheard');
  });

  test('forty who come back to one place read it together', async () => {
    const start = await cursorOf();
    await made('missed', 250);
    await sealed(server);
    const raw = await socket();
    server.statements.length = 0;

    for (let index = 0; index < 40; index += 1) raw.ask(`${index}`, query, { variables: { after: start } });
    await expect.poll(() => raw.heard.filter(({ type }) => type === 'next').length).toBe(10_000);

    const reads = server.statements.filter((text) => text.includes('from "audit_seals"'));
    // Alone they would take 160.
    expect(reads.length).toBeLessThan(40);
    expect(
      new Set(Array.from({ length: 40 }, (_, index) => JSON.stringify(toldOf(raw, `${index}`)))).size,
    ).toBe(1);
  });
});

describe('who sees what', () => {
  const bound = (claims: Partial<Claims>): Claims => ({
    tenant_id: tenantId,
    permissions: ['event.read'],
    ...claims,
  });

  test('each its own part, stored or told as it happens, and nobody another tenant', async () => {
    const other = await createCustomer(server, shop.admin, 'Other');
    const own = await createLicense(server, shop, { customerId: shop.customerId });
    const theirs = await createLicense(server, shop, { customerId: other });
    await sealed(server);
    const start = await cursorOf();
    const foreign = await openShop(server);
    const rename = (id: string, issuedTo: string) =>
      actOn(server, shop.admin, 'updateLicense', { licenseId: id, issuedTo });
    await rename(own.id, 'stored');
    await rename(theirs.id, 'stored');
    await sealed(server);

    const admin = await follow({ after: start });
    const mine = await follow({ after: start }, bound({ customer_id: shop.customerId }));
    const stranger = await follow({}, foreign.admin);
    await rename(theirs.id, 'live');
    await rename(own.id, 'live');
    await untilTold(admin, 4);
    await untilTold(mine, 2);

    expect(toldOf(admin).map((told) => told?.event?.licenseId)).toEqual([
      own.id,
      theirs.id,
      theirs.id,
      own.id,
    ]);
    expect(toldOf(mine).map((told) => told?.event?.licenseId)).toEqual([own.id, own.id]);
    expect(stranger.of('1')).toEqual([]);
  });

  test('a filter lets through what fits all of it, stored and live', async () => {
    const license = await createLicense(server, shop, { customerId: shop.customerId });
    const licenseId = license.id as LicenseId;
    await sealed(server);
    const start = await cursorOf();
    const emitAll = async (): Promise<void> => {
      await actOn(server, { ...shop.admin, sub: 'ann' }, 'updateLicense', {
        licenseId,
        issuedTo: randomUUID(),
      });
      await actOn(server, { ...shop.admin, sub: 'bob' }, 'updateLicense', {
        licenseId,
        issuedTo: randomUUID(),
      });
      await emit(server, tenantId, { type: 'customer.updated', subjectId: 'c' });
      await emit(server, tenantId, { type: 'license.renewed', subjectId: 'c', licenseId });
    };
    await emitAll();
    await sealed(server);
    const filters = [
      { types: ['customer.updated'] },
      { licenseId, types: ['license.updated', 'license.renewed'] },
      { subjectId: 'c' },
      { actor: 'bob' },
      { actor: 'ann', subjectId: 'c' },
    ];
    const raws: RawSocket[] = [];
    for (const filter of filters) raws.push(await follow({ after: start, filter }));

    await emitAll();
    const all = await follow({ after: start });
    await untilTold(all, 8);

    const [c, u, r] = ['customer.updated', 'license.updated', 'license.renewed'];
    const types = (raw: RawSocket) => toldOf(raw).map((told) => told?.event?.type);
    const wanted = [[c, c], [u, u, r, u, u, r], [c, r, c, r], [u, u], []];
    for (const [index, raw] of raws.entries()) await untilTold(raw, wanted[index]?.length ?? 0);
    expect(raws.map(types)).toEqual(wanted);
  });

  test('whose API key is revoked hears no more', async () => {
    const { id, secret } = await createApiKey(server, shop.admin, { permissions: ['event.read'] });
    await sealed(server);
    const raw = await follow({}, secret);
    await made('before', 1);
    await untilTold(raw, 1);

    expect((await revokeApiKey(server, shop.admin, id)).errors).toEqual([]);
    const { code, reason } = await raw.closed;
    await made('after', 1);
    await sealed(server);

    expect({ code, reason }).toMatchObject({ code: 4403, reason: expect.stringMatching(/^API_KEY_REVOKED/) });
    expect(toldOf(raw).map((told) => told?.event?.subjectId)).not.toContain('after');
  });

  test('whose token ends goes on behind its last cursor with the next one, and misses nothing', async () => {
    const soon = (await server.tokens.signer?.sign({ sub: 'tester', ...shop.admin }, server.now, 1)) ?? '';
    const first = await follow({}, soon);
    await made('told', 2);
    await untilTold(first, 2);

    server.pass(2_000);
    const { code } = await first.closed;
    await made('missed', 2);
    const second = await follow({ after: toldOf(first)[1]?.cursor });
    await untilTold(second, 2);

    expect(code).toBe(4401);
    expect([...numbers(first), ...numbers(second)]).toEqual(
      [0, 1, 2, 3].map((step) => Number(numbers(first)[0]) + step),
    );
  });
});

describe('cursors that lead nowhere', () => {
  const forged = (parts: unknown): string => Buffer.from(JSON.stringify(parts)).toString('base64url');
  const partsOf = (cursor: string): Json[] => JSON.parse(Buffer.from(cursor, 'base64url').toString());

  test('of another tenant, of another log, ahead of the log: each is refused by its name', async () => {
    const own = await cursorOf();
    const [name, owner, sequence] = partsOf(own);
    const foreign = await openShop(server);

    const reasons = [];
    for (const after of [
      await cursorOf(foreign.admin),
      forged([name, owner, sequence, randomUUID()]),
      forged([name, owner, Number(sequence) + 1, randomUUID()]),
    ]) {
      const refused = await refusalOf({ after });
      reasons.push([refused?.extensions.code, refused?.extensions.reason]);
    }

    expect(reasons).toEqual([
      ['CURSOR_UNKNOWN', 'OTHER_TENANT'],
      ['CURSOR_UNKNOWN', 'OTHER_LOG'],
      ['CURSOR_UNKNOWN', 'AHEAD'],
    ]);
    expect(server.machinery.feed?.readers).toBe(0);
  });

  test.each([
    ['empty', ''],
    ['no cursor', 'x'],
    ['a cursor of a list', Buffer.from('["CREATED_AT_DESC","2026-01-01","x"]').toString('base64url')],
    ['a number that is none', Buffer.from('["log","t",1e400,""]').toString('base64url')],
    ['a negative number', Buffer.from('["log","t",-1,""]').toString('base64url')],
    ['SQL', Buffer.from(`["log","t",1,"' or 1=1 --"]`).toString('base64url')],
    ['an object', Buffer.from('{"0":"log"}').toString('base64url')],
    ['too long', 'a'.repeat(501)],
  ])('%s is refused as a value that does not fit', async (_what, after) => {
    expect((await refusalOf({ after }))?.extensions).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ field: 'after' }],
    });
  });

  test('behind which events are kept no longer: refused, and a reader is told as soon as it comes to the gap', async () => {
    const start = await cursorOf();
    const [, , sequence] = partsOf(start);
    await made('old', 450);
    await sealed(server);
    const slow = await follow({ after: start });
    await untilTold(slow, 450);
    const kept = toldOf(slow)[399]?.cursor;

    await server.sql`delete from license_event_logs where tenant_id = ${tenantId} and id in (
      select event_id from audit_seals where tenant_id = ${tenantId} and sequence <= ${Number(sequence) + 400})`;
    await made('more', 1);
    await sealed(server);
    const gone = await refusalOf({ after: toldOf(slow)[0]?.cursor });
    const goesOn = await follow({ after: kept });
    await untilTold(goesOn, 51);
    await server.sql`delete from audit_seals where tenant_id = ${tenantId} and sequence <= ${Number(sequence) + 400}`;
    const nothing = await refusalOf({ after: toldOf(slow)[1]?.cursor });
    const stillGoesOn = await follow({ after: kept });
    await untilTold(stillGoesOn, 51);

    expect(gone?.extensions.code).toBe('CURSOR_EXPIRED');
    expect(nothing?.extensions.code).toBe('CURSOR_EXPIRED');
  });
});
