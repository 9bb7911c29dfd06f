import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { actOn } from '../support/acts.js';
import {
  activate,
  createCustomer,
  createLicense,
  type Issued,
  issueLicense,
  openShop,
  type Shop,
} from '../support/fixtures.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';
import { type Heard, listen, nothingLeft, RawSocket } from '../support/sockets.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let beside: TestServer;
const urls = new Map<TestServer, string>();
const open: RawSocket[] = [];
let shop: Shop;

beforeAll(async () => {
  server = await startTestServer({ events: true });
  beside = await startTestServer({ events: true, beside: server });
  for (const each of [server, beside]) urls.set(each, await listen(each));
});
beforeEach(async () => {
  beside.now = server.now;
  shop = await openShop(server);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((raw) => raw.hangUp()));
  await Promise.all([server, beside].map(nothingLeft));
});
afterAll(async () => {
  await beside.stop();
  await server.stop();
});

async function socket(as: Claims = shop.admin, at = server): Promise<RawSocket> {
  const raw = await RawSocket.as(at, urls.get(at) ?? '', as);
  open.push(raw);
  return raw;
}

const fieldOf = ({ payload }: Heard): Json | undefined => Object.values(payload?.data ?? {})[0];
const toldOf = (raw: RawSocket, id = '1'): (Json | undefined)[] => raw.of(id).map(fieldOf);
const quiet = () => expect.poll(() => server.count('unsealed_events')).toBe(0);

describe('licenseExpiring', () => {
  const expiring = (days: number) =>
    `subscription { licenseExpiring(withinDays: ${days}) { expiryDate daysRemaining license { id } } }`;
  const idsTold = (raw: RawSocket) => toldOf(raw).map((told) => told?.license?.id);
  const inDays = (days: number, millis = 0) =>
    new Date(Date.parse(server.now) + days * DAY_MILLIS + millis).toISOString();
  const expiringIn = (days: number, millis = 0, of: Shop = shop) =>
    createLicense(server, of, { customerId: of.customerId, expiryDate: inDays(days, millis) });
  const change = (license: Issued, input: object, at = server) =>
    actOn(at, shop.admin, 'updateLicense', { licenseId: license.id, ...input });
  const untilTold = (raw: RawSocket, ids: readonly string[]) => expect.poll(() => idsTold(raw)).toEqual(ids);
  /** Whoever has told of a license that was just made has looked at all that changed before. */
  const untilLooked = async (raw: RawSocket) => {
    const { id } = await expiringIn(1);
    await expect.poll(() => idsTold(raw)).toContain(id);
    return id;
  };

  test('tells at its start all that is in the window, the next first, and nothing beyond it', async () => {
    const [later, last] = [await expiringIn(6.5), await expiringIn(7)];
    const next = await expiringIn(1);
    await expiringIn(7, 1);
    await createLicense(server, shop, { licenseType: 'PERPETUAL' });
    const raw = await socket();

    raw.ask('1', expiring(7));
    await untilTold(raw, [next.id, later.id, last.id]);

    expect(toldOf(raw).map((told) => told?.daysRemaining)).toEqual([1, 7, 7]);
  });

  test('tells a license once, at the instant at which time brings it into the window', async () => {
    const { id } = await expiringIn(7, 300);
    const raw = await socket();
    raw.ask('1', expiring(7));
    await expect.poll(() => server.machinery.feed?.readers).toBe(1);

    server.pass(299);
    await raw.answer('before', '{ viewer { subject } }');
    const before = idsTold(raw);
    server.pass(1);
    await untilTold(raw, [id]);
    server.pass(DAY_MILLIS / 2);
    await raw.answer('after', '{ viewer { subject } }');

    expect(before).toEqual([]);
    expect(idsTold(raw)).toEqual([id]);
  });

  test('tells again what has left the window and comes back, with the same expiry too', async () => {
    const license = await expiringIn(3);
    const expiryDate = inDays(3);
    const raw = await socket();
    raw.ask('1', expiring(7));
    await untilTold(raw, [license.id]);

    await actOn(server, shop.admin, 'suspendLicense', { licenseId: license.id, reason: 'test' });
    const first = await untilLooked(raw);
    await actOn(server, shop.admin, 'reinstateLicense', { licenseId: license.id });
    await untilTold(raw, [license.id, first, license.id]);
    await actOn(server, shop.admin, 'renewLicense', { licenseId: license.id, durationMonths: 2 });
    const second = await untilLooked(raw);
    await change(license, { expiryDate });
    await untilTold(raw, [license.id, first, license.id, second, license.id]);
    await change(license, { issuedTo: 'Bola' });
    const other = await expiringIn(2);
    await untilTold(raw, [license.id, first, license.id, second, license.id, other.id]);

    expect(
      new Set(
        toldOf(raw)
          .filter((told) => String(told?.license?.id) === license.id)
          .map((told) => told?.expiryDate),
      ),
    ).toEqual(new Set([expiryDate]));
  });

  test('tells a new expiry within the window, and nothing of a license that is switched off or revoked', async () => {
    const [moved, off, revoked] = [await expiringIn(60), await expiringIn(50), await expiringIn(50)];
    const raw = await socket();
    raw.ask('1', expiring(30));
    await expect.poll(() => server.machinery.feed?.readers).toBe(1);

    await change(off, { status: 'INACTIVE' });
    await change(off, { expiryDate: inDays(5) });
    await change(revoked, { expiryDate: inDays(40) });
    await actOn(server, shop.admin, 'revokeLicense', { licenseId: revoked.id, reason: 'test' });
    await change(moved, { expiryDate: inDays(20) });
    await untilTold(raw, [moved.id]);
    await change(moved, { expiryDate: inDays(10) });
    await untilTold(raw, [moved.id, moved.id]);

    expect(toldOf(raw).map((told) => told?.daysRemaining)).toEqual([20, 10]);
  });

  test('hears of a change that another server commits', async () => {
    const license = await expiringIn(60);
    const raw = await socket(shop.admin, beside);
    raw.ask('1', expiring(7));
    await expect.poll(() => beside.machinery.feed?.readers).toBe(1);

    await change(license, { expiryDate: inDays(2) }, server);

    await untilTold(raw, [license.id]);
  });

  test('tells a window of 1,200 licenses whole, each once, also to who is reading a stream beside it', async () => {
    const { id } = await expiringIn(3);
    await server.sql`insert into licenses select (json_populate_record(l, json_build_object(
        'id', gen_random_uuid()::text, 'license_key_hash', gen_random_uuid()::text,
        'expiry_date', l.expiry_date + make_interval(secs => n / 3)))).*
      from licenses l, generate_series(1, 1199) n where l.id = ${id}`;
    const raw = await socket();

    raw.ask('1', expiring(7));
    await expect.poll(() => raw.of('1').length).toBe(1200);
    const other = await expiringIn(1);
    await expect.poll(() => idsTold(raw).at(-1)).toBe(other.id);

    expect(new Set(idsTold(raw)).size).toBe(1201);
  });
});

