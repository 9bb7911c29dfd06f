/**
 * What heartbeats cost: `npm run bench -- heartbeat`. Each device sends one as soon as its last is answered, on a database
 * that writes to disk: together, as the server takes them; by the same mutation with one `update` each, which judges nothing
 * and is what taking them together is held against; and, without the server that it takes to get there, by the bare
 * `update` and by a transaction that asks what ours asks. In turns of one run. Ours has two connections.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { anonymous } from '../src/access/permissions.js';
import type { SendHeartbeatInput } from '../src/activations/schema.js';
import { sendHeartbeat } from '../src/activations/service/sendHeartbeat.js';
import { readConfig } from '../src/core/config.js';
import { newToken } from '../src/core/crypto.js';
import { connect } from '../src/core/db.js';
import type { TenantId } from '../src/core/id.js';
import { createLog } from '../src/core/log.js';
import { prepared } from '../src/core/prepared.js';
import { demoTenants } from '../src/server/database/demoData.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/server/database/embeddedPostgres.js';
import { migrate } from '../src/server/database/migrate.js';
import { seedDemo } from '../src/server/database/seed.js';
import { type Machinery, Operation } from '../src/server/operation/operation.js';
import { openMachinery } from '../src/server/start.js';
import { newKeys } from '../tests/support/server.js';

const ROUNDS = 5;
const ROUND_MILLIS = 2_500;
const CONNECTIONS = 20;
/** Of a peer whose requests have a connection each, as far as PostgreSQL's default of 100 goes. */
const CROWD = 64;
const DEVICES = 512;

let database: EmbeddedPostgres;
let folder: string;
let machinery: Machinery;
let peer: postgres.Sql;
let crowd: postgres.Sql;
let tenantId: TenantId;
let sent = 0;
const tokens = Array.from({ length: DEVICES }, () => newToken('act'));
const hashes: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-bench-'));
  database = await startEmbeddedPostgres({ folder, durable: true, maxConnections: 160 });
  await migrate(database.url);
  const config = readConfig({
    NODE_ENV: 'test',
    LG_DATABASE_POOL: String(CONNECTIONS),
    LG_RATE_ADDRESS_PER_MINUTE: '0',
    LG_RATE_LICENSE_PER_MINUTE: '0',
  });
  const parts = { config, keys: newKeys(), url: database.url, log: createLog('silent') };
  const worker = openMachinery(parts, 'lg_worker');
  await seedDemo(worker);
  await worker.pool.end();
  machinery = openMachinery(parts, 'lg_app');
  tenantId = demoTenants[0]?.id ?? ('' as TenantId);
  hashes.push(...tokens.map((token) => machinery.keys.hash('ACTIVATION_TOKEN', token)));
  peer = connect(database.url, { max: CONNECTIONS, connection: { role: 'lg_owner' } });
  crowd = connect(database.url, { max: CROWD, connection: { role: 'lg_owner' } });
  await peer`insert into key_directory (hash, kind, tenant_id, subject_id)
    select hash, 'ACTIVATION_TOKEN', ${tenantId}, (select id from licenses where tenant_id = ${tenantId} and status = 'ACTIVE' limit 1)
    from unnest(${hashes}::text[]) as given (hash)`;
  await peer`insert into license_activations (tenant_id, id, license_id, activation_token_hash, activation_token_hint,
      device_fingerprint, application_version, activated_at, created_at, updated_at)
    select ${tenantId}, gen_random_uuid()::text, subject_id, hash, 'hint', hash, '1', now(), now(), now()
    from key_directory where hash = any(${hashes})`;
  await peer`create table bench_activations (like license_activations including all)`;
  await peer`insert into bench_activations select * from license_activations where activation_token_hash = any(${hashes})`;
  await peer`analyze license_activations, bench_activations`;
  await peer`update bench_activations set usage_metrics = '{"api_calls_count": 0}'`;
  await peer`update license_activations set usage_metrics = '{"api_calls_count": 0}' where activation_token_hash = any(${hashes})`;
}, 60_000);

