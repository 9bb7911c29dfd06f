import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  enqueueJobs,
  type Job,
  parseReaction,
  parseSweep,
  type ReactionPayload,
} from '../../src/core/job.js';
import { startRunner } from '../../src/jobs/runner.js';
import { createCustomer } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let admin: Claims;
let told: ReactionPayload[];
let failing = 0;

/** Takes down what it is told, once for each fact, by the key of what it writes. */
const reaction: Job<ReactionPayload> = {
  name: 'test.reaction',
  parse: parseReaction,
  run: async (_context, payload) => {
    const made = await server.sql`insert into test_effects values (${payload.eventId})
      on conflict do nothing returning 1`;
    if (made.length === 1) told.push(payload);
    if (failing > 0) {
      failing -= 1;
      throw new Error('it broke behind its effect');
    }
    return undefined;
  },
};

beforeAll(async () => {
  server = await startTestServer();
  await server.sql`create table test_effects (event_id text primary key)`;
  server.jobs.reactions = { to: { 'customer.created': [{ job: reaction }] }, toAll: [] };
  server.jobs.list = { queued: [reaction], scheduled: [] };
});
beforeEach(async () => {
  admin = await server.tenant();
  told = [];
  failing = 0;
});
afterAll(() => server.stop());

const queued = async (): Promise<number> => {
  const [row] = await server.sql`select count(*)::int as count from graphile_worker._private_jobs`;
  return Number(row?.count);
};

describe('a reaction', () => {
  test('is told of the fact, and of no other', async () => {
    await createCustomer(server, admin);
    await server.ok('mutation { createReseller(input: { name: "x" }) { __typename } }', {}, admin);

    await server.jobs.drain();

    expect(told).toMatchObject([{ tenantId: admin.tenant_id, sequence: 1, type: 'customer.created' }]);
    expect(await queued()).toBe(0);
  });

  test('that fails behind its effect comes again, and has its effect once', async () => {
    await createCustomer(server, admin);
    failing = 3;

    for (let time = 0; time < 4; time += 1) await server.jobs.drain();

    expect(told).toHaveLength(1);
    expect([failing, await queued()]).toEqual([0, 0]);
  });

  test('passes over no fact that is committed behind later ones, as who remembers the last id would', async () => {
    const late = randomUUID().replace(/^......../, '00000000');
    const connection = await server.sql.reserve();
    await connection`begin`;
    await connection`insert into license_event_logs (tenant_id, id, event_type, subject_id, metadata, created_at)
      values (${admin.tenant_id}, ${late}, 'customer.created', 'late', '{}', now())`;
    await connection`insert into unsealed_events values (${admin.tenant_id}, ${late})`;
    await createCustomer(server, admin);
    await server.jobs.drain();
    const lastSeen = told.at(-1)?.eventId ?? '';
    const before = told.length;

    await connection`commit`;
    connection.release();
    await server.jobs.drain();

    const byLastId = await server.sql`select id from license_event_logs
      where tenant_id = ${admin.tenant_id} and id > ${lastSeen}`;
    expect([before, byLastId.length]).toEqual([1, 0]);
    expect(told.slice(before)).toMatchObject([{ eventId: late, sequence: 2 }]);
  });

  test('is not queued where its fact was not numbered: both are one transaction', async () => {
    await createCustomer(server, admin);
    await server.sql`alter table audit_heads rename to away`;
    const failed = await server.jobs.seal().catch(() => 'failed');
    await server.sql`alter table away rename to audit_heads`;

    expect([failed, await queued()]).toEqual(['failed', 0]);
    await server.jobs.drain();
    expect(told).toHaveLength(1);
  });
});

