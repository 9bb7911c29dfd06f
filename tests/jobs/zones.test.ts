import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, type Instant, millis } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { createCustomer, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { Random } from '../support/random.js';
import { SEED } from '../support/seed.js';
import { at, START, startTestServer, type TestServer } from '../support/server.js';

const HOUR = 3_600_000;
/** `SEED=7 npx vitest run tests/jobs/zones.test.ts` makes the same changes again. */

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  const scheduled = server.jobs.list.scheduled.filter(({ job }) => job.name === 'license.check_expiries');
  server.jobs.list = { queued: [], scheduled };
  server.jobs.reactions = { to: {}, toAll: [] };
});
beforeEach(async () => {
  server.now = START;
  await server.sql`delete from scheduled_jobs`;
  shop = await openShop(server);
});
afterAll(() => server.stop());

const act = (name: string, input: object): Promise<unknown> =>
  server.ok(mutation(name, '__typename'), { input }, shop.admin);
const move = (customerId: string, timeZone: string) => act('updateCustomer', { customerId, timeZone });

/** Of each license that was reminded, the days and the instants. */
async function reminders(): Promise<Map<string, string[]>> {
  const rows = await server.sql`select license_id as id, event_data ->> 'days' as days,
      to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from license_event_logs where tenant_id = ${shop.admin.tenant_id} and event_type = 'license.expiring' order by created_at`;
  const found = new Map<string, string[]>();
  for (const { id, days, at: when } of rows) found.set(id, [...(found.get(id) ?? []), `${days} ${when}`]);
  return found;
}

/** Somebody looks after what is due at each of these instants. */
async function look(...instants: readonly string[]): Promise<void> {
  for (const each of instants) {
    server.now = at(each);
    await server.jobs.drain();
  }
}

/** As every hour does, from here to well behind the next morning. */
const goOn = (hour: string) =>
  look(hour, '2026-03-05T18:00:00Z', '2026-03-06T08:00:00Z', '2026-03-06T12:00:00Z');

/** A license that runs for a week from its morning by UTC on, two hours before that morning. */
async function ripe(): Promise<string> {
  const { id } = await createLicense(server, shop, {
    expiryDate: at('2026-03-12T12:00:00Z'),
    customerId: shop.customerId,
  });
  await move(shop.customerId, 'UTC');
  await look('2026-03-05T05:00:00Z', '2026-03-05T05:30:00Z');
  return id;
}

describe('a reminder is lost by nobody', () => {
  test('who comes under a clock by which its morning is over', async () => {
    const id = await ripe();

    await move(shop.customerId, 'Asia/Tokyo');
    await goOn('2026-03-05T06:00:00Z');

    expect((await reminders()).get(id)).toEqual([`7 ${at('2026-03-05T06:00:00Z')}`]);
  });

  test('whose tenant comes under such a clock', async () => {
    const { id } = await createLicense(server, shop, { expiryDate: at('2026-03-12T12:00:00Z') });
    await look('2026-03-05T05:00:00Z', '2026-03-05T05:30:00Z');

    await act('updateTenantSettings', { timeZone: 'Asia/Tokyo' });
    await goOn('2026-03-05T06:00:00Z');

    expect((await reminders()).get(id)).toEqual([`7 ${at('2026-03-05T06:00:00Z')}`]);
  });

  test('whose license goes to a customer farther east', async () => {
    const id = await ripe();
    const newCustomerId = await createCustomer(server, shop.admin);
    await move(newCustomerId, 'Asia/Tokyo');

    await act('transferLicense', {
      licenseId: id,
      newCustomerId,
      newIssuedTo: 'x',
      transferReason: 'x',
    });
    await goOn('2026-03-05T06:00:00Z');

    expect((await reminders()).get(id)).toEqual([`7 ${at('2026-03-05T06:00:00Z')}`]);
  });

  test('whose license is held back on its morning, and goes on later that day', async () => {
    const id = await ripe();
    await act('suspendLicense', { licenseId: id, reason: 'x' });
    await look('2026-03-05T08:00:00Z', '2026-03-05T17:30:00Z');

    await act('reinstateLicense', { licenseId: id });
    await goOn('2026-03-05T18:00:00Z');

    expect((await reminders()).get(id)).toEqual([`7 ${at('2026-03-05T18:00:00Z')}`]);
  });

  test('whose license ends sooner than it did that morning', async () => {
    const { id } = await createLicense(server, shop, { expiryDate: at('2026-03-20T12:00:00Z') });
    await look('2026-03-05T08:00:00Z', '2026-03-05T17:30:00Z');

    await act('updateLicense', { licenseId: id, expiryDate: at('2026-03-12T12:00:00Z') });
    await goOn('2026-03-05T18:00:00Z');

    expect((await reminders()).get(id)).toEqual([`7 ${at('2026-03-05T18:00:00Z')}`]);
  });
});

