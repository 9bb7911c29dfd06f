import { afterAll, beforeAll, expect, test } from 'vitest';
import { grantToTenant } from '../support/fixtures.js';
import { grantAnalytics, openFeatureShop, refusalsByPath, unitsUsed } from '../support/meters.js';
import { untilHeld } from '../support/rowLocks.js';
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

test('who waits for what another reads of the licenses holds no connection that the other needs', async () => {
  const small = await startTestServer({
    beside: server,
    events: true,
    environment: { LG_DATABASE_POOL: '2', LG_OPERATION_SECONDS: '4' },
  });
  const shop = await openFeatureShop(small);
  const { id } = await grantToTenant(small, shop, [{ featureId: 'analytics_dashboard' }]);
  await small.ok('{ viewer { kind } }', {}, shop.admin);
  const counted = 'analytics { totalActivations }';
  const rename = `mutation { updateLicense(input: { licenseId: "${id}", issuedTo: "Bola" }) { license { ${counted} } } }`;

  const connection = await server.sql.reserve();
  await connection`begin`;
  await connection`lock table idempotency_keys in access exclusive mode`;

  const keyed = ['one', 'two'].map((key) =>
    small.graphql(rename, {}, shop.admin, { 'idempotency-key': key }),
  );
  await untilHeld(server, { open: 2, waiting: 2 });
  const plain = small.graphql(`{ license(id: "${id}") { ${counted} } }`, {}, shop.admin);
  // Needs no connection: what came before it has begun.
  for (let asked = 0; asked < 3; asked += 1) await small.ok('{ __typename }', {}, shop.admin);
  await connection`rollback`;
  connection.release();
  const answers = await Promise.all([...keyed, plain]);
  await small.stop();

  expect(answers.map(({ errors }) => errors)).toEqual(Array(3).fill([]));
});
