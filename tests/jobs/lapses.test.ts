import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays, addMillis, type Instant } from '../../src/core/clock.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { at, START, startTestServer, type TestServer } from '../support/server.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  const scheduled = server.jobs.list.scheduled.filter(({ job }) => job.name.startsWith('license.'));
  server.jobs.list = { queued: [], scheduled };
  server.jobs.reactions = { to: {}, toAll: [] };
});
beforeEach(async () => {
  server.now = START;
  await server.sql`delete from scheduled_jobs`;
  shop = await openShop(server);
  await server.jobs.drain();
});
afterAll(() => server.stop());

interface Told {
  readonly type: string;
  readonly at: string;
  readonly data: Record<string, unknown>;
}

/** What was told of a license by the clock, in the order of the log. */
async function toldOf(licenseId: string): Promise<Told[]> {
  const rows = await server.sql`select event_type as type, event_data as data,
      to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from license_event_logs where license_id = ${licenseId} and user_id = 'jobs' order by created_at, event_type`;
  return rows.map(({ type, at: when, data }) => ({ type, at: when, data }));
}

const words = async (licenseId: string): Promise<string[]> =>
  (await toldOf(licenseId)).map(({ type, data }) =>
    data.days === undefined ? type : `${type} ${data.days}`,
  );

/** Runs whatever is due, hour by hour or at larger steps. */
async function go(until: Instant, step = HOUR): Promise<void> {
  while (server.now < until) {
    server.now = addMillis(server.now, step) < until ? addMillis(server.now, step) : until;
    await server.jobs.drain();
  }
}

/** Runs whatever is due an hour before each of these instants, when nothing is to come of it yet, and at it. */
async function visit(...instants: readonly Instant[]): Promise<void> {
  for (const instant of instants) {
    for (const now of [addMillis(instant, -HOUR), instant]) {
      server.now = now;
      await server.jobs.drain();
    }
  }
}

const licensed = (input: object): Promise<{ id: string; licenseKey: string }> =>
  createLicense(server, shop, input);
const statusOf = async (id: string): Promise<unknown> => {
  const data = await server.ok(
    'query ($id: ID!) { license(id: $id) { status suspensionReason } }',
    { id },
    shop.admin,
  );
  return data.license;
};
const renew = (licenseId: string, durationMonths: number) =>
  server.ok(
    'mutation ($input: RenewLicenseInput!) { renewLicense(input: $input) { license { expiryDate } } }',
    { input: { licenseId, durationMonths } },
    shop.admin,
  );

describe('a license that lapses', () => {
  test('is told of once: when it has expired, and when its grace has ended, however often the jobs run', async () => {
    const expiryDate = addDays(START, 2);
    const { id } = await licensed({ expiryDate, gracePeriodDays: 3 });

    await visit(at('2026-03-02T08:00:00Z'), expiryDate, addDays(expiryDate, 3), addDays(expiryDate, 9));
    await server.jobs.run('license.check_expiries');
    await server.jobs.run('license.end_grace');

    expect(await toldOf(id)).toEqual([
      {
        type: 'license.expiring',
        at: at('2026-03-02T08:00:00Z'),
        data: { days: 1, expiry_date: expiryDate },
      },
      { type: 'license.expired', at: expiryDate, data: { expiry_date: expiryDate } },
      {
        type: 'license.suspended',
        at: addDays(expiryDate, 3),
        data: { reason: 'Grace period expired', from: 'EXPIRED', expiry_date: expiryDate },
      },
    ]);
    expect(await statusOf(id)).toEqual({ status: 'SUSPENDED', suspensionReason: 'Grace period expired' });
  });

  test('and was renewed is told of again at its next expiry, and at that one only', async () => {
    const { id } = await licensed({ expiryDate: addDays(START, 2), gracePeriodDays: 0 });
    await go(addDays(START, 3), DAY);

    await renew(id, 1);
    await go(addDays(START, 3 + 32), DAY);

    expect(await words(id)).toEqual([
      'license.expiring 1',
      'license.expired',
      'license.suspended',
      'license.expiring 30',
      'license.expiring 14',
      'license.expiring 7',
      'license.expiring 1',
      'license.expired',
      'license.suspended',
    ]);
  });

  test('keeps its seal, its status on record and the instant of its last change', async () => {
    const { id } = await licensed({ expiryDate: addDays(START, 2), gracePeriodDays: 0 });
    const row = () =>
      server.sql`select status, suspended_from, seal, updated_at from licenses where id = ${id}`;
    const before = await row();

    await go(addDays(START, 3), DAY);

    expect(await words(id)).toContain('license.suspended');
    expect([...(await row())]).toEqual([...before]);
  });

  test.each([
    ['REVOKED', 'revokeLicense'],
    ['SUSPENDED for cause', 'suspendLicense'],
  ])('is told of by nobody while it is %s', async (_status, act) => {
    const { id } = await licensed({ expiryDate: addDays(START, 2), gracePeriodDays: 0 });
    const input = { licenseId: id, reason: 'x' };
    await server.ok(
      `mutation ($input: ${act.charAt(0).toUpperCase()}${act.slice(1)}Input!) { ${act}(input: $input) { license { id } } }`,
      { input },
      shop.admin,
    );

    await go(addDays(START, 4), DAY);

    expect(await words(id)).toEqual([]);
  });

  test('never lapses while it waits for its first activation, nor where it has no expiry', async () => {
    const trial = await licensed({ licenseType: 'TRIAL', trialPeriodDays: 3 });
    const perpetual = await licensed({ licenseType: 'PERPETUAL' });

    await go(addDays(START, 40), 8 * DAY);

    expect([await words(trial.id), await words(perpetual.id)]).toEqual([[], []]);
  });

  test('has no grace where it was switched off', async () => {
    const { id } = await licensed({ expiryDate: addDays(START, 2), gracePeriodDays: 9 });
    await server.ok(
      'mutation ($input: UpdateLicenseInput!) { updateLicense(input: $input) { license { id } } }',
      { input: { licenseId: id, status: 'INACTIVE' } },
      shop.admin,
    );

    await go(addDays(START, 3), DAY);

    expect(await words(id)).toEqual(['license.expired', 'license.suspended']);
  });
});

