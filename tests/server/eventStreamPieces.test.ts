import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createCustomer, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { listen, nothingLeft, RawSocket } from '../support/sockets.js';
import { followed, sealed, toldOf, writeEvents } from '../support/streams.js';

/** Numbers that are read at once. */
const PIECE = 512;
const HOLD_MILLIS = 10_000;

let server: TestServer;
let url: string;
let shop: Shop;
let tenantId: string;
const open: RawSocket[] = [];

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
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((raw) => raw.hangUp()));
  await nothingLeft(server);
});
afterAll(() => server.stop());

const query = 'subscription ($after: String, $filter: EventStreamFilter) {';
const plain = `${query} events(after: $after, filter: $filter) { cursor sequence event { id } } }`;
const withPersonal = `${query} events(after: $after, filter: $filter) { sequence event { personal } } }`;
const withData = `${query} events(after: $after, filter: $filter) { sequence event { data } } }`;

const made = (count: number, more: object = {}) =>
  writeEvents(server, tenantId, { type: 'customer.updated', subjectId: 'x', ...more }, count);
async function stored(count: number, more: object = {}): Promise<void> {
  await made(count, more);
  await sealed(server);
}
const cursorOf = async (): Promise<string> =>
  String((await server.ok('{ eventCursor }', {}, shop.admin)).eventCursor);
const placeIn = (cursor: string): number =>
  Number(JSON.parse(Buffer.from(cursor, 'base64url').toString())[2]);
/** The numbers of the events of a license, behind one. */
async function numbersOf(licenseId: string, after: number): Promise<number[]> {
  const rows = await server.sql`select sequence::int from audit_seals seal join license_event_logs log
    on log.tenant_id = seal.tenant_id and log.id = seal.event_id
    where seal.tenant_id = ${tenantId} and log.license_id = ${licenseId} and sequence > ${after} order by sequence`;
  return rows.map(({ sequence }) => Number(sequence));
}

/** How many pieces lie between two numbers. */
const pieces = (after: number, end: number): number => Math.ceil(end / PIECE) - Math.floor(after / PIECE);

async function socket(as: Claims = shop.admin): Promise<RawSocket> {
  const raw = await RawSocket.as(server, url, as);
  open.push(raw);
  return raw;
}
const numbers = (raw: RawSocket, id = '1'): number[] => toldOf(raw, id).map((told) => Number(told?.sequence));
const untilTold = (raw: RawSocket, count: number, id = '1') =>
  expect.poll(() => toldOf(raw, id).length, { interval: 10, timeout: 30_000 }).toBe(count);
const run = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
/** The statements that read whole events, and all. */
const asked = () => ({
  rows: server.statements.filter((text) => /"event_data".* from "license_event_logs"/.test(text)).length,
  personal: server.statements.filter((text) => text.includes('from "event_personal_data"')).length,
  all: server.statements.length,
});

test('5,000 events behind a cursor are read in pieces, and come once and in their order', async () => {
  const start = await cursorOf();
  const after = placeIn(start);
  await stored(5_000);
  const raw = await socket();
  server.statements.length = 0;

  raw.ask('1', plain, { variables: { after: start } });
  await untilTold(raw, 5_000);

  const reads = pieces(after, after + 5_000);
  expect(numbers(raw)).toEqual(run(after + 1, after + 5_000));
  expect(asked().rows).toBe(reads);
  // Each with its numbers; besides them the cursor is looked at, and the feed finds its place and that nothing is new.
  expect(asked().all).toBeLessThanOrEqual(2 * reads + 4);
});

test('what is written while it is followed is read by the batch, and is not asked for one by one', async () => {
  const after = placeIn(await cursorOf());
  const raw = await socket();
  raw.ask('1', plain);
  await followed(server, 1);
  server.statements.length = 0;

  for (let round = 0; round < 10; round += 1) await made(500);
  await untilTold(raw, 5_000);

  expect(numbers(raw)).toEqual(run(after + 1, after + 5_000));
  expect(asked().rows).toBeLessThan(100);
});

test('what was told of people comes with each event, and is asked for by the piece', async () => {
  const start = await cursorOf();
  await stored(1_000, { personal: { address: '192.0.2.7' } });
  const raw = await socket();
  server.statements.length = 0;

  raw.ask('1', withPersonal, { variables: { after: start } });
  await untilTold(raw, 1_000);
  await made(300, { personal: { address: '192.0.2.8' } });
  await untilTold(raw, 1_300);

  const addresses = toldOf(raw).map((told) => told?.event?.personal?.address);
  expect(addresses).toEqual([...Array(1_000).fill('192.0.2.7'), ...Array(300).fill('192.0.2.8')]);
  expect(asked().personal).toBeLessThan(30);
});

test('what was told of people and is erased is told no more a second later, also in a piece that was begun', async () => {
  const start = await cursorOf();
  await stored(2_000, { personal: { address: '192.0.2.7' }, data: { text: 'x'.repeat(8_000) } });
  const raw = await socket();
  raw.ask('1', withPersonal.replace('personal', 'personal data'), { variables: { after: start } });
  await expect.poll(() => toldOf(raw).length, { interval: 1 }).toBeGreaterThan(0);
  raw.socket.pause();

  await server.sql`update event_personal_data set data = null, salt = null where tenant_id = ${tenantId}`;
  const erased = performance.now();
  await expect.poll(() => performance.now() - erased, { timeout: 2_000 }).toBeGreaterThan(1_100);
  raw.socket.resume();
  await untilTold(raw, 2_000);

  const told = toldOf(raw).map(({ event } = {} as Json) => event?.personal);
  expect(told[0]).toEqual({ address: '192.0.2.7' });
  expect(told.at(-1)).toBeNull();
});

