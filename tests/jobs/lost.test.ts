import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { OrderId, TenantId } from '../../src/core/id.js';
import {
  enqueueJobs,
  type Job,
  parseReaction,
  parseSweep,
  type ReactionPayload,
} from '../../src/core/job.js';
import { jobStateOf } from '../../src/jobs/model.js';
import { openPresence, type Presence } from '../../src/jobs/presence.js';
import { everyJob } from '../../src/jobs/queries.js';
import { startRunner, tick } from '../../src/jobs/runner.js';
import { lossesOf } from '../../src/jobs/tasks.js';
import { progressOrder } from '../../src/orders/service/progressOrder.js';
import { eventsDuring, mutation } from '../support/acts.js';
import { begin, insertBatch, orderNow } from '../support/batches.js';
import { type Channel, openChannel } from '../support/pools.js';
import { startTestServer, type TestServer } from '../support/server.js';

/** Runs until its process is asked to stop, or longer. */
let running: { readonly obeys: boolean; begun: number } = { obeys: true, begun: 0 };
const long: Job<ReactionPayload> = {
  name: 'test.long',
  parse: parseReaction,
  run: async ({ signal }) => {
    running.begun += 1;
    await new Promise<void>((resolve) => {
      if (running.obeys) signal.addEventListener('abort', () => resolve());
    });
    signal.throwIfAborted();
    return undefined;
  },
};
const swept: Job<ReturnType<typeof parseSweep>> = {
  name: 'test.sweep',
  parse: parseSweep,
  run: async () => ({ done: 1 }),
};

let server: TestServer;
let channel: Channel;
let rescuers: Presence[];
beforeAll(async () => {
  server = await startTestServer();
  const { queued } = server.jobs.list;
  const behind = queued.filter(({ name }) => ['order.fulfill', 'license.issue_in_bulk'].includes(name));
  server.jobs.reactions = { to: {}, toAll: [] };
  server.jobs.list = {
    queued: [...behind, long as Job<unknown>],
    scheduled: [{ job: swept, everyMinutes: 60, about: 'Sweeps.' }],
  };
  channel = await openChannel(server);
});
beforeEach(() => {
  running = { obeys: true, begun: 0 };
  const { surroundings, list } = server.jobs;
  rescuers = [0, 1].map(() => openPresence(server.url, surroundings.log, lossesOf(surroundings, list)));
});
afterEach(async () => {
  await Promise.all(rescuers.map((each) => each.end()));
  await server.sql`delete from graphile_worker._private_jobs`;
});
afterAll(() => server.stop());

const jobNow = async () => {
  const [row] = await server.sql`select attempts, last_error, locked_by,
      round(extract(epoch from run_at - now()))::int as wait from graphile_worker._private_jobs where key is not null`;
  return row === undefined ? undefined : { ...row };
};

/** As a process leaves its job that was killed in the middle of it: taken, and counted as it was taken. */
async function taken(): Promise<void> {
  const rows =
    await server.sql`update graphile_worker._private_jobs set locked_by = 'pool-gone', locked_at = now(),
    attempts = attempts + 1, run_at = now() where locked_at is null and attempts < max_attempts returning id`;
  expect(rows).toHaveLength(1);
}

/** Loses the job of the only process that has it, so often, and has it freed by whoever of two is first. */
async function lose(times: number): Promise<void> {
  for (let done = 0; done < times; done += 1) {
    await taken();
    await Promise.all(rescuers.map((each) => each.rescue()));
  }
}

async function order(quantity = 260): Promise<OrderId> {
  const id = await insertBatch(server, channel, quantity);
  await begin(server, channel, id);
  return id;
}

const failuresOf = async (id: OrderId) => {
  const [row] = await server.sql`select fulfillment_failures as failures, fulfillment_error as error,
    fulfillment_stopped_at is not null as stopped from license_orders where id = ${id}`;
  return { ...row };
};
const eventsOf = (events: Awaited<ReturnType<typeof eventsDuring>>) =>
  events
    .filter(({ type }) => /^(order|bulk_issue)\./.test(type))
    .map(({ type, data: { code, made, issued, waiting } }) => [type, { code, made, issued, waiting }]);

