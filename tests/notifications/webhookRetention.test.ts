import { expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { receiver, sending, server, setUpWebhooks } from '../support/notifying.js';
import type { Claims } from '../support/server.js';
import {
  answering,
  createEndpoint,
  createsCustomer,
  deliveriesOf,
  taking,
  updateEndpoint,
} from '../support/webhooks.js';

setUpWebhooks();

async function told(answer = taking): Promise<{ admin: Claims; endpointId: string }> {
  receiver.answer = answer;
  const admin = await server.tenant();
  const { id: endpointId } = await createEndpoint(server, admin, receiver.url, ['customer.created']);
  await createsCustomer(server, admin);
  await sending.drain();
  return { admin, endpointId };
}

const statusesOf = async (admin: Claims) =>
  (await deliveriesOf(server, admin)).map(({ status, lastError }) => [status, lastError]);

test('what is due for an endpoint that was disabled is given up, and can be replayed', async () => {
  const { admin, endpointId } = await told(answering(500));
  await updateEndpoint(server, admin, { endpointId, enabled: false });

  await sending.sweep();
  const swept = await statusesOf(admin);
  const input = { input: { endpointId, since: server.now } };
  const refused = await server.graphql(mutation('replayWebhookDelivery', 'count'), input, admin);
  receiver.answer = taking;
  await updateEndpoint(server, admin, { endpointId, enabled: true });
  await server.ok(mutation('replayWebhookDelivery', 'count'), input, admin);
  await sending.drain();

  expect(swept).toEqual([['FAILED', 'ENDPOINT_DISABLED']]);
  expect(refused.code).toBe('WEBHOOK_ENDPOINT_DISABLED');
  expect(await statusesOf(admin)).toEqual([['DELIVERED', null]]);
});

test('what is due for an endpoint that works stays due', async () => {
  const { admin } = await told(answering(500));

  await sending.sweep();

  expect(await statusesOf(admin)).toEqual([['PENDING', 'SERVER_ERROR']]);
});

test('finished deliveries are kept for 30 days, or as long as the tenant says; what is due is kept until it is over', async () => {
  const [usual, brief, due] = [await told(), await told(), await told(answering(500))];
  await server.ok(
    mutation('updateTenantSettings', '__typename'),
    { input: { retention: { webhookDeliveryDays: 7 } } },
    brief.admin,
  );
  const counted = async () =>
    Promise.all([usual, brief, due].map(async ({ admin }) => (await deliveriesOf(server, admin)).length));

  await sending.sweep();
  const first = await counted();
  server.pass(7 * DAY_MILLIS + 1);
  await sending.sweep();
  const week = await counted();
  server.pass(23 * DAY_MILLIS);
  await sending.sweep();

  expect([first, week, await counted()]).toEqual([
    [1, 1, 1],
    [1, 0, 1],
    [0, 0, 1],
  ]);
});

test('what was taken longer ago than is known is not sent again by a replay since then', async () => {
  const { admin, endpointId } = await told();
  const since = server.now;
  server.pass(31 * DAY_MILLIS);
  await sending.sweep();

  const data = await server.ok(
    mutation('replayWebhookDelivery', 'count'),
    { input: { endpointId, since } },
    admin,
  );

  expect(data.replayWebhookDelivery?.count).toBe(0);
});

test('a deleted endpoint is gone with its last delivery', async () => {
  const { admin, endpointId } = await told();
  await server.ok(mutation('deleteWebhookEndpoint', '__typename'), { input: { endpointId } }, admin);
  const rows = () => server.count('webhook_endpoints', `id = '${endpointId}'`);
  await sending.sweep();
  const kept = await rows();
  const [listed] = await deliveriesOf(server, admin);

  server.pass(30 * DAY_MILLIS + 1);
  await sending.sweep();

  expect([kept, await rows()]).toEqual([1, 0]);
  expect(listed).toMatchObject({ endpointId, status: 'DELIVERED' });
});
