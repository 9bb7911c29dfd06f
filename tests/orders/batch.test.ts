import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OrderId, TenantId } from '../../src/core/id.js';
import { startRunner } from '../../src/jobs/runner.js';
import { lockOrder } from '../../src/orders/queries.js';
import { makeLicenses } from '../../src/orders/service/makeLicenses.js';
import { eventsDuring, mutation } from '../support/acts.js';
import { begin, insertBatch, onlyJobs, orderNow } from '../support/batches.js';
import { type Channel, openChannel } from '../support/pools.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let channel: Channel;
beforeAll(async () => {
  server = await startTestServer();
  onlyJobs(server, ['order.fulfill']);
  channel = await openChannel(server);
});
afterAll(() => server.stop());

const progressOf = async (id: OrderId) => {
  const rows = await server.sql`select event_type, event_data from license_event_logs
    where subject_id = ${id} order by id`;
  return rows.map((row) => [row.event_type, row.event_data.made]);
};

const making = (id: OrderId, most: number) =>
  server.jobs.surroundings.act(channel.admin.tenant_id as TenantId, async (work) => {
    const order = await lockOrder(work, id);
    if (order === undefined) throw new Error('there is no such order');
    return makeLicenses(work, order, most);
  });

test('a batch order is made in chunks, each told in its own transaction, and is fulfilled with the last', async () => {
  const id = await insertBatch(server, channel, 600);

  await begin(server, channel, id);
  await server.jobs.drain();

  expect(await orderNow(server, id)).toEqual({
    status: 'FULFILLED',
    error: null,
    fulfilled: true,
    licenses: 600,
  });
  expect(await progressOf(id)).toEqual([
    ['order.progressed', 250],
    ['order.progressed', 500],
    ['order.progressed', 600],
    ['order.fulfilled', undefined],
  ]);
  const [license] = await server.sql`select customer_id, issued_to, status, max_activations, template_version
    from licenses where order_id = ${id} limit 1`;
  expect({ ...license }).toEqual({
    customer_id: channel.customerId,
    issued_to: 'Ada Okafor',
    status: 'ACTIVE',
    max_activations: 5,
    template_version: 1,
  });
});

test('begun twenty times and run by four workers at once, it makes what was ordered and not one more', async () => {
  const id = await insertBatch(server, channel, 1_300);
  await Promise.all(Array.from({ length: 20 }, () => begin(server, channel, id)));
  const { url, jobs } = server;
  const { surroundings } = jobs;
  const fulfilling = jobs.list.queued.filter(({ name }) => name === 'order.fulfill');
  const again = Array.from({ length: 4 }, () =>
    fulfilling[0]?.run(
      { ...surroundings, signal: new AbortController().signal, progress: async () => undefined },
      { tenantId: channel.admin.tenant_id, id },
    ),
  );
  const workers = Array.from({ length: 2 }, () =>
    startRunner({
      url,
      surroundings,
      jobs: { queued: fulfilling, scheduled: [] },
      concurrency: 2,
      stopSeconds: 5,
    }),
  );

  await Promise.all(again);
  await expect.poll(async () => (await orderNow(server, id)).status).toBe('FULFILLED');
  await Promise.all(workers.map((worker) => worker.stop()));

  expect((await orderNow(server, id)).licenses).toBe(1_300);
  const told = await progressOf(id);
  expect(told.filter(([type]) => type === 'order.fulfilled')).toHaveLength(1);
  expect(told.filter(([type]) => type === 'order.progressed').map(([, made]) => made)).toEqual([
    250, 500, 750, 1_000, 1_250, 1_300,
  ]);
});

test('a hundred who make the licenses of one order at once make them once', async () => {
  const id = await insertBatch(server, channel, 40);

  const all = await Promise.all(Array.from({ length: 100 }, () => making(id, 7)));

  expect((await orderNow(server, id)).licenses).toBe(40);
  expect(all.filter(({ left }) => left === 0)).toHaveLength(95);
  expect(
    all
      .map(({ made }) => made)
      .toSorted((one, other) => one - other)
      .slice(0, 6),
  ).toEqual([7, 14, 21, 28, 35, 40]);
});

test('what was sold is made, also when its template, its product and its customer are switched off half-way', async () => {
  const own = await openChannel(server);
  const id = await insertBatch(server, own, 300);
  await server.jobs.surroundings.act(own.admin.tenant_id as TenantId, async (work) => {
    const order = await lockOrder(work, id);
    if (order !== undefined) await makeLicenses(work, order, 100);
  });
  const off = [
    ['updateTemplate', { templateId: own.templateId, active: false }],
    ['updateProduct', { productId: own.productId, active: false }],
    ['updateCustomer', { customerId: own.customerId, status: 'INACTIVE' }],
  ] as const;
  for (const [act, input] of off) await server.ok(mutation(act, '__typename'), { input }, own.admin);

  await begin(server, own, id);
  await server.jobs.drain();

  expect(await orderNow(server, id)).toMatchObject({ status: 'FULFILLED', licenses: 300 });
});

