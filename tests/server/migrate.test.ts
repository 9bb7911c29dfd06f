import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, inject, test } from 'vitest';
import { connect } from '../../src/core/db.js';
import { knownMigrations, migrate } from '../../src/server/migrate.js';
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
      [cli, 'generate', '--dialect', 'postgresql', '--schema', './dist/*/table.js', '--out', out],
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
