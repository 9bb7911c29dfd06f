import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mutation, refusedAct } from '../support/acts.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { another, createOrder, orderAct, payOrder, readOrder } from '../support/orders.js';
import { type Claims, type Json, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const setFourEyes = (fourEyes: boolean, of: Shop = shop) =>
  server.ok(mutation('updateTenantSettings', '__typename'), { input: { fourEyes } }, of.admin);
const approve = (order: Json, as: Claims, more: object = {}) =>
  orderAct(server, as, 'approveOrder', { orderId: order.id, ...more });
const refusedFor = (order: Json, as: Claims) =>
  refusedAct(server, as, 'approveOrder', { orderId: order.id }, 'SECOND_PERSON_NEEDED');

/** A key of the office, and orders and approvals with it. */
async function withKey(maker: Claims | string) {
  const input = { name: 'Office', roles: ['admin'] };
  const made = await server.ok(mutation('createApiKey', 'secret apiKey { id }'), { input }, maker);
  const secret = String(made.createApiKey?.secret);
  const send = (act: string, given: object) =>
    server.graphql(mutation(act, 'order { id status }'), { input: given }, secret);
  return {
    secret,
    order: async (): Promise<Json> => {
      const { data } = await send('createOrder', {
        customerId: shop.customerId,
        templateId: shop.templateId,
      });
      const order = data?.createOrder?.order;
      if (order === undefined) throw new Error('nothing was ordered');
      return order;
    },
    approve: (order: Json) => send('approveOrder', { orderId: order.id }),
  };
}

describe('a tenant that wants two people', () => {
  test('has an order approved by another one than ordered it, whose name and words are kept for the office', async () => {
    await setFourEyes(true);
    const order = await createOrder(server, shop);

    await refusedFor(order, shop.admin);
    await refusedFor(order, { ...shop.admin, roles: ['manager'], kind: 'service' });
    const { data } = await approve(order, another(shop.admin), { notes: 'Checked the budget' });

    expect(data?.approveOrder?.order?.status).toBe('APPROVED');
    const selection = 'orderedBy approvedBy approvedAt approvalNotes';
    expect(await readOrder(server, shop, order, selection)).toEqual({
      orderedBy: 'tester',
      approvedBy: 'second@example.com',
      approvedAt: server.now,
      approvalNotes: 'Checked the budget',
    });
    const buyer: Claims = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: shop.customerId,
    };
    const seen = await server.graphql(
      'query ($id: ID!) { order(id: $id) { status approvalNotes } }',
      { id: order.id },
      buyer,
    );
    expect([seen.code, JSON.stringify(seen.data).includes('budget')]).toEqual(['FORBIDDEN', false]);
  });

  test('is not helped by money that came first: nothing is made without the second person', async () => {
    await setFourEyes(true);
    const order = await createOrder(server, shop);

    await payOrder(server, shop, order);

    expect(await readOrder(server, shop, order)).toMatchObject({ status: 'PENDING', paymentStatus: 'PAID' });
    await refusedFor(order, shop.admin);
  });

  test('takes an API key for the person who made it, and for those of whose keys it was made', async () => {
    await setFourEyes(true);
    const key = await withKey(shop.admin);
    const sibling = await withKey(shop.admin);
    const child = await withKey(key.secret);
    const others = await withKey(another(shop.admin));
    const own = await createOrder(server, shop);

    for (const mine of [key, sibling, child])
      expect((await mine.approve(own)).code).toBe('SECOND_PERSON_NEEDED');
    const byKey = await child.order();
    await refusedFor(byKey, shop.admin);
    expect((await sibling.approve(byKey)).code).toBe('SECOND_PERSON_NEEDED');

    expect((await others.approve(own)).errors).toEqual([]);
    expect((await others.approve(byKey)).errors).toEqual([]);
  });

  test('cannot be turned off for an order that was made before', async () => {
    await setFourEyes(true);
    const order = await createOrder(server, shop);
    await setFourEyes(false);

    await refusedFor(order, shop.admin);
    expect((await approve(order, another(shop.admin))).errors).toEqual([]);
  });

  test('wants them of an order that was made before it wanted them', async () => {
    await setFourEyes(false);
    const order = await createOrder(server, shop);
    await setFourEyes(true);

    await refusedFor(order, shop.admin);
    await setFourEyes(false);
    expect((await approve(order, shop.admin)).errors).toEqual([]);
  });
});

describe('who approves and fulfils', () => {
  test('nobody who is bound to a part of the tenant, whatever a token grants', async () => {
    await setFourEyes(false);
    const order = await createOrder(server, shop);
    await payOrder(server, shop, order);
    const bold: Claims = {
      tenant_id: shop.admin.tenant_id,
      customer_id: shop.customerId,
      permissions: ['order.approve', 'order.fulfill', 'order.read', 'order.cancel'],
    };

    await refusedAct(server, bold, 'approveOrder', { orderId: order.id }, 'FORBIDDEN');
    await refusedAct(server, bold, 'fulfillOrder', { orderId: order.id }, 'FORBIDDEN');
  });

  test("a customer cancels its own order until it is approved, and nobody else's", async () => {
    const buyer: Claims = {
      tenant_id: shop.admin.tenant_id,
      roles: ['customer'],
      customer_id: shop.customerId,
    };
    const [pending, approved] = [await createOrder(server, shop), await createOrder(server, shop)];
    await approve(approved, another(shop.admin));
    const others = await openShop(server);
    const theirs = await createOrder(server, others);
    const input = (order: Json) => ({ orderId: order.id, reason: 'Changed my mind' });

    const { data } = await orderAct(server, buyer, 'cancelOrder', input(pending), 'status');

    expect(data?.cancelOrder?.order).toEqual({ status: 'CANCELLED' });
    await refusedAct(server, buyer, 'cancelOrder', input(approved), 'INVALID_TRANSITION');
    await refusedAct(server, buyer, 'cancelOrder', input(theirs), 'ORDER_NOT_FOUND');
    const stranger: Claims = { ...buyer, customer_id: others.customerId };
    await refusedAct(server, stranger, 'cancelOrder', input(approved), 'ORDER_NOT_FOUND');
  });
});

test('orders are found by number, status, template, reseller and day, in either order', async () => {
  const own = await openShop(server);
  const first = await createOrder(server, own);
  server.pass(86_400_000);
  const second = await createOrder(server, own);
  await approve(second, another(own.admin));
  const found = async (filter: object, sort: object | null = null): Promise<string[]> => {
    const query = `query ($filter: OrderFilter, $sort: OrderSort) {
      orders(filter: $filter, sort: $sort) { nodes { id } totalCount } }`;
    const data = await server.ok(query, { filter, sort }, own.admin);
    const nodes: { id: string }[] = JSON.parse(JSON.stringify(data.orders?.nodes));
    return nodes.map(({ id }) => id);
  };
  const [one, two] = [String(first.id), String(second.id)];

  expect(await found({})).toEqual([two, one]);
  expect(await found({}, { field: 'ORDER_NUMBER', direction: 'ASC' })).toEqual([one, two]);
  expect(await found({ number: '000002' })).toEqual([two]);
  expect(await found({ number: '%' })).toEqual([]);
  expect(await found({ status: ['APPROVED'] })).toEqual([two]);
  expect(await found({ paymentStatus: ['PAID'] })).toEqual([]);
  expect(await found({ templateId: own.templateId, createdTo: server.now })).toEqual([one]);
  expect(await found({ createdFrom: server.now })).toEqual([two]);
  server.pass(-86_400_000);
});
