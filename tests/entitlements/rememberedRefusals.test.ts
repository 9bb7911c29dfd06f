import { afterAll, beforeAll, expect, test } from 'vitest';
import { consume, verdictsOf } from '../support/consuming.js';
import { grantToTenant } from '../support/fixtures.js';
import {
  askExport,
  type FeatureShop,
  openFeatureShop,
  refusalsByPath,
  unitsUsed,
} from '../support/meters.js';
import { type Answer, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  // Only a server that follows events remembers what callers are granted.
  server = await startTestServer({ events: true });
});
afterAll(() => server.stop());

/** What another server sells, of which no word has come yet. */
async function sellElsewhere(shop: FeatureShop, featureIds: readonly string[]): Promise<void> {
  const features = featureIds.map((id) => ({
    feature_id: id,
    feature_name: id,
    enabled: true,
    limit_value: 10,
    limit_type: null,
    limit_period: 'NONE',
    overage: 'DENY',
    expires_at: null,
  }));
  await server.sql`update licenses set features = ${server.sql.json(features)} where tenant_id = ${shop.tenantId}`;
}

const ask = `query ($id: ID!) { license(id: $id) { analytics { totalActivations } } apiAccess { path } }`;
const metered = `query ($id: ID!) { license(id: $id) {
  analytics { totalActivations } advancedAnalytics { operatingSystems { name } } } }`;

test('a feature that another server has sold is granted to whoever was refused it a moment ago', async () => {
  const shop = await openFeatureShop(server);
  const { id } = await grantToTenant(server, shop, []);
  const asked = async (query: string) => refusalsByPath(await server.graphql(query, { id }, shop.admin));
  const all = async () => ({
    query: await asked(ask),
    units: await asked(metered),
    mutation: refusalsByPath(await askExport(server, shop.admin)),
    uses: verdictsOf(await consume(server, shop.admin, [{ featureId: 'calls', amount: 0 }])),
    drawn: verdictsOf(await consume(server, shop.admin, [{ featureId: 'calls', amount: 2 }])),
  });
  const no = 'FEATURE_NOT_LICENSED';

  const before = [await all(), await all()];
  await sellElsewhere(shop, [
    'analytics_dashboard',
    'analytics_advanced',
    'api_access',
    'bulk_export',
    'calls',
  ]);
  const after = await all();

  expect(before).toEqual(
    Array(2).fill({
      query: { 'license.analytics': no, apiAccess: no },
      units: { 'license.analytics': no, 'license.advancedAnalytics': no },
      mutation: { exportLicenses: no },
      uses: [no],
      drawn: [no],
    }),
  );
  expect(after).toEqual({ query: {}, units: {}, mutation: {}, uses: ['granted'], drawn: ['granted'] });
  expect(await unitsUsed(server, shop.tenantId)).toEqual({
    analytics_advanced: 1,
    bulk_export: 1,
    calls: 2,
  });
});

test('however many are refused rightly, licenses are read a few times for all of them', async () => {
  const shop = await openFeatureShop(server);
  const { id } = await grantToTenant(server, shop, []);
  const one = (): Promise<Answer> =>
    server.graphql(
      'query ($id: ID!) { license(id: $id) { id analytics { totalActivations } } }',
      { id },
      shop.admin,
    );
  await expect.poll(() => server.count('unsealed_events')).toBe(0);
  await one();
  server.statements.length = 0;
  const begun = performance.now();

  const answers = await Promise.all(Array.from({ length: 120 }, one));

  const reads = server.statements.filter((text) => text.includes('cross join lateral'));
  const hints = server.statements.filter((text) => text.includes('select distinct on'));
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['FEATURE_NOT_LICENSED']));
  // One in 50 ms, one that was under way, and one more of each when the last event of the sale is heard.
  expect(reads.length).toBeLessThanOrEqual(3 + (performance.now() - begun) / 50);
  expect(hints.length).toBeLessThanOrEqual(2 + (performance.now() - begun) / 2000);
});
