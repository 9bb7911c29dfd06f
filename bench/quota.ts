/**
 * What exact quotas cost: `npm run bench -- quota`. Units drawn from one hot counter, on a database that writes to disk, by
 * the meter, with a ledger line each, and by one `update … where used < limit` a request, in turns of one run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from '../src/core/config.js';
import { connect } from '../src/core/db.js';
import type { TenantId } from '../src/core/id.js';
import { createLog } from '../src/core/log.js';
import type { Licensee } from '../src/entitlements/model/decide.js';
import { licenseeOf } from '../src/entitlements/queries/grants.js';
import { demoTenants } from '../src/server/database/demoData.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/server/database/embeddedPostgres.js';
import { migrate } from '../src/server/database/migrate.js';
import { seedDemo, systemCaller } from '../src/server/database/seed.js';
import { openWork } from '../src/server/operation/openWork.js';
import type { Machinery } from '../src/server/operation/operation.js';
import { openMachinery } from '../src/server/start.js';
import { newKeys } from '../tests/support/server.js';

const ROUNDS = 3;
const ROUND_MILLIS = 3_000;
const FEATURE = 'bench';
const CONNECTIONS = 20;

let database: EmbeddedPostgres;
let folder: string;
let machinery: Machinery;
let peer: postgres.Sql;
let tenantId: TenantId;
let licensee: Licensee;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-bench-'));
  database = await startEmbeddedPostgres({ folder, durable: true, maxConnections: 100 });
  await migrate(database.url);
  const config = readConfig({ NODE_ENV: 'test', LG_DATABASE_POOL: String(CONNECTIONS) });
  const parts = { config, keys: newKeys(), url: database.url, log: createLog('silent') };
  machinery = openMachinery(parts, 'lg_worker');
  await seedDemo(machinery);
  tenantId = demoTenants[0]?.id ?? ('' as TenantId);
  const { work, session } = await openWork(machinery, systemCaller(tenantId));
  const feature = {
    feature_id: FEATURE,
    feature_name: 'Bench',
    enabled: true,
    limit_value: 1e12,
    limit_period: 'NONE',
    overage: 'DENY',
    limit_type: null,
    expires_at: null,
  };
  const admin = connect(database.url, { max: 1, connection: { role: 'lg_owner' } });
  await admin`update licenses set features = features || ${admin.json([feature])} where tenant_id = ${tenantId} and customer_id is null`;
  await admin.end();
  licensee = await licenseeOf(work, [{ feature: FEATURE, amount: 1 }]).finally(session.rollback);
  peer = connect(database.url, { max: CONNECTIONS, connection: { role: 'lg_owner' } });
  await peer`create table bench_counter (id int primary key, used bigint not null, most bigint not null)`;
  await peer`insert into bench_counter values (1, 0, 1000000000000)`;
}, 60_000);

afterAll(async () => {
  await peer?.end();
  await machinery?.pool.end();
  await database?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function byMeter(): Promise<void> {
  const taker = { actor: 'bench', requestId: 'bench' };
  const granted = await machinery.meter.charge(tenantId, {
    taker,
    needs: [{ feature: FEATURE, amount: 1 }],
    licensee,
    isFresh: true,
  });
  if (granted === 'STALE' || granted[0]?.decision.granted !== true) throw new Error('a grant was refused');
}

async function byUpdate(): Promise<void> {
  const rows =
    await peer`update bench_counter set used = used + 1 where id = 1 and used < most returning used`;
  if (rows.length !== 1) throw new Error('a grant was refused');
}

interface Measured {
  readonly perSecond: number;
  readonly p99: number;
}

/** So many callers, each of whom asks again as soon as it is answered. */
async function measure(callers: number, draw: () => Promise<void>): Promise<Measured> {
  const millis: number[] = [];
  const end = performance.now() + ROUND_MILLIS;
  const call = async (): Promise<void> => {
    while (performance.now() < end) {
      const begun = performance.now();
      await draw();
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

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

test.each([64, 512])(
  'units of one counter, %i callers',
  async (callers) => {
    const rounds: { meter: Measured; update: Measured }[] = [];
    await measure(callers, byMeter);
    for (let round = 0; round < ROUNDS; round += 1) {
      const meter = await measure(callers, byMeter);
      await sleep(200);
      rounds.push({ meter, update: await measure(callers, byUpdate) });
      await sleep(200);
    }
    const of = (pick: (round: (typeof rounds)[number]) => number): number => median(rounds.map(pick));
    console.table({
      [`meter, ${callers} callers`]: {
        'per s': Math.round(of(({ meter }) => meter.perSecond)),
        'p99 ms': of(({ meter }) => meter.p99).toFixed(1),
      },
      [`update, ${callers} callers`]: {
        'per s': Math.round(of(({ update }) => update.perSecond)),
        'p99 ms': of(({ update }) => update.p99).toFixed(1),
      },
      ratio: {
        'per s': of(({ meter, update }) => meter.perSecond / update.perSecond).toFixed(1),
        'p99 ms': of(({ meter, update }) => meter.p99 / update.p99).toFixed(2),
      },
    });

    const [sums] = await peer`select (select sum(used) from feature_usage where feature_id = ${FEATURE})
    = (select sum(amount) from usage_ledger where feature_id = ${FEATURE}) as equal`;
    expect(sums?.equal).toBe(true);
  },
  120_000,
);
