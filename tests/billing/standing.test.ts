import { afterAll, beforeAll, expect, test } from 'vitest';
import { addMillis } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { invoiceOf, priceOfOne } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const STATUSES = ['PENDING', 'PARTIAL', 'PAID', 'FAILED', 'REFUNDED'];

async function pay(invoiceId: string, amount: string): Promise<string> {
  const input = { invoiceId, amount };
  const data = await server.ok(mutation('recordPayment', 'payment { id }'), { input }, shop.admin);
  return String(data.recordPayment?.payment?.id);
}

async function payBack(paymentId: string): Promise<void> {
  const input = { paymentId, reason: 'Sent twice', paidBack: true };
  await server.ok(mutation('refundPayment', 'refund { id }'), { input }, shop.admin);
}

/** What an invoice is shown as, and under which statuses the list finds it. */
async function statusesOf(invoiceId: string) {
  const shown = await server.ok(
    'query ($id: ID!) { invoice(id: $id) { paymentStatus } }',
    { id: invoiceId },
    shop.admin,
  );
  const found: string[] = [];
  for (const status of STATUSES) {
    const query = `query ($filter: InvoiceFilter) { invoices(first: 100, filter: $filter) { nodes { id } } }`;
    const filter = { paymentStatus: [status] };
    const { nodes } = (await server.ok(query, { filter }, shop.admin)).invoices ?? {};
    const ids = (Array.isArray(nodes) ? nodes : []).map(({ id }) => id);
    if (ids.includes(invoiceId)) found.push(status);
  }
  return { shown: shown.invoice?.paymentStatus, found };
}

test.each<readonly [string, readonly (readonly ['pay' | 'back', string])[], string]>([
  ['nothing came', [], 'PENDING'],
  ['a part came', [['pay', '50']], 'PARTIAL'],
  ['all came', [['pay', '100']], 'PAID'],
  [
    'half came, went back, and came again',
    [
      ['pay', '50'],
      ['back', ''],
      ['pay', '50'],
    ],
    'PARTIAL',
  ],
  [
    'all came and went back',
    [
      ['pay', '100'],
      ['back', ''],
    ],
    'REFUNDED',
  ],
])('an invoice is found under the one status that it is shown with: %s', async (_what, steps, status) => {
  const { id } = await invoiceOf(server, shop.admin, {
    customerId: shop.customerId,
    price: priceOfOne('100'),
  });
  let last = '';

  for (const [step, amount] of steps) {
    if (step === 'pay') last = await pay(id, amount);
    else await payBack(last);
    server.now = addMillis(server.now, 1000);
  }

  expect(await statusesOf(id)).toEqual({ shown: status, found: [status] });
});