describe('who hears what', () => {
  const streams: Readonly<Record<string, string>> = {
    changed: 'subscription { licenseChanged { type license { id } } }',
    activation: 'subscription { activationChanged { type activation { license { id } } } }',
    expiring: 'subscription { licenseExpiring(withinDays: 30) { license { id } } }',
  };
  const heardOf = (raw: RawSocket): string[] =>
    Object.keys(streams).flatMap((id) =>
      toldOf(raw, id).map((told) => `${id} ${told?.license?.id ?? told?.activation?.license?.id}`),
    );

  test('each its own: the tenant, the customer, the reseller, and nobody of another tenant', async () => {
    const other = await openShop(server);
    const stranger = await createCustomer(server, shop.admin, 'Stranger');
    const reseller = await createReseller(server, shop.admin);
    const { tenant_id } = shop.admin;
    const ours = await Promise.all(
      [
        shop.admin,
        { tenant_id, roles: ['customer'] as const, customer_id: shop.customerId },
        { tenant_id, roles: ['reseller'] as const, reseller_id: reseller },
      ].map((claims) => socket(claims)),
    );
    const [admin, customer, sold] = ours as [RawSocket, RawSocket, RawSocket];
    const foreign = await socket(other.admin);
    await quiet();
    for (const raw of [...ours, foreign])
      for (const [id, query] of Object.entries(streams)) raw.ask(id, query);
    await expect.poll(() => server.machinery.feed?.readers).toBe(12);

    const expiryDate = new Date(Date.parse(server.now) + 5 * DAY_MILLIS).toISOString();
    const make = async (input: object, of = shop) => {
      const made = await createLicense(server, of, { expiryDate, ...input });
      await activate(server, made.licenseKey, 'laptop');
      return made;
    };
    const own = await make({ customerId: shop.customerId });
    const theirs = await make({ customerId: stranger });
    const resold = await make({ resellerId: reseller });
    // Each stream has one order: who has heard of the last has heard of all before it, or never will.
    const last = await make({ customerId: shop.customerId, resellerId: reseller });
    const lastForeign = await make({}, other);
    const all = ({ id }: Issued) => [`changed ${id}`, `activation ${id}`, `expiring ${id}`];
    const told = (raw: RawSocket) => [...new Set(heardOf(raw))].toSorted();
    for (const [raw, end] of [...ours.map((each) => [each, last] as const), [foreign, lastForeign] as const])
      await expect.poll(() => told(raw)).toEqual(expect.arrayContaining(all(end)));

    expect(told(admin)).toEqual([own, theirs, resold, last].flatMap(all).toSorted());
    expect(told(customer)).toEqual([own, last].flatMap(all).toSorted());
    expect(told(sold)).toEqual([resold, last].flatMap(all).toSorted());
    expect(told(foreign)).toEqual(all(lastForeign).toSorted());
  });

  test('a license that changes hands is told to who has it then: the new holder from the transfer on', async () => {
    const next = await createCustomer(server, shop.admin, 'Next');
    const license = await issueLicense(server, shop);
    await quiet();
    const { tenant_id } = shop.admin;
    const [old, fresh] = [
      await socket({ tenant_id, roles: ['customer'], customer_id: shop.customerId }),
      await socket({ tenant_id, roles: ['customer'], customer_id: next }),
    ];
    for (const raw of [old, fresh]) raw.ask('changed', streams.changed ?? '');
    await expect.poll(() => server.machinery.feed?.readers).toBe(2);

    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'first' });
    await old.until(({ id }) => id === 'changed');
    server.pass(1000);
    await actOn(server, shop.admin, 'transferLicense', {
      licenseId: license.id,
      newCustomerId: next,
      newIssuedTo: 'Next',
      transferReason: 'sold',
    });
    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'last' });
    await expect.poll(() => fresh.of('changed').length).toBe(2);

    const types = (raw: RawSocket) => toldOf(raw, 'changed').map((told) => told?.type);
    expect(types(fresh)).toEqual(['license.transferred', 'license.updated']);
    expect(types(old)).toEqual(['license.updated']);
  });

  test('what happened before a transfer and is numbered after it is not told to the new holder', async () => {
    const next = await createCustomer(server, shop.admin, 'Next');
    const license = await issueLicense(server, shop);
    await activate(server, license.licenseKey, 'laptop');
    await quiet();
    const raw = await socket({ tenant_id: shop.admin.tenant_id, roles: ['customer'], customer_id: next });
    for (const [id, query] of Object.entries(streams)) raw.ask(id, query);
    await expect.poll(() => server.machinery.feed?.readers).toBe(3);

    const sealer = await server.sql.reserve();
    await sealer`begin`;
    await sealer`select pg_advisory_xact_lock(7461200520)`;
    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'secretly' });
    await activate(server, license.licenseKey, 'another');
    server.pass(1000);
    await actOn(server, shop.admin, 'transferLicense', {
      licenseId: license.id,
      newCustomerId: next,
      newIssuedTo: 'Next',
      transferReason: 'sold',
      deactivateExisting: false,
    });
    await sealer`rollback`;
    sealer.release();
    await raw.until(({ id }) => id === 'changed');
    await quiet();
    await actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo: 'openly' });
    await expect.poll(() => raw.of('changed').length).toBe(2);

    expect(toldOf(raw, 'changed').map((told) => told?.type)).toEqual([
      'license.transferred',
      'license.updated',
    ]);
    expect(raw.of('activation')).toEqual([]);
  });
});

