import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ENDPOINT_LIMIT } from '../../src/notifications/model/webhooks.js';
import { eventsDuring, mutation, refusedFields } from '../support/acts.js';
import { createCustomer } from '../support/fixtures.js';
import { receiver, sending, server, setUpWebhooks } from '../support/notifying.js';
import { startTestServer } from '../support/server.js';
import {
  createEndpoint,
  createsCustomer,
  deliveriesOf,
  type Received,
  sealed,
  updateEndpoint,
} from '../support/webhooks.js';

setUpWebhooks();
afterEach(() => void vi.useRealTimers());

/** The types of what came, in the order of the trail. */
const typesOf = (got: readonly Received[]): string[] =>
  got
    .map(({ body }) => JSON.parse(body))
    .toSorted((left, right) => left.data.sequence - right.data.sequence)
    .map(({ type }) => type);

/** Verifies as receivers do, at the hour of the server. */
function verified(secret: string, { headers, body }: Received): unknown {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date(server.now) });
  const named = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  return new Webhook(secret).verify(body, named);
}

describe('what is sent', () => {
  test('is the event, signed as Standard Webhooks has it, with no member beyond the documented ones', async () => {
    const admin = await server.tenant();
    const { id, secret } = await createEndpoint(server, admin, receiver.url, ['customer.created']);
    const customerId = await createCustomer(server, admin);

    await sending.drain();

    const [message] = receiver.got;
    if (message === undefined) throw new Error('nothing came');
    const [event] = await server.sql`select id, event_data from license_event_logs
      where tenant_id = ${admin.tenant_id} and event_type = 'customer.created'`;
    expect(receiver.got).toHaveLength(1);
    expect(verified(secret, message)).toEqual({
      type: 'customer.created',
      timestamp: server.now,
      data: {
        id: event?.id,
        sequence: 2,
        subject_id: customerId,
        license_id: null,
        activation_id: null,
        data: event?.event_data,
      },
    });
    expect(message.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'LicenseGraph-Webhooks/1.0',
      'webhook-id': `msg_${event?.id}_${id}`,
      'webhook-timestamp': String(Date.parse(server.now) / 1000),
    });
  });

  test('is refused by the secret of another endpoint, and when a byte of it was changed', async () => {
    const admin = await server.tenant();
    const { secret } = await createEndpoint(server, admin, receiver.url, ['customer.created']);
    const other = await createEndpoint(server, admin, receiver.url, ['reseller.created']);
    await createsCustomer(server, admin);

    await sending.drain();

    const [message] = receiver.got;
    if (message === undefined) throw new Error('nothing came');
    expect(() => verified(other.secret, message)).toThrow('No matching signature');
    expect(() => verified(secret, { ...message, body: message.body.replace('created', 'creates') })).toThrow(
      'No matching signature',
    );
    const later = { ...message.headers, 'webhook-timestamp': String(Date.parse(server.now) / 1000 + 1) };
    expect(() => verified(secret, { ...message, headers: later })).toThrow('No matching signature');
  });

  test('is what happens from its creation on, and once', async () => {
    const admin = await server.tenant();
    await createsCustomer(server, admin, 'Before');
    await sealed(server);
    await createEndpoint(server, admin, receiver.url, ['customer.*']);
    await createsCustomer(server, admin, 'After');

    await sending.drain();
    await sending.drain();

    expect(typesOf(receiver.got)).toEqual(['customer.created']);
  });

  test.each([
    [['*'], ['customer.created', 'customer.updated', 'reseller.created']],
    [['customer.*'], ['customer.created', 'customer.updated']],
    [
      ['customer.created', 'reseller.*'],
      ['customer.created', 'reseller.created'],
    ],
    [['license.*'], []],
  ])('of %j is %j', async (events, expected) => {
    const admin = await server.tenant();
    await createEndpoint(server, admin, receiver.url, events);
    const customerId = await createCustomer(server, admin);
    await server.ok(mutation('updateCustomer', '__typename'), { input: { customerId, name: 'Eve' } }, admin);
    await server.ok(mutation('createReseller', '__typename'), { input: { name: 'Blue' } }, admin);

    await sending.drain();

    expect(typesOf(receiver.got)).toEqual(expected);
  });

  test("is the own tenant's", async () => {
    const [mine, theirs] = [await server.tenant(), await server.tenant()];
    await createEndpoint(server, mine, receiver.url, ['customer.created']);
    await createsCustomer(server, theirs);

    await sending.drain();

    expect(receiver.got).toEqual([]);
    expect(await deliveriesOf(server, theirs)).toEqual([]);
  });

  test('about an endpoint goes to the others, and about a replay to nobody: no message follows from itself', async () => {
    const admin = await server.tenant();
    const first = await createEndpoint(server, admin, receiver.url);
    await sealed(server);
    const second = await createEndpoint(server, admin, receiver.url);
    await sending.drain();
    const [told] = await deliveriesOf(server, admin);

    await server.ok(mutation('replayWebhookDelivery', 'count'), { input: { deliveryId: told?.id } }, admin);
    await sending.drain();
    await sending.drain();

    const deliveries = await deliveriesOf(server, admin);
    expect(deliveries.map(({ endpointId, eventType }) => [endpointId, eventType])).toEqual([
      [first.id, 'webhook_endpoint.created'],
    ]);
    expect(deliveries[0]?.attempts).toHaveLength(2);
    expect(receiver.got.map(({ body }) => JSON.parse(body).data.subject_id)).toEqual([second.id, second.id]);
  });

  test('as a test goes to the endpoint that is tested, whatever it wants', async () => {
    const admin = await server.tenant();
    const { id } = await createEndpoint(server, admin, receiver.url, ['license.created']);
    await createEndpoint(server, admin, receiver.url, ['customer.*']);

    await server.ok(mutation('sendTestWebhook', 'endpoint { id }'), { input: { endpointId: id } }, admin);
    await sending.drain();

    expect(typesOf(receiver.got)).toEqual(['webhook_endpoint.tested']);
    expect(await deliveriesOf(server, admin)).toMatchObject([{ endpointId: id, status: 'DELIVERED' }]);
  });
});