afterAll(async () => {
  await peer?.end();
  await crowd?.end();
  await machinery?.pool.end();
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The mutation, from its caller on, with whatever stores it. */
async function mutate(
  device: number,
  run: (operation: Operation, input: SendHeartbeatInput) => Promise<unknown>,
): Promise<void> {
  const operation = new Operation(machinery, { actor: anonymous, requestId: 'bench', address: undefined });
  const input = { activationToken: tokens[device] ?? '', metrics: { apiCallsCount: 1 } };
  await operation.share({ responseName: 'sendHeartbeat', input, run: () => run(operation, input) });
  await operation.finish();
  sent += 1;
}

const together = (device: number): Promise<void> => mutate(device, sendHeartbeat);

/**
 * The same mutation, whose heartbeats are not taken together: an update and a commit each, sent with the tenant before
 * them in one message. Nothing is judged.
 */
const alone = (device: number): Promise<void> =>
  mutate(device, async (operation, { activationToken }) => {
    const entered = await operation.enter('ACTIVATION_TOKEN', activationToken);
    const session = await machinery.pool.begin('write');
    session.setTenant(tenantId);
    const updated = updateOne(session.db, { tenant: tenantId, hash: entered?.hash ?? '' });
    session.send(updated);
    await session.commit();
    if ((await updated).length !== 1) throw new Error('a heartbeat was lost');
  });

const updateOne = prepared<{ id: string }, { readonly tenant: string; readonly hash: string }>(
  sql`update license_activations set last_heartbeat = now(), updated_at = now(),
      lease_expires_at = now() + interval '15 minutes', usage_metrics = jsonb_set(usage_metrics, '{api_calls_count}',
        to_jsonb((usage_metrics->>'api_calls_count')::bigint + 1))
    where tenant_id = ${sql.placeholder('tenant')} and activation_token_hash = ${sql.placeholder('hash')} returning id`,
);

/** Nothing but the statement, by the owner of its table: no operation, no token that leads to it, no tenant. */
async function byUpdate(connections: postgres.Sql, device: number): Promise<void> {
  const rows = await connections`update bench_activations set last_heartbeat = now(), updated_at = now(),
      lease_expires_at = now() + interval '15 minutes',
      usage_metrics = jsonb_set(usage_metrics, '{api_calls_count}', to_jsonb((usage_metrics->>'api_calls_count')::bigint + 1))
    where tenant_id = ${tenantId} and activation_token_hash = ${hashes[device] ?? ''} returning 1`;
  if (rows.length !== 1) throw new Error('a heartbeat was lost');
}

/** As an act of its own would: the token looked up, the license asked, the row locked, changed and committed. */
async function byTransaction(device: number): Promise<void> {
  const hash = hashes[device] ?? '';
  const session = await machinery.pool.begin('write');
  session.setTenant(tenantId);
  await session.db.execute(sql`select tenant_id, subject_id from key_directory where hash = ${hash}`);
  await session.db.execute(sql`select a.id, a.usage_metrics, l.status, l.expiry_date from license_activations a
    join licenses l on l.tenant_id = ${tenantId} and l.id = a.license_id
    where a.tenant_id = ${tenantId} and a.activation_token_hash = ${hash} for no key update of a`);
  await session.db.execute(sql`update license_activations set last_heartbeat = now(), updated_at = now(),
      metadata = jsonb_set(metadata, '{beats}', to_jsonb(coalesce((metadata->>'beats')::bigint, 0) + 1))
    where tenant_id = ${tenantId} and activation_token_hash = ${hash}`);
  await session.commit();
}

interface Measured {
  readonly perSecond: number;
  readonly p99: number;
}

/** So many devices, each of which sends again as soon as it is answered. */
async function measure(callers: number, beat: (device: number) => Promise<void>): Promise<Measured> {
  const millis: number[] = [];
  const end = performance.now() + ROUND_MILLIS;
  const call = async (_: unknown, device: number): Promise<void> => {
    while (performance.now() < end) {
      const begun = performance.now();
      await beat(device);
      millis.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  millis.sort((left, right) => left - right);
  return {
    perSecond: (millis.length / ROUND_MILLIS) * 1000,
    p99: millis[Math.floor(millis.length * 0.99)] ?? 0,
  };
}

const ways = {
  together,
  'an update each': alone,
  'a bare update each, 20 connections': (device: number) => byUpdate(peer, device),
  'a bare update each, 64 connections': (device: number) => byUpdate(crowd, device),
  'a transaction each that asks the same': byTransaction,
} as const;
type Way = keyof typeof ways;

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

test.each([64, 512])(
  'heartbeats of %i callers',
  async (callers) => {
    const rounds: Record<Way, Measured>[] = [];
    await measure(callers, together);
    for (let round = 0; round < ROUNDS; round += 1) {
      const measured: Partial<Record<Way, Measured>> = {};
      for (const way of Object.keys(ways) as Way[]) {
        measured[way] = await measure(callers, ways[way]);
        await sleep(100);
      }
      rounds.push(measured as Record<Way, Measured>);
    }
    const of = (way: Way, pick: (measured: Measured) => number) =>
      median(rounds.map((each) => pick(each[way])));
    const perSecond = (way: Way) => of(way, (measured) => measured.perSecond);
    console.table(
      Object.fromEntries(
        (Object.keys(ways) as Way[]).map((way) => [
          `${way}, ${callers} callers`,
          {
            'per s': Math.round(perSecond(way)),
            'p99 ms': of(way, ({ p99 }) => p99).toFixed(1),
            'times as many together': (perSecond('together') / perSecond(way)).toFixed(1),
          },
        ]),
      ),
    );

    const [row] = await peer`select sum((usage_metrics->>'api_calls_count')::bigint)::float8 as calls
      from license_activations where tenant_id = ${tenantId} and activation_token_hash = any(${hashes})`;
    expect(row?.calls).toBe(sent);
  },
  120_000,
);
