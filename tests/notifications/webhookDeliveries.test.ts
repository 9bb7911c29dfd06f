import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addMillis, DAY_MILLIS, millis } from '../../src/core/clock.js';
import { LEASE_MILLIS } from '../../src/notifications/jobs/claimWebhooks.js';
import { attemptDelays, nextAttempt } from '../../src/notifications/model/webhooks.js';
import { mutation } from '../support/acts.js';
import { receiver, sending, server, setUpWebhooks } from '../support/notifying.js';
import { at, type Claims, type Json } from '../support/server.js';
import {
  answering,
  createEndpoint,
  createsCustomer,
  deliveriesOf,
  openSending,
  type Sending,
  sealed,
  startReceiver,
  taking,
  updateEndpoint,
} from '../support/webhooks.js';

let beside: Sending;
setUpWebhooks();
beforeAll(() => {
  beside = openSending(server);
});
afterAll(() => beside.stop());

interface Waiting {
  readonly admin: Claims;
  readonly endpointId: string;
  readonly deliveryId: string;
}

/** A tenant with one endpoint, and one event that it waits for. */
async function waiting(): Promise<Waiting> {
  const admin = await server.tenant();
  const { id: endpointId } = await createEndpoint(server, admin, receiver.url, ['customer.created']);
  await createsCustomer(server, admin);
  await sending.drain();
  return { admin, endpointId, deliveryId: String((await onlyOf(admin)).id) };
}

async function onlyOf(admin: Claims): Promise<Json> {
  const deliveries = await deliveriesOf(server, admin);
  const [delivery] = deliveries;
  if (delivery === undefined || deliveries.length > 1) throw new Error(`${deliveries.length} deliveries`);
  return delivery;
}

/** Moves the clock to when the delivery is due. */
async function whenDue(admin: Claims): Promise<void> {
  server.now = at(String((await onlyOf(admin)).nextAttemptAt));
}

const statusesOf = ({ attempts }: Json): unknown[] =>
  Array.isArray(attempts) ? attempts.map(({ statusCode }) => statusCode) : [];

describe('a receiver that takes nothing', () => {
  test('is tried ten times by the schedule, never a moment early, and under one webhook-id', async () => {
    receiver.answer = answering(500, {}, 'out of order');
    const begun = server.now;
    const { admin, deliveryId } = await waiting();

    for (let made = 1; made < attemptDelays.length; made += 1) {
      const due = at(String((await onlyOf(admin)).nextAttemptAt));
      expect([made, due]).toEqual([made, nextAttempt(deliveryId, made, server.now)]);
      server.now = addMillis(due, -1);
      expect(await sending.drain()).toBe(0);
      server.now = due;
      expect(await sending.drain()).toBe(1);
    }

    const delivery = await onlyOf(admin);
    expect(delivery).toMatchObject({
      status: 'FAILED',
      attemptCount: 10,
      lastError: 'SERVER_ERROR',
      nextAttemptAt: null,
      finishedAt: server.now,
    });
    expect(delivery.attempts).toHaveLength(10);
    expect(delivery.attempts?.[9 as never]).toMatchObject({
      at: server.now,
      statusCode: 500,
      error: 'SERVER_ERROR',
      response: 'out of order',
    });
    expect((millis(server.now) - millis(begun)) / 3_600_000).toBeGreaterThan(75);
    expect((millis(server.now) - millis(begun)) / 3_600_000).toBeLessThan(83.2);
    expect(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(receiver.got.map(({ body }) => body)).size).toBe(1);
    server.pass(365 * DAY_MILLIS);
    expect(await sending.drain()).toBe(0);
  });

  test('is sent again by a replay, from the beginning of the schedule', async () => {
    receiver.answer = answering(404);
    const { admin, deliveryId } = await waiting();
    await server.sql`update webhook_deliveries set status = 'FAILED', attempt_count = 10, next_attempt_at = null,
      finished_at = ${server.now} where id = ${deliveryId}`;
    const replay = () =>
      server.ok(
        mutation('replayWebhookDelivery', 'count delivery { status attemptCount }'),
        { input: { deliveryId } },
        admin,
      );

    const replayed = await replay();
    await sending.drain();
    const failed = await onlyOf(admin);
    receiver.answer = taking;
    await whenDue(admin);
    await sending.drain();

    expect(replayed.replayWebhookDelivery).toEqual({
      count: 1,
      delivery: { status: 'PENDING', attemptCount: 0 },
    });
    expect(failed).toMatchObject({ status: 'PENDING', attemptCount: 1, lastError: 'CLIENT_ERROR' });
    const delivered = await onlyOf(admin);
    expect([delivered.status, delivered.lastError, statusesOf(delivered)]).toEqual([
      'DELIVERED',
      null,
      [404, 404, 204],
    ]);
  });

  test('is left alone for as long as it asks, a day at the most', async () => {
    receiver.answer = answering(429, { 'retry-after': '7200' });
    const { admin } = await waiting();
    const asked = (await onlyOf(admin)).nextAttemptAt;
    await whenDue(admin);
    receiver.answer = answering(503, { 'retry-after': '999999' });
    await sending.drain();

    expect(asked).toBe(addMillis(server.now, 0));
    expect((await onlyOf(admin)).nextAttemptAt).toBe(addMillis(server.now, DAY_MILLIS));
  });

  test('lists its last 30 attempts', async () => {
    receiver.answer = answering(500);
    const { admin, deliveryId } = await waiting();
    for (let more = 0; more < 31; more += 1) {
      await server.ok(mutation('replayWebhookDelivery', 'count'), { input: { deliveryId } }, admin);
      server.pass(1);
      await sending.drain();
    }

    const { attempts } = await onlyOf(admin);

    expect(attempts).toHaveLength(30);
    expect(attempts?.[29 as never]).toMatchObject({ at: server.now });
  });
});