describe('who comes back', () => {
  test('hears of what is committed from then on, in order and once, and of the whole window', async () => {
    const license = await createLicense(server, shop, {
      expiryDate: new Date(Date.parse(server.now) + 5 * DAY_MILLIS).toISOString(),
    });
    const rename = (issuedTo: string) =>
      actOn(server, shop.admin, 'updateLicense', { licenseId: license.id, issuedTo });
    const changed = 'subscription { licenseChanged { sequence license { issuedTo } } }';
    await quiet();
    const first = await socket();
    first.ask('1', changed);
    await expect.poll(() => server.machinery.feed?.readers).toBe(1);
    await rename('told');
    await first.until(({ id }) => id === '1');

    await first.hangUp();
    await expect.poll(() => server.machinery.feed?.readers).toBe(0);
    await rename('missed');
    await quiet();
    const second = await socket();
    second.ask('1', changed);
    second.ask('2', 'subscription { licenseExpiring(withinDays: 7) { license { id } } }');
    await expect.poll(() => server.machinery.feed?.readers).toBe(2);
    await rename('told again');
    await second.until(({ id }) => id === '1');
    await second.until(({ id }) => id === '2');

    const numbers = [...toldOf(first), ...toldOf(second)].map((told) => Number(told?.sequence));
    expect(toldOf(second).map((told) => told?.license?.issuedTo)).toEqual(['told again']);
    expect(toldOf(second, '2').map((told) => told?.license?.id)).toEqual([license.id]);
    expect(Number(numbers[1]) - Number(numbers[0])).toBe(2);
  });
});