describe('a reminder whose morning was over comes to nobody', () => {
  test.each([
    ['is issued', {}],
    ['is imported with a date of long ago', { issuedDate: addDays(START, -100) }],
  ])('whose license %s later that day', async (_how, input) => {
    await look('2026-03-05T10:00:00Z');

    const { id } = await createLicense(server, shop, { ...input, expiryDate: at('2026-03-12T12:00:00Z') });
    await goOn('2026-03-05T11:00:00Z');

    expect((await reminders()).get(id)).toBeUndefined();
  });

  test.each([
    ['is renewed', 'renewLicense', { durationMonths: 1 }, '2026-03-04T12:00:00Z'],
    ['may run on', 'updateLicense', { expiryDate: at('2026-04-04T12:00:00Z') }, '2026-03-28T12:00:00Z'],
  ])('whose license %s later that day', async (_how, name, input, ends) => {
    const { id } = await createLicense(server, shop, { expiryDate: at(ends), gracePeriodDays: 9 });
    await look('2026-03-05T07:30:00Z', '2026-03-05T08:00:00Z', '2026-03-05T10:00:00Z');
    const before = (await reminders()).get(id);

    await act(name, { licenseId: id, ...input });
    await goOn('2026-03-05T11:00:00Z');

    expect((await reminders()).get(id)).toEqual(before);
    await look('2026-03-21T08:00:00Z');
    expect((await reminders()).get(id)?.at(-1)).toBe(`14 ${at('2026-03-21T08:00:00Z')}`);
  });

  test('a second time by another clock', async () => {
    const id = await ripe();
    await look('2026-03-05T08:00:00Z');

    for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'UTC']) {
      await move(shop.customerId, zone);
      await look(addMillis(server.now, 10 * HOUR));
    }

    expect((await reminders()).get(id)).toEqual([`7 ${at('2026-03-05T08:00:00Z')}`]);
  });
});

const ZONES = [
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Pacific/Chatham',
  'America/St_Johns',
  'America/Los_Angeles',
  'Europe/Berlin',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'UTC',
] as const;

test(`however often people change their clocks, each license is reminded exactly once of a span, and not later than by the last clock of all (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const begin = at('2026-03-05T00:00:00Z');
  const licensed: { readonly id: string; readonly ends: Instant }[] = [];
  const people: string[] = [];
  for (let index = 0; index < 24; index += 1) {
    const customerId = await createCustomer(server, shop.admin, `C ${index}`);
    await move(customerId, random.pick(ZONES));
    people.push(customerId);
    // Seven days before they end lie in the two and a half days that are lived through here, by any clock.
    const expiryDate = addMillis(begin, 8 * 24 * HOUR + random.below(24 * 60) * 60_000);
    const { id } = await createLicense(server, shop, { expiryDate, customerId });
    licensed.push({ id, ends: expiryDate });
  }
  await look(addMillis(begin, -HOUR));

  while (server.now < addMillis(begin, 60 * HOUR)) {
    for (const person of people) if (random.chance(0.12)) await move(person, random.pick(ZONES));
    await look(addMillis(server.now, (1 + random.below(3)) * HOUR));
  }

  const found = await reminders();
  const wrong = licensed.filter(({ id, ends }) => {
    const [told = '', ...others] = found.get(id) ?? [];
    const [days, when = ''] = told.split(' ');
    const before = millis(ends) - Date.parse(when);
    // A day begins up to 24 hours before what happens in it, and summer time moves it by one; the morning is eight hours into it.
    const isInTime = before <= (7 * 24 + 24 + 1 - 8) * HOUR && before >= (7 * 24 - 8 - 1 - 3) * HOUR;
    return days !== '7' || others.length > 0 || !isInTime;
  });
  expect(wrong, `SEED=${SEED}`).toEqual([]);
});