describe('secrets', () => {
  test('are shown once, and kept nowhere in clear', async () => {
    const admin = await server.tenant();
    const logged = server.logged.length;

    const { id, secret } = await createEndpoint(server, admin, receiver.url);
    await createsCustomer(server, admin);
    await sending.drain();

    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const bare = secret.slice('whsec_'.length);
    const [dump] = await server.sql`select (select string_agg(e::text, '') from webhook_endpoints e)
      || (select string_agg(d::text, '') from webhook_deliveries d)
      || (select string_agg(l::text, '') from license_event_logs l) as text`;
    expect(String(dump?.text)).toContain(id);
    expect(String(dump?.text)).not.toContain(bare);
    expect([...server.logged.slice(logged), ...sending.logged].join('')).not.toContain(bare);
    const [row] = await server.sql`select secrets from webhook_endpoints where id = ${id}`;
    expect(row?.secrets).toEqual([{ ciphertext: expect.stringMatching(/^k1\.[\w-]+$/), until: null }]);
  });

  test('that are replaced sign along for 24 hours, and not a moment longer', async () => {
    const admin = await server.tenant();
    const { id, secret: old } = await createEndpoint(server, admin, receiver.url, ['customer.created']);

    const rotated = await updateEndpoint(server, admin, { endpointId: id, rotateSecret: true });
    await createsCustomer(server, admin);
    server.pass(86_399_999);
    await sending.drain();
    server.pass(1);
    await createsCustomer(server, admin);
    await sending.drain();

    const renewed = String(rotated?.secret);
    const [both, one] = receiver.got;
    if (both === undefined || one === undefined) throw new Error('two messages were to come');
    expect(String(both.headers['webhook-signature']).split(' ')).toHaveLength(2);
    server.pass(-1);
    expect(verified(old, both)).toEqual(verified(renewed, both));
    server.pass(1);
    expect(() => verified(old, one)).toThrow('No matching signature');
    expect(verified(renewed, one)).toMatchObject({ type: 'customer.created' });
    expect(rotated?.endpoint).toMatchObject({ oldSecretsUntil: '2026-03-02T12:00:00.000Z' });
  });

  test('that somebody else knows end at once', async () => {
    const admin = await server.tenant();
    const { id, secret: leaked } = await createEndpoint(server, admin, receiver.url, ['customer.created']);

    const rotated = await updateEndpoint(server, admin, {
      endpointId: id,
      rotateSecret: true,
      endOldSecrets: true,
    });
    await createsCustomer(server, admin);
    await sending.drain();

    const [message] = receiver.got;
    if (message === undefined) throw new Error('nothing came');
    expect(() => verified(leaked, message)).toThrow('No matching signature');
    expect(verified(String(rotated?.secret), message)).toMatchObject({ type: 'customer.created' });
    expect(rotated?.endpoint).toMatchObject({ oldSecretsUntil: null });
  });
});

