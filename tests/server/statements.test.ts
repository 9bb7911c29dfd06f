import { afterAll, beforeAll, expect, test } from 'vitest';
import { activate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { insertOrder } from '../support/world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** Licenses with two devices each, all of one order. */
async function sell(shop: Shop, quantity: number): Promise<void> {
  const orderId = await insertOrder(server, shop, { customerId: shop.customerId });
  for (let made = 0; made < quantity; made += 1) {
    const { licenseKey } = await issueLicense(server, shop);
    await activate(server, licenseKey, `first-${made}`);
    await activate(server, licenseKey, `second-${made}`);
  }
  await server.sql`update licenses set order_id = ${orderId} where tenant_id = ${shop.admin.tenant_id}`;
}

const nested = `{ licenses(first: 50) { nodes {
  id status currentActivations
  activations(first: 10) { nodes { id status license { id } } }
  order { orderNumber customer { name } template { templateName } }
  customer { name orders(first: 3) { nodes { orderNumber } } }
  template { templateName product { name } }
  events(first: 3) { nodes { type } }
} } }`;

async function statementsFor(shop: Shop, query: string): Promise<string[]> {
  server.statements.length = 0;
  await server.ok(query, {}, shop.admin);
  return [...server.statements];
}

test('a nested query runs ten statements for five licenses and for fifty', async () => {
  const few = await openShop(server);
  const many = await openShop(server);
  await sell(few, 5);
  await sell(many, 50);
  // The tenant is looked up once in a while, not once a query.
  await statementsFor(few, '{ viewer { subject } }');
  await statementsFor(many, '{ viewer { subject } }');

  const five = await statementsFor(few, nested);
  const fifty = await statementsFor(many, nested);

  expect(five).toHaveLength(10);
  expect(fifty.toSorted()).toEqual(five.toSorted());
});

test('the nested query answers every license with what is its own', async () => {
  const shop = await openShop(server);
  await sell(shop, 3);

  const data = await server.ok(nested, {}, shop.admin);

  const nodes = [...Object.values(data.licenses?.nodes ?? {})];
  expect(nodes).toHaveLength(3);
  for (const license of nodes) {
    expect(license).toMatchObject({
      status: 'ACTIVE',
      currentActivations: 2,
      order: { orderNumber: expect.stringMatching(/^ORD-/), customer: { name: 'Ada Okafor' } },
      customer: { name: 'Ada Okafor' },
      template: { templateName: 'Professional', product: { name: 'Radar' } },
    });
    expect(Object.values(license.activations?.nodes ?? {}).map((each) => each.license?.id)).toEqual([
      license.id,
      license.id,
    ]);
  }
});

test('a query that counts nothing runs no count', async () => {
  const shop = await openShop(server);
  await issueLicense(server, shop);
  await statementsFor(shop, '{ viewer { subject } }');

  const plain = await statementsFor(shop, '{ licenses { nodes { id } } }');
  const counted = await statementsFor(shop, '{ licenses { totalCount nodes { id } } }');

  expect(plain).toHaveLength(1);
  expect(counted).toHaveLength(2);
});
