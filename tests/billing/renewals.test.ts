import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { settlePayment } from '../../src/billing/service/settle.js';
import { readLicense } from '../support/acts.js';
import { acting } from '../support/billing.js';
import { createLicense, type Shop } from '../support/fixtures.js';
import {
  EXPIRY,
  openRenewalShop,
  openRenewals,
  payingCustomer,
  RENEWED,
  renewalsIn,
  renewingLicense,
  setMethod,
  standing,
  toldOf,
} from '../support/renewing.js';
import type { TestServer } from '../support/server.js';
import type { StripeBehaviour, StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals());
});
beforeEach(() => reset());
afterAll(() => stop());

const { renew, act, later, reset } = renewalsIn(() => ({ server, stripe }));

/** How often the processor was asked to charge for a license. */
async function askedFor(licenseId: string): Promise<number> {
  const [invoice] = await server.sql`select id from invoices where license_id = ${licenseId}`;
  return stripe.intents.filter(({ metadata }) => metadata.invoice_id === invoice?.id).length;
}

test('a license that renews itself is billed, charged and renewed from its end, three days before it', async () => {
  const shop = await openRenewalShop(server);
  const [due, notYet] = [await renewingLicense(server, shop), await renewingLicense(server, shop, 4)];

  await renew();
  await renew();

  const [taken] = stripe.taken();
  expect(stripe.taken()).toHaveLength(1);
  expect(taken).toMatchObject({ amount: 10_000, currency: 'usd', payment_method: 'pm_works' });
  expect(await standing(server, due)).toEqual(['RENEWED, attempts 1, PAID 100']);
  expect(await toldOf(server, due)).toEqual([
    'invoice.created',
    'invoice.paid',
    `license.renewed CHARGE to ${RENEWED}`,
  ]);
  expect(await readLicense(server, shop.admin, due, 'status expiryDate')).toEqual({
    status: 'ACTIVE',
    expiryDate: RENEWED,
  });
  expect(await standing(server, notYet)).toEqual([]);
});

test("the payment is the processor's, by its own reference, and the invoice can be found by it", async () => {
  const shop = await openRenewalShop(server);
  const licenseId = await renewingLicense(server, shop);

  await renew();

  const [payment] = await server.sql`select p.* from payments p join invoices i on i.id = p.invoice_id
    where i.license_id = ${licenseId}`;
  const [intent] = stripe.taken();
  expect(payment).toMatchObject({ processor: 'STRIPE', reference: intent?.id, state: 'SETTLED' });
  expect(intent?.metadata.invoice_id).toBe(payment?.invoice_id);
});

describe('a charge that is declined', () => {
  test('is tried again after 1, 3 and 5 days, each told, and then given up', async () => {
    const shop = await openRenewalShop(server, { template: { gracePeriodDays: 2 } });
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'insufficient_funds' });

    await renew();
    const told: string[][] = [[...(await standing(server, licenseId))]];
    for (const days of [1, 2, 2, 30]) {
      await later(days);
      told.push(await standing(server, licenseId));
    }

    expect(told.flat()).toEqual([
      'OPEN, attempts 1, FAILED 0, next 2026-03-02T12:00:00',
      'OPEN, attempts 2, FAILED 0, next 2026-03-04T12:00:00',
      'OPEN, attempts 3, FAILED 0, next 2026-03-06T12:00:00',
      'OPEN, attempts 4, FAILED 0',
      'OPEN, attempts 4, FAILED 0',
    ]);
    expect(
      (await toldOf(server, licenseId)).filter((line) => line.startsWith('license.renewal_failed')),
    ).toEqual([
      'license.renewal_failed INSUFFICIENT_FUNDS 1/4 next 2026-03-02T12:00:00.000Z',
      'license.renewal_failed INSUFFICIENT_FUNDS 2/4 next 2026-03-04T12:00:00.000Z',
      'license.renewal_failed INSUFFICIENT_FUNDS 3/4 next 2026-03-06T12:00:00.000Z',
      'license.renewal_failed INSUFFICIENT_FUNDS 4/4 next never',
    ]);
    expect(await askedFor(licenseId)).toBe(4);
    expect(await readLicense(server, shop.admin, licenseId)).toEqual({ status: 'SUSPENDED' });
  });

  test('and works on a later try renews from the end of the term, also in grace', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    const answers: StripeBehaviour[] = [{ decline: 'expired_card' }, { decline: 'do_not_honor' }, 'TAKE'];
    stripe.behaviour = () => answers.shift() ?? 'TAKE';

    await renew();
    await later(1);
    await later(2);

    expect(server.now > EXPIRY).toBe(true);
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 3, PAID 100']);
    expect(await readLicense(server, shop.admin, licenseId, 'expiryDate')).toEqual({ expiryDate: RENEWED });
    expect(stripe.taken()).toHaveLength(1);
  });

  test('and paid by hand after it was given up renews the license', async () => {
    const shop = await openRenewalShop(server, { template: { gracePeriodDays: 0 } });
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'do_not_honor' });
    for (const days of [0, 1, 2, 2]) await later(days);
    const before = await readLicense(server, shop.admin, licenseId);

    server.pass(86_400_000);
    await payByHand(shop, licenseId);
    await later(10);

    expect(before).toEqual({ status: 'SUSPENDED' });
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 4, PAID 100']);
    expect((await toldOf(server, licenseId)).at(-1)).toBe('license.renewed HAND to 2027-03-07T12:00:00.000Z');
    expect(stripe.intents).toHaveLength(4);
  });
});

