import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLicense, grantToTenant } from '../support/fixtures.js';
import {
  askAnalytics,
  askExport,
  eventCount,
  type FeatureShop,
  grantAnalytics,
  openFeatureShop,
  unitsUsed,
} from '../support/meters.js';
import { fc } from '../support/seed.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let second: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  second = await startTestServer({ beside: server });
  // No limit in this file is higher: whoever charges one unit too many fails, even if it is returned later.
  await server.sql`alter table feature_usage add constraint never_over check (used <= 100)`;
});
afterAll(async () => {
  await second.stop();
  await server.stop();
});

const missing = '00000000-0000-7000-8000-000000000000';

/** Runs this many at once, spread over the servers. */
function atOnce<Result>(
  count: number,
  servers: readonly TestServer[],
  run: (on: TestServer) => Promise<Result>,
): Promise<Result[]> {
  return Promise.all(
    Array.from({ length: count }, (_, index) => run(servers[index % servers.length] ?? server)),
  );
}

/** How the answers ended, by code: `{ granted: 100, QUOTA_EXCEEDED: 100 }`. */
function outcomes(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const outcome = answer.code ?? 'granted';
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

const servers = (count: number): TestServer[] => [server, second].slice(0, count);

describe('200 consumers at once of a quota of 100', () => {
  test.each([1, 2])('get exactly 100 grants by queries to %i servers', async (count) => {
    const shop = await openFeatureShop(server);
    const { id } = await grantAnalytics(server, shop, 100);

    const answers = await atOnce(200, servers(count), (on) => askAnalytics(on, shop.admin, id));

    expect(outcomes(answers)).toEqual({ granted: 100, QUOTA_EXCEEDED: 100 });
    expect(new Set(answers.flatMap((answer) => answer.errors.map((error) => error.message)))).toEqual(
      new Set(['Feature quota exceeded: 100/100']),
    );
    expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 100 });
  });

  test.each([1, 2])(
    'get exactly 100 grants by mutations on %i servers, and 100 exports happened',
    async (count) => {
      const shop = await openFeatureShop(server);
      await grantToTenant(server, shop, [{ featureId: 'bulk_export', limitValue: 100 }]);

      const answers = await atOnce(200, servers(count), (on) => askExport(on, shop.admin));

      expect(outcomes(answers)).toEqual({ granted: 100, QUOTA_EXCEEDED: 100 });
      expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 100 });
      expect(await eventCount(server, shop.tenantId, 'license.exported')).toBe(100);
    },
  );

  test('get exactly 100 grants from three licenses that add up to it', async () => {
    const shop = await openFeatureShop(server);
    const limits = [50, 49, 1];
    for (const limit of limits) await grantAnalytics(server, shop, limit);
    const { id } = await createLicense(server, shop);

    const answers = await atOnce(200, servers(2), (on) => askAnalytics(on, shop.admin, id));

    expect(outcomes(answers)).toEqual({ granted: 100, QUOTA_EXCEEDED: 100 });
    const used = await server.sql`select used::int from feature_usage where tenant_id = ${shop.tenantId}`;
    expect(used.map((row) => row.used).toSorted()).toEqual([1, 49, 50]);
  });
});

test('two exports at once on the last unit: one happens, the other leaves nothing behind', async () => {
  const shop = await openFeatureShop(server);
  await grantToTenant(server, shop, [{ featureId: 'bulk_export', limitValue: 3 }]);
  await askExport(server, shop.admin);
  await askExport(server, shop.admin);

  const answers = await atOnce(2, servers(2), (on) => askExport(on, shop.admin));

  expect(outcomes(answers)).toEqual({ granted: 1, QUOTA_EXCEEDED: 1 });
  expect(answers.find((answer) => answer.errors.length > 0)?.data).toEqual({ exportLicenses: null });
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ bulk_export: 3 });
  expect(await eventCount(server, shop.tenantId, 'license.exported')).toBe(3);
});

/** One caller's operation: how often the license is there, and how often it is not and the unit returns. */
interface Step {
  readonly ran: number;
  readonly returned: number;
}

function operation(id: string, { ran, returned }: Step): string {
  const ask = (alias: string, of: string) =>
    `${alias}: license(id: "${of}") { advancedAnalytics { operatingSystems { name } } }`;
  const there = Array.from({ length: ran }, (_, index) => ask(`is${index}`, id));
  const gone = Array.from({ length: returned }, (_, index) => ask(`not${index}`, missing));
  return `{ viewer { kind } ${[...there, ...gone].join(' ')} }`;
}

const steps = fc.array(fc.record({ ran: fc.nat({ max: 3 }), returned: fc.nat({ max: 3 }) }), {
  minLength: 2,
  maxLength: 16,
});
const limits = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 });

async function openWith(quotas: readonly number[]): Promise<{ shop: FeatureShop; id: string }> {
  const shop = await openFeatureShop(server);
  for (const quota of quotas) await grantAnalytics(server, shop, quota);
  return { shop, id: (await createLicense(server, shop)).id };
}

test('charges and returns in any order: the counter is what was granted, and no unit is lost or made', async () => {
  await fc.assert(
    fc.asyncProperty(limits, steps, async (quotas, plan) => {
      const limit = quotas.reduce((sum, quota) => sum + quota, 0);
      const { shop, id } = await openWith(quotas);

      const answers = await Promise.all(
        plan.map((step, index) =>
          (servers(2)[index % 2] ?? server).graphql(operation(id, step), {}, shop.admin),
        ),
      );

      const grants = plan.map((step, index) => (answers[index]?.errors.length === 0 ? step.ran : 0));
      const granted = grants.reduce((sum, count) => sum + count, 0);
      expect(
        Object.keys(outcomes(answers)).filter((code) => !['granted', 'QUOTA_EXCEEDED'].includes(code)),
      ).toEqual([]);
      expect((await unitsUsed(server, shop.tenantId)).analytics_advanced ?? 0).toBe(granted);
      const rest = await server.graphql(operation(id, { ran: limit - granted, returned: 0 }), {}, shop.admin);
      expect(rest.errors).toEqual([]);
      expect((await askAnalytics(server, shop.admin, id)).errors[0]?.message).toBe(
        `Feature quota exceeded: ${limit}/${limit}`,
      );
    }),
    { numRuns: 12 },
  );
});
