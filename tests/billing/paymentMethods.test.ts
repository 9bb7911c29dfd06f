import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createCustomer, openShop, type Shop } from '../support/fixtures.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';
import { createReseller } from '../support/world.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

let count = 0;
const card = (customerId?: string, more: object = {}) => {
  count += 1;
  return {
    ...(customerId === undefined ? {} : { customerId }),
    stripeCustomer: `cus_${count}`,
    stripePaymentMethod: 'pm_visa',
    label: 'Visa 4242',
    ...more,
  };
};
const set = (input: object, as: Claims = shop.admin) =>
  server.ok(mutation('setPaymentMethod', 'paymentMethod { id label expiresAt }'), { input }, as);
const remove = (input: object, as: Claims = shop.admin) =>
  server.ok(mutation('removePaymentMethod', 'paymentMethodId'), { input }, as);
const own = (customerId: string): Claims => ({
  tenant_id: shop.admin.tenant_id,
  sub: 'ada',
  roles: ['customer'],
  customer_id: customerId,
});
const shown = (customerId: string, as: Claims = shop.admin) =>
  server
    .ok('query ($id: ID!) { customer(id: $id) { paymentMethod { label } } }', { id: customerId }, as)
    .then((data) => data.customer?.paymentMethod);

test('the vendor enters it; the customer sees its own, and no name of the processor is told anywhere', async () => {
  const customerId = await createCustomer(server, shop.admin);

  const made = await set(
    card(customerId, { stripeCustomer: 'cus_secretly', expiresAt: '2030-12-31T00:00:00Z' }),
  );

  expect(made.setPaymentMethod?.paymentMethod).toMatchObject({
    label: 'Visa 4242',
    expiresAt: '2030-12-31T00:00:00.000Z',
  });
  expect(await shown(customerId, own(customerId))).toEqual({ label: 'Visa 4242' });
  const [event] = await server.sql`select event_data, event_type from license_event_logs
    where event_type = 'payment_method.set' and event_data ->> 'customer_id' = ${customerId}`;
  expect(event?.event_data).toEqual({ customer_id: customerId, processor: 'STRIPE', account: 'deployment' });
  expect(server.logged.join()).not.toContain('cus_secretly');
});

test('a customer changes the card of the payer that the vendor has entered, and names no other payer', async () => {
  const customerId = await createCustomer(server, shop.admin);
  const other = await createCustomer(server, shop.admin);
  await set(card(customerId, { stripeCustomer: 'cus_mine' }));
  await set(card(other, { stripeCustomer: 'cus_theirs' }));
  const mine = own(customerId);

  await set(card(undefined, { stripeCustomer: 'cus_mine', label: 'Mastercard 5555' }), mine);

  expect(await shown(customerId)).toEqual({ label: 'Mastercard 5555' });
  for (const stripeCustomer of ['cus_theirs', 'cus_of_nobody'])
    expect(
      await refusedFields(server, mine, 'setPaymentMethod', card(undefined, { stripeCustomer })),
    ).toEqual(['input.stripeCustomer']);
  await refusedAct(server, mine, 'setPaymentMethod', card(other), 'CUSTOMER_NOT_FOUND');
});

test("a payer is one customer's of a tenant, also once its card was removed; no tenant keeps it from another", async () => {
  const customerId = await createCustomer(server, shop.admin);
  const elsewhere = await openShop(server);
  await set(card(customerId, { stripeCustomer: 'cus_known' }));
  await remove({ customerId });

  const taken = card(await createCustomer(server, shop.admin), { stripeCustomer: 'cus_known' });
  expect(await refusedFields(server, shop.admin, 'setPaymentMethod', taken)).toEqual([
    'input.stripeCustomer',
  ]);
  await set(card(elsewhere.customerId, { stripeCustomer: 'cus_known' }), elsewhere.admin);
  await set(card(undefined, { stripeCustomer: 'cus_known' }), own(customerId));
  expect(await shown(customerId)).toEqual({ label: 'Visa 4242' });
});

test('what was removed is shown to nobody and kept nowhere; removing it twice does nothing', async () => {
  const customerId = await createCustomer(server, shop.admin);
  await set(card(customerId));

  const [first, again] = [await remove({ customerId }), await remove({}, own(customerId))];

  expect(typeof first.removePaymentMethod?.paymentMethodId).toBe('string');
  expect(again.removePaymentMethod).toEqual({ paymentMethodId: null });
  expect(await shown(customerId)).toBeNull();
  const [row] =
    await server.sql`select payer, method, label from payment_methods where customer_id = ${customerId}`;
  expect(row).toEqual({ payer: '', method: '', label: '' });
});

const wrong: readonly (readonly [string, object, string])[] = [
  ['a number of a card', { label: 'Visa 4242 4242 4242 4242' }, 'input.label'],
  ['a number of a card with dashes', { label: '4242-4242-4242-4242' }, 'input.label'],
  ['nothing', { label: ' ' }, 'input.label'],
  ['an email address', { stripeCustomer: 'ada@example.com' }, 'input.stripeCustomer'],
  ['a path', { stripePaymentMethod: 'pm_1/../../refunds' }, 'input.stripePaymentMethod'],
  ['a form of its own', { stripePaymentMethod: 'pm_1&amount=1' }, 'input.stripePaymentMethod'],
];
test.each(wrong)('%s is no payment method', async (_, more, field) => {
  const input = card(shop.customerId, more);

  expect(await refusedFields(server, shop.admin, 'setPaymentMethod', input)).toEqual([field]);
});

test('the vendor says whose it is, and a reseller has nothing to do with it', async () => {
  const resellerId = await createReseller(server, shop.admin);
  const customerId = await createCustomer(server, shop.admin);
  await server.sql`update customers set reseller_id = ${resellerId} where id = ${customerId}`;
  await set(card(customerId));
  const seller: Claims = {
    tenant_id: shop.admin.tenant_id,
    reseller_id: resellerId,
    permissions: ['payment_method.set', 'payment_method.read', 'customer.read'],
  };

  expect(await refusedFields(server, shop.admin, 'setPaymentMethod', card())).toEqual(['input.customerId']);
  await refusedAct(server, seller, 'setPaymentMethod', card(customerId), 'CUSTOMER_NOT_FOUND');
  expect(await shown(customerId, seller)).toBeNull();
});
