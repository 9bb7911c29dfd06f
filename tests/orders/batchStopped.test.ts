import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OrderId } from '../../src/core/id.js';
import { eventsDuring, mutation } from '../support/acts.js';
import { begin, insertBatch, onlyJobs, orderNow, tryQueued } from '../support/batches.js';
import { type Channel, openChannel } from '../support/pools.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let channel: Channel;
beforeAll(async () => {
  server = await startTestServer();
  onlyJobs(server, ['order.fulfill']);
  channel = await openChannel(server);
});
afterAll(() => server.stop());

/** Behind so many licenses of the order the database takes no more. */
async function spoil(id: OrderId, most: number): Promise<void> {
  await server.sql.unsafe(`create function spoilt() returns trigger language plpgsql as $$ begin
    if (select count(*) from licenses where order_id = '${id}') > ${most} then raise exception 'full'; end if;
    return null; end $$;
    create trigger spoilt after insert on licenses for each statement execute function spoilt()`);
}
const mend = () => server.sql.unsafe('drop trigger spoilt on licenses; drop function spoilt()');

const tries = (times: number) => tryQueued(server, times);

const shown = async (id: OrderId): Promise<Json | undefined> =>
  (
    await server.ok(
      'query ($id: ID!) { order(id: $id) { status fulfillmentError fulfillmentStoppedAt } }',
      { id },
      channel.admin,
    )
  ).order;

test('an order whose chunks fail time and again is given up and says so, until a person fulfils it from where it stopped', async () => {
  const id = await insertBatch(server, channel, 260);
  await spoil(id, 250);
  await begin(server, channel, id);

  const events = await eventsDuring(server, channel.admin.tenant_id, () => tries(13));
  const stopped = await shown(id);
  server.pass(60 * 60_000);
  const resumed = await server.jobs.run('order.resume');
  await mend();
  const input = { orderId: id };
  const fulfil = () =>
    server.ok(mutation('fulfillOrder', 'order { fulfillmentStoppedAt }'), { input }, channel.admin);
  const answers = await Promise.all(Array.from({ length: 5 }, fulfil));
  await tries(1);

  const own = events.filter(({ type }) => type.startsWith('order.'));
  expect(own.map(({ type, data }) => [type, data.code, data.made])).toEqual([
    ['order.progressed', undefined, 250],
    ['order.delayed', 'INTERNAL_SERVER_ERROR', undefined],
    ['order.stopped', 'INTERNAL_SERVER_ERROR', 250],
  ]);
  expect(stopped).toMatchObject({ status: 'APPROVED', fulfillmentError: 'INTERNAL_SERVER_ERROR' });
  expect(stopped?.fulfillmentStoppedAt).not.toBeNull();
  expect(resumed).toEqual({ resumed: 0 });
  expect(answers.map(({ fulfillOrder }) => fulfillOrder?.order?.fulfillmentStoppedAt)).toEqual(
    Array.from({ length: 5 }, () => null),
  );
  expect(await orderNow(server, id)).toEqual({
    status: 'FULFILLED',
    error: null,
    fulfilled: true,
    licenses: 260,
  });
});
