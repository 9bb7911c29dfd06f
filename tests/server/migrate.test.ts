import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, inject, test } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { connect } from '../../src/core/db.js';
import { StartupError } from '../../src/core/startupError.js';
import { knownMigrations, migrate } from '../../src/server/database/migrate.js';
import { startServer } from '../../src/server/start.js';
import { onDatabase } from '../support/database.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const made: string[] = [];

async function asAdmin(text: string): Promise<void> {
  const admin = connect(inject('adminUrl'), { max: 1 });
  await admin.unsafe(text).finally(() => admin.end());
}

/** A database with nothing in it, owned by a login that is no superuser. */
async function emptyDatabase(): Promise<string> {
  const name = `lg_test_${randomUUID().replaceAll('-', '')}`;
  await asAdmin(`create database ${name} owner lg_test_login`);
  made.push(name);
  return onDatabase(inject('loginUrl'), name);
}

afterEach(async () => {
  for (const name of made.splice(0)) await asAdmin(`drop database ${name} with (force)`);
});

async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const sql = connect(url, { max: 1 });
  try {
    return [...(await sql.unsafe(text))];
  } finally {
    await sql.end();
  }
}

const applied = 'select count(*)::int as count from drizzle.__drizzle_migrations';

test('five servers that start at once on an empty database migrate it once', async () => {
  const url = await emptyDatabase();

  await Promise.all(Array.from({ length: 5 }, () => migrate(url)));

  expect(await ask(url, `set role lg_owner; ${applied}`).then((rows) => rows.flat().at(-1))).toEqual({
    count: await knownMigrations(),
  });
});

test('migrating again changes nothing', async () => {
  const url = await emptyDatabase();
  await migrate(url);
  const catalog =
    'select relname, relowner::regrole::text as owner, relacl::text from pg_class where relnamespace = 2200 order by 1';
  const before = await ask(url, catalog);

  await migrate(url);

  expect(await ask(url, catalog)).toEqual(before);
  expect(before.every((row) => row.owner === 'lg_owner')).toBe(true);
});

test('the migrations make the tables that the code declares', () => {
  const folder = mkdtempSync(join(root, 'dist', 'drift-'));
  try {
    cpSync(join(root, 'drizzle'), join(folder, 'drizzle'), { recursive: true });
    const before = readdirSync(join(folder, 'drizzle'));
    const cli = join(root, 'node_modules/drizzle-kit/bin.cjs');
    const out = join(folder, 'drizzle').slice(root.length);

    execFileSync(
      process.execPath,
      [cli, 'generate', '--dialect', 'postgresql', '--schema', './dist/*/table{.js,/*.js}', '--out', out],
      { cwd: root, stdio: 'pipe' },
    );

    expect(readdirSync(join(folder, 'drizzle'))).toEqual(before);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a value outside its list is refused by the database too', async () => {
  const url = await emptyDatabase();
  await migrate(url);
  const lists = await ask(
    url,
    `select conrelid::regclass::text as table, conname from pg_constraint where contype = 'c' and conname ~ 'status|type|model' order by 2`,
  );

  expect(lists.length).toBeGreaterThanOrEqual(15);
  await expect(
    ask(
      url,
      `set role lg_worker; insert into tenants values ('t', 't', '{}', now(), now());
       insert into customers (tenant_id, id, name, status, created_at, updated_at) values ('t', 'c', 'n', 'GONE', now(), now())`,
    ),
  ).rejects.toThrow('customers_status');
});

test('an address that is none of this machine stops the start by its name', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lg-address-'));
  try {
    const environment = {
      HOST: '192.0.2.1',
      PORT: '0',
      DATABASE_URL: await emptyDatabase(),
      LG_DATA_DIR: folder,
    };
    const started = startServer(readConfig({ ...environment, LG_LOG_LEVEL: 'silent' }));

    await expect(started).rejects.toMatchObject({
      name: 'StartupError',
      message: 'HOST: 192.0.2.1 is no address of this machine.',
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('a database that does not serve stops the start with a word', () => {
  const unusable: [what: string, changed: (url: string) => string, named: RegExp][] = [
    ['nothing of this name', (url) => onDatabase(url, 'lg_nowhere'), /"lg_nowhere" does not exist/],
    ['nobody who listens', () => 'postgres://someone:secret-word@127.0.0.1:1/lg', /ECONNREFUSED/],
  ];

  test.each(unusable)('%s', async (_what, changed, named) => {
    const failure: unknown = await migrate(changed(inject('loginUrl'))).catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(StartupError);
    expect(String(failure)).toMatch(/DATABASE_URL: the database cannot be used: /);
    expect(String(failure)).toMatch(named);
    expect(String(failure)).not.toContain('secret-word');
  });

  test("a login that may make no roles, in another's database", async () => {
    const name = `lg_weak_${randomUUID().replaceAll('-', '')}`;
    await asAdmin(`create role ${name} login`);
    try {
      const url = new URL(await emptyDatabase());
      url.username = name;
      url.password = '';

      const failure: unknown = await migrate(url.href).catch((error: unknown) => error);

      expect(failure).toBeInstanceOf(StartupError);
      expect(String(failure)).toMatch(/DATABASE_URL: its login has to own the database/);
    } finally {
      await asAdmin(`drop role ${name}`);
    }
  });
});
