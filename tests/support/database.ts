import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { connect } from '../../src/core/db.js';
import { startEmbeddedPostgres } from '../../src/server/database/embeddedPostgres.js';
import { migrate } from '../../src/server/database/migrate.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL, and that of the login under test, which is none. */
    readonly adminUrl: string;
    readonly loginUrl: string;
  }
}

const TEMPLATE = 'lg_test_template';
const LOGIN = 'lg_test_login';
const PASSWORD = 'only-for-tests';

export function onDatabase(url: string, database: string): string {
  return url.replace(/\/[^/?]*(\?|$)/, `/${database}$1`);
}

function asLogin(url: string): string {
  return url.replace(/^(\w+:\/\/)([^@/]*@)?/, `$1${LOGIN}:${PASSWORD}@`);
}

/** The product's roles may be there already, from an earlier run on the same server. */
const prepareLogin = `do $$ begin
  if not exists (select from pg_roles where rolname = '${LOGIN}') then
    create role ${LOGIN} login createrole nosuperuser password '${PASSWORD}';
  end if;
  if exists (select from pg_roles where rolname = 'lg_app') then
    grant lg_owner, lg_worker, lg_app to ${LOGIN} with admin option;
  end if;
end $$`;

async function makeTemplate(adminUrl: string): Promise<void> {
  const sql = connect(adminUrl, { max: 1 });
  try {
    await sql.unsafe(prepareLogin);
    await sql.unsafe(`drop database if exists ${TEMPLATE} with (force)`);
    await sql.unsafe(`create database ${TEMPLATE} owner ${LOGIN}`);
  } finally {
    await sql.end();
  }
  await migrate(onDatabase(asLogin(adminUrl), TEMPLATE));
}

/** One PostgreSQL for the run, migrated once by a login that is no superuser; every file copies the result. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL;
  const folder = await mkdtemp(join(tmpdir(), 'lg-tests-'));
  // Files that start servers of their own take a hundred each, and several files run at a time.
  const maxConnections = 200 * Math.max(2, project.config.maxWorkers || 0);
  const server =
    given === undefined ? await startEmbeddedPostgres({ folder, durable: false, maxConnections }) : undefined;
  const adminUrl = server?.url ?? given ?? '';
  await makeTemplate(adminUrl);
  project.provide('adminUrl', adminUrl);
  project.provide('loginUrl', asLogin(adminUrl));
  return async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

export { TEMPLATE };