describe('the queue', () => {
  const asApp = async (run: (sql: (typeof server)['sql']) => Promise<unknown>): Promise<unknown> => {
    const connection = await server.sql.reserve();
    try {
      await connection`begin`;
      await connection`set local role lg_app`;
      return await run(connection).catch((error: unknown) =>
        error instanceof Error && 'code' in error ? error.code : error,
      );
    } finally {
      await connection`rollback`;
      connection.release();
    }
  };

  test('shows nothing to whoever serves requests, who puts in what is its tenant’s alone', async () => {
    const read = await asApp((sql) => sql`select 1 from graphile_worker._private_jobs`);
    const added = await asApp((sql) => sql`select graphile_worker.add_job('x')`);
    const unset = await asApp((sql) => sql`select enqueue_job('x', '{}', 'k')`);
    const own = await asApp(async (sql) => {
      await sql.unsafe(`set local app.tenant = '${admin.tenant_id}'`);
      await sql`select enqueue_job('x', '{"tenantId": "another"}', 'k')`;
      await sql`reset role`;
      return sql`select payload, key from graphile_worker._private_jobs`;
    });

    expect([read, added, unset]).toEqual(['42501', '42501', '42501']);
    expect(own).toMatchObject([{ payload: { tenantId: admin.tenant_id }, key: `x:${admin.tenant_id}:k` }]);
  });

  test('keeps of jobs with one key the last one', async () => {
    const session = await server.jobs.surroundings.pool.begin('write');
    const one = { name: 'test.none', payload: { n: 1 }, key: 'k' };
    await enqueueJobs(session.db, [one]);
    await enqueueJobs(session.db, [{ ...one, payload: { n: 2 } }]);
    await session.commit();

    const rows = await server.sql`delete from graphile_worker._private_jobs returning payload`;
    expect([...rows]).toEqual([{ payload: { n: 2 } }]);
  });
});

test('workers take jobs as they come, stop without losing one, and leave no connection behind', async () => {
  const parts = {
    url: server.url,
    surroundings: server.jobs.surroundings,
    jobs: server.jobs.list,
    concurrency: 4,
    stopSeconds: 5,
  };
  const locks = () =>
    server.count(
      'pg_locks',
      "locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
    );
  const before = await locks();
  const [one, other] = [startRunner(parts), startRunner(parts)];
  const names = Array.from({ length: 40 }, (_, index) => `C ${index}`);

  await Promise.all(names.map((name) => createCustomer(server, admin, name)));
  await server.jobs.seal();
  await expect.poll(() => told.length).toBe(40);
  await Promise.all([one.stop(), other.stop()]);

  expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(40);
  expect(await queued()).toBe(0);
  // A connection that is ended here is gone there a moment later.
  await expect.poll(locks).toBe(before);
});

test('a job whose workers are gone is taken over within moments, not after the hours that the queue waits', async () => {
  await createCustomer(server, admin);
  await server.jobs.seal();
  // As a process leaves it that was killed in the middle of a job.
  await server.sql`update graphile_worker._private_jobs set locked_by = 'pool-gone', locked_at = now(), attempts = 1`;
  const runner = startRunner({
    url: server.url,
    surroundings: server.jobs.surroundings,
    jobs: server.jobs.list,
    concurrency: 2,
    stopSeconds: 5,
    rescueMillis: 50,
  });

  await expect.poll(() => told.length).toBe(1);
  await runner.stop();

  expect(await queued()).toBe(0);
});

test('jobs that the program does not know any more are forgotten as it starts, with what was queued of them', async () => {
  const scheduled = server.jobs.list.scheduled.concat({
    job: { name: 'test.kept', parse: parseSweep, run: async () => undefined },
    everyMinutes: 60,
    about: 'Stays.',
  });
  await server.sql`insert into scheduled_jobs (name, done_through) values ('test.gone', now()), ('test.kept', ${server.now})`;
  await server.sql`select graphile_worker.add_job('test.gone', job_key => 'schedule:test.gone')`;
  const runner = startRunner({
    url: server.url,
    surroundings: server.jobs.surroundings,
    jobs: { queued: [], scheduled },
    concurrency: 1,
    stopSeconds: 5,
  });

  await expect.poll(() => server.count('scheduled_jobs', "name = 'test.gone'")).toBe(0);
  await runner.stop();

  const kept = await server.sql`select name, done_through is not null as known from scheduled_jobs`;
  expect([...kept]).toEqual([{ name: 'test.kept', known: true }]);
  expect(await server.count('graphile_worker._private_jobs', "key = 'schedule:test.gone'")).toBe(0);
});