describe('an endpoint that is gone or fails for long', () => {
  test('is disabled by 410 at once, and what was due for it is given up', async () => {
    receiver.answer = answering(410);
    const { admin, endpointId } = await waiting();

    const [event] = await server.sql`select event_data from license_event_logs
      where subject_id = ${endpointId} and event_type = 'webhook_endpoint.disabled'`;
    await createsCustomer(server, admin);
    const attempts = await sending.drain();

    expect(await onlyOf(admin)).toMatchObject({ status: 'FAILED', lastError: 'GONE', attemptCount: 1 });
    expect(event?.event_data).toMatchObject({ reason: 'GONE', host: new URL(receiver.url).host });
    expect(attempts).toBe(0);
    const query = '{ webhookEndpoints { nodes { enabled disabledReason disabledAt } } }';
    expect((await server.ok(query, {}, admin)).webhookEndpoints?.nodes).toEqual([
      { enabled: false, disabledReason: 'GONE', disabledAt: server.now },
    ]);
  });

  async function failFor(days: number): Promise<{ admin: Claims; endpointId: string }> {
    receiver.answer = answering(500);
    const { admin, endpointId } = await waiting();
    for (let day = 0; day < days; day += 1) {
      server.pass(DAY_MILLIS);
      await createsCustomer(server, admin);
      await sending.drain();
    }
    return { admin, endpointId };
  }

  test('is disabled after a week of failures, and told of so by one event', async () => {
    const { endpointId } = await failFor(7);

    const rows = await server.sql`select event_data from license_event_logs
      where subject_id = ${endpointId} and event_type = 'webhook_endpoint.disabled'`;

    expect(rows.map((row) => row.event_data)).toEqual([
      {
        host: new URL(receiver.url).host,
        reason: 'FAILING',
        failing_since: addMillis(server.now, -7 * DAY_MILLIS),
      },
    ]);
  });

  test('is not before, nor when it took something in between', async () => {
    const six = await failFor(6);
    const query = '{ webhookEndpoints { nodes { enabled failingSince } } }';
    const before = (await server.ok(query, {}, six.admin)).webhookEndpoints?.nodes;
    receiver.answer = taking;
    await createsCustomer(server, six.admin);
    await sending.drain();
    receiver.answer = answering(500);
    server.pass(DAY_MILLIS);
    await createsCustomer(server, six.admin);
    await sending.drain();

    const after = (await server.ok(query, {}, six.admin)).webhookEndpoints?.nodes;

    expect([before, after]).toEqual([
      [{ enabled: true, failingSince: addMillis(server.now, -7 * DAY_MILLIS) }],
      [{ enabled: true, failingSince: server.now }],
    ]);
  });

  test('goes on when it is enabled again', async () => {
    receiver.answer = answering(410);
    const { admin, endpointId } = await waiting();
    receiver.answer = taking;

    await updateEndpoint(server, admin, { endpointId, enabled: true });
    await createsCustomer(server, admin);
    await sending.drain();

    expect((await deliveriesOf(server, admin)).map(({ status }) => status)).toEqual(['FAILED', 'DELIVERED']);
  });
});

