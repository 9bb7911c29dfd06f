import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Connections } from '../../src/core/connections.js';
import { committed, connect, openPool, type Pool } from '../../src/core/db.js';
import type { TenantId } from '../../src/core/id.js';
import { prepared } from '../../src/core/prepared.js';
import { fc } from '../support/seed.js';
import { newDatabase } from '../support/server.js';

let database: Awaited<ReturnType<typeof newDatabase>>;
let admin: postgres.Sql;
let pool: Pool;
beforeAll(async () => {
  database = await newDatabase();
  admin = connect(database.adminUrl, { max: 2 });
  await admin`insert into tenants values ('acme', 'Acme', '{}', now(), now()), ('globex', 'Globex', '{}', now(), now())`;
});
beforeEach(() => {
  pool = openPool({ url: database.url, role: 'lg_app', maxConnections: 2 });
  return () => pool.end();
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

const tenant = (id: string): TenantId => id as TenantId;

async function ask(db: Pool['db'], text: ReturnType<typeof sql>): Promise<unknown[]> {
  return [...(await db.execute(text))].flatMap((row) => Object.values(row));
}

const seen = sql`select id from tenants`;

/** The backends of the pool's transactions; `select 1` and health have connections of their own. */
async function kill(state: string): Promise<void> {
  await expect
    .poll(
      () =>
        admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
          and application_name = 'licensegraph lg_app' and state = ${state}`,
      { interval: 5 },
    )
    .not.toHaveLength(0);
}

/** Until the pool has heard of it too, for which there is no sign from outside but a failure. */
async function failing(run: () => Promise<unknown>): Promise<string> {
  let message = '';
  await expect
    .poll(
      () =>
        run().then(
          () => 'answered',
          (error: unknown) => {
            message = error instanceof Error ? `${error.message} ${error.cause ?? ''}` : String(error);
            return 'failed';
          },
        ),
      { interval: 5 },
    )
    .toBe('failed');
  return message;
}

test('a transaction sees the tenant that was set in it, and the next one none', async () => {
  const session = await pool.begin('read');
  session.setTenant(tenant('acme'));
  const inside = await ask(session.db, seen);
  await session.rollback();
  const next = await pool.begin('read');

  expect([inside, await ask(next.db, seen)]).toEqual([['acme'], []]);
  await next.rollback();
});

test('a transaction in which nothing is asked leaves nothing to the next on its connection', async () => {
  const connections = async () =>
    (await admin`select from pg_stat_activity where datname = current_database() and state like 'idle in%'`)
      .length;
  const session = await pool.begin('write');
  session.setTenant(tenant('acme'));
  session.limitLockWait(1);
  const begun = await connections();
  await session.commit();
  const next = await pool.begin('write');

  expect([begun, await ask(next.db, seen)]).toEqual([0, []]);
  expect(await next.db.execute(sql`show lock_timeout`)).toMatchObject([{ lock_timeout: '15s' }]);
  await next.rollback();
});

test('what runs is committed when it succeeds, and rolled back when it fails', async () => {
  const make = async (id: string, statement: string): Promise<unknown> => {
    const session = await pool.begin('write');
    session.setTenant(tenant('acme'));
    return committed(session, async () => {
      await session.db.execute(
        sql`insert into resellers values ('acme', ${id}, 'Blue', null, 'ACTIVE', now(), now())`,
      );
      return session.db.execute(sql.raw(statement));
    });
  };

  const made = await make('kept', 'select 1 as one');
  const failed = await make('lost', 'select 1 / 0').catch((error: Error) => String(error.cause));

  expect([made, failed]).toEqual([[{ one: 1 }], 'PostgresError: division by zero']);
  const kept = await admin`delete from resellers where id in ('kept', 'lost') returning id`;
  expect(kept).toEqual([{ id: 'kept' }]);
});

test('a transaction that only reads writes nothing', async () => {
  const session = await pool.begin('read');
  session.setTenant(tenant('acme'));

  const write = ask(
    session.db,
    sql`insert into resellers values ('acme', 'r', 'Blue', null, 'ACTIVE', now(), now())`,
  );

  await expect(write).rejects.toThrow();
  await session.rollback();
});

test('a commit of what has failed is no commit', async () => {
  const session = await pool.begin('write');
  session.setTenant(tenant('acme'));
  await ask(
    session.db,
    sql`insert into resellers values ('acme', 'r', 'Blue', null, 'ACTIVE', now(), now())`,
  );
  await ask(session.db, sql`select 1 / 0`).catch(() => undefined);

  await expect(session.commit()).rejects.toThrow('the transaction was rolled back');
  expect(await admin`select from resellers`).toHaveLength(0);
});

const add = prepared<never, { readonly id: string }>(
  sql`insert into resellers values ('acme', ${sql.placeholder('id')}, 'Blue', null, 'ACTIVE', now(), now())`,
);
const fail = prepared<never, Record<string, never>>(sql`select 1 / 0`);

test('a commit waits for no statement that was handed over, and fails as that does', async () => {
  const failed = await pool.begin('write');
  failed.setTenant(tenant('acme'));
  failed.send(add(failed.db, { id: 'lost' }));
  failed.send(fail(failed.db, {}));
  const outcome = await failed.commit().catch(String);
  const done = await pool.begin('write');
  done.setTenant(tenant('acme'));
  done.send(add(done.db, { id: 'kept' }));

  await done.commit();

  expect(outcome).toMatch('division by zero');
  expect((await admin`select id from resellers`).map(({ id }) => id)).toEqual(['kept']);
  await admin`delete from resellers`;
});

test('the wait for a lock is limited for one transaction', async () => {
  const [holder, waiting] = [await pool.begin('write'), await pool.begin('write')];
  for (const session of [holder, waiting]) session.setTenant(tenant('acme'));
  const lock = sql`select pg_advisory_xact_lock(7)`;
  await ask(holder.db, lock);

  waiting.limitLockWait(20);
  const refused = await ask(waiting.db, lock).catch((error: Error) => String(error.cause));
  await Promise.all([holder.rollback(), waiting.rollback()]);
  const next = await pool.begin('read');
  const [after] = await ask(next.db, sql`show lock_timeout`);
  await next.rollback();

  expect([refused, after]).toEqual([expect.stringContaining('lock timeout'), '15s']);
});

test('a statement that comes after the end is refused, and the end happens once', async () => {
  const session = await pool.begin('write');
  session.setTenant(tenant('acme'));
  await session.rollback();
  const other = await pool.begin('write');
  other.setTenant(tenant('globex'));

  await session.commit();
  await session.rollback();

  expect(() => session.setTenant(tenant('acme'))).toThrow('after the end');
  await expect(ask(session.db, seen)).rejects.toThrow();
  expect(await ask(other.db, seen)).toEqual(['globex']);
  await other.rollback();
});

test('a tenant that is none never reaches the database', async () => {
  const session = await pool.begin('read');

  expect(() => session.setTenant(tenant("acme'; reset role; --"))).toThrow('unchecked shape');
  await session.rollback();
});

test('those who wait for a connection get one in their turn', async () => {
  const [first, second] = [await pool.begin('read'), await pool.begin('read')];
  const waiting = [1, 2, 3].map(async (turn) => {
    const session = await pool.begin('read');
    await session.rollback();
    return turn;
  });

  await first.rollback();
  await second.rollback();

  expect(await Promise.all(waiting)).toEqual([1, 2, 3]);
});

test('a transaction whose connection is gone sends nothing more, and takes nobody down with it', async () => {
  const session = await pool.begin('write');
  session.setTenant(tenant('acme'));
  await ask(
    session.db,
    sql`insert into resellers values ('acme', 'lost', 'Blue', null, 'ACTIVE', now(), now())`,
  );

  await kill('idle in transaction');
  const message = await failing(() => ask(session.db, seen));
  const committed = await session.commit().catch(String);
  const [other, third] = [await pool.begin('write'), await pool.begin('write')];
  other.setTenant(tenant('globex'));

  expect(message).toMatch(/lost|terminat|EPIPE|ECONNRESET|CONNECTION/);
  expect(committed).toMatch(/lost|terminat/);
  expect(await ask(other.db, seen)).toEqual(['globex']);
  expect(await admin`select from resellers where id = 'lost'`).toHaveLength(0);
  await Promise.all([other.rollback(), third.rollback()]);
});

test('statements that wait behind one whose connection is cut are all told', async () => {
  const session = await pool.begin('read');
  session.setTenant(tenant('acme'));
  const answers = Promise.allSettled([
    ask(session.db, sql`select pg_sleep(${60})`),
    ask(session.db, seen),
    ask(session.db, seen),
  ]);

  await kill('active');

  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  await session.rollback();
  expect(await ask(pool.db, sql`select 1 as one`)).toEqual([1]);
});

test('connections that are cut while nobody has them are made anew', async () => {
  const sessions = [await pool.begin('read'), await pool.begin('read')];
  for (const session of sessions) await session.rollback();

  await kill('idle');

  for (let turn = 0; turn < 4; turn += 1) {
    const session = await pool.begin('read');
    session.setTenant(tenant('acme'));
    expect(await ask(session.db, seen).catch(() => 'cut')).toSatisfy(
      (answer) => answer === 'cut' || (Array.isArray(answer) && answer[0] === 'acme'),
    );
    await session.rollback();
  }
  const last = await pool.begin('read');
  last.setTenant(tenant('acme'));
  expect(await ask(last.db, seen)).toEqual(['acme']);
  await last.rollback();
});

test('a database that takes nobody fails each transaction, and all are served once it is back', async () => {
  const name = new URL(database.url.replace(/\?.*$/, '')).pathname.slice(1);
  const elsewhere = connect(database.adminUrl.replace(name, 'postgres'), { max: 1 });
  try {
    await elsewhere.unsafe(`alter database ${name} with allow_connections false`);
    const refused = await Promise.allSettled(Array.from({ length: 12 }, () => pool.begin('read')));
    await elsewhere.unsafe(`alter database ${name} with allow_connections true`);
    const served = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const session = await pool.begin('read');
        session.setTenant(tenant('acme'));
        const answer = await ask(session.db, seen);
        await session.rollback();
        return answer;
      }),
    );

    expect(refused.map(({ status }) => status)).toEqual(Array(12).fill('rejected'));
    expect(served).toEqual(Array(12).fill(['acme']));
  } finally {
    await elsewhere.unsafe(`alter database ${name} with allow_connections true`);
    await elsewhere.end();
  }
});

test('a new connection sends nothing that nobody waits for: what it is asked is all that it asks', async () => {
  const sent: string[] = [];
  const client = connect(database.adminUrl, { max: 1, debug: (_connection, query) => void sent.push(query) });

  await client`select 1 as one`;
  await client.end();

  expect(sent).toEqual(['select 1 as one']);
});

test('arrays of any text reach PostgreSQL and come back as they were', async () => {
  const odd = fc.constantFrom(
    '',
    'null',
    'NULL',
    '"',
    '\\',
    '\\"',
    ',',
    '{}',
    '{a,b}',
    "'",
    '\n',
    ' ',
    'Ω😀',
    '$1',
  );
  const text = fc.oneof(odd, fc.string({ unit: 'grapheme' })).map((each) => each.replaceAll('\0', ''));
  const list = fc.array(fc.option(text, { freq: 8 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(list, async (values) => {
      const [row] = await admin`select ${values}::text[] as texts, ${values}::varchar[] as varchars,
        to_jsonb(${values}::text[]) as json, cardinality(${values}::text[]) as count`;

      expect(row).toEqual({ texts: values, varchars: values, json: values, count: values.length });
    }),
    { numRuns: 200 },
  );
});

test('whoever goes while a connection is opened for him holds none', async () => {
  for (let at = 0; at < 4; at += 1) {
    const caller = new AbortController();
    const begun = pool.begin('write', caller.signal);
    caller.abort(new Error('gone'));

    await expect(begun).rejects.toThrow('gone');
  }

  const session = await pool.begin('write');
  expect(await ask(session.db, sql`select 1`)).toEqual([1]);
  await session.rollback();
  const open = admin`select 1 from pg_stat_activity where datname = current_database() and xact_start is not null
    and application_name = 'licensegraph lg_app'`;
  expect(await open).toHaveLength(0);
});

test('a connection that is needed while it ends for want of use is opened again', async () => {
  const idleSeconds = 1;
  const pool = new Connections(
    (own) => connect(database.url, { idle_timeout: idleSeconds, ...own }),
    40,
    idleSeconds,
  );
  const taken = await Promise.all(Array.from({ length: 40 }, () => pool.take()));
  for (const connection of taken) pool.give(connection);

  // Around the end, each a millisecond later than the one before.
  const answers = await Promise.allSettled(
    taken.map(async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, idleSeconds * 1000 - 15 + index));
      const connection = await pool.take();
      await new Promise((resolve) => setTimeout(resolve, 20));
      return connection.unsafe('select 1').finally(() => pool.give(connection));
    }),
  );
  await pool.end();

  expect(answers.filter(({ status }) => status === 'rejected')).toEqual([]);
});
