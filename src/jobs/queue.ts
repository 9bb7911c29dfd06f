import { Logger, runMigrations } from 'graphile-worker';
import pg from 'pg';
import { connect, type DatabaseRole } from '../core/db.js';
import type { Log } from '../core/log.js';

/**
 * The queue's own connections: graphile-worker runs on another driver than everything else. The address is read by the
 * driver of everything else, so that one DATABASE_URL means the same server, user and encryption to both.
 */
export function openQueuePool(url: string, role: DatabaseRole, max: number, log?: Log): pg.Pool {
  const { host, port, path, user, pass, database, ssl } = connect(url).options;
  const [firstHost] = host;
  const [firstPort] = port;
  // The driver takes a folder of sockets for a host; what it was given ends with the name of the socket itself.
  const socketFolder = path ? path.slice(0, path.lastIndexOf('/')) : undefined;
  const pool = new pg.Pool({
    host: socketFolder ?? firstHost ?? 'localhost',
    port: firstPort ?? 5432,
    user,
    database,
    ...(typeof pass === 'string' ? { password: pass } : {}),
    ssl: encryptionOf(ssl),
    max,
    connectionTimeoutMillis: 10_000,
    options: `-c role=${role} -c TimeZone=UTC -c statement_timeout=60000`,
    application_name: `licensegraph queue ${role}`,
  });
  const complain = (error: Error): void => log?.warn({ err: error }, 'a connection of the queue failed');
  // Without listeners a connection that breaks would end the process.
  pool.on('error', complain);
  pool.on('connect', (client) => client.on('error', complain));
  return pool;
}

/** As postgres.js has it: `require`, `allow` and `prefer` encrypt and trust whom they reach; `verify-full` looks first. */
function encryptionOf(ssl: unknown): pg.PoolConfig['ssl'] {
  if (ssl === undefined || ssl === null || ssl === false || ssl === 'disable') return false;
  if (ssl === 'require' || ssl === 'allow' || ssl === 'prefer') return { rejectUnauthorized: false };
  return typeof ssl === 'object' ? ssl : true;
}

/** The queue's words in our log: no payload, and its chatter only for whoever debugs. */
export function queueLogger(log: Log): Logger {
  return new Logger(() => (level, message) => {
    if (level === 'error') log.error(message);
    else if (level === 'warning') log.warn(message);
    else log.debug(message);
  });
}

/** Brings the queue's own tables up to date, as their owner. Whoever calls it keeps others out. */
export async function migrateQueue(url: string, log: Log): Promise<void> {
  const pool = openQueuePool(url, 'lg_owner', 1, log);
  try {
    await runMigrations({ pgPool: pool, logger: queueLogger(log) });
  } finally {
    await pool.end();
  }
}

/**
 * The queue's tables have row-level security and no policy: without these only their owner sees a job. Safe to run again,
 * because a newer version of the queue may have brought more tables.
 */
export const queueGrants = `do $$
declare
  kept name;
begin
  grant usage on schema graphile_worker to lg_worker;
  grant select, insert, update, delete on all tables in schema graphile_worker to lg_worker;
  grant usage, select, update on all sequences in schema graphile_worker to lg_worker;
  grant execute on all functions in schema graphile_worker to lg_worker;
  revoke all on all functions in schema graphile_worker from public;
  for kept in
    select relname from pg_class where relnamespace = 'graphile_worker'::regnamespace and relkind = 'r'
  loop
    if not exists (select from pg_policies where schemaname = 'graphile_worker' and tablename = kept and policyname = 'all_jobs') then
      execute format('create policy all_jobs on graphile_worker.%I for all to lg_worker using (true) with check (true)', kept);
    end if;
  end loop;
end $$`;
