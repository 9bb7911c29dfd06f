import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connect, openPool, type Pool, type Session } from '../../src/core/db.js';
import type { TenantId } from '../../src/core/id.js';
import { newDatabase } from '../support/server.js';

let database: Awaited<ReturnType<typeof newDatabase>>;
let admin: postgres.Sql;
let pool: Pool;
beforeAll(async () => {
  database = await newDatabase();
  admin = connect(database.adminUrl, { max: 2 });
  await admin`insert into tenants values ('acme', 'Acme', '{}', now(), now())`;
});
beforeEach(() => {
  pool = openPool({ url: database.url, role: 'lg_owner', maxConnections: 2 });
  return () => pool.end();
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

const acme = 'acme' as TenantId;
const over = new Error('over');
const sleepLong = sql`select pg_sleep(60)`;
const whoAmI = sql`select pg_backend_pid() as pid`;

async function running(): Promise<number> {
  const [row] = await admin`select count(*)::int as count from pg_stat_activity
    where datname = current_database() and state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`;
  return Number(row?.count);
}

const untilRunning = (count: number): Promise<void> => expect.poll(running, { interval: 5 }).toBe(count);

async function pidOf(session: Session): Promise<number> {
  const [row] = await session.db.execute(whoAmI);
  return Number(row?.pid);
}

/** What a statement failed with, past what wraps it. */
async function failure(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => 'answered',
    (thrown: unknown) => thrown,
  );
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

test('a statement ends with its signal, in the database too, and its connection serves the next', async () => {
  const controller = new AbortController();
  const session = await pool.begin('read', controller.signal);
  const pid = await pidOf(session);
  const failed = failure(session.db.execute(sleepLong));
  await untilRunning(1);

  controller.abort(over);

  expect(await failed).toBe(over);
  await session.rollback();
  expect(await running()).toBe(0);
  const next = await pool.begin('read');
  next.setTenant(acme);
  expect([...(await next.db.execute(sql`select id from tenants`))]).toEqual([{ id: 'acme' }]);
  expect(await pidOf(next)).toBe(pid);
  await next.rollback();
});

test('statements that wait behind it are told the same, and none of them is run', async () => {
  const controller = new AbortController();
  const session = await pool.begin('write', controller.signal);
  session.setTenant(acme);
  const rename = sql`update tenants set name = 'Renamed' where id = 'acme'`;
  const failed = [session.db.execute(sleepLong), session.db.execute(rename), session.db.execute(rename)].map(
    failure,
  );
  await untilRunning(1);

  controller.abort(over);

  expect(await Promise.all(failed)).toEqual([over, over, over]);
  await session.rollback();
  expect(await admin`select name from tenants`).toEqual([{ name: 'Acme' }]);
});

test('between two statements it refuses the next one and the commit, and what was written is undone', async () => {
  const controller = new AbortController();
  const session = await pool.begin('write', controller.signal);
  session.setTenant(acme);
  await session.db.execute(sql`update tenants set name = 'Renamed' where id = 'acme'`);

  controller.abort(over);

  expect(await failure(session.db.execute(sql`select 1`))).toBe(over);
  expect(await failure(session.commit())).toBe(over);
  expect(await admin`select name from tenants`).toEqual([{ name: 'Acme' }]);
});

test('a commit that is on its way is not cut short', async () => {
  const controller = new AbortController();
  const session = await pool.begin('write', controller.signal);
  session.setTenant(acme);
  await session.db.execute(sql`update tenants set updated_at = '2020-01-01' where id = 'acme'`);

  const committed = session.commit();
  await Promise.resolve();
  controller.abort(over);

  await committed;
  expect(await admin`select name from tenants where updated_at = '2020-01-01'`).toHaveLength(1);
});

test('a transaction is not begun for who has gone', async () => {
  expect(await failure(pool.begin('read', AbortSignal.abort(over)))).toBe(over);
});

test('who waits for a connection waits no longer, and takes none', async () => {
  const held = [await pool.begin('read'), await pool.begin('read')];
  const controller = new AbortController();
  const waiting = failure(pool.begin('read', controller.signal));
  const behind = pool.begin('read');

  controller.abort(over);

  expect(await waiting).toBe(over);
  for (const session of held) await session.rollback();
  const session = await behind;
  await session.rollback();
  const both = [await pool.begin('read'), await pool.begin('read')];
  expect(await Promise.all(both.map(pidOf))).toHaveLength(2);
  for (const each of both) await each.rollback();
});

test('an order to cancel that comes late ends nothing of the next transaction', async () => {
  const shared = { failed: 0, ended: 0 };
  const round = async (at: number): Promise<void> => {
    const controller = new AbortController();
    const session = await pool.begin('read', controller.signal);
    const statement = failure(session.db.execute(sql`select pg_sleep(0.003)`));
    setTimeout(() => controller.abort(over), at % 7);
    if ((await statement) === over) shared.ended += 1;
    await session.rollback();
    const next = await pool.begin('read');
    const answered = await failure(next.db.execute(sql`select pg_sleep(0.004)`));
    if (answered !== 'answered') shared.failed += 1;
    await next.rollback();
  };

  await Promise.all(
    [0, 1].map(async (lane) => {
      for (let at = 0; at < 100; at += 1) await round(at + lane);
    }),
  );

  expect(shared.failed).toBe(0);
  expect(shared.ended).toBeGreaterThan(20);
});
