import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import type { OrderId } from '../../src/core/id.js';
import { begin, insertBatch, orderNow } from '../support/batches.js';
import { type Channel, openChannel } from '../support/pools.js';
import { Processes } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

const LICENSES = 10_000;
const ROUNDS = 3;

let server: TestServer;
let processes: Processes;
let channel: Channel;
beforeAll(async () => {
  server = await startTestServer();
  // The workers' clock is the system's.
  server.now = instant(Date.now());
  processes = await Processes.open(server, { LG_JOBS_AT_ONCE: '2' });
  channel = await openChannel(server);
});
afterAll(async () => {
  await processes?.end();
  await server.stop();
});

const madeOf = async (id: OrderId): Promise<number> => (await orderNow(server, id)).licenses;

test('a batch of 10,000 whose workers are killed again and again ends with exactly 10,000 licenses, each told and keyed once', async () => {
  const id = await insertBatch(server, channel, LICENSES);
  await begin(server, channel, id);
  const standings: number[] = [];

  for (let round = 1; round <= ROUNDS; round += 1) {
    const worker = await processes.work();
    await expect.poll(() => madeOf(id), { interval: 5 }).toBeGreaterThan((standings.at(-1) ?? 0) + 500);
    await worker.kill();
    standings.push(await madeOf(id));
  }
  await Promise.all([processes.work(), processes.work()]);
  await expect
    .poll(async () => (await orderNow(server, id)).status, { interval: 50, timeout: 60_000 })
    .toBe('FULFILLED');

  for (const standing of standings) expect(standing % 250).toBe(0);
  expect(standings.at(-1)).toBeLessThan(LICENSES);
  const [row] =
    await server.sql`select count(*)::int as licenses, count(distinct license_key_hash)::int as keys,
      (select count(*)::int from key_directory where kind = 'LICENSE_KEY' and tenant_id = ${channel.admin.tenant_id}) as known,
      (select count(distinct subject_id)::int from license_event_logs where event_type = 'license.created'
        and event_data ->> 'order_id' = ${id}) as told,
      (select count(*)::int from license_event_logs where event_type = 'order.fulfilled' and subject_id = ${id}) as fulfilled
    from licenses where order_id = ${id}`;
  expect({ ...row }).toEqual({
    licenses: LICENSES,
    keys: LICENSES,
    known: LICENSES,
    told: LICENSES,
    fulfilled: 1,
  });
}, 180_000);
