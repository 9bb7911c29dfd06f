/**
 * What a license costs that is made among many: `npm run bench -- orders`. A batch order in chunks, as its job makes it, against
 * `issueLicense` one after the other, each in a transaction of its own, in turns of one run on a database that writes to disk.
 * BENCH_LICENSES makes it smaller. Printed as well: what the heap has grown by over all chunks, and how long orders of one
 * tenant take that come at once: their numbers have no gaps, so that they commit one after the other.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OrderId, TenantId } from '../src/core/id.js';
import { issueLicense } from '../src/licenses/service/issueLicense.js';
import { fulfillOrders } from '../src/orders/jobs.js';
import { insertBatch, orderNow } from '../tests/support/batches.js';
import { createOrder } from '../tests/support/orders.js';
import { type Channel, openChannel } from '../tests/support/pools.js';
import { startTestServer, type TestServer } from '../tests/support/server.js';
import { type Durable, openDurable } from './support/durable.js';
import { line, type Measured, measured, takeTurns } from './support/figures.js';

const LICENSES = Number(process.env.BENCH_LICENSES ?? 10_000);
/** One by one takes so much longer that a part of them has to do. */
const ALONE = Math.ceil(LICENSES / 20);
const ROUNDS = 3;

let durable: Durable;
let server: TestServer;
let channel: Channel;
beforeAll(async () => {
  durable = await openDurable();
  server = await startTestServer({ beside: durable });
  channel = await openChannel(server);
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await durable?.end();
});

async function timed(count: number, run: () => Promise<unknown>): Promise<Measured> {
  const begin = performance.now();
  await run();
  const millis = performance.now() - begin;
  return measured(
    Array.from({ length: count }, () => millis / count),
    millis,
  );
}

const tenantId = (): TenantId => channel.admin.tenant_id as TenantId;

async function makeBatch(id: OrderId): Promise<void> {
  const { surroundings } = server.jobs;
  const { signal } = new AbortController();
  const context = { ...surroundings, signal, progress: async () => undefined };
  // A run stands in line again behind so many chunks; here nobody else waits.
  while ((await orderNow(server, id)).status === 'APPROVED')
    await fulfillOrders.run(context, { tenantId: tenantId(), id });
}

async function batch(): Promise<Measured> {
  const id = await insertBatch(server, channel, LICENSES);
  return timed(LICENSES, () => makeBatch(id));
}

async function alone(): Promise<Measured> {
  const { customerId, templateId } = channel;
  return timed(ALONE, async () => {
    for (let made = 0; made < ALONE; made += 1)
      await server.jobs.surroundings.act(tenantId(), (work) =>
        issueLicense(work, { customerId, templateId }),
      );
  });
}

test('licenses of a batch against licenses one by one', async () => {
  const before = process.memoryUsage().heapUsed;

  const rounds = await takeTurns({ batch, alone }, ROUNDS);

  const grown = Math.round((process.memoryUsage().heapUsed - before) / 1_048_576);
  console.table({ batch: line(rounds, 'batch', 'batch'), 'one by one': line(rounds, 'batch', 'alone') });
  console.log(`heap: ${grown} MiB more after ${LICENSES * (ROUNDS + 1)} licenses`);
  expect(await server.count('licenses')).toBe((LICENSES + ALONE) * (ROUNDS + 1));
}, 900_000);

/** So many orders of one tenant at once, each with its invoice: how long each caller waited for its answer. */
async function atOnce(count: number): Promise<Measured> {
  const waited: number[] = [];
  const begin = performance.now();
  const order = async (): Promise<void> => {
    await createOrder(server, channel);
    waited.push(performance.now() - begin);
  };
  await Promise.all(Array.from({ length: count }, order));
  return measured(waited, performance.now() - begin);
}

test.each([50, 200])(
  '%i orders of one tenant at once',
  async (count) => {
    const rounds = await takeTurns({ orders: () => atOnce(count) }, ROUNDS);

    console.table({ [`${count} at once`]: line(rounds, 'orders', 'orders') });
  },
  300_000,
);
