import { expect, test } from 'vitest';
import { startTestServer } from '../support/server.js';
import {
  ALLOWING,
  createEndpoint,
  createsCustomer,
  deliveriesOf,
  openSending,
  startReceiver,
} from '../support/webhooks.js';

test('a tenant whose events cannot be read keeps nobody else waiting, and is told when they can', async () => {
  const server = await startTestServer({ events: true, environment: ALLOWING });
  const receiver = await startReceiver();
  const [broken, whole] = [await server.tenant(), await server.tenant()];
  for (const admin of [broken, whole]) {
    await createEndpoint(server, admin, receiver.url, ['customer.created']);
    await createsCustomer(server, admin);
  }
  await server.sql.unsafe(`create function break_fan_out() returns trigger language plpgsql as $$
    begin if new.tenant_id = '${broken.tenant_id}' then raise exception 'broken'; end if; return new; end $$;
    create trigger break_fan_out before insert on webhook_deliveries for each row execute function break_fan_out()`);
  const first = openSending(server);

  await first.drain();
  await first.drain();
  const told = first.logged.map((line) => JSON.parse(line)).filter(({ err }) => err !== undefined);
  await server.sql`drop trigger break_fan_out on webhook_deliveries`;
  const second = openSending(server);
  const before = [await deliveriesOf(server, broken), await deliveriesOf(server, whole)];
  await second.drain();
  const after = [await deliveriesOf(server, broken), await deliveriesOf(server, whole)];
  await Promise.all([first.stop(), second.stop(), receiver.stop()]);
  await server.stop();

  expect(before.map((list) => list.map(({ status }) => status))).toEqual([[], ['DELIVERED']]);
  expect(told.map(({ tenantId }) => tenantId)).toEqual([broken.tenant_id]);
  expect(after.map((list) => list.map(({ status }) => status))).toEqual([['DELIVERED'], ['DELIVERED']]);
  expect(receiver.got).toHaveLength(2);
});
