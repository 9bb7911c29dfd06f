import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { createLicense, grantToTenant } from '../support/fixtures.js';
import { eventCount, exportLicenses, openFeatureShop, unitsUsed, useAnalytics } from '../support/meters.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
beforeAll(async () => {
  server = await startTestServer();
  // The processes run on the system's clock, and so do the tokens that they take.
  server.now = instant(Date.now());
  processes = await Processes.open(server);
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

type Ask = (on: ServerProcess) => Promise<Answer>;

/** Callers of two processes at once, one of which is killed when so many have an answer; answers how many were granted. */
async function grantsAround(
  kill: number,
  callers: number,
  ask: Ask,
): Promise<{ granted: number; last: ServerProcess }> {
  const [doomed, last] = await Promise.all([processes.start(), processes.start()]);
  let answered = 0;
  const answers = await Promise.all(
    Array.from({ length: callers }, async (_, index) => {
      const answer = await ask(index % 2 === 0 ? doomed : last).catch(() => undefined);
      answered += 1;
      if (answered === kill) await doomed.kill();
      return answer;
    }),
  );
  return { granted: answers.filter((answer) => answer?.errors.length === 0).length, last };
}

/** Asks until the quota refuses; answers the grants. */
async function rest(on: ServerProcess, ask: Ask): Promise<number> {
  for (let granted = 0; ; granted += 1) {
    const answer = await ask(on);
    if (answer.code === undefined) continue;
    expect(answer.code).toBe('QUOTA_EXCEEDED');
    return granted;
  }
}

test('a server that is killed in the middle of exports leaves one event for every unit, and no unit is lost', async () => {
  const shop = await openFeatureShop(server);
  await grantToTenant(server, shop, [{ featureId: 'bulk_export', limitValue: 60 }]);
  const token = await server.token(shop.admin);
  const ask: Ask = (on) => on.graphql(exportLicenses, { input: { format: 'JSON' } }, token);

  const { granted, last } = await grantsAround(10, 50, ask);
  await rest(last, ask);

  expect(granted).toBeGreaterThanOrEqual(10);
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 60 });
  expect(await eventCount(server, shop.tenantId, 'license.exported')).toBe(60);
});

test('a server that is killed in the middle of queries has charged what it granted, and never more than the limit', async () => {
  const shop = await openFeatureShop(server);
  await grantToTenant(server, shop, [{ featureId: 'analytics_advanced', limitValue: 60 }]);
  const { id } = await createLicense(server, shop);
  const token = await server.token(shop.admin);
  const ask: Ask = (on) => on.graphql(useAnalytics, { id }, token);

  const { granted, last } = await grantsAround(10, 50, ask);
  const later = await rest(last, ask);

  expect(granted).toBeGreaterThanOrEqual(10);
  expect(granted + later).toBeLessThanOrEqual(60);
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 60 });
});
