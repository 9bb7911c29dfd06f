import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import type { Shop } from '../support/fixtures.js';
import { another, createOrder, orderAct } from '../support/orders.js';
import { openRenewalShop, openRenewals, renewingLicense, toldOf } from '../support/renewing.js';
import { type Json, START, type TestServer } from '../support/server.js';

let server: TestServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stop } = await openRenewals());
});
beforeEach(() => {
  server.now = START;
});
afterAll(() => stop());

const FREE = { pricing: { basePrice: '0', currency: 'USD', billingCycle: 'ANNUALLY' } };
const renew = () => server.jobs.run('license.renew');
const approve = (shop: Shop, order: Json) =>
  orderAct(server, another(shop.admin), 'approveOrder', { orderId: order.id }, 'id status fulfillmentError');
const yearsOf = async (licenseId: string) => {
  const told = (await toldOf(server, licenseId)).filter((line) => line.startsWith('license.renewed'));
  return {
    byOrder: told.filter((line) => line.startsWith('license.renewed ORDER')).length,
    byClock: told.filter((line) => line.startsWith('license.renewed CHARGE')).length,
    end: (
      await server.sql`select extract(year from expiry_date)::int as year from licenses where id = ${licenseId}`
    )[0]?.year,
  };
};

/** Whoever waits for whom in a ring is ended by PostgreSQL with an error, which is an answer of ours or fails the job. */
describe('orders that renew and the clock, at once over the same licenses', () => {
  test.each([1, 2, 3, 4])(
    'of nothing to pay: each renews once, and nobody stands in a ring (%i)',
    async () => {
      const shop = await openRenewalShop(server, { template: FREE });
      const licenses: string[] = [];
      for (let index = 0; index < 5; index += 1) licenses.push(await renewingLicense(server, shop));
      const orders = [licenses, licenses.toReversed()].map((renewLicenseIds) =>
        createOrder(
          server,
          shop,
          { renewLicenseIds, fulfillmentMethod: 'AUTO' },
          'id totalAmount paymentStatus',
        ),
      );
      const made = await Promise.all(orders);

      const [, ...answers] = await Promise.all([
        renew(),
        ...made.map((order) => approve(shop, order)),
        renew(),
      ]);

      expect(made.map(({ totalAmount, paymentStatus }) => [totalAmount, paymentStatus])).toEqual([
        ['0', 'PAID'],
        ['0', 'PAID'],
      ]);
      for (const answer of answers.slice(0, 2)) expect(answer).toMatchObject({ errors: [] });
      for (const licenseId of licenses) {
        const { byOrder, byClock, end } = await yearsOf(licenseId);
        expect([byOrder, byClock <= 1]).toEqual([2, true]);
        expect(end).toBe(2026 + byOrder + byClock);
      }
    },
  );

  test('paid, upgraded, asked for and billed by the clock: nobody stands in a ring, and what was paid is given', async () => {
    const shop = await openRenewalShop(server);
    const licenses: string[] = [];
    for (let index = 0; index < 6; index += 1) licenses.push(await renewingLicense(server, shop));
    const orders = await Promise.all(
      [licenses, licenses.toReversed()].map((renewLicenseIds) =>
        createOrder(server, shop, { renewLicenseIds }, 'id invoice { id total }'),
      ),
    );
    for (const order of orders) await approve(shop, order);
    server.now = addDays(START, 1);

    const [, , ...answers] = await Promise.all([
      renew(),
      renew(),
      ...orders.map(({ invoice }) =>
        server.graphql(
          mutation('recordPayment', '__typename'),
          { input: { invoiceId: invoice?.id, amount: invoice?.total } },
          shop.admin,
        ),
      ),
      ...licenses.map((licenseId) =>
        server.graphql(
          mutation('requestRenewal', '__typename'),
          { input: { licenseId, durationMonths: 12 } },
          shop.admin,
        ),
      ),
    ]);
    await renew();

    expect(answers.map(({ code }) => code).filter((code) => code === 'INTERNAL_SERVER_ERROR')).toEqual([]);
    for (const licenseId of licenses) expect((await yearsOf(licenseId)).byOrder).toBe(2);
  });
});