describe('reminders', () => {
  test('come at eight in the morning, 30, 14, 7 and 1 days before the day of the expiry', async () => {
    const expiryDate = at('2026-05-10T03:00:00Z');
    const { id } = await licensed({ expiryDate });

    await visit(
      at('2026-04-10T08:00:00Z'),
      at('2026-04-26T08:00:00Z'),
      at('2026-05-03T08:00:00Z'),
      at('2026-05-09T08:00:00Z'),
    );

    expect((await toldOf(id)).map(({ at: when, data }) => [data.days, when])).toEqual([
      [30, at('2026-04-10T08:00:00Z')],
      [14, at('2026-04-26T08:00:00Z')],
      [7, at('2026-05-03T08:00:00Z')],
      [1, at('2026-05-09T08:00:00Z')],
    ]);
  });

  test("follow the customer's clock, else the tenant's, through summer time", async () => {
    const expiryDate = at('2026-04-06T23:30:00Z');
    const own = await licensed({ expiryDate, customerId: shop.customerId });
    const tenants = await licensed({ expiryDate });
    await server.sql`update customers set time_zone = 'Asia/Tokyo' where id = ${shop.customerId}`;
    await server.sql`update tenants set settings = settings || '{"time_zone": "Europe/Berlin"}'
      where id = ${shop.admin.tenant_id}`;

    const days = [at('2026-03-07T23:00:00Z'), at('2026-03-23T23:00:00Z'), at('2026-03-30T23:00:00Z')];
    for (const day of [...days, at('2026-04-05T23:00:00Z')])
      await visit(day, addMillis(day, 7 * HOUR), addMillis(day, 8 * HOUR));

    // In Tokyo it ends on the 7th, where eight in the morning is 23:00 UTC of the day before; in Berlin on the 7th as well, where it is
    // seven UTC before the clocks go forward on 29 March, and at six after that.
    const reminded = async (id: string) => (await toldOf(id)).map(({ at: when, data }) => [data.days, when]);
    expect(await reminded(own.id)).toEqual([
      [30, at('2026-03-07T23:00:00Z')],
      [14, at('2026-03-23T23:00:00Z')],
      [7, at('2026-03-30T23:00:00Z')],
      [1, at('2026-04-05T23:00:00Z')],
    ]);
    expect(await reminded(tenants.id)).toEqual([
      [30, at('2026-03-08T07:00:00Z')],
      [14, at('2026-03-24T07:00:00Z')],
      [7, at('2026-03-31T06:00:00Z')],
      [1, at('2026-04-06T06:00:00Z')],
    ]);
  });

  test('that were missed for days are caught up by the nearest one alone', async () => {
    const { id } = await licensed({ expiryDate: addDays(START, 60), gracePeriodDays: 9 });
    await go(addDays(START, 25), 5 * DAY);

    await go(addDays(START, 55), 30 * DAY);
    await go(addDays(START, 60), DAY);

    expect(await words(id)).toEqual(['license.expiring 7', 'license.expiring 1', 'license.expired']);
  });

  test('that somebody keeps from being written come with the next run', async () => {
    const { id } = await licensed({ expiryDate: addDays(START, 8) });
    const connection = await server.sql.reserve();
    await connection`begin`;
    await connection`lock table license_reminders in access exclusive mode`;
    server.now = at('2026-03-02T08:00:00Z');

    const draining = server.jobs.drain();
    await expect
      .poll(() => server.count('scheduled_jobs', "name = 'license.check_expiries' and error is not null"))
      .toBe(1);
    await connection`rollback`;
    connection.release();
    await draining;
    await go(addMillis(server.now, HOUR));

    expect(await words(id)).toEqual(['license.expiring 7']);
  });

  test('that fell due before a license was issued, or a trial began, do not come', async () => {
    await go(addDays(START, 1), DAY);
    const late = await licensed({ expiryDate: addDays(server.now, 10) });
    const trial = await licensed({ licenseType: 'TRIAL', trialPeriodDays: 5, maxActivations: 1 });
    server.pass(2 * DAY);
    await activate(server, trial.licenseKey, 'd');

    await go(addDays(server.now, 4.9), 12 * HOUR);

    expect(await words(trial.id)).toEqual(['license.expiring 1']);
    expect(await words(late.id)).toEqual(['license.expiring 7']);
  });

  test('of a time zone that nobody knows come by UTC, and keep nobody from his', async () => {
    const { id } = await licensed({ expiryDate: at('2026-03-03T12:00:00Z'), customerId: shop.customerId });
    const other = await licensed({ expiryDate: at('2026-03-03T12:00:00Z') });
    await server.sql`update customers set time_zone = 'Mars/Olympus' where id = ${shop.customerId}`;

    await visit(at('2026-03-02T08:00:00Z'));

    for (const each of [id, other.id])
      expect(await toldOf(each)).toMatchObject([{ at: at('2026-03-02T08:00:00Z'), data: { days: 1 } }]);
  });
});