/** The next part of an order, as a worker does it. */
const make = (id: OrderId) =>
  server.jobs.surroundings.act(channel.admin.tenant_id as TenantId, (work) => progressOrder(work, id));

describe('a part that ends its process each time', () => {
  test('is given up after ten, of an order: with a code, an event and how far it got; two peers count each loss once', async () => {
    const id = await order();

    const nine = await eventsDuring(server, channel.admin.tenant_id, () => lose(9));
    const before = [await failuresOf(id), await jobNow()];
    const tenth = await eventsDuring(server, channel.admin.tenant_id, () => lose(1));

    const code = 'INTERNAL_SERVER_ERROR';
    expect(eventsOf(nine)).toEqual([['order.delayed', { code }]]);
    expect(before).toEqual([
      { failures: 9, error: code, stopped: false },
      // As long as one waits that threw so often: e⁹ seconds.
      { attempts: 9, last_error: 'The process that ran it is gone.', locked_by: null, wait: 8103 },
    ]);
    expect(eventsOf(tenth)).toEqual([['order.stopped', { code, made: 0 }]]);
    expect(await failuresOf(id)).toEqual({ failures: 10, error: code, stopped: true });
    expect(await jobNow()).toBeUndefined();
    expect(server.logged.some((line) => line.includes('was given up') && line.includes(id))).toBe(true);
  });

  test('is given up after ten, of a list: what is issued stays, and whoever retries it goes on with the rest', async () => {
    const csv = `customerId\n${Array.from({ length: 501 }, () => channel.customerId).join('\n')}`;
    const input = { templateId: channel.templateId, csv, mode: 'ROW_BY_ROW' };
    const data = await server.ok(mutation('bulkIssueLicenses', 'bulkIssue { id }'), { input }, channel.admin);
    const bulkIssueId = String(data.bulkIssueLicenses?.bulkIssue?.id);

    const events = await eventsDuring(server, channel.admin.tenant_id, () => lose(10));
    const given = await jobNow();
    await server.ok(mutation('retryBulkIssue', '__typename'), { input: { bulkIssueId } }, channel.admin);
    await server.jobs.drain();

    const code = 'INTERNAL_SERVER_ERROR';
    const told = { code, issued: 0, waiting: 501 };
    expect(eventsOf(events)).toEqual([
      ['bulk_issue.delayed', told],
      ['bulk_issue.failed', told],
    ]);
    expect(given).toBeUndefined();
    const [row] =
      await server.sql`select status, issued_count, failures from bulk_issues where id = ${bulkIssueId}`;
    expect({ ...row }).toEqual({ status: 'FINISHED', issued_count: 501, failures: 0 });
  });

  test('counts from the beginning once a part succeeds: a busy machine that loses processes now and then stops nothing', async () => {
    const id = await order();
    await lose(9);

    await make(id);
    const between = await failuresOf(id);
    await lose(9);

    expect(between).toEqual({ failures: 0, error: null, stopped: false });
    expect(await failuresOf(id)).toMatchObject({ failures: 9, stopped: false });
    expect((await orderNow(server, id)).licenses).toBe(250);
  });

  test('waits for nothing after its first loss: most often the process ended of something else', async () => {
    const id = await order();

    await lose(1);

    expect(await jobNow()).toMatchObject({ attempts: 1, locked_by: null, wait: 0 });
    await server.jobs.drain();
    expect(await orderNow(server, id)).toMatchObject({ status: 'FULFILLED', licenses: 260 });
  });

  test('counts for nothing of what was done, cancelled or paid back meanwhile', async () => {
    const id = await order();
    await server.sql`update license_orders set payment_status = 'REFUNDED' where id = ${id}`;

    const events = await eventsDuring(server, channel.admin.tenant_id, () => lose(10));

    expect(eventsOf(events)).toEqual([]);
    expect(await failuresOf(id)).toEqual({ failures: 0, error: null, stopped: false });
  });

  test('stays where it is while somebody holds its order, and is counted once afterwards', async () => {
    const id = await order();
    await taken();
    const connection = await server.sql.reserve();
    await connection`begin`;
    await connection`select 1 from license_orders where id = ${id} for update`;
    const { surroundings, list } = server.jobs;
    const impatient: typeof surroundings = {
      ...surroundings,
      act: (tenant, run) =>
        surroundings.act(tenant, async (work) => {
          await work.db.execute('set local lock_timeout = 50');
          return run(work);
        }),
    };
    const rescuer = openPresence(server.url, surroundings.log, lossesOf(impatient, list));

    await rescuer.rescue();
    const held = await jobNow();
    await connection`rollback`;
    connection.release();
    await rescuer.rescue();
    await rescuer.rescue();
    await rescuer.end();

    expect(held).toMatchObject({ attempts: 1, locked_by: 'pool-gone' });
    expect(await jobNow()).toMatchObject({ attempts: 1, locked_by: null });
    expect(await failuresOf(id)).toMatchObject({ failures: 1 });
  });
});

