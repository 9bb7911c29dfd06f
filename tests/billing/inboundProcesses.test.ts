import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { invoiceOf } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  inboundOf,
  intent,
  newIntent,
  OPEN,
  signedByStripe,
  standing,
  stripeEvent,
} from '../support/inbound.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: OPEN });
  processes = await Processes.open(server, { ...OPEN, LG_RATE_ADDRESS_PER_MINUTE: '0' });
  shop = await openShop(server);
});
afterAll(async () => {
  await processes.end();
  await server.stop();
});

async function post({ address }: ServerProcess, event: object): Promise<number> {
  server.now = systemClock();
  const { body, headers } = signedByStripe(server, event);
  const response = await fetch(`${address}/webhooks/stripe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  return response.status;
}

test('what was answered is processed though the server was killed behind its answer', async () => {
  const { id } = await invoiceOf(server, shop.admin, { customerId: shop.customerId });
  const event = stripeEvent('payment_intent.succeeded', intent(newIntent(), id), 'evt_killed');
  // It stores, and processes nothing itself.
  const door = await processes.start({ LG_JOBS: 'none' });

  const status = await post(door, event);
  await door.kill();
  const left = await inboundOf(server, 'evt_killed');
  const unpaid = await standing(server, id);
  const next = await processes.start();
  await expect.poll(async () => (await standing(server, id))[0]).toBe('PAID');
  const again = await post(next, event);

  expect([status, again]).toEqual([200, 200]);
  expect(left).toMatchObject([{ status: 'RECEIVED', attempts: 0 }]);
  expect(unpaid).toEqual(['PENDING', '0', '0']);
  expect(await inboundOf(server, 'evt_killed')).toMatchObject([{ status: 'PROCESSED' }]);
  expect(await server.count('payments', `invoice_id = '${id}'`)).toBe(1);
});