/** As somebody of the vendor records it, or a webhook. */
async function payByHand(shop: Shop, licenseId: string, reference: string | null = null): Promise<void> {
  const [invoice] = await server.sql`select id, total, currency from invoices where license_id = ${licenseId}
    order by created_at desc limit 1`;
  await acting(server, shop.admin, (work) =>
    settlePayment(
      work,
      { id: invoice?.id },
      {
        processor: reference === null ? 'MANUAL' : 'STRIPE',
        reference,
        amount: invoice?.total,
        currency: invoice?.currency,
        receivedAt: server.now,
      },
    ),
  );
}

describe('a charge without an answer', () => {
  const lost = [
    ['the answer never came', 'TAKE_AND_HANG'],
    ['the connection ended', 'TAKE_AND_CUT'],
    ['the processor failed behind it', 'TAKE_AND_FAIL'],
  ] as const;
  test.each(lost)('that was taken, though %s, is found, and charged no second time', async (_, behaviour) => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => behaviour;

    await renew();
    const meanwhile = await standing(server, licenseId);
    await later(0, 2);

    expect(meanwhile).toEqual(['OPEN, attempts 1, PENDING 0']);
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
    expect(stripe.intents).toHaveLength(1);
  });

  test('that was never taken goes out again under the same key, however long nobody answers', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'CUT';
    for (const minutes of [0, 1, 2, 4, 3000]) await later(0, minutes);
    const asked = stripe.asked.filter(({ method }) => method === 'POST');

    stripe.behaviour = () => 'TAKE';
    await later(0, 61);

    const keys = new Set(stripe.asked.flatMap(({ headers }) => headers['idempotency-key'] ?? []));
    expect(asked).toHaveLength(5);
    expect(keys.size).toBe(1);
    expect(stripe.taken()).toHaveLength(1);
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
  });

  test('is not sent again after a day, when the processor has forgotten its key and keeps the payment', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'TAKE_AND_HANG';
    await renew();

    stripe.behaviour = () => 'TAKE';
    await later(3);

    expect(stripe.intents).toHaveLength(1);
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
  });

  test('is waited for while the bank is at it, and a webhook that comes first is the same payment', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => 'PROCESS';
    await renew();
    await later(0, 30);
    const [intent] = stripe.intents;
    if (intent === undefined) throw new Error('nothing was asked for');

    await payByHand(shop, licenseId, intent.id);
    intent.status = 'succeeded';
    await later(0, 61);

    expect(stripe.intents).toHaveLength(1);
    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
    expect((await toldOf(server, licenseId)).filter((line) => line.startsWith('license.renewed'))).toEqual([
      `license.renewed CHARGE to ${RENEWED}`,
    ]);
    expect(await server.count('charges', `reference = '${intent.id}' and status = 'SUCCEEDED'`)).toBe(1);
  });
});

describe('without a payment method', () => {
  test('the invoice is made and told, and waits for whoever pays it', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const licenseId = await renewingLicense(server, shop);

    await renew();
    await later(1);

    expect(await standing(server, licenseId)).toEqual(['OPEN, attempts 0, PENDING 0']);
    expect(await toldOf(server, licenseId)).toEqual([
      'invoice.created',
      'license.renewal_failed NO_PAYMENT_METHOD 0/0 next never',
    ]);
    await payByHand(shop, licenseId);
    expect((await toldOf(server, licenseId)).at(-1)).toBe(`license.renewed HAND to ${RENEWED}`);
  });

  test('one that is set meanwhile is charged', async () => {
    const shop = await openRenewalShop(server, { method: null });
    const licenseId = await renewingLicense(server, shop);
    await renew();

    await setMethod(server, shop, 'pm_works');
    await later(0, 10);

    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 1, PAID 100']);
  });
});

