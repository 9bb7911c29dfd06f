import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addDays, addMillis, millis, systemClock } from '../../src/core/clock.js';
import { readConfig } from '../../src/core/config.js';
import { jobSurroundings } from '../../src/server/jobs.js';
import { createLicense, openShop } from '../support/fixtures.js';
import { at, START, startTestServer, type TestServer } from '../support/server.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Two servers on one database: the clock of the first is right, whatever the other's says. */
let server: TestServer;
let other: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  other = await startTestServer({ beside: server });
  other.jobs.sharedTime = () => server.now;
  for (const each of [server, other]) {
    const scheduled = each.jobs.list.scheduled.filter(({ job }) => job.name.startsWith('license.'));
    each.jobs.list = { queued: [], scheduled };
    each.jobs.reactions = { to: {}, toAll: [] };
  }
});
beforeEach(async () => {
  server.now = START;
  await server.sql`delete from scheduled_jobs`;
});
afterAll(async () => {
  await other.stop();
  await server.stop();
});

/** What was told of a license, and when: at what the shared clock said then. */
async function told(licenseId: string): Promise<string[]> {
  const rows = await server.sql`select event_type as type, event_data ->> 'days' as days,
      to_char(created_at at time zone 'UTC', 'MM-DD"T"HH24:MI') as at
    from license_event_logs where license_id = ${licenseId} and user_id = 'jobs' order by created_at, event_type`;
  return rows.map(({ type, days, at: when }) => `${when} ${type}${days === null ? '' : ` ${days}`}`);
}

/** At each of these instants both servers do what they find due, the one whose clock is wrong first. */
async function visit(wrongBy: number, ...instants: readonly string[]): Promise<void> {
  for (const instant of instants) {
    server.now = at(instant);
    other.now = addMillis(server.now, wrongBy);
    await other.jobs.drain();
    await server.jobs.drain();
  }
}

test.each([
  ['a day fast', DAY],
  ['a day slow', -DAY],
  ['two hours fast', 2 * HOUR],
])(
  'a server whose clock is %s tells of nothing early, and keeps nobody from telling',
  async (_how, wrongBy) => {
    const { id } = await createLicense(server, await openShop(server), {
      expiryDate: at('2026-03-03T06:00:00Z'),
      gracePeriodDays: 0,
    });

    await visit(wrongBy, '2026-03-01T13:00:00Z', '2026-03-02T07:30:00Z', '2026-03-02T08:00:00Z');
    await visit(wrongBy, '2026-03-03T05:59:00Z', '2026-03-03T06:00:00Z', '2026-03-03T08:00:00Z');

    expect(await told(id)).toEqual([
      '03-02T08:00 license.expiring 1',
      '03-03T06:00 license.expired',
      '03-03T06:00 license.suspended',
    ]);
  },
);

test('a server whose clock is wrong does alone what is due at the time that it is', async () => {
  const { id } = await createLicense(server, await openShop(server), {
    expiryDate: at('2026-03-03T06:00:00Z'),
    gracePeriodDays: 9,
  });

  for (const moment of ['2026-03-02T07:59:00Z', '2026-03-02T08:00:00Z', '2026-03-03T06:00:00Z']) {
    server.now = at(moment);
    other.now = addDays(server.now, 40);
    await other.jobs.drain();
  }

  expect(await told(id)).toEqual(['03-02T08:00 license.expiring 1', '03-03T06:00 license.expired']);
  expect(other.logged.some((line) => line.includes('the clock of this server is wrong'))).toBe(true);
});

test('what a clock that was wrong has left behind holds no job up, and has none done early', async () => {
  const { id } = await createLicense(server, await openShop(server), {
    expiryDate: at('2026-03-03T06:00:00Z'),
    gracePeriodDays: 9,
  });
  const ahead = addDays(server.now, 1);
  await server.sql`insert into scheduled_jobs (name, due_at, done_through)
    values ('license.check_expiries', ${ahead}, ${ahead})`;
  await server.sql`select graphile_worker.add_job('license.check_expiries', ${JSON.stringify({ dueAt: ahead })}::text::json)`;

  await server.jobs.drain();
  const early = await told(id);
  server.now = at('2026-03-02T08:00:00Z');
  await server.jobs.drain();

  expect([early, await told(id)]).toEqual([[], ['03-02T08:00 license.expiring 1']]);
  const [row] = await server.sql`select due_at <= ${server.now} as due, done_through <= ${server.now} as done
    from scheduled_jobs where name = 'license.check_expiries'`;
  expect(row).toEqual({ due: true, done: true });
});

test('the clock that servers share is that of the database', async () => {
  const { pool } = server.jobs.surroundings;
  const { sharedTime } = jobSurroundings(server.machinery, readConfig({ NODE_ENV: 'test' }));

  const off = millis(await sharedTime(pool.db)) - millis(systemClock());

  expect(Math.abs(off)).toBeLessThan(60_000);
});
