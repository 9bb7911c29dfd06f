import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import { mutation } from '../support/acts.js';
import { createCustomer, type Shop } from '../support/fixtures.js';
import { openRenewalShop, openRenewals, renewingLicense, standing, toldOf } from '../support/renewing.js';
import { START, type TestServer } from '../support/server.js';
import { STRIPE_KEY, type StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
/** What the operator of the deployment's account has written, by payer. */
const written = new Map<string, Record<string, string>>();
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals());
  stripe.metadataOf = async (payer) => written.get(payer);
});
beforeEach(() => {
  server.now = START;
  written.clear();
});
afterAll(() => stop());

const renew = () => server.jobs.run('license.renew');

async function names(shop: Shop, stripeCustomer: string): Promise<void> {
  const { admin, customerId } = shop;
  const input = { customerId, stripeCustomer, stripePaymentMethod: 'pm_works', label: 'Visa 4242' };
  await server.ok(mutation('setPaymentMethod', '__typename'), { input }, admin);
}

/** A license that renews itself by a payer that its tenant has named. */
async function naming(
  payer: string,
  shop?: Shop,
): Promise<{ readonly shop: Shop; readonly licenseId: string }> {
  const own = shop ?? (await openRenewalShop(server, { method: null }));
  await names(own, payer);
  return { shop: own, licenseId: await renewingLicense(server, own) };
}

const writes = (payer: string, { admin }: Shop, customerId?: string) =>
  written.set(payer, {
    licensegraph_tenant: admin.tenant_id,
    ...(customerId === undefined ? {} : { licensegraph_customer: customerId }),
  });
const taken = (payer: string) => stripe.taken().filter(({ customer }) => customer === payer).length;

describe("a payer of the deployment's account", () => {
  test('is charged by the tenant that it was written down for, whoever named it first', async () => {
    const attacker = await naming('cus_shared');
    const owner = await naming('cus_shared');
    writes('cus_shared', owner.shop, owner.shop.customerId);

    await renew();

    expect(await standing(server, owner.licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
    expect(await standing(server, attacker.licenseId)).toEqual([
      'OPEN, attempts 1, FAILED 0, next 2026-03-02T12:00:00',
    ]);
    expect((await toldOf(server, attacker.licenseId)).join()).toContain(
      'license.renewal_failed PAYER_UNVERIFIED 1/4',
    );
    expect(taken('cus_shared')).toBe(1);
  });

  test("is no other customer's of the tenant, where one is written down", async () => {
    const shop = await openRenewalShop(server, { method: null });
    const other = await createCustomer(server, shop.admin);
    const { licenseId } = await naming('cus_one', shop);
    writes('cus_one', shop, other);

    await renew();

    expect((await standing(server, licenseId))[0]).toContain('FAILED');
    expect(taken('cus_one')).toBe(0);
  });

  test.each([
    ['nothing', {}],
    ['another name', { tenant: 'acme' }],
    ['no text', { licensegraph_tenant: ['acme'] as unknown as string }],
  ])(
    'is not charged while there is %s on it, and is once its tenant is written down',
    async (what, metadata) => {
      const payer = `cus_${what.replaceAll(' ', '_')}`;
      const { shop, licenseId } = await naming(payer);
      written.set(payer, metadata);

      await renew();
      const before = await standing(server, licenseId);
      writes(payer, shop);
      server.now = addDays(START, 1);
      await renew();

      expect(before).toEqual(['OPEN, attempts 1, FAILED 0, next 2026-03-02T12:00:00']);
      expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 2, PAID 100']);
      expect(taken(payer)).toBe(1);
    },
  );

  test('that is not there is none to charge', async () => {
    const { licenseId } = await naming('cus_gone');

    await renew();

    expect((await toldOf(server, licenseId)).join()).toContain(
      'license.renewal_failed NO_PAYMENT_METHOD 1/4',
    );
    expect(taken('cus_gone')).toBe(0);
  });
});

test("in an account of its own a tenant's payers are nobody's else, and are not asked for", async () => {
  const shop = await openRenewalShop(server, { method: null });
  const input = { processor: 'STRIPE', secret: 'whsec_0123456789abcdef0123', apiKey: STRIPE_KEY };
  await server.ok(mutation('createPaymentEndpoint', '__typename'), { input }, shop.admin);
  const { licenseId } = await naming('cus_own', shop);

  await renew();

  expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
  expect(stripe.asked.filter(({ path }) => path === '/v1/customers/cus_own')).toEqual([]);
});