describe('endpoints', () => {
  test('say in the trail what they are for, by their host: an address may be a secret', async () => {
    const admin = await server.tenant();
    const url = `${receiver.url}/services/T00/xoxb-secret?key=hidden`;
    const host = new URL(url).host;

    const events = await eventsDuring(server, admin.tenant_id, async () => {
      const { id } = await createEndpoint(server, admin, url, ['license.*']);
      await updateEndpoint(server, admin, { endpointId: id, enabled: false });
      await server.ok(mutation('deleteWebhookEndpoint', '__typename'), { input: { endpointId: id } }, admin);
    });

    const told = { host, events: ['license.*'], enabled: true };
    const off = { ...told, enabled: false };
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['webhook_endpoint.created', told],
      ['webhook_endpoint.updated', { before: told, after: off, secret_rotated: false }],
      ['webhook_endpoint.deleted', off],
    ]);
    expect(JSON.stringify(events)).not.toContain('hidden');
  });

  test('that are disabled or deleted are sent nothing, not even what was due', async () => {
    const admin = await server.tenant();
    const off = await createEndpoint(server, admin, receiver.url, ['customer.*']);
    const gone = await createEndpoint(server, admin, receiver.url, ['customer.*']);
    await createsCustomer(server, admin);
    await sealed(server);

    await updateEndpoint(server, admin, { endpointId: off.id, enabled: false });
    await server.ok(
      mutation('deleteWebhookEndpoint', '__typename'),
      { input: { endpointId: gone.id } },
      admin,
    );
    await sending.drain();

    expect(receiver.got).toEqual([]);
  });

  test('that are enabled again hear of what happens from then on, and by a replay of what they missed', async () => {
    const admin = await server.tenant();
    const { id } = await createEndpoint(server, admin, receiver.url, ['customer.created']);
    await updateEndpoint(server, admin, { endpointId: id, enabled: false });
    await createsCustomer(server, admin, 'Missed');
    await sealed(server);
    await updateEndpoint(server, admin, { endpointId: id, enabled: true });
    await createsCustomer(server, admin, 'Told');
    await sending.drain();
    const before = receiver.got.length;

    const input = { endpointId: id, since: server.now };
    const data = await server.ok(mutation('replayWebhookDelivery', 'count'), { input }, admin);
    await sending.drain();

    expect([before, data.replayWebhookDelivery?.count, receiver.got.length]).toEqual([1, 1, 2]);
    expect(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size).toBe(2);
  });

  test.each<[string, object, string[]]>([
    ['an address that is none', { url: 'example' }, ['input.url']],
    ['an address with a password', { url: 'https://user:pass@hooks.example.com/' }, ['input.url']],
    ['a scheme that is none of ours', { url: 'ftp://hooks.example.com/' }, ['input.url']],
    ['no events', { events: [] }, ['input.events']],
    ['an event that there is not', { events: ['license.created', 'license.born'] }, ['input.events.1']],
    ['a prefix that nothing has', { events: ['licence.*'] }, ['input.events.0']],
    ['a pattern in the middle', { events: ['*.created'] }, ['input.events.0']],
    ['an event twice', { events: ['license.*', 'license.*'] }, ['input.events.1']],
    ['too many events', { events: Array(51).fill('license.*') }, ['input.events']],
    ['an empty description', { description: ' ' }, ['input.description']],
  ])('are refused with %s, by the field', async (_what, change, fields) => {
    const admin = await server.tenant();
    const input = { url: receiver.url, events: ['*'], ...change };

    expect(await refusedFields(server, admin, 'createWebhookEndpoint', input)).toEqual(fields);
  });

  test(`are ${ENDPOINT_LIMIT} a tenant at the most, also when many are made at once`, async () => {
    const admin = await server.tenant();
    for (let made = 2; made < ENDPOINT_LIMIT; made += 1) await createEndpoint(server, admin, receiver.url);
    const act = mutation('createWebhookEndpoint', 'endpoint { id }');
    const input = { url: receiver.url, events: ['*'] };

    const answers = await Promise.all(Array.from({ length: 5 }, () => server.graphql(act, { input }, admin)));

    expect(answers.map(({ code }) => code ?? 'made').toSorted()).toEqual([
      ...Array<string>(3).fill('WEBHOOK_ENDPOINT_LIMIT_EXCEEDED'),
      'made',
      'made',
    ]);
    expect(await server.count('webhook_endpoints', `tenant_id = '${admin.tenant_id}'`)).toBe(ENDPOINT_LIMIT);
  });

  test('of a deployment that allows no private networks lead to none', async () => {
    const strict = await startTestServer({ beside: server });
    const admin = await strict.tenant();
    for (const url of [receiver.url, 'https://127.0.0.1/', 'https://[::1]/', 'https://localhost/']) {
      const input = { url, events: ['*'] };

      expect(await refusedFields(strict, admin, 'createWebhookEndpoint', input)).toEqual(['input.url']);
    }
    await strict.stop();
  });
});
