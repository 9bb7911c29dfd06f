import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { createCustomer } from '../support/fixtures.js';
import { Processes } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
beforeAll(async () => {
  server = await startTestServer();
  server.now = instant(Date.now());
  processes = await Processes.open(server);
});
afterAll(async () => {
  await processes?.end();
  await server.stop();
});

const requested = () => server.count('scheduled_jobs', 'requested_at is not null');

test('the command line lists jobs before any has run, and asks for none that there is not', async () => {
  const [listed, refused] = [
    await processes.command('jobs'),
    await processes.command('run-job', 'license.none'),
  ];

  expect(listed.code).toBe(0);
  expect(listed.said).toMatch(/^JOB +STATE +EVERY +LAST ENDED +CAME TO\n/);
  expect(listed.said).toMatch(/^trail\.checkpoint +NEVER_RUN +1 min$/m);
  expect(refused).toMatchObject({ code: 1, complained: 'There is no job license.none.\n' });
  expect(await requested()).toBe(0);
});

test('whoever works numbers and does what was committed without any server, and what the command line asks for', async () => {
  const { tenant_id: tenantId } = await server.tenant();
  await createCustomer(server, { tenant_id: tenantId, roles: ['admin'] });

  await processes.work();
  await expect.poll(() => server.count('audit_seals', `tenant_id = '${tenantId}'`)).toBe(1);
  const finished = () =>
    server.count('scheduled_jobs', "name = 'trail.forget' and finished_at > '2026-01-01' and error is null");
  await expect.poll(finished).toBe(1);
  await server.sql`update scheduled_jobs set finished_at = null where name = 'trail.forget'`;
  const asked = await processes.command('run-job', 'trail.forget');
  await expect.poll(finished).toBe(1);
  const listed = JSON.parse((await processes.command('jobs', '--json')).said);

  expect(asked).toMatchObject({ code: 0, complained: '' });
  expect(asked.said).toContain('trail.forget is asked for');
  const shown = listed.find(({ name }: { name: string }) => name === 'trail.forget');
  expect(shown).toMatchObject({ state: 'SUCCEEDED', everyMinutes: 60, result: { events: 0 }, error: null });
});
