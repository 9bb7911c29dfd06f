import { beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct } from '../support/acts.js';
import { createApiKey, holding } from '../support/apiKeys.js';
import { createCustomer } from '../support/fixtures.js';
import { receiver, sending, server, setUpWebhooks } from '../support/notifying.js';
import type { Claims } from '../support/server.js';
import { createEndpoint, createsCustomer, deliveriesOf, sealed } from '../support/webhooks.js';

setUpWebhooks();

const NOBODYS = '00000000-0000-7000-8000-000000000000';

describe('who is bound to a part of the tenant', () => {
  let admin: Claims;
  let bound: Claims;
  let endpointId: string;
  let deliveryId: unknown;
  beforeAll(async () => {
    admin = await server.tenant();
    const customerId = await createCustomer(server, admin);
    bound = { ...admin, customer_id: customerId };
    await sealed(server);
    endpointId = (await createEndpoint(server, admin, receiver.url, ['customer.*'])).id;
    await createsCustomer(server, admin);
    await sending.drain();
    deliveryId = (await deliveriesOf(server, admin))[0]?.id;
  });

  test('sees no endpoint and no delivery', async () => {
    const query = '{ webhookEndpoints { totalCount } webhookDeliveries { totalCount } }';

    expect(await server.ok(query, {}, admin)).toEqual({
      webhookEndpoints: { totalCount: 1 },
      webhookDeliveries: { totalCount: 1 },
    });
    expect(await server.ok(query, {}, bound)).toEqual({
      webhookEndpoints: { totalCount: 0 },
      webhookDeliveries: { totalCount: 0 },
    });
  });

  test.each<[string, () => object]>([
    ['createWebhookEndpoint', () => ({ url: receiver.url, events: ['*'] })],
    ['updateWebhookEndpoint', () => ({ endpointId, enabled: false })],
    ['deleteWebhookEndpoint', () => ({ endpointId })],
    ['sendTestWebhook', () => ({ endpointId })],
    ['replayWebhookDelivery', () => ({ deliveryId })],
  ])('is refused %s', async (act, input) => {
    await refusedAct(server, bound, act, input(), 'FORBIDDEN');
  });

  test('gets no key that makes endpoints for the whole tenant', async () => {
    const { secret } = await createApiKey(server, admin, {
      permissions: ['webhook.create'],
      customerId: String(bound.customer_id),
    });
    const act = mutation('createWebhookEndpoint', 'secret');

    const answer = await server.graphql(act, { input: { url: receiver.url, events: ['*'] } }, secret);

    expect(answer.code).toBe('FORBIDDEN');
  });
});

test.each<[string, object, string]>([
  ['updateWebhookEndpoint', { endpointId: NOBODYS, enabled: true }, 'WEBHOOK_ENDPOINT_NOT_FOUND'],
  ['deleteWebhookEndpoint', { endpointId: NOBODYS }, 'WEBHOOK_ENDPOINT_NOT_FOUND'],
  ['sendTestWebhook', { endpointId: NOBODYS }, 'WEBHOOK_ENDPOINT_NOT_FOUND'],
  ['replayWebhookDelivery', { deliveryId: NOBODYS }, 'WEBHOOK_DELIVERY_NOT_FOUND'],
  [
    'replayWebhookDelivery',
    { endpointId: NOBODYS, since: '2026-03-01T00:00:00Z' },
    'WEBHOOK_ENDPOINT_NOT_FOUND',
  ],
])('%s of %j answers %s', async (act, input, code) => {
  const admin = await server.tenant();

  expect((await server.graphql(mutation(act, '__typename'), { input }, admin)).code).toBe(code);
});

test('each act asks for its own permission', async () => {
  const admin = await server.tenant();
  const { id } = await createEndpoint(server, admin, receiver.url);
  const acts: readonly [string, string, object][] = [
    ['createWebhookEndpoint', 'webhook.create', { url: receiver.url, events: ['*'] }],
    ['updateWebhookEndpoint', 'webhook.update', { endpointId: id, description: 'x' }],
    ['sendTestWebhook', 'webhook.update', { endpointId: id }],
    ['replayWebhookDelivery', 'webhook.replay', { endpointId: id, since: server.now }],
    ['deleteWebhookEndpoint', 'webhook.delete', { endpointId: id }],
  ];
  const all = acts.map(([, permission]) => permission);

  for (const [act, permission, input] of acts) {
    const others = holding(admin, ['webhook.read', ...all.filter((other) => other !== permission)]);
    const error = await refusedAct(server, others, act, input, 'FORBIDDEN');
    expect(error.extensions.permission).toBe(permission);
    await server.ok(mutation(act, '__typename'), { input }, holding(admin, [permission]));
  }
});
