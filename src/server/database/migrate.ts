import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate as applyMigrations } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import { connect, type DatabaseRole, type Db } from '../../core/db.js';
import { createLog } from '../../core/log.js';
import { StartupError } from '../../core/startupError.js';
import { chainSeals } from './chainSeals.js';

const folder = fileURLToPath(new URL('../../../drizzle', import.meta.url));
const roles: readonly DatabaseRole[] = ['lg_owner', 'lg_worker', 'lg_app'];

/** One number for all servers: whoever holds it migrates, the others wait and then find nothing to do. */
const MIGRATION_LOCK = 7_461_200_519;

/**
 * Roles belong to the cluster, not to the database: two databases may be migrated at once, so that "it is there
 * already" is no failure. A login with CREATEROLE has to grant itself what it made, to be able to `set role`.
 */
function roleStatement(role: DatabaseRole): string {
  return `do $$ begin
    begin
      if not exists (select from pg_roles where rolname = '${role}') then create role ${role} nologin; end if;
    exception when duplicate_object or unique_violation then null;
    end;
    begin
      set local role ${role};
      reset role;
    exception when insufficient_privilege then execute format('grant ${role} to %I', session_user);
    end;
  end $$`;
}

async function prepareRoles(sql: postgres.Sql): Promise<void> {
  for (const role of roles) await sql.unsafe(roleStatement(role));
  const [row] = await sql<{ ready: boolean }[]>`
    select has_database_privilege('lg_owner', current_database(), 'create')
       and has_schema_privilege('lg_owner', 'public', 'create')
       and has_schema_privilege('lg_app', 'public', 'usage') as ready`;
  if (row?.ready === true) return;
  await sql.unsafe(`do $$ begin
    execute format('grant create on database %I to lg_owner', current_database());
    grant usage, create on schema public to lg_owner;
    grant usage on schema public to lg_app, lg_worker;
  end $$`);
}

/** A host name may have several addresses: the driver then fails with a list of failures, and no word of its own. */
function stopUnreachable(error: Error): never {
  const reasons = error instanceof AggregateError ? error.errors.map(String) : [error.message];
  throw new StartupError(`DATABASE_URL: the database cannot be used: ${reasons.join(', ')}`, {
    cause: error,
  });
}

const INSUFFICIENT_PRIVILEGE = '42501';

/** Drizzle wraps what the database says. */
function asWeakLogin(error: unknown): StartupError | undefined {
  const said = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(said instanceof postgres.PostgresError) || said.code !== INSUFFICIENT_PRIVILEGE) return undefined;
  return new StartupError(
    `DATABASE_URL: its login has to own the database and be able to create roles: ${said.message}`,
    { cause: error },
  );
}

/** Brings the database up to the newest migration. Safe to run from many servers at once, and again. */
export async function migrate(url: string): Promise<void> {
  const { migrateQueue, queueGrants } = await import('../../jobs/queue.js');
  const client = connect(url, { max: 1, connect_timeout: 10 });
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`.catch(stopUnreachable);
    await prepareRoles(client);
    await migrateQueue(url, createLog('warn'));
    await client.unsafe('set role lg_owner');
    await client.unsafe(queueGrants);
    await applyMigrations(drizzle(client), { migrationsFolder: folder });
    await chainSeals(client);
    // For /readyz, which asks as the role that serves.
    await client.unsafe(
      'grant usage on schema drizzle to lg_app; grant select on all tables in schema drizzle to lg_app',
    );
    await client.unsafe('reset role');
    await client`select pg_advisory_unlock(${MIGRATION_LOCK})`;
  } catch (error) {
    throw asWeakLogin(error) ?? error;
  } finally {
    await client.end({ timeout: 5 });
  }
}

/** How many migrations a database has, asked by the role that serves. */
export async function appliedMigrations(db: Db): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from drizzle.__drizzle_migrations`,
  );
  return row?.count ?? 0;
}

/** How many migrations this program knows; a database with fewer is not ready. */
export async function knownMigrations(): Promise<number> {
  const journal: unknown = JSON.parse(await readFile(`${folder}/meta/_journal.json`, 'utf8'));
  const entries =
    typeof journal === 'object' && journal !== null && 'entries' in journal ? journal.entries : [];
  return Array.isArray(entries) ? entries.length : 0;
}
