import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readLicense } from '../support/acts.js';
import { createCustomer, type Shop } from '../support/fixtures.js';
import {
  EXPIRY,
  openRenewalShop,
  openRenewals,
  renewalsIn,
  renewingLicense,
  setMethod,
  standing,
  toldOf,
} from '../support/renewing.js';
import type { TestServer } from '../support/server.js';
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

/** Of renewals: their kinds, and who gets them. */
async function mailsOf(licenseId: string): Promise<string[]> {
  const rows = await server.sql`select kind, recipient from notifications where license_id = ${licenseId}
    and kind in ('LICENSE_RENEWED', 'RENEWAL_FAILED') order by id`;
  return rows.map(({ kind, recipient }) => `${kind} ${recipient}`);
}

/** To a customer who can be written to. */
async function transferToGrace(shop: Shop, licenseId: string): Promise<void> {
  const newCustomerId = await createCustomer(server, shop.admin);
  await act(shop, 'updateCustomer', { customerId: newCustomerId, email: 'grace@example.com' });
  const input = { licenseId, newCustomerId, newIssuedTo: 'Grace', transferReason: 'x' };
  await act(shop, 'transferLicense', input);
}

describe('what overtakes a renewal between its invoice and its charge', () => {
  const overtaking: readonly (readonly [string, (shop: Shop, licenseId: string) => Promise<unknown>])[] = [
    ['a renewal by hand', (shop, licenseId) => act(shop, 'renewLicense', { licenseId, durationMonths: 1 })],
    [
      'automatic renewal that is switched off',
      (shop, licenseId) => act(shop, 'updateLicense', { licenseId, autoRenewal: false }),
    ],
    [
      'a transfer',
      async (shop, licenseId) =>
        act(shop, 'transferLicense', {
          licenseId,
          newCustomerId: await createCustomer(server, shop.admin),
          newIssuedTo: 'Grace',
          transferReason: 'Sold on',
        }),
    ],
    ['a revocation', (shop, licenseId) => act(shop, 'revokeLicense', { licenseId, reason: 'Resold' })],
    ['a suspension', (shop, licenseId) => act(shop, 'suspendLicense', { licenseId, reason: 'Fraud' })],
    [
      'a license that is switched off',
      (shop, licenseId) => act(shop, 'updateLicense', { licenseId, status: 'INACTIVE' }),
    ],
    [
      'a customer who is switched off',
      (shop) => act(shop, 'updateCustomer', { customerId: shop.customerId, status: 'INACTIVE' }),
    ],
  ];
  test.each(overtaking)('as %s: nobody is charged, and the invoice is void', async (_, overtake) => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'do_not_honor' });
    await renew();
    const { length } = stripe.intents;

    await overtake(shop, licenseId);
    stripe.behaviour = () => 'TAKE';
    await later(1);

    expect(length).toBe(1);
    expect(stripe.intents).toHaveLength(1);
    expect((await standing(server, licenseId))[0]).toBe('CANCELLED, attempts 1, FAILED 0, VOID');
  });

  test('as a license that is switched off, also where it has ended by then: it is not switched on for money', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'do_not_honor' });
    await renew();

    await act(shop, 'updateLicense', { licenseId, status: 'INACTIVE' });
    stripe.behaviour = () => 'TAKE';
    await later(3);

    expect(stripe.taken()).toEqual([]);
    expect(await standing(server, licenseId)).toEqual(['CANCELLED, attempts 1, FAILED 0, VOID']);
    expect(await readLicense(server, shop.admin, licenseId, 'expiryDate')).toEqual({ expiryDate: EXPIRY });
  });

  test('between a request that never arrived and the next one ends the charge', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'CUT';
    await renew();

    await act(shop, 'renewLicense', { licenseId, durationMonths: 12 });
    stripe.behaviour = () => 'TAKE';
    await later(0, 5);

    expect(stripe.intents).toEqual([]);
    expect(await standing(server, licenseId)).toEqual(['CANCELLED, attempts 1, PENDING 0, VOID']);
  });

  test('a license that renews itself again is billed again', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'do_not_honor' });
    await renew();
    await act(shop, 'updateLicense', { licenseId, autoRenewal: false });
    await later(0, 10);

    await act(shop, 'updateLicense', { licenseId, autoRenewal: true });
    stripe.behaviour = () => 'TAKE';
    await later(0, 10);

    expect(await standing(server, licenseId)).toEqual([
      'CANCELLED, attempts 1, FAILED 0, VOID',
      'RENEWED, attempts 1, PAID 100',
    ]);
  });
});