test.each([
  ['paid back', { payment_status: 'REFUNDED' }],
  ['cancelled', { status: 'CANCELLED', cancelled_at: '2026-03-01T12:00:00Z' }],
])('an order that was %s half-way makes nothing more and tells nothing', async (_, columns) => {
  const id = await insertBatch(server, channel, 500);
  await making(id, 100);
  await begin(server, channel, id);
  await server.sql`update license_orders set ${server.sql(columns)} where id = ${id}`;

  const events = await eventsDuring(server, channel.admin.tenant_id, () => server.jobs.drain());

  expect(events).toEqual([]);
  expect(await orderNow(server, id)).toMatchObject({ fulfilled: false, licenses: 100 });
});

test('a chunk that fails is told once and tried again; what was made stays, and the order forgets the failure when it goes on', async () => {
  const id = await insertBatch(server, channel, 400);
  await making(id, 50);
  await begin(server, channel, id);
  await server.sql`alter table licenses add constraint broken check (order_id <> ${server.sql.unsafe(`'${id}'`)}) not valid`;
  const events = await eventsDuring(server, channel.admin.tenant_id, async () => {
    await server.jobs.drain();
    await server.jobs.drain();
  });

  expect(events).toMatchObject([
    { type: 'order.delayed', subjectId: id, data: { code: 'INTERNAL_SERVER_ERROR' } },
  ]);
  expect(await orderNow(server, id)).toEqual({
    status: 'APPROVED',
    error: 'INTERNAL_SERVER_ERROR',
    fulfilled: false,
    licenses: 50,
  });
  const failed = server.logged.filter(
    (line) => line.includes('a job failed') && line.includes('order.fulfill'),
  );
  expect(failed.length).toBeGreaterThan(1);

  await server.sql`alter table licenses drop constraint broken`;
  await server.jobs.drain();

  expect(await orderNow(server, id)).toEqual({
    status: 'FULFILLED',
    error: null,
    fulfilled: true,
    licenses: 400,
  });
});

test('an order whose job was lost is begun again by the clock, and no other is', async () => {
  const [lost, fresh] = [await insertBatch(server, channel, 300), await insertBatch(server, channel, 300)];
  await begin(server, channel, lost);
  await server.sql`delete from graphile_worker._private_jobs`;
  server.pass(20 * 60_000);
  await server.sql`update license_orders set started_at = ${server.now}, updated_at = ${server.now} where id = ${fresh}`;

  const result = await server.jobs.run('order.resume');
  await server.jobs.drain();

  expect(result).toEqual({ resumed: 1 });
  expect(await orderNow(server, lost)).toMatchObject({ status: 'FULFILLED', licenses: 300 });
  expect(await orderNow(server, fresh)).toMatchObject({ status: 'APPROVED', licenses: 0 });
});

test('an order of a reseller that pays for a pool is fulfilled by it: one who hands out, no license twice', async () => {
  const own = await openChannel(server);
  const parties = { customerId: null, resellerId: own.resellerId };
  const id = await insertBatch(server, own, 20, parties);
  const input = {
    name: 'Paid',
    resellerId: own.resellerId,
    templateId: own.templateId,
    size: 20,
    orderId: id,
  };
  const make = (changes: object = {}) =>
    server.graphql(
      mutation('createLicensePool', 'pool { id order { id } }'),
      { input: { ...input, ...changes } },
      own.admin,
    );
  const taken = (changes: object) =>
    make(changes).then((answer) => answer.errors[0]?.extensions.fields?.map(({ field }) => field));

  expect(await taken({ size: 21 })).toEqual(['input.size']);
  const other = await openChannel(server);
  expect((await make({ orderId: await insertBatch(server, other, 20) })).code).toBe('ORDER_NOT_FOUND');
  expect(await taken({ orderId: await insertBatch(server, own, 20) })).toEqual([
    'input.orderId',
    'input.orderId',
  ]);
  const made = await make();
  expect(made.errors).toEqual([]);
  expect((await make()).code).toBe('INVALID_INPUT');
  await begin(server, own, id);
  await server.jobs.drain();

  expect(await orderNow(server, id)).toMatchObject({ status: 'FULFILLED', licenses: 0 });
  const poolId = String(made.data?.createLicensePool?.pool?.id);
  const take = { poolId, customerId: own.customerId, quantity: 5 };
  await server.ok(mutation('allocateFromPool', '__typename'), { input: take }, own.reseller);
  expect(await orderNow(server, id)).toMatchObject({ licenses: 5 });
  await server.sql`update license_orders set payment_status = 'REFUNDED' where id = ${id}`;
  const late = await server.graphql(
    mutation('allocateFromPool', '__typename'),
    { input: take },
    own.reseller,
  );
  expect(late.code).toBe('ORDER_NOT_PAID');
});
