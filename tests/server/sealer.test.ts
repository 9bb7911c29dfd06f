import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLog } from '../../src/core/log.js';
import { startSealer } from '../../src/server/events/sealer.js';
import { createCustomer } from '../support/fixtures.js';
import { startTestServer } from '../support/server.js';

test('a sealer that gets no connection when it starts begins as soon as there is one', async () => {
  const server = await startTestServer();
  const [database] = await server.sql`select current_database() as name`;
  const allow = (connections: number) =>
    server.sql.unsafe(`alter database ${database?.name} connection limit ${connections}`);
  const lines: string[] = [];
  const log = createLog('error', { write: (line: string) => void lines.push(line) });
  await server.ok(
    'mutation { createReseller(input: { name: "Northwind" }) { reseller { id } } }',
    {},
    await server.tenant(),
  );

  await allow(0);
  const sealer = startSealer({ url: server.url, clock: () => server.now, log });
  await expect.poll(() => lines.join('\n')).toContain('the sealer failed and begins again');
  const between = await server.count('unsealed_events');
  await allow(-1);
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
  await sealer.stop();
  await server.stop();

  expect(between).toBe(1);
});

test('a batch whose connection is cut at any point of it comes to an end, and the next one has its events', async () => {
  const server = await startTestServer();
  const admin = await server.tenant();
  const ends = new Set<string>();

  for (let round = 0; round < 40; round += 1) {
    await createCustomer(server, admin);
    const sealing = server.jobs.seal().then(
      () => 'ended',
      () => 'ended',
    );
    await sleep(round % 8);
    await server.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'licensegraph lg_worker'`;
    ends.add(await Promise.race([sealing, sleep(60_000, 'hangs', { ref: false })]));
  }
  // The first may meet the connection that was cut last, as the sealer would, which begins again.
  await server.jobs.seal().catch(() => server.jobs.seal());
  const [left, sealed] = [await server.count('unsealed_events'), await server.count('audit_seals')];
  await server.stop();

  expect([...ends]).toEqual(['ended']);
  expect([left, sealed]).toEqual([0, 40]);
});
