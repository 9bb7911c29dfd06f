import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/core/db.js';
import { knownMigrations } from '../../src/server/database/migrate.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());
/** What was answered before is no longer fresh. */
afterEach(() => server.pass(1000));

async function ready(): Promise<[number, string]> {
  const response = await server.app.inject('/readyz');
  return [response.statusCode, response.json().status];
}

/** Changes how many migrations the database says to have. */
async function withMigrations(change: 'fewer' | 'more', run: () => Promise<void>): Promise<void> {
  const { sql } = server;
  const rows = await sql`select * from drizzle.__drizzle_migrations order by id`;
  const last = rows.at(-1);
  if (change === 'fewer') await sql`delete from drizzle.__drizzle_migrations where id = ${last?.id}`;
  else await sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', 4102444800000)`;
  await run();
  await sql`delete from drizzle.__drizzle_migrations where hash = 'newer'`;
  if (change === 'fewer') await sql`insert into drizzle.__drizzle_migrations ${sql(rows.slice(-1))}`;
}

const asksMigrations = (): number => server.statements.filter((text) => text.includes('migrations')).length;

describe('/readyz', () => {
  test('says yes when the database answers and has every migration', async () => {
    expect(await ready()).toEqual([200, 'ready']);
    expect(await server.count('drizzle.__drizzle_migrations')).toBe(await knownMigrations());
  });

  test('says no to a database that lacks one', async () => {
    await withMigrations('fewer', async () => {
      expect(await ready()).toEqual([503, 'migrations are missing']);
    });
    server.pass(1000);
    expect(await ready()).toEqual([200, 'ready']);
  });

  test('says yes to a database that a newer program has migrated: the old one serves until it is stopped', async () => {
    await withMigrations('more', async () => {
      expect(await ready()).toEqual([200, 'ready']);
    });
  });

  test('asks the database once a second, however many probes come', async () => {
    server.statements.length = 0;

    const many = await Promise.all(Array.from({ length: 100 }, ready));
    server.pass(999);
    await ready();
    const within = asksMigrations();
    server.pass(1);
    await ready();

    expect(many).toEqual(Array(100).fill([200, 'ready']));
    expect([within, asksMigrations()]).toEqual([1, 2]);
  });

  test('looks anew when the clock was set back', async () => {
    await ready();
    server.statements.length = 0;

    server.pass(-3_600_000);
    await ready();

    expect(asksMigrations()).toBe(1);
    server.pass(3_600_000);
  });

  test('answers in time when the database hangs, asks it no second time, and recovers', async () => {
    const held = connect(server.adminUrl, { max: 1 });
    await held`begin`;
    await held`lock table drizzle.__drizzle_migrations in access exclusive mode`;
    server.statements.length = 0;

    const first = await ready();
    server.pass(1000);
    const second = await ready();
    const asked = asksMigrations();
    await held`commit`;
    await held.end();

    expect([first, second, asked]).toEqual([
      [503, 'the database does not answer'],
      [503, 'the database does not answer'],
      1,
    ]);
    server.pass(1000);
    await expect.poll(ready).toEqual([200, 'ready']);
  });

  test('and /healthz differ: the process lives while the database is away', async () => {
    await server.sql`revoke select on drizzle.__drizzle_migrations from lg_app`;

    const [answer, alive] = [await ready(), await server.app.inject('/healthz')];

    await server.sql`grant select on drizzle.__drizzle_migrations to lg_app`;
    expect(answer).toEqual([503, 'the database does not answer']);
    expect([alive.statusCode, alive.json()]).toEqual([200, { status: 'ok' }]);
  });
});

describe('/.well-known/jwks.json', () => {
  const keys = (headers: Record<string, string> = {}) =>
    server.app.inject({ url: '/.well-known/jwks.json', headers });

  test('publishes public keys only, to be kept for five minutes', async () => {
    const response = await keys();

    const published = response.json().keys;
    expect(response.headers['cache-control']).toBe('public, max-age=300');
    expect(response.headers['content-type']).toBe('application/json; charset=utf-8');
    const signs = published.filter(({ use }: { use: string }) => use === 'sig');
    const opens = published.filter(({ use }: { use: string }) => use === 'enc');
    // The development key, those for files, responses and lists that are carried by hand, and that for signed answers.
    expect([signs.length, opens.length, published.length]).toEqual([5, 1, 6]);
    for (const key of signs)
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    expect(Object.keys(opens[0]).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  test('is not sent again to whoever has it', async () => {
    const etag = String((await keys()).headers.etag);

    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await keys({ 'if-none-match': tag });
      expect([tag, response.statusCode, response.body]).toEqual([tag, 304, '']);
      expect(response.headers.etag).toBe(etag);
    }
    expect((await keys({ 'if-none-match': '"other"' })).statusCode).toBe(200);
  });
});
