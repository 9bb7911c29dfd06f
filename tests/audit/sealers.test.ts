import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { Processes } from '../support/processes.js';
import { type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
beforeAll(async () => {
  server = await startTestServer({ events: true });
  server.now = instant(Date.now());
  processes = await Processes.open(server);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

const ADD = 'mutation { createReseller(input: { name: "Northwind" }) { reseller { id } } }';
const VERIFY = '{ verifyAuditTrail { verified to broken { problem sequence } } }';
const ROUNDS = 3;
const ANSWERS = 25;

test('servers that are killed while they seal, beside one that goes on, leave one whole chain with every event that was answered', async () => {
  const admin = await server.tenant();
  const token = await server.token(admin);
  let answered = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const child = await processes.start();
    let killed = false;
    const write = async (ask: () => Promise<Json | null | undefined>): Promise<void> => {
      while (!killed) if ((await ask())?.createReseller?.reseller !== undefined) answered += 1;
    };
    const writing = [
      ...[1, 2, 3].map(() =>
        write(async () => (await child.graphql(ADD, {}, token)).data).catch(() => undefined),
      ),
      write(() => server.ok(ADD, {}, admin)),
    ];
    await expect.poll(() => answered, { interval: 5 }).toBeGreaterThan(round * ANSWERS);
    await child.kill();
    killed = true;
    await Promise.all(writing);
  }
  await expect.poll(() => server.count('unsealed_events')).toBe(0);

  const { verifyAuditTrail: trail } = await server.ok(VERIFY, {}, admin);
  const events = await server.count('license_event_logs', `tenant_id = '${admin.tenant_id}'`);
  expect(events).toBeGreaterThanOrEqual(answered);
  expect(trail).toEqual({ verified: true, to: events, broken: null });
});