test('filters that fit one in a thousand find each, in pieces', async () => {
  const { id: licenseId } = await createLicense(server, shop, { customerId: shop.customerId });
  await sealed(server);
  const start = await cursorOf();
  const after = placeIn(start);
  for (let round = 0; round < 4; round += 1) {
    await made(999);
    await stored(1, { type: 'license.revoked', licenseId });
  }
  const raw = await socket();

  const reads: number[] = [];
  for (const [id, filter] of Object.entries({
    type: { types: ['license.revoked'] },
    license: { licenseId },
  })) {
    server.statements.length = 0;
    raw.ask(id, plain, { variables: { after: start, filter } });
    await untilTold(raw, 4, id);
    reads.push(asked().rows);
  }
  await made(1, { type: 'license.revoked', licenseId });
  await untilTold(raw, 5, 'type');
  await untilTold(raw, 5, 'license');

  const expected = await numbersOf(licenseId, after);
  expect([numbers(raw, 'type'), numbers(raw, 'license')]).toEqual([expected, expected]);
  expect(Math.max(...reads)).toBeLessThanOrEqual(pieces(after, after + 4_000));
});

test('a customer finds what is its own among the events of others, in pieces', async () => {
  const { id: licenseId } = await createLicense(server, shop, { customerId: shop.customerId });
  const other = await createCustomer(server, shop.admin, 'Other');
  const { id: theirs } = await createLicense(server, shop, { customerId: other });
  await sealed(server);
  const start = await cursorOf();
  for (let round = 0; round < 3; round += 1) {
    await made(999, { licenseId: theirs });
    await stored(1, { licenseId });
  }
  const raw = await socket({
    tenant_id: tenantId,
    permissions: ['event.read'],
    customer_id: shop.customerId,
  });
  server.statements.length = 0;

  raw.ask('1', plain, { variables: { after: start } });
  await untilTold(raw, 3);

  const after = placeIn(start);
  expect(numbers(raw)).toEqual(await numbersOf(licenseId, after));
  expect(asked().rows).toBe(pieces(after, after + 3_000));
});

test('those who come back from different places meet in the same pieces', async () => {
  const cursors: string[] = [];
  for (let index = 0; index < 8; index += 1) {
    cursors.push(await cursorOf());
    await stored(10);
  }
  await stored(1_600);
  const end = placeIn(await cursorOf());
  const raw = await socket();
  server.statements.length = 0;

  for (const [index, after] of cursors.entries()) raw.ask(`${index}`, plain, { variables: { after } });
  for (const [index, after] of cursors.entries()) await untilTold(raw, end - placeIn(after), `${index}`);

  const alone = cursors.reduce((sum, after) => sum + pieces(placeIn(after), end), 0);
  for (const [index, after] of cursors.entries())
    expect(numbers(raw, `${index}`)).toEqual(run(placeIn(after) + 1, end));
  // A third of that, if none of them is a second behind the others.
  expect(asked().rows).toBeLessThan(alone * 0.75);
});

/** Lets timers of the server be passed by hand; by themselves they go on as the time does. */
function holdTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
}

/** Follows what is stored until what is not read fills the connection, and waits so long that what was read is let go. */
async function stall(after: string): Promise<RawSocket> {
  const raw = await socket();
  holdTimers();
  raw.ask('1', withData, { variables: { after } });
  await expect.poll(() => toldOf(raw).length, { interval: 1 }).toBeGreaterThan(0);
  raw.socket.pause();
  const reads = (): number => asked().rows;
  let last = -1;
  while (last !== reads()) {
    last = reads();
    await new Promise((resolve) => setImmediate(resolve));
    await server.sql`select pg_sleep(0.2)`;
  }
  vi.advanceTimersByTime(HOLD_MILLIS);
  return raw;
}

test('who does not read holds no piece, and misses nothing of what it reads later', async () => {
  const start = await cursorOf();
  const after = placeIn(start);
  await stored(4_000, { data: { text: 'x'.repeat(5_000) } });
  server.statements.length = 0;

  const raw = await stall(start);
  const before = asked().rows;
  raw.socket.resume();
  await untilTold(raw, 4_000);

  expect(before).toBeLessThan(pieces(after, after + 4_000));
  expect(numbers(raw)).toEqual(run(after + 1, after + 4_000));
  // The rest of what it was let go of, and what follows in pieces half as large.
  expect(asked().rows).toBeGreaterThan(pieces(after, after + 4_000) + 1);
});

test('what retention takes of a piece that was let go is a gap that the reader is told of', async () => {
  const start = await cursorOf();
  const after = placeIn(start);
  await stored(4_000, { data: { text: 'x'.repeat(5_000) } });

  const raw = await stall(start);
  await server.sql`delete from license_event_logs where tenant_id = ${tenantId}
    and id in (select event_id from audit_seals where tenant_id = ${tenantId} and sequence <= ${after + 3_900})`;
  raw.socket.resume();
  const end = await raw.end('1');

  expect(end.payload).toMatchObject([{ extensions: { code: 'CURSOR_EXPIRED' } }]);
  expect(numbers(raw)).toEqual(run(after + 1, after + numbers(raw).length));
  expect(numbers(raw).length).toBeLessThan(3_900);
});
