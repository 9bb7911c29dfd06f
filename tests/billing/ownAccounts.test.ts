import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutation } from '../support/acts.js';
import type { Shop } from '../support/fixtures.js';
import { openRenewalShop, openRenewals, renewingLicense, setMethod, standing } from '../support/renewing.js';
import type { TestServer } from '../support/server.js';
import { STRIPE_KEY, type StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  // The deployment charges for nobody.
  ({ server, stripe, stop } = await openRenewals({ LG_STRIPE_SECRET_KEY: '' }));
});
afterAll(() => stop());

async function ownAccount({ admin }: Shop): Promise<void> {
  const input = { processor: 'STRIPE', secret: 'whsec_0123456789abcdef0123', apiKey: STRIPE_KEY };
  await server.ok(mutation('createPaymentEndpoint', '__typename'), { input }, admin);
}

test("a tenant's own account is charged with its own key, which is told nowhere", async () => {
  const shop = await openRenewalShop(server, { method: null });
  await ownAccount(shop);
  await setMethod(server, shop, 'pm_works');
  const licenseId = await renewingLicense(server, shop);

  await server.jobs.run('license.renew');

  expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
  expect(stripe.taken()).toHaveLength(1);
  const rows = await server.sql`select to_jsonb(c)::text as text from charges c union all
    select event_data::text from license_event_logs`;
  expect([...rows.map(({ text }) => text), ...server.logged].join()).not.toContain(STRIPE_KEY);
});

test('without a key of the account the charge waits, and goes out once there is one', async () => {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop);
  const before = stripe.asked.length;

  await server.jobs.run('license.renew');
  server.pass(3_600_000);
  const meanwhile = await standing(server, licenseId);
  await server.jobs.run('license.renew', { LG_STRIPE_SECRET_KEY: STRIPE_KEY });

  expect(meanwhile).toEqual(['OPEN, attempts 1, PENDING 0']);
  expect(stripe.asked.length).toBeGreaterThan(before);
  expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
});
