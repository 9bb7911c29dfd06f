/**
 * What exact quotas cost: `npm run bench -- quota`. Units drawn from one hot counter, on a database that writes to disk, in
 * turns of one run: by the meter, with a ledger line each; by one bare `update … where used < limit` a request, which has
 * neither ledger nor tenant; and by a transaction a request with the meter's own guarantees.
 */
import type postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../src/core/clock.js';
import { readConfig } from '../src/core/config.js';
import { connect } from '../src/core/db.js';
import { type LicenseId, newId, type TenantId } from '../src/core/id.js';
import { createLog } from '../src/core/log.js';
import type { Licensee } from '../src/entitlements/model/decide.js';
import { licenseeOf } from '../src/entitlements/queries/grants.js';
import { demoTenants } from '../src/server/database/demoData.js';
import { seedDemo, systemCaller } from '../src/server/database/seed.js';
import { openWork } from '../src/server/operation/openWork.js';
import type { Machinery } from '../src/server/operation/operation.js';
import { openMachinery } from '../src/server/start.js';
import { type Durable, openDurable } from './support/durable.js';
import { line, type Measured, measured, takeTurns } from './support/figures.js';

const ROUNDS = 5;
const ROUND_MILLIS = 1_500;
const FEATURE = 'bench';
const PEER = 'bench-peer';
/** Of each peer. The meter has two, and uses one of them: a flush carries everybody. */
const CONNECTIONS = 20;
/** Of a peer whose requests have a connection each, as far as PostgreSQL's default of 100 goes. */
const CROWD = 64;

let database: Durable;
let machinery: Machinery;
let peer: postgres.Sql;
let crowd: postgres.Sql;
let tenantId: TenantId;
let licenseId: LicenseId;
let licensee: Licensee;

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

beforeAll(async () => {
  database = await openDurable();
  const config = readConfig({ NODE_ENV: 'test', LG_DATABASE_POOL: '2' });
  const { url, keys } = database;
  machinery = openMachinery({ config, keys, url, log: createLog('silent') }, 'lg_worker');
  await seedDemo(machinery);
  tenantId = demoTenants[0]?.id ?? ('' as TenantId);
  const admin = connect(database.adminUrl, { max: 1 });
  await admin`update licenses set features = features || ${admin.json([feature])}
    where tenant_id = ${tenantId} and customer_id is null`;
  const { work, session } = await openWork(machinery, systemCaller(tenantId));
  licensee = await licenseeOf(work, [{ feature: FEATURE, amount: 1 }]).finally(session.rollback);
  licenseId = licensee.drawable[0]?.licenseId ?? ('' as LicenseId);
  await admin`create table bench_counter (id int primary key, used bigint not null, most bigint not null)`;
  await admin`insert into bench_counter values (1, 0, 1000000000000)`;
  await admin`grant select, update on bench_counter to lg_worker`;
  await admin`insert into feature_usage (tenant_id, license_id, feature_id, window_start, updated_at)
    values (${tenantId}, ${licenseId}, ${PEER}, 'epoch', now())`;
  await admin.end();
  peer = connect(database.url, { max: CONNECTIONS, connection: { role: 'lg_worker' } });
  crowd = connect(database.url, { max: CROWD, connection: { role: 'lg_worker' } });
}, 60_000);

afterAll(async () => {
  await peer?.end();
  await crowd?.end();
  await machinery?.pool.end();
  await database?.end();
});

const taker = { actor: 'bench', requestId: 'bench' };

async function byMeter(): Promise<void> {
  const needs = [{ feature: FEATURE, amount: 1 }];
  const granted = await machinery.meter.charge(tenantId, { taker, needs, licensee, isFresh: true });
  if (granted === 'STALE' || granted[0]?.decision.granted !== true) throw new Error('a grant was refused');
}

async function byUpdate(connections: postgres.Sql): Promise<void> {
  const rows =
    await connections`update bench_counter set used = used + 1 where id = 1 and used < most returning used`;
  if (rows.length !== 1) throw new Error('a grant was refused');
}

/** As well as it goes for one: counter and ledger in one statement, which is sent with the tenant before it. */
async function byTransaction(): Promise<void> {
  const now = systemClock();
  const [, rows] = await peer.begin((tx) => [
    tx.unsafe(`set local app.tenant = '${tenantId}'`),
    tx`with counted as (update feature_usage set used = used + 1, updated_at = ${now} where tenant_id = ${tenantId}
        and license_id = ${licenseId} and feature_id = ${PEER} and window_start = 'epoch' and source = ''
        and used < 1000000000000 returning license_id)
      insert into usage_ledger (tenant_id, grant_id, line, kind, license_id, feature_id, window_start, amount, actor,
        request_id, created_at)
      select ${tenantId}, ${newId<'Grant'>(now)}, 0, 'GRANT', license_id, ${PEER}, 'epoch', 1, ${taker.actor},
        ${taker.requestId}, ${now} from counted returning grant_id`,
  ]);
  if (rows.length !== 1) throw new Error('a grant was refused');
}

/** So many callers, each of whom asks again as soon as it is answered. */
async function round(callers: number, draw: () => Promise<void>): Promise<Measured> {
  const millis: number[] = [];
  const begun = performance.now();
  const call = async (): Promise<void> => {
    while (performance.now() - begun < ROUND_MILLIS) {
      const asked = performance.now();
      await draw();
      millis.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return measured(millis, performance.now() - begun);
}

/** Whether what each feature's counters say is what the lines of its ledger add up to. */
async function differences(): Promise<number> {
  const [row] = await peer`select count(*)::int as count from (
    select feature_id, sum(used) as used from (
      select feature_id, used from feature_usage union all select feature_id, -amount from usage_ledger) as lines
    where feature_id in (${FEATURE}, ${PEER}) group by 1) as sums where used <> 0`;
  return Number(row?.count);
}

test('units of one counter', async () => {
  const table: Record<string, Record<string, string>> = {};
  for (const callers of [64, 512]) {
    const ways = {
      meter: () => round(callers, byMeter),
      update: () => round(callers, () => byUpdate(peer)),
      crowd: () => round(callers, () => byUpdate(crowd)),
      transaction: () => round(callers, byTransaction),
    };
    const rounds = await takeTurns(ways, ROUNDS);
    table[`${callers} callers: the meter, ledger and all`] = line(rounds, 'meter', 'meter');
    table[`${callers} callers: a bare UPDATE each, ${CONNECTIONS} connections`] = line(
      rounds,
      'meter',
      'update',
    );
    table[`${callers} callers: a bare UPDATE each, ${CROWD} connections`] = line(rounds, 'meter', 'crowd');
    table[`${callers} callers: a transaction each, ${CONNECTIONS} connections`] = line(
      rounds,
      'meter',
      'transaction',
    );
  }
  console.table(table);

  expect(await differences()).toBe(0);
}, 240_000);