const reacting = async (): Promise<void> => {
  const session = await server.jobs.surroundings.pool.begin('write');
  const payload = { tenantId: channel.admin.tenant_id, sequence: 1, eventId: 'e', type: 'customer.created' };
  await enqueueJobs(session.db, [{ name: 'test.long', payload, key: 'test.long' }]);
  await session.commit();
};

describe('any other job that ends its process each time', () => {
  test('ends where one ends that throws each time: after the queue’s 25 attempts nobody takes it', async () => {
    await reacting();

    await lose(25);

    const [row] =
      await server.sql`select attempts, max_attempts, is_available from graphile_worker._private_jobs`;
    expect({ ...row }).toEqual({ attempts: 25, max_attempts: 25, is_available: false });
  });

  test('is shown as failed where it runs by the clock, until a run succeeds', async () => {
    await server.jobs.drain();
    server.pass(60 * 60_000);
    await server.sql`delete from graphile_worker._private_jobs`;
    const { surroundings, list } = server.jobs;
    await tick(surroundings, list);
    await server.sql`update scheduled_jobs set started_at = ${server.now}, finished_at = null`;
    const state = async () => {
      const [job] = await everyJob(surroundings.pool.db);
      return job === undefined ? undefined : [jobStateOf(job), job.error];
    };
    const during = await state();

    await lose(1);
    const lost = await state();
    await server.jobs.drain();

    expect([during, lost, await state()]).toEqual([
      ['RUNNING', null],
      ['FAILED', 'The process that ran it is gone.'],
      ['SUCCEEDED', null],
    ]);
  });
});

describe.each([
  ['breaks off when it is asked to', true],
  ['does not break off', false],
])('a job that %s', (_how, obeys) => {
  test('uses up no attempt when its process is stopped in good order, however often that happens', async () => {
    running = { obeys, begun: 0 };
    await reacting();
    const { surroundings, list } = server.jobs;
    const seen: unknown[] = [];

    for (let stops = 0; stops < 3; stops += 1) {
      await server.sql`update graphile_worker._private_jobs set run_at = now()`;
      const jobs = { queued: list.queued, scheduled: [] };
      const parts = { url: server.url, surroundings, jobs, concurrency: 1, stopSeconds: 0.2 };
      const runner = startRunner(parts);
      await expect.poll(() => running.begun).toBe(stops + 1);
      await runner.stop();
      const { attempts, locked_by } = (await jobNow()) ?? {};
      seen.push({ attempts, locked_by });
    }

    expect(seen).toEqual([0, 0, 0].map((attempts) => ({ attempts, locked_by: null })));
  });
});
