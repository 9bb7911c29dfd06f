import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { certificate } from '../support/certificate.js';
import { FailingReceiver } from '../support/failingReceiver.js';
import { at, type Claims, START, startTestServer, type TestServer } from '../support/server.js';
import {
  ALLOWING,
  createEndpoint,
  openSending,
  type Sending,
  sealed,
  updateEndpoint,
} from '../support/webhooks.js';

const EVENTS = 250;
/** For each of four endpoints. */
const MESSAGES = 4 * EVENTS;

let server: TestServer;
let workers: Sending[];
let receiver: FailingReceiver;
beforeAll(async () => {
  server = await startTestServer({ events: true, environment: ALLOWING });
  // An answer that comes later than this was given by a receiver that took the message: on a busy machine it may be late.
  const limits = { connectMillis: 8_000, totalMillis: 8_000 };
  receiver = await FailingReceiver.start();
  const options = { limits, resolve: receiver.resolve, ca: certificate };
  workers = [openSending(server, options), openSending(server, options)];
});
afterAll(async () => {
  for (const worker of workers) await worker.stop();
  await receiver.stop();
  await server.stop();
});

/** So many events at once, as an act of many writes them. */
async function happen(tenantId: string, count: number): Promise<void> {
  await server.sql`with made as (
      insert into license_event_logs (tenant_id, id, event_type, subject_id, event_data, metadata, created_at)
      select ${tenantId}, gen_random_uuid()::text, 'customer.updated', 'C-1001', '{}', '{}', ${server.now}::timestamptz
      from generate_series(1, ${count}) returning tenant_id, id)
    insert into unsealed_events (tenant_id, event_id) select tenant_id, id from made`;
  await sealed(server);
}

/** Switches on again what said that it wants no more, and has it told what it has not taken; how many that were. */
async function revive(admin: Claims): Promise<number> {
  const gone = await server.sql`select id from webhook_endpoints where disabled_reason = 'GONE'`;
  for (const { id } of gone) {
    await updateEndpoint(server, admin, { endpointId: id, enabled: true });
    const input = { endpointId: id, since: START };
    await server.ok(mutation('replayWebhookDelivery', 'count'), { input }, admin);
  }
  return gone.length;
}

test('of 1,000 messages to a receiver that fails three times of ten in every way each arrives, and none again after it was taken', async () => {
  const admin = await server.tenant();
  const { url, secureUrl } = receiver;
  for (const each of [url, secureUrl, url, secureUrl])
    await createEndpoint(server, admin, each, ['customer.updated']);
  await happen(admin.tenant_id, EVENTS);

  let [attempts, revived] = [0, 0];
  for (;;) {
    const drained = await Promise.all(workers.map((worker) => worker.drain()));
    attempts += drained.reduce((sum, each) => sum + each, 0);
    revived += await revive(admin);
    const [next] =
      await server.sql`select min(next_attempt_at) as due from webhook_deliveries where status = 'PENDING'`;
    if (next?.due === null || next === undefined) break;
    server.now = at(new Date(next.due).toISOString());
    server.pass(3_600_000);
  }

  const rows =
    await server.sql`select status, count(*)::int as count from webhook_deliveries group by status`;
  expect(rows.map(({ status, count }) => [status, count])).toEqual([['DELIVERED', MESSAGES]]);
  expect(receiver.taken.size).toBe(MESSAGES);
  expect([...receiver.taken.values()].filter((times) => times > 1)).toEqual([]);
  expect(receiver.failed).toBeGreaterThan(MESSAGES / 3);
  expect(attempts).toBe(MESSAGES + receiver.failed);
  const [kinds] =
    await server.sql`select array_agg(distinct attempt ->> 'error' order by attempt ->> 'error') as errors
    from webhook_deliveries, jsonb_array_elements(attempts) as attempt where attempt ->> 'error' is not null`;
  expect(kinds?.errors).toEqual([
    'CLIENT_ERROR',
    'DNS',
    'GONE',
    'INVALID_RESPONSE',
    'REDIRECT',
    'REFUSED',
    'RESET',
    'SERVER_ERROR',
    'TIMEOUT',
    'TLS',
  ]);
  expect(revived).toBeGreaterThan(0);
});
