import { randomUUID } from 'node:crypto';
import { settleRefund } from '../../src/billing/service/refund.js';
import { failPayment, settlePayment } from '../../src/billing/service/settle.js';
import type { Invoice } from '../../src/billing/table.js';
import { mutation } from './acts.js';
import { acting, told } from './billing.js';
import type { Shop } from './fixtures.js';
import type { Answer, Claims, Json, TestServer } from './server.js';

/** Two people of the vendor: one orders, the other approves. */
export const another = (admin: Claims): Claims => ({ ...admin, sub: 'second@example.com' });

const facts = 'id orderNumber status paymentStatus quantity totalAmount fulfillmentError';

export function orderAct(
  server: TestServer,
  as: Claims,
  act: string,
  input: object,
  selection = facts,
): Promise<Answer> {
  return server.graphql(mutation(act, `order { ${selection} }`), { input }, as);
}

async function done(answer: Promise<Answer>, act: string): Promise<Json> {
  const { data, errors } = await answer;
  const order = data?.[act]?.order;
  if (order === undefined) throw new Error(`${act} was refused: ${JSON.stringify(errors)}`);
  return order;
}

/** An order of the shop's customer and template, unless told otherwise. */
export function createOrder(
  server: TestServer,
  shop: Shop,
  input: object = {},
  selection = facts,
  as: Claims = shop.admin,
): Promise<Json> {
  const given = { customerId: shop.customerId, templateId: shop.templateId, ...input };
  return done(orderAct(server, as, 'createOrder', given, selection), 'createOrder');
}

export const approveOrder = (server: TestServer, shop: Shop, order: Json, selection = facts) =>
  done(
    orderAct(server, another(shop.admin), 'approveOrder', { orderId: order.id }, selection),
    'approveOrder',
  );
export const fulfillOrder = (server: TestServer, shop: Shop, order: Json, selection = facts) =>
  done(orderAct(server, shop.admin, 'fulfillOrder', { orderId: order.id }, selection), 'fulfillOrder');
export const cancelOrder = (server: TestServer, shop: Shop, order: Json, selection = facts) =>
  done(
    orderAct(server, shop.admin, 'cancelOrder', { orderId: order.id, reason: 'Ordered twice' }, selection),
    'cancelOrder',
  );

export async function readOrder(
  server: TestServer,
  shop: Shop,
  order: Json,
  selection = facts,
): Promise<Json> {
  const query = `query ($id: ID!) { order(id: $id) { ${selection} } }`;
  const data = await server.ok(query, { id: order.id }, shop.admin);
  if (data.order === undefined) throw new Error('there is no such order');
  return data.order;
}

async function invoiceOf(server: TestServer, order: Json): Promise<Pick<Invoice, 'id'> & { total: string }> {
  const [row] = await server.sql`select i.id, i.total from license_orders o
    join invoices i on i.tenant_id = o.tenant_id and i.id = o.invoice_id where o.id = ${String(order.id)}`;
  if (row === undefined) throw new Error('the order has no invoice');
  return { id: row.id, total: row.total };
}

/** What a currency of the tests is billed in. */
const settlement = (server: TestServer, sum: string) => ({
  ...told(server, randomUUID(), sum),
  currency: 'USD',
});

/** Money comes for an order: all of it, unless told otherwise. */
export async function payOrder(server: TestServer, shop: Shop, order: Json, sum?: string): Promise<void> {
  const invoice = await invoiceOf(server, order);
  await acting(server, shop.admin, (work) =>
    settlePayment(work, invoice, settlement(server, sum ?? invoice.total)),
  );
}

export async function refundOrder(server: TestServer, shop: Shop, order: Json, sum?: string): Promise<void> {
  const invoice = await invoiceOf(server, order);
  await acting(server, shop.admin, (work) =>
    settleRefund(work, invoice, settlement(server, sum ?? invoice.total)),
  );
}

export async function failOrder(server: TestServer, shop: Shop, order: Json): Promise<void> {
  const invoice = await invoiceOf(server, order);
  const failure = { processor: 'STRIPE', reference: randomUUID(), reason: 'The card was declined.' } as const;
  await acting(server, shop.admin, (work) => failPayment(work, invoice, failure));
}

/** The licenses that an order has made, in the order of their ids. */
export async function licensesOf(server: TestServer, order: Json) {
  return server.sql`select id, status, suspension_reason, expiry_date, maintenance_expiry, issued_to, customer_id, reseller_id,
      template_version, features, restrictions, max_activations, license_type
    from licenses where order_id = ${String(order.id)} order by id`;
}

/** What tests of orders do again and again, in the shop that they have by then. */
export function ordersIn(world: () => { readonly server: TestServer; readonly shop: Shop }) {
  const ordered = (input: object): Promise<Json> => createOrder(world().server, world().shop, input);
  return {
    approved: async (input: object = {}): Promise<Json> =>
      approveOrder(world().server, world().shop, await ordered(input)),
    paid: async (input: object = {}): Promise<Json> => {
      const order = await ordered(input);
      await payOrder(world().server, world().shop, order);
      return order;
    },
    statusesOf: async (order: Json): Promise<unknown[]> =>
      (await licensesOf(world().server, order)).map(({ status }) => status),
  };
}
