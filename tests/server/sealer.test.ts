import { expect, test } from 'vitest';
import { createLog } from '../../src/core/log.js';
import { startSealer } from '../../src/server/events/sealer.js';
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
  await expect.poll(() => server.count('unsealed_events'), { timeout: 10_000 }).toBe(0);
  await sealer.stop();
  await server.stop();

  expect(between).toBe(1);
});