describe('several processes', () => {
  test('take each attempt once', async () => {
    const admin = await server.tenant();
    await createEndpoint(server, admin, receiver.url, ['customer.created']);
    for (let each = 0; each < 40; each += 1) await createsCustomer(server, admin);
    await sealed(server);

    const attempts = await Promise.all([sending.drain(), beside.drain(), sending.drain(), beside.drain()]);

    expect(attempts.reduce((sum, each) => sum + each, 0)).toBe(40);
    expect(receiver.got).toHaveLength(40);
    expect(new Set(receiver.got.map(({ headers }) => headers['webhook-id'])).size).toBe(40);
  });

  test('try again what one of them had taken when it died, after its lease and under the same webhook-id', async () => {
    const { admin, deliveryId } = await waiting();
    // As it stands when a process dies between the answer and the record.
    await server.sql`update webhook_deliveries set status = 'PENDING', attempts = '[]', finished_at = null,
      next_attempt_at = ${addMillis(server.now, LEASE_MILLIS)}, leased_until = ${addMillis(server.now, LEASE_MILLIS)}
      where id = ${deliveryId}`;

    const { messageId } = await onlyOf(admin);
    const sent = () => receiver.got.filter(({ headers }) => headers['webhook-id'] === messageId).length;
    server.pass(LEASE_MILLIS - 1);
    await beside.drain();
    const early = sent();
    server.pass(1);
    await beside.drain();

    expect([early, sent()]).toEqual([1, 2]);
    expect(await onlyOf(admin)).toMatchObject({ status: 'DELIVERED', attemptCount: 2 });
  });

  test('give up what takes every process down that tries it', async () => {
    const { admin, deliveryId } = await waiting();
    await server.sql`update webhook_deliveries set status = 'PENDING', attempts = '[]', finished_at = null,
      attempt_count = 10, next_attempt_at = ${server.now} where id = ${deliveryId}`;
    receiver.got.length = 0;

    await sending.drain();

    expect(receiver.got).toEqual([]);
    expect(await onlyOf(admin)).toMatchObject({ status: 'FAILED', lastError: 'INTERRUPTED' });
  });

  test('that stop give back what nobody has answered, as if nobody had taken it', async () => {
    const third = openSending(server, { limits: { connectMillis: 60_000, totalMillis: 60_000 } });
    receiver.answer = () => undefined;
    const admin = await server.tenant();
    await createEndpoint(server, admin, receiver.url, ['customer.created']);
    await createsCustomer(server, admin);
    await sealed(server);
    third.dispatcher.start();
    await expect.poll(() => receiver.got.length, { interval: 10 }).toBe(1);

    await third.stop();

    expect(await onlyOf(admin)).toMatchObject({
      status: 'PENDING',
      attemptCount: 0,
      nextAttemptAt: server.now,
    });
    receiver.answer = taking;
    await sending.drain();
    expect(await onlyOf(admin)).toMatchObject({ status: 'DELIVERED', attemptCount: 1 });
  });
});

test('slow receivers of one tenant keep nobody of another waiting', async () => {
  const unanswered: ServerResponse[] = [];
  const slow = await startReceiver((_received, response) => void unanswered.push(response));
  const [first, second] = [await server.tenant(), await server.tenant()];
  for (let each = 0; each < 8; each += 1) await createEndpoint(server, first, slow.url, ['customer.created']);
  await createEndpoint(server, second, receiver.url, ['customer.created']);
  for (let each = 0; each < 6; each += 1) await createsCustomer(server, first);
  await createsCustomer(server, second);
  await sealed(server);

  const draining = sending.drain();
  // 48 were due before it: sixteen of them are under way, none is answered, and it is beside them.
  await expect.poll(() => receiver.got.length, { interval: 5 }).toBe(1);
  const held = slow.got.length;
  slow.answer = taking;
  for (const response of unanswered) response.writeHead(204).end();
  await draining;

  expect(held).toBeLessThanOrEqual(16);
  expect(slow.got).toHaveLength(48);
  await slow.stop();
});

test('an event that is no longer in the trail is given up', async () => {
  receiver.answer = answering(500);
  const { admin, deliveryId } = await waiting();
  await server.sql`update webhook_deliveries set event_id = ${deliveryId} where id = ${deliveryId}`;
  receiver.got.length = 0;
  await whenDue(admin);

  await sending.drain();

  expect(await onlyOf(admin)).toMatchObject({ status: 'FAILED', lastError: 'EVENT_ERASED' });
  expect(receiver.got).toEqual([]);
});

test('deliveries are listed by endpoint, status, type, event and time', async () => {
  const { admin, endpointId } = await waiting();
  const before = server.now;
  server.pass(1_000);
  receiver.answer = answering(500);
  const other = await createEndpoint(server, admin, receiver.url, ['customer.*', 'reseller.*']);
  await createsCustomer(server, admin);
  await server.ok(mutation('createReseller', '__typename'), { input: { name: 'Blue' } }, admin);
  await sending.drain();
  const all = await deliveriesOf(server, admin);

  const counted = async (filter: object): Promise<number> =>
    (await deliveriesOf(server, admin, filter)).length;

  expect(all).toHaveLength(4);
  expect(await counted({ endpointId })).toBe(2);
  expect(await counted({ endpointId: other.id })).toBe(2);
  expect(await counted({ status: 'DELIVERED' })).toBe(1);
  expect(await counted({ status: 'PENDING', endpointId })).toBe(1);
  expect(await counted({ status: 'FAILED' })).toBe(0);
  expect(await counted({ eventTypes: ['reseller.created'] })).toBe(1);
  expect(await counted({ eventId: all[0]?.eventId })).toBe(1);
  expect(await counted({ to: before })).toBe(1);
  expect(await counted({ from: server.now })).toBe(3);
});
