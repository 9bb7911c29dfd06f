import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import { consume, differences, verdictsOf } from '../support/consuming.js';
import { createCustomer, createLicense, grantToTenant } from '../support/fixtures.js';
import { grantAnalytics, openFeatureShop, refusalsByPath, unitsUsed } from '../support/meters.js';
import { untilHeld } from '../support/rowLocks.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let other: TestServer;
beforeAll(async () => {
  // Only a server that follows events remembers what callers are granted.
  server = await startTestServer({ events: true });
  other = await startTestServer({ events: true, beside: server });
});
afterAll(async () => {
  await other.stop();
  await server.stop();
});

const mixed = `query ($id: ID!) { license(id: $id) {
  analytics { totalActivations } advancedAnalytics { operatingSystems { name } } } }`;
const calls = { featureId: 'calls', featureName: 'Calls' };

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
    environment: { LG_DATABASE_POOL: '2', LG_OPERATION_SECONDS: '15' },
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

test('uses are charged once, also when what is remembered refuses one of them that takes no units', async () => {
  const shop = await openFeatureShop(server);
  await grantToTenant(server, shop, [{ ...calls, limitValue: 100 }]);
  const uses = [
    { featureId: 'unknown', amount: 0 },
    { featureId: 'calls', amount: 3 },
  ];

  const answers = [];
  for (let asked = 0; asked < 4; asked += 1) answers.push(await consume(server, shop.admin, uses));

  expect(answers.map(verdictsOf)).toEqual(Array(4).fill(['FEATURE_NOT_LICENSED', 'granted']));
  expect(await unitsUsed(server, shop.tenantId)).toEqual({ calls: 12 });
  expect(await differences(server, shop.tenantId)).toBe(0);
});

test('a license that changes hands gives no unit more to whom it was taken from, whatever another server remembers', async () => {
  const shop = await openFeatureShop(server);
  const [ada, bola] = [
    await createCustomer(server, shop.admin),
    await createCustomer(server, shop.admin, 'B'),
  ];
  const as = (customer_id: string): Claims => ({
    tenant_id: shop.tenantId,
    roles: ['customer'],
    customer_id,
  });
  const { id } = await createLicense(server, shop, {
    licenseType: 'PERPETUAL',
    licenseModel: 'SITE_LICENSE',
    customerId: ada,
    features: [{ featureId: 'calls', featureName: 'Calls', limitValue: 10 }],
  });
  const silent = await startTestServer({ beside: server });
  for (const on of [server, other]) await consume(on, as(ada), [{ featureId: 'calls', amount: 1 }]);
  await consume(other, shop.admin, [{ featureId: 'calls', amount: 1 }], { customerId: ada });
  const before = await unitsUsed(server, shop.tenantId);

  await silent.ok(
    mutation('transferLicense', 'license { id }'),
    { input: { licenseId: id, newCustomerId: bola, newIssuedTo: 'B', transferReason: 'sold' } },
    shop.admin,
  );
  const after = [
    await consume(other, as(ada), [{ featureId: 'calls', amount: 1 }]),
    await consume(other, shop.admin, [{ featureId: 'calls', amount: 1 }], { customerId: ada }),
    await consume(server, as(ada), [{ featureId: 'calls', amount: 1 }]),
  ];
  await silent.stop();

  expect(after.map(verdictsOf)).toEqual(Array(3).fill(['NO_ACTIVE_LICENSE']));
  expect(await unitsUsed(server, shop.tenantId)).toEqual(before);
});
