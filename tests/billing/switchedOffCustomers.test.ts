import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { mutation, readLicense } from '../support/acts.js';
import type { Shop } from '../support/fixtures.js';
import {
  openRenewalShop,
  openRenewals,
  RENEWED,
  renewalsIn,
  renewingLicense,
  setMethod,
  standing,
  toldOf,
} from '../support/renewing.js';
import type { Claims, TestServer } from '../support/server.js';
import type { StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals());
});
beforeEach(() => reset());
afterAll(() => stop());

const { renew, act, later, reset } = renewalsIn(() => ({ server, stripe }));

const switchTo = (shop: Shop, status: 'ACTIVE' | 'INACTIVE') =>
  act(shop, 'updateCustomer', { customerId: shop.customerId, status });

test('a bill that waits to be paid by hand is void once its customer is switched off, and billed again once on', async () => {
  const shop = await openRenewalShop(server, { method: null });
  const licenseId = await renewingLicense(server, shop);
  await renew();

  await switchTo(shop, 'INACTIVE');
  await later(0, 10);
  const off = await standing(server, licenseId);
  await later(1);
  await switchTo(shop, 'ACTIVE');
  await later(0, 10);

  expect(off).toEqual(['CANCELLED, attempts 0, PENDING 0, VOID']);
  expect(await standing(server, licenseId)).toEqual([
    'CANCELLED, attempts 0, PENDING 0, VOID',
    'OPEN, attempts 0, PENDING 0',
  ]);
});

test('a decline that is to be tried again is void at once, and whoever is switched on again is charged', async () => {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop);
  stripe.behaviour = () => ({ decline: 'do_not_honor' });
  await renew();

  await switchTo(shop, 'INACTIVE');
  stripe.behaviour = () => 'TAKE';
  await later(0, 10);
  const off = await standing(server, licenseId);
  await switchTo(shop, 'ACTIVE');
  await later(0, 10);

  expect(off).toEqual(['CANCELLED, attempts 1, FAILED 0, VOID']);
  expect(await standing(server, licenseId)).toEqual([
    'CANCELLED, attempts 1, FAILED 0, VOID',
    'RENEWED, attempts 1, PAID 100',
  ]);
  expect(stripe.taken()).toHaveLength(1);
});

test('whoever was switched off and on before anybody looked is charged on, for the same bill', async () => {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop);
  stripe.behaviour = () => ({ decline: 'do_not_honor' });
  await renew();

  await switchTo(shop, 'INACTIVE');
  await switchTo(shop, 'ACTIVE');
  stripe.behaviour = () => 'TAKE';
  await later(1);

  expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 2, PAID 100']);
});

test('whoever is switched off is billed no renewal that is asked for, by nobody', async () => {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop, 20);
  await switchTo(shop, 'INACTIVE');
  const events = await server.count('license_event_logs');
  const { tenant_id } = shop.admin;
  const own: Claims = { tenant_id, roles: ['customer'], customer_id: shop.customerId };

  for (const caller of [shop.admin, own]) {
    const input = { licenseId, durationMonths: 12 };
    const { code } = await server.graphql(mutation('requestRenewal', '__typename'), { input }, caller);
    expect(code).toBe('CUSTOMER_INACTIVE');
  }

  expect(await standing(server, licenseId)).toEqual([]);
  expect(await server.count('invoices', `license_id = '${licenseId}'`)).toBe(0);
  expect(await server.count('license_event_logs')).toBe(events);
});

test('what was asked for before stays to be paid, and is given for the money', async () => {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop);
  const input = { licenseId, durationMonths: 12 };
  await act(shop, 'requestRenewal', input);

  await switchTo(shop, 'INACTIVE');
  await setMethod(server, shop, 'pm_works');
  await later(1, 10);
  const asked = await server.graphql(mutation('requestRenewal', '__typename'), { input }, shop.admin);
  const off = await standing(server, licenseId);
  const [invoice] = await server.sql`select id from invoices where license_id = ${licenseId}`;
  await act(shop, 'recordPayment', { invoiceId: invoice?.id, amount: '100' });

  expect(asked.code).toBeUndefined();
  expect(off).toEqual(['OPEN, attempts 0, PENDING 0']);
  expect(stripe.taken()).toEqual([]);
  expect(await readLicense(server, shop.admin, licenseId, 'expiryDate')).toEqual({ expiryDate: RENEWED });
  expect((await toldOf(server, licenseId)).at(-1)).toBe(`license.renewed HAND to ${RENEWED}`);
});
