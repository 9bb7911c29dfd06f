/**
 * What the sweeps of licenses cost: `npm run bench -- jobs`. 10,000 of 1,000,000 licenses of ten tenants are due; each job is
 * measured, in turns of one run, against the best single statement that finds and writes the same rows: the mark, the fact
 * and its place in the sealer's line. BENCH_LICENSES makes it smaller.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDays, addMillis, type Instant } from '../src/core/clock.js';
import { readConfig } from '../src/core/config.js';
import { connect } from '../src/core/db.js';
import type { Job, JobContext, SweepPayload } from '../src/core/job.js';
import { createLog } from '../src/core/log.js';
import { checkExpiries, endGrace } from '../src/licenses/jobs.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/server/database/embeddedPostgres.js';
import { migrate } from '../src/server/database/migrate.js';
import { jobSurroundings } from '../src/server/jobs.js';
import type { Machinery } from '../src/server/operation/operation.js';
import { openMachinery } from '../src/server/start.js';
import { at, newKeys } from '../tests/support/server.js';

const LICENSES = Number(process.env.BENCH_LICENSES ?? 1_000_000);
const DUE = Math.min(10_000, LICENSES / 10);
const EVERY = LICENSES / DUE;
const ROUNDS = 5;
/** An hour after eight in the morning by UTC, the zone of every tenant here. */
const NOW = at('2027-03-01T09:00:00Z');

let database: EmbeddedPostgres;
let folder: string;
let worker: Machinery;
let context: JobContext;
let sql: postgres.Sql;
/** Under the same row-level security as ours. */
let asWorker: postgres.Sql;

/** Expires at noon of that day, without grace. */
const noonOf = (day: number): Instant => addMillis(addDays(NOW, day), 3 * 3_600_000);

async function fill(): Promise<void> {
  await sql`insert into tenants (id, name, settings, created_at, updated_at)
    select 't' || n, 't' || n, '{}', now(), now() from generate_series(0, 9) as n`;
  await sql`insert into billing_products (tenant_id, product_id, name, version, created_at, updated_at)
    select id, 'P', 'P', '1', now(), now() from tenants`;
  // So many each have expired today, and expire in a week; the others run for years, or have lapsed long ago.
  await sql`insert into licenses (tenant_id, id, license_key_hash, license_key_ciphertext, license_key_mask, product_id,
      product_name, product_version, license_type, license_model, issued_to, issued_date, expiry_date, status,
      grace_period_days, expiry_told, lapse_told, created_at, updated_at)
    select 't' || n % 10, gen_random_uuid()::text, n::text, 'c', 'm', 'P', 'P', '1', 'SUBSCRIPTION', 'PER_DEVICE', 'x',
      ${addDays(NOW, -400)}::timestamptz, expiry, 'ACTIVE', 0, told, told, now(), now()
    from generate_series(0, ${LICENSES - 1}::int) as n cross join lateral (select case
        when n % ${EVERY}::int = 0 then ${addDays(NOW, -1)}::timestamptz
        when n % ${EVERY}::int = 1 then ${noonOf(7)}::timestamptz
        when n % 2 = 0 then ${addDays(NOW, 60)}::timestamptz + make_interval(mins => n)
        else ${addDays(NOW, -60)}::timestamptz - make_interval(mins => n % 400000) end as expiry) as dates
      cross join lateral (select case when n % 2 = 1 and n % ${EVERY}::int <> 1 then expiry end as told) as marks`;
  await sql`vacuum analyze licenses`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-bench-'));
  database = await startEmbeddedPostgres({ folder, durable: true, maxConnections: 60 });
  await migrate(database.url);
  const config = readConfig({ NODE_ENV: 'test' });
  const parts = { config, keys: newKeys(), url: database.url, log: createLog('silent'), clock: () => NOW };
  worker = openMachinery({ ...parts, maxConnections: 4 }, 'lg_worker');
  const { signal } = new AbortController();
  context = { ...jobSurroundings(worker, config), signal, progress: async () => undefined };
  sql = connect(database.url, { max: 1, connection: { TimeZone: 'UTC' } });
  asWorker = connect(database.url, { max: 1, connection: { TimeZone: 'UTC', role: 'lg_worker' } });
  await fill();
}, 600_000);

afterAll(async () => {
  await worker?.pool.end();
  await sql?.end();
  await asWorker?.end();
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
});