describe('what overtakes a renewal between its charge and the answer is settled as the money says', () => {
  test('a license that was revoked is not renewed: it is told, and the money can be paid back', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'TAKE_AND_HANG';
    await renew();

    await act(shop, 'revokeLicense', { licenseId, reason: 'Resold' });
    await later(0, 5);

    expect(await standing(server, licenseId)).toEqual(['UNSETTLED, attempts 1, NOT_RENEWABLE, PAID 100']);
    expect((await toldOf(server, licenseId)).at(-1)).toBe(
      'license.renewal_failed NOT_RENEWABLE 1/1 next never',
    );
  });

  test('a license that was moved is not renewed for whoever paid', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'TAKE_AND_HANG';
    await renew();

    await act(shop, 'transferLicense', {
      licenseId,
      newCustomerId: await createCustomer(server, shop.admin),
      newIssuedTo: 'Grace',
      transferReason: 'Sold on',
    });
    await later(0, 5);

    expect(await standing(server, licenseId)).toEqual(['UNSETTLED, attempts 1, TRANSFERRED, PAID 100']);
    expect(await readLicense(server, shop.admin, licenseId, 'expiryDate')).toEqual({ expiryDate: EXPIRY });
  });

  test('the vendor’s people are told by mail what is to be paid back, and whoever holds the license now is not', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    await act(shop, 'updateTenantSettings', { mail: { staffAddress: 'desk@radar.example' } });
    stripe.behaviour = () => 'TAKE_AND_HANG';
    await renew();
    await transferToGrace(shop, licenseId);

    await later(0, 5);
    await server.jobs.drain();

    expect(await mailsOf(licenseId)).toEqual(['RENEWAL_FAILED desk@radar.example']);
  });

  test('a bill that is declined is no business of whoever holds the license by then', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'do_not_honor' });
    await renew();
    await transferToGrace(shop, licenseId);

    const { list } = server.jobs;
    server.jobs.list = { ...list, scheduled: [] };
    await server.jobs.drain();
    server.jobs.list = list;

    expect(await mailsOf(licenseId)).toEqual([]);
  });

  test('a license that was renewed by hand is renewed once more, as it was paid for', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'TAKE_AND_HANG';
    await renew();

    await act(shop, 'renewLicense', { licenseId, durationMonths: 1 });
    await later(0, 5);

    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
    expect(await readLicense(server, shop.admin, licenseId, 'expiryDate')).toEqual({
      expiryDate: '2027-04-03T12:00:00.000Z',
    });
  });
});

describe('a payment method that is set while a renewal waits', () => {
  test('in the place of one that was taken back is charged, and counts as the next try', async () => {
    const shop = await openRenewalShop(server, { method: 'pm_old' });
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = (form) =>
      form.get('payment_method') === 'pm_old' ? { decline: 'expired_card' } : 'TAKE';
    await renew();
    await act(shop, 'removePaymentMethod', { customerId: shop.customerId });
    await later(1);
    const waiting = await standing(server, licenseId);

    await setMethod(server, shop, 'pm_new');
    await later(0, 10);

    expect(waiting).toEqual(['OPEN, attempts 1, FAILED 0']);
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 2, PAID 100']);
    expect(stripe.taken()).toHaveLength(1);
  });

  test('once it was given up charges nobody: the invoice is paid by hand', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'do_not_honor' });
    for (const days of [0, 1, 2, 2]) await later(days);

    stripe.behaviour = () => 'TAKE';
    await setMethod(server, shop, 'pm_new');
    await later(0, 10);

    expect(await standing(server, licenseId)).toEqual(['OPEN, attempts 4, FAILED 0']);
    expect(stripe.taken()).toEqual([]);
  });
});
