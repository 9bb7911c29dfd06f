import { randomUUID } from 'node:crypto';
import type { OrderId, TenantId } from '../../src/core/id.js';
import { lockOrder } from '../../src/orders/queries.js';
import { makeBehind } from '../../src/orders/service/makeBehind.js';
import { type Channel, createPool } from './pools.js';
import type { Claims, TestServer } from './server.js';

/** An order of the channel's customer, approved and paid, whose licenses are to be made in the background. */
export async function insertBatch(
  server: TestServer,
  channel: Channel,
  quantity: number,
  columns: { readonly customerId?: string | null; readonly resellerId?: string | null } = {},
): Promise<OrderId> {
  const { admin, templateId, customerId } = channel;
  const pool = await createPool(server, channel);
  const id = randomUUID();
  const buyer = columns.customerId === undefined ? customerId : columns.customerId;
  await server.sql`insert into license_orders (tenant_id, id, order_number, customer_id, reseller_id, template_id,
      template_version, quantity, terms, taxes, lines, subtotal, discount_applied, tax, total_amount, currency, ordered_by,
      ordered_by_persons, needs_second_person, fulfillment_method, status, payment_status, approved_at, created_at, updated_at)
    select ${admin.tenant_id}, ${id}, ${`ORD-${id.slice(0, 8)}`}, ${buyer}, ${columns.resellerId ?? null}, ${templateId}, 1,
      ${quantity}, terms, '[]', '[]', 100, 0, 0, 100, 'USD', 'eve', '["eve"]', false, 'BATCH', 'APPROVED', 'PAID', ${server.now},
      ${server.now}, ${server.now}
    from license_pools where id = ${pool}`;
  return id as OrderId;
}

/** A list of no rows that was given up. */
export async function insertFailedList({ sql, now }: TestServer, { tenant_id }: Claims): Promise<string> {
  const id = randomUUID();
  await sql`insert into bulk_issues (tenant_id, id, status, mode, requested_by, row_count, failures, failure, created_at, updated_at)
    values (${tenant_id}, ${id}, 'FAILED', 'ROW_BY_ROW', 'eve', 0, 10, 'INTERNAL_SERVER_ERROR', ${now}, ${now})`;
  return id;
}

/** As the act does that makes it fulfillable. */
export async function begin(server: TestServer, channel: Channel, id: OrderId): Promise<void> {
  await server.jobs.surroundings.act(channel.admin.tenant_id as TenantId, async (work) => {
    const order = await lockOrder(work, id);
    if (order === undefined) throw new Error('there is no such order');
    await makeBehind(work, order);
  });
}

export async function orderNow(server: TestServer, id: OrderId) {
  const [row] = await server.sql`select status, fulfillment_error, fulfilled_at is not null as fulfilled,
      (select count(*)::int from licenses where order_id = ${id}) as licenses
    from license_orders where id = ${id}`;
  return {
    status: row?.status,
    error: row?.fulfillment_error,
    fulfilled: row?.fulfilled,
    licenses: row?.licenses,
  };
}

/** What is told of thousands of licenses by mail is not what these tests are about: only jobs of these names run. */
export function onlyJobs({ jobs }: TestServer, names: readonly string[]): void {
  jobs.reactions = { to: {}, toAll: [] };
  jobs.list = {
    queued: jobs.list.queued.filter(({ name }) => names.includes(name)),
    scheduled: jobs.list.scheduled.filter(({ job }) => job.name.endsWith('.resume')),
  };
}

/** So many tries of whatever is in the queue, as fast as they can be made. */
export async function tryQueued({ sql, jobs }: TestServer, times: number): Promise<void> {
  for (let done = 0; done < times; done += 1) {
    await sql`update graphile_worker._private_jobs set run_at = now() where locked_at is null`;
    await jobs.drain();
  }
}
