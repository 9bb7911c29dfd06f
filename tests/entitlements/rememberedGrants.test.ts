import { afterAll, beforeAll, expect, test } from 'vitest';
import { grantAnalytics, openFeatureShop, refusalsByPath, unitsUsed } from '../support/meters.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  // Only a server that follows events remembers what callers are granted.
  server = await startTestServer({ events: true });
});
afterAll(() => server.stop());

const mixed = `query ($id: ID!) { license(id: $id) {
  analytics { totalActivations } advancedAnalytics { operatingSystems { name } } } }`;

test('a query is charged once, also when what is remembered refuses another field of it', async () => {
  const shop = await openFeatureShop(server);
  const { id } = await grantAnalytics(server, shop, 100);

  const answers = [];
  for (let asked = 0; asked < 12; asked += 1) answers.push(await server.graphql(mixed, { id }, shop.admin));

  for (const answer of answers) {
    expect(refusalsByPath(answer)).toEqual({ 'license.analytics': 'FEATURE_NOT_LICENSED' });
  }
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ analytics_advanced: 12 });
});
