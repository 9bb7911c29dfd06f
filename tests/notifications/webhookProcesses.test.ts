import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { LEASE_MILLIS } from '../../src/notifications/jobs/claimWebhooks.js';
import { Processes } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';
import {
  ALLOWING,
  createEndpoint,
  createsCustomer,
  deliveriesOf,
  openSending,
  type Receiver,
  type Sending,
  startReceiver,
} from '../support/webhooks.js';

let server: TestServer;
let processes: Processes;
let peer: Sending;
let receiver: Receiver;
beforeAll(async () => {
  server = await startTestServer({ events: true, environment: ALLOWING });
  processes = await Processes.open(server, ALLOWING);
  peer = openSending(server);
  receiver = await startReceiver();
});
afterAll(async () => {
  await peer.stop();
  await processes.end();
  await receiver.stop();
  await server.stop();
});

test('what a server had sent when it was killed, before it took that down, is sent again by another under the same webhook-id', async () => {
  const child = await processes.start();
  server.now = systemClock();
  const admin = await server.tenant();
  const { id } = await createEndpoint(server, admin, receiver.url, ['customer.created']);
  const killed = new Promise<void>((resolve, reject) => {
    receiver.answer = (_received, response) => {
      // Taken: but who sent it does not live to hear of it.
      child.kill().then(() => {
        response.writeHead(204).end();
        resolve();
      }, reject);
    };
  });

  await createsCustomer(server, admin);
  await killed;
  const [before] = await deliveriesOf(server, admin);
  server.now = systemClock();
  server.pass(LEASE_MILLIS);
  receiver.answer = (_received, response) => void response.writeHead(204).end();
  await peer.drain();
  server.pass(LEASE_MILLIS);
  await peer.drain();

  const [after] = await deliveriesOf(server, admin);
  expect(before).toMatchObject({ endpointId: id, status: 'PENDING', attemptCount: 1, attempts: [] });
  expect(after).toMatchObject({ status: 'DELIVERED', attemptCount: 2, messageId: before?.messageId });
  expect(receiver.got.map(({ headers }) => headers['webhook-id'])).toEqual([
    after?.messageId,
    after?.messageId,
  ]);
  expect(new Set(receiver.got.map(({ body }) => body)).size).toBe(1);
});