describe('what is not renewed by the clock', () => {
  test('a license without a price is told of once for each end of its term', async () => {
    const shop = await openRenewalShop(server);
    const { id } = await createLicense(server, shop, {
      customerId: shop.customerId,
      autoRenewal: true,
      expiryDate: EXPIRY,
    });

    await renew();
    await later(0, 10);

    expect(await standing(server, id)).toEqual(['SKIPPED, attempts 0, NO_PRICE']);
    expect(await toldOf(server, id)).toEqual(['license.renewal_failed NO_PRICE 0/0 next never']);
  });

  const quiet: readonly (readonly [string, (shop: Shop, id: string) => Promise<unknown>])[] = [
    [
      'one that does not renew itself',
      (shop, id) => act(shop, 'updateLicense', { licenseId: id, autoRenewal: false }),
    ],
    ['one that is suspended', (shop, id) => act(shop, 'suspendLicense', { licenseId: id, reason: 'Fraud' })],
    [
      'one that is switched off',
      (shop, id) => act(shop, 'updateLicense', { licenseId: id, status: 'INACTIVE' }),
    ],
    ['one that was revoked', (shop, id) => act(shop, 'revokeLicense', { licenseId: id, reason: 'x' })],
    [
      'one of a customer who is switched off',
      (shop) => act(shop, 'updateCustomer', { customerId: shop.customerId, status: 'INACTIVE' }),
    ],
  ];
  test.each(quiet)('%s is neither billed nor charged', async (_, prepare) => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    await prepare(shop, licenseId);

    await renew();

    expect(await standing(server, licenseId)).toEqual([]);
    expect(stripe.asked).toEqual([]);
  });

  test('a trial, a perpetual license, and what was over before anybody looked', async () => {
    const shop = await openRenewalShop(server);
    const of = (input: object) =>
      createLicense(server, shop, { customerId: shop.customerId, autoRenewal: true, ...input });
    const ids = [
      await of({ licenseType: 'PERPETUAL', maintenanceExpiry: EXPIRY }),
      await of({ licenseType: 'TRIAL', trialPeriodDays: 1 }),
      await of({
        issuedDate: '2025-01-01T00:00:00Z',
        expiryDate: '2026-02-01T00:00:00Z',
        gracePeriodDays: 7,
      }),
    ];

    await renew();

    for (const { id } of ids) expect(await standing(server, id)).toEqual([]);
  });

  test('what is free is renewed at once, and nobody is billed', async () => {
    const shop = await openRenewalShop(server, {
      template: { pricing: { basePrice: '0', currency: 'USD', billingCycle: 'MONTHLY' } },
    });
    const licenseId = await renewingLicense(server, shop);

    await renew();

    expect(await standing(server, licenseId)).toEqual(['RENEWED, attempts 0']);
    expect(await toldOf(server, licenseId)).toEqual(['license.renewed CHARGE to 2026-04-03T12:00:00.000Z']);
  });
});

test('runs of many workers at once charge each license once', async () => {
  const shop = await openRenewalShop(server);
  const ids: string[] = [];
  for (let made = 0; made < 6; made += 1) {
    const customerId = await payingCustomer(server, shop);
    ids.push(await renewingLicense(server, { ...shop, customerId }));
  }

  await Promise.all(Array.from({ length: 4 }, () => renew()));
  await renew();

  for (const id of ids) expect(await standing(server, id)).toEqual(['RENEWED, attempts 1, PAID 100']);
  expect(stripe.taken()).toHaveLength(6);
  expect(new Set(stripe.taken().map(({ metadata }) => metadata.invoice_id)).size).toBe(6);
});

test('one license that cannot be renewed for a defect holds no other one up', async () => {
  const shop = await openRenewalShop(server);
  const [broken, sound] = [await renewingLicense(server, shop, 1), await renewingLicense(server, shop)];
  await server.sql`update licenses set template_version = 0 where id = ${broken}`;
  await server.sql.unsafe(`create function breaks_one() returns trigger language plpgsql as $$ begin
    if new.license_id = '${broken}' then raise exception 'it broke'; end if; return new; end $$`);
  await server.sql`create trigger breaks before insert on renewals for each row execute function breaks_one()`;

  const failure = await renew().catch((error: unknown) => String(error));
  await server.sql`drop trigger breaks on renewals`;

  expect(failure).toContain('Failed query');
  expect(await standing(server, sound)).toEqual(['RENEWED, attempts 1, PAID 100']);
  expect(await standing(server, broken)).toEqual([]);
});
