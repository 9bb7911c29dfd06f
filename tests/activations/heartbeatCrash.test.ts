import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { HEARTBEAT } from '../support/devices.js';
import { activate, createLicense, openShop, type Shop } from '../support/fixtures.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { keyed } from '../support/replays.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
let survivor: ServerProcess;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  // The processes run on the system's clock.
  server.now = instant(Date.now());
  processes = await Processes.open(server);
  survivor = await processes.start();
  shop = await openShop(server);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

const ROUNDS = 5;
const DEVICES = 8;
const BEATS = 60;

test('5 servers are killed in mid-flush: what is stored is whole heartbeats, each key is added once', async () => {
  const license = await createLicense(server, shop, { maxActivations: DEVICES });
  const tokens: unknown[] = [];
  for (let device = 0; device < DEVICES; device += 1)
    tokens.push((await activate(server, license.licenseKey, `d${device}`)).activationToken);
  const send = (on: ServerProcess, key: string, index: number): Promise<Answer> => {
    const metrics = { apiCallsCount: 3, featureUsage: { maps: 2 } };
    const input = { activationToken: tokens[index % DEVICES], metrics };
    return on.graphql(HEARTBEAT, { input }, undefined, keyed(key));
  };
  const stored = async () => {
    const [row] =
      await server.sql`select coalesce(sum((usage_metrics->>'api_calls_count')::int), 0)::int / 3 as beats,
        coalesce(sum((usage_metrics->>'api_calls_count')::int), 0)::int % 3 as torn,
        coalesce(sum((feature_usage->>'maps')::int), 0)::int / 2 as uses,
        (select count(*)::int from idempotency_keys where tenant_id = ${shop.admin.tenant_id} and response_name = 'sendHeartbeat') as keys
      from license_activations where license_id = ${license.id}`;
    return row;
  };
  let next = processes.start();

  for (let round = 0; round < ROUNDS; round += 1) {
    const doomed = await next;
    if (round < ROUNDS - 1) next = processes.start();
    const keys = Array.from({ length: BEATS }, (_, index) => `${round}-${index}`);
    let answered = 0;
    await Promise.all(
      keys.map(async (key, index) => {
        const answer = await send(doomed, key, index).catch(() => undefined);
        if (answer?.code === undefined && answer !== undefined) answered += 1;
        if (answered === 1 + round * 3) await doomed.kill();
      }),
    );
    const after = await stored();
    expect(after).toMatchObject({ torn: 0, uses: after?.beats, keys: after?.beats });
    expect(after?.beats).toBeGreaterThanOrEqual(BEATS * round + answered);

    const again = await Promise.all(keys.map((key, index) => send(survivor, key, index)));

    expect(again.flatMap(({ errors }) => errors)).toEqual([]);
    const all = BEATS * (round + 1);
    expect(await stored()).toEqual({ beats: all, torn: 0, uses: all, keys: all });
  }
});