const facts = (type: string) => `logged as (
    insert into license_event_logs (tenant_id, id, event_type, subject_id, license_id, user_id, event_data, metadata, created_at)
    select tenant_id, gen_random_uuid()::text, '${type}', id, id, 'jobs', jsonb_build_object('expiry_date', expiry_date),
      '{"actor_kind": "system", "request_id": "jobs"}', '${NOW}' from told returning tenant_id, id)
  insert into unsealed_events (tenant_id, event_id) select tenant_id, id from logged`;
const running = `status in ('ACTIVE', 'INACTIVE', 'EXPIRED') and expiry_date is not null`;

interface Sweep {
  readonly job: Job<SweepPayload>;
  readonly peer: string;
  readonly reset: string;
}

const sweeps: Readonly<Record<string, Sweep>> = {
  expiry: {
    job: checkExpiries,
    peer: `with told as (update licenses set expiry_told = expiry_date
        where ${running} and expiry_told is distinct from expiry_date and expiry_date <= '${NOW}'
        returning tenant_id, id, expiry_date), ${facts('license.expired')}`,
    reset: `update licenses set expiry_told = null where expiry_date = '${addDays(NOW, -1)}'`,
  },
  grace: {
    job: endGrace,
    peer: `with told as (update licenses set lapse_told = expiry_date
        where ${running} and lapse_told is distinct from expiry_date
          and ((expiry_date at time zone 'UTC') + make_interval(days => case when status = 'INACTIVE' then 0
            else coalesce(grace_period_days, 0) end)) <= '${NOW}'::timestamptz at time zone 'UTC'
        returning tenant_id, id, expiry_date), ${facts('license.suspended')}`,
    reset: `update licenses set lapse_told = null where expiry_date = '${addDays(NOW, -1)}'`,
  },
  reminders: {
    job: checkExpiries,
    peer: `with told as (insert into license_reminders
        select l.tenant_id, l.id, l.expiry_date, 7, '${NOW}' from licenses as l
          join tenants as t on t.id = l.tenant_id
          left join customers as c on c.tenant_id = l.tenant_id and c.id = l.customer_id
        where l.status in ('ACTIVE', 'INACTIVE', 'EXPIRED') and l.expiry_date is not null
          and l.expiry_told is distinct from l.expiry_date and l.status <> 'INACTIVE'
          and l.expiry_date >= '${addMillis(noonOf(7), -43_200_000)}' and l.expiry_date < '${addMillis(noonOf(7), 43_200_000)}'
          and coalesce(c.time_zone, t.settings ->> 'time_zone', 'UTC') = 'UTC'
        on conflict do nothing returning tenant_id, license_id as id, expiry_date), ${facts('license.expiring')}`,
    reset: 'delete from license_reminders',
  },
};

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function written(): Promise<number> {
  const [row] = await sql`select count(*)::int as count from unsealed_events`;
  await sql`truncate unsealed_events, license_event_logs`;
  return Number(row?.count);
}

test.each(Object.entries(sweeps))(
  'the sweep of %s takes at most 1.5 times the best single statement, and memory stays flat',
  async (name, { job, peer, reset }) => {
    const payload = { dueAt: NOW, since: addMillis(NOW, -2 * 3_600_000) };
    const runs = { ours: () => job.run(context, payload), peer: () => asWorker.unsafe(peer) };
    const took: Record<keyof typeof runs, number[]> = { ours: [], peer: [] };
    // Whatever else is due is told of first, once.
    await checkExpiries.run(context, payload);
    await written();
    const { heapUsed: heap, rss } = process.memoryUsage();

    for (let round = 0; round < ROUNDS; round += 1) {
      for (const who of round % 2 === 0 ? (['ours', 'peer'] as const) : (['peer', 'ours'] as const)) {
        await sql.unsafe(reset);
        await sql`vacuum analyze licenses, license_reminders`;
        took[who].push(await timed(runs[who]));
        expect([name, who, await written()]).toEqual([name, who, DUE]);
      }
    }

    const ratio = median(took.ours) / median(took.peer);
    const grown = (process.memoryUsage().heapUsed - heap) / 2 ** 20;
    const resident = (process.memoryUsage().rss - rss) / 2 ** 20;
    process.stdout.write(
      `${name}: ${median(took.ours).toFixed(0)} ms against ${median(took.peer).toFixed(0)} ms, ratio ${ratio.toFixed(2)}, heap ${grown.toFixed(1)} MB, resident ${resident.toFixed(1)} MB\n`,
    );
    expect(ratio).toBeLessThanOrEqual(1.5);
    expect(grown).toBeLessThan(50);
  },
  600_000,
);
