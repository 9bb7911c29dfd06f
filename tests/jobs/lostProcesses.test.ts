import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { OrderId } from '../../src/core/id.js';
import { SEALER_LOCK } from '../../src/server/events/sealer.js';
import { mutation } from '../support/acts.js';
import { begin, insertBatch, orderNow } from '../support/batches.js';
import { type Channel, openChannel } from '../support/pools.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';

const STAFF = 'office@radar.example';

let server: TestServer;
let post: MailServer;
let processes: Processes;
let channel: Channel;
beforeAll(async () => {
  post = await MailServer.open();
  server = await startTestServer();
  // The workers' clock is the system's.
  server.now = systemClock();
  processes = await Processes.open(server, {
    LG_SMTP_URL: post.url,
    LG_MAIL_FROM: 'mail@licenses.example',
    LG_STOP_SECONDS: '2',
  });
  channel = await openChannel(server);
  const settings = { mail: { staffAddress: STAFF } };
  await server.ok(mutation('updateTenantSettings', '__typename'), { input: settings }, channel.admin);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
  await post?.stop();
});

/** Behind so many licenses of the order whoever makes more is at it for an hour. */
async function stall(id: OrderId, most: number): Promise<() => Promise<unknown>> {
  await server.sql.unsafe(`create function stalls() returns trigger language plpgsql as $$ begin
    if (select count(*) from licenses where order_id = '${id}') > ${most} then perform pg_sleep(3600); end if;
    return null; end $$;
    create trigger stalls after insert on licenses for each statement execute function stalls()`);
  return () => server.sql.unsafe('drop trigger stalls on licenses; drop function stalls()');
}

const stalled = () => server.sql`select pid from pg_stat_activity where wait_event = 'PgSleep'`;

async function atWork(): Promise<ServerProcess> {
  const worker = await processes.work();
  await expect.poll(stalled, { timeout: 20_000 }).toHaveLength(1);
  return worker;
}

/** Kills a worker in the middle of a part; the database notices, as it does at once of whoever is not in a statement. */
async function killAtWork(): Promise<void> {
  const worker = await atWork();
  await worker.kill();
  await server.sql`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`;
  await expect.poll(stalled).toHaveLength(0);
}

async function failuresOf(id: OrderId) {
  const [row] = await server.sql`select fulfillment_failures as failures,
    fulfillment_stopped_at is not null as stopped from license_orders where id = ${id}`;
  return { ...row };
}

const mails = () => server.sql`select status, attempts from notifications where kind = 'ORDER_STOPPED'`;

test('a worker that is stopped in the middle of a part has not failed: the next one makes the rest', {
  timeout: 90_000,
}, async () => {
  const id = await insertBatch(server, channel, 260);
  const mend = await stall(id, 250);
  await begin(server, channel, id);
  const worker = await atWork();

  worker.signal('SIGTERM');
  const code = await worker.exited;

  const jobs = await server.sql`select attempts, locked_by from graphile_worker._private_jobs as job
    join graphile_worker._private_tasks as task on task.id = job.task_id where identifier = 'order.fulfill'`;
  const failed = await failuresOf(id);
  await server.sql`select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`;
  await mend();
  await server.jobs.drain();
  expect([code, ...jobs.map((job) => ({ ...job }))]).toEqual([0, { attempts: 0, locked_by: null }]);
  expect(failed).toEqual({ failures: 0, stopped: false });
  expect(await orderNow(server, id)).toMatchObject({ status: 'FULFILLED', licenses: 260 });
});

test('an order whose part ends every process that tries it is stopped, and the vendor’s people get one mail, though its sender is killed too', {
  timeout: 180_000,
}, async () => {
  const id = await insertBatch(server, channel, 260);
  const mend = await stall(id, 250);
  await begin(server, channel, id);
  await killAtWork();
  const first = await failuresOf(id);
  // Seven more have died over it.
  await server.sql`update license_orders set fulfillment_failures = 8 where id = ${id}`;
  await killAtWork();
  const counted = await failuresOf(id);
  let dying: Promise<void> | undefined;
  let sender: ServerProcess | undefined;
  post.behaviour = (stage) => {
    if (stage === 'DATA') dying ??= sender?.kill();
    return 250;
  };

  // Nobody is told before the one who is to die over it is known.
  const sealing = await server.sql.reserve();
  await sealing`select pg_advisory_lock(${SEALER_LOCK})`;
  sender = await processes.work();
  await sealing`select pg_advisory_unlock(${SEALER_LOCK})`;
  sealing.release();
  await expect.poll(() => dying !== undefined, { timeout: 30_000 }).toBe(true);
  await dying;
  const between = (await mails()).map((mail) => ({ ...mail }));
  // What was its attempt is over, and the minute of the schedule may have been looked at already.
  await server.sql`update notifications set next_attempt_at = now() - interval '1 second' where kind = 'ORDER_STOPPED'`;
  await processes.work();
  await server.sql`delete from scheduled_jobs where name = 'mail.deliver'`;
  await expect.poll(async () => (await mails())[0]?.status, { timeout: 30_000 }).toBe('SENT');
  await mend();

  expect([first, counted]).toEqual([
    { failures: 0, stopped: false },
    { failures: 9, stopped: false },
  ]);
  expect(between).toEqual([{ status: 'PENDING', attempts: 1 }]);
  expect(await failuresOf(id)).toEqual({ failures: 10, stopped: true });
  expect(await orderNow(server, id)).toMatchObject({ status: 'APPROVED', licenses: 250 });
  const told = await server.sql`select event_type, event_data ->> 'code' as code, event_data -> 'made' as made
    from license_event_logs where subject_id = ${id} and event_type in ('order.delayed', 'order.stopped') order by id`;
  expect(told.map((row) => ({ ...row }))).toEqual([
    { event_type: 'order.delayed', code: 'INTERNAL_SERVER_ERROR', made: null },
    { event_type: 'order.stopped', code: 'INTERNAL_SERVER_ERROR', made: 250 },
  ]);
  const arrived = post.to(STAFF).map(({ mail }) => mail.messageId);
  expect(new Set(arrived).size).toBe(1);
  expect(await mails()).toHaveLength(1);
});
