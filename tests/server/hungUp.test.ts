import { expect, test } from 'vitest';
import { createApiKey } from '../support/apiKeys.js';
import { held } from '../support/rowLocks.js';
import { startTestServer } from '../support/server.js';

test('of a caller who hangs up while its key is looked at nothing is read', async () => {
  const server = await startTestServer();
  const address = await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { secret } = await createApiKey(server, await server.tenant());
  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`lock table api_keys in access exclusive mode`;
  const caller = new AbortController();
  const open = () =>
    new Promise((resolve) => server.app.server.getConnections((_error, count) => resolve(count)));

  const asked = fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
    body: JSON.stringify({ query: '{ licenses { nodes { id } } }' }),
    signal: caller.signal,
  }).catch(() => 'gone');
  await expect.poll(async () => (await held(server)).waiting).toBe(1);
  caller.abort();
  await expect.poll(open).toBe(0);
  server.statements.length = 0;
  await connection`rollback`;
  connection.release();
  await expect.poll(() => held(server)).toEqual({ open: 0, waiting: 0 });
  await server.machinery.drain.idle();
  const read = server.statements.filter((text) => text.includes('"licenses"'));
  await server.stop();

  expect(await asked).toBe('gone');
  expect(read).toEqual([]);
});
