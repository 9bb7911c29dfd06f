import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ChargeRequest, RefundRequest } from '../../src/billing/gateway/charging.js';
import { stripeCharging } from '../../src/billing/gateway/stripe.js';
import { fromStripe, toStripe } from '../../src/billing/model/stripeAmounts.js';
import type { Amount } from '../../src/core/money.js';
import { answering, startBadServer } from '../support/badServers.js';
import { STRIPE_KEY, type StripeBehaviour, StripeServer } from '../support/stripeServer.js';

let stripe: StripeServer;
beforeEach(async () => {
  stripe = await StripeServer.open();
});
afterEach(() => stripe.stop());

const charging = (totalMillis = 2_000) =>
  stripeCharging({ url: stripe.url, secretKey: STRIPE_KEY, totalMillis });
const amount = (text: string): Amount => text as Amount;
const request = (more: Partial<ChargeRequest> = {}): ChargeRequest => ({
  idempotencyKey: 'charge-1',
  chargeId: 'charge-1',
  invoiceId: 'invoice-1',
  amount: amount('123.45'),
  currency: 'USD',
  customer: 'cus_ada',
  method: 'pm_visa',
  ...more,
});
const refund = (more: Partial<RefundRequest> = {}): RefundRequest => ({
  idempotencyKey: 'refund-1',
  chargeId: 'refund-1',
  invoiceId: 'invoice-1',
  payment: 'pi_1',
  amount: amount('23.45'),
  currency: 'USD',
  ...more,
});

test('a charge is made and confirmed in one request, without its holder, under its own key', async () => {
  const answer = await charging().charge(request());

  const [asked] = stripe.asked;
  expect(answer).toEqual({ outcome: 'SUCCEEDED', reference: stripe.intents[0]?.id });
  expect(Object.fromEntries(new URLSearchParams(asked?.form))).toEqual({
    amount: '12345',
    currency: 'usd',
    customer: 'cus_ada',
    payment_method: 'pm_visa',
    confirm: 'true',
    off_session: 'true',
    'metadata[invoice_id]': 'invoice-1',
    'metadata[charge_id]': 'charge-1',
  });
  expect(asked).toMatchObject({ method: 'POST', path: '/v1/payment_intents' });
  expect(asked?.headers).toMatchObject({
    'idempotency-key': 'charge-1',
    'content-type': 'application/x-www-form-urlencoded',
  });
});

test("Stripe's own client sends the same form under the same version of the API", async () => {
  const own = new Stripe(STRIPE_KEY, {
    host: '127.0.0.1',
    port: Number(new URL(stripe.url).port),
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  });
  await charging().charge(request());

  await own.paymentIntents.create(
    {
      amount: 12345,
      currency: 'usd',
      customer: 'cus_ada',
      payment_method: 'pm_visa',
      confirm: true,
      off_session: true,
      metadata: { invoice_id: 'invoice-1', charge_id: 'charge-1' },
    },
    { idempotencyKey: 'charge-1' },
  );

  const [ours, theirs] = stripe.asked;
  expect(new URLSearchParams(ours?.form).toString()).toBe(new URLSearchParams(theirs?.form).toString());
  expect(ours?.headers['stripe-version']).toBe(theirs?.headers['stripe-version']);
  expect(stripe.taken()).toHaveLength(1);
});

const declines: readonly (readonly [string, string, string])[] = [
  ['insufficient_funds', 'insufficient_funds', 'There is not enough money on the account.'],
  ['expired_card', 'expired_card', 'The card has expired.'],
  [
    'authentication_required',
    'authentication_required',
    'The bank asks the holder of the card to confirm the payment.',
  ],
  ['stolen_card', 'declined', 'The payment was declined.'],
  ['fraudulent', 'declined', 'The payment was declined.'],
  ['a_code_of_next_year', 'declined', 'The payment was declined.'],
];
test.each(declines)('a decline as %s is told as %s', async (code, told, words) => {
  stripe.behaviour = () => ({ decline: code });

  const answer = await charging().charge(request());
  const again = await charging().charge(request());

  const reference = stripe.intents[0]?.id;
  const attempt = `ch_${reference}`;
  expect(answer).toEqual({ outcome: 'DECLINED', reference, attempt, code: told, words });
  expect(again).toEqual(answer);
  expect(await charging().findCharge(request())).toEqual(answer);
  expect(stripe.intents).toHaveLength(1);
});

const refusals: readonly (readonly [string, StripeBehaviour, object])[] = [
  [
    'a payment method that is gone is a decline',
    {
      status: 400,
      error: { type: 'invalid_request_error', code: 'resource_missing', message: 'No such PaymentMethod' },
    },
    { outcome: 'DECLINED', code: 'resource_missing' },
  ],
  [
    'a request that comes too often may come again after a while',
    { status: 429, error: { type: 'invalid_request_error' }, headers: { 'retry-after': '17' } },
    { outcome: 'UNKNOWN', reason: 'BUSY', retryAfterSeconds: 17 },
  ],
  [
    'a key that is being worked on says nothing',
    { status: 409, error: { type: 'invalid_request_error' } },
    { outcome: 'UNKNOWN', reason: 'IN_USE', retryAfterSeconds: 0 },
  ],
  [
    'a key without rights says nothing of the customer',
    { status: 403, error: { type: 'invalid_request_error' } },
    { outcome: 'UNKNOWN', reason: 'REFUSED', retryAfterSeconds: 0 },
  ],
];
test.each(refusals)('%s', async (_, behaviour, expected) => {
  stripe.behaviour = () => behaviour;

  expect(await charging().charge(request())).toMatchObject(expected);
  expect(stripe.intents).toEqual([]);
});

test('a payment that the bank works on is pending until it is taken, and never charged again', async () => {
  stripe.behaviour = () => 'PROCESS';
  const answer = await charging().charge(request());
  const [intent] = stripe.intents;
  if (intent === undefined) throw new Error('nothing was made');

  const meanwhile = await charging().findCharge(request());
  intent.status = 'succeeded';

  expect([answer, meanwhile]).toEqual([
    { outcome: 'PENDING', reference: intent.id },
    { outcome: 'PENDING', reference: intent.id },
  ]);
  expect(await charging().findCharge(request())).toEqual({ outcome: 'SUCCEEDED', reference: intent.id });
});

describe('whoever got no answer asks again under the same key, and is told what became of it', () => {
  const lost = [
    ['the answer never came', 'TAKE_AND_HANG', 'TIMEOUT'],
    ['the connection ended', 'TAKE_AND_CUT', 'CONNECTION'],
    ['the processor failed behind it', 'TAKE_AND_FAIL', 'FAILED'],
  ] as const;
  test.each(lost)('when the money was taken and %s', async (_, behaviour, reason) => {
    stripe.behaviour = () => behaviour;

    const answer = await charging(150).charge(request());
    const found = await charging().findCharge(request());
    const again = await charging().charge(request());

    const [intent] = stripe.taken();
    expect(answer).toEqual({ outcome: 'UNKNOWN', reason, retryAfterSeconds: 0 });
    expect(found).toEqual({ outcome: 'SUCCEEDED', reference: intent?.id });
    expect(again.outcome).toBe(behaviour === 'TAKE_AND_FAIL' ? 'UNKNOWN' : 'SUCCEEDED');
    expect(stripe.intents).toHaveLength(1);
  });

  const neverTaken = [
    ['never came', 'HANG', 'TIMEOUT'],
    ['was cut off', 'CUT', 'CONNECTION'],
  ] as const;
  test.each(neverTaken)('when the request %s and nothing was taken', async (_, behaviour, reason) => {
    stripe.behaviour = () => behaviour;
    const answer = await charging(150).charge(request());
    const found = await charging().findCharge(request());

    stripe.behaviour = () => 'TAKE';
    const again = await charging().charge(request());

    expect(answer).toMatchObject({ outcome: 'UNKNOWN', reason });
    expect(found).toBeUndefined();
    expect(again).toEqual({ outcome: 'SUCCEEDED', reference: stripe.taken()[0]?.id });
    expect(stripe.intents).toHaveLength(1);
  });
});

test('a payment is found behind hundreds of others of its customer, and none of another customer', async () => {
  await charging().charge(request());
  for (let count = 0; count < 230; count += 1) {
    const name = `other-${count}`;
    await charging().charge(request({ idempotencyKey: name, chargeId: name }));
  }

  const found = await charging().findCharge(request());
  const elsewhere = await charging().findCharge(request({ customer: 'cus_grace' }));

  expect(found).toEqual({ outcome: 'SUCCEEDED', reference: stripe.intents[0]?.id });
  expect(elsewhere).toBeUndefined();
});

test('the same key with another charge is nothing that is known', async () => {
  await charging().charge(request());

  const other = await charging().charge(request({ amount: amount('9.99') }));

  expect(other).toEqual({ outcome: 'UNKNOWN', reason: 'KEY_REUSED', retryAfterSeconds: 0 });
  expect(stripe.intents).toHaveLength(1);
});

test('a refund goes back once under its key, and is found', async () => {
  const first = await charging().refund(refund());
  const again = await charging().refund(refund());

  const [made] = stripe.refunds;
  expect(made).toMatchObject({ amount: 2345, payment_intent: 'pi_1', status: 'succeeded' });
  expect([first, again, await charging().findRefund(refund())]).toEqual(
    Array.from({ length: 3 }, () => ({ outcome: 'SUCCEEDED', reference: made?.id })),
  );
  expect(await charging().findRefund(refund({ chargeId: 'another' }))).toBeUndefined();
  expect(stripe.refunds).toHaveLength(1);
});

test('an answer that is none is unknown, and no answer and no error tells the secret', async () => {
  const huge = `{"id":"${'x'.repeat(2_100_000)}"}`;
  const told: unknown[] = [];
  for (const text of ['<html>', '[]', '{}', '{"id":5,"status":"succeeded"}', huge]) {
    const bad = await startBadServer(answering(text));
    told.push(await stripeCharging({ url: bad.url, secretKey: STRIPE_KEY }).charge(request()));
    await bad.stop();
  }
  const redirecting = await startBadServer((response) => {
    response.writeHead(302, { location: stripe.url }).end();
  });
  told.push(await stripeCharging({ url: redirecting.url, secretKey: STRIPE_KEY }).charge(request()));
  await redirecting.stop();
  told.push(await stripeCharging({ url: redirecting.url, secretKey: STRIPE_KEY }).charge(request()));

  expect(told.map((answer) => (answer as { outcome: string }).outcome)).toEqual(Array(7).fill('UNKNOWN'));
  expect(JSON.stringify(told)).not.toContain('sk_test');
  expect(stripe.asked).toEqual([]);
});

const counted: readonly (readonly [string, string, string | undefined])[] = [
  ['USD', '123.45', '12345'],
  ['USD', '0', '0'],
  ['USD', '0.005', undefined],
  ['JPY', '5000', '5000'],
  ['JPY', '0.5', undefined],
  ['KWD', '1.23', '1230'],
  ['KWD', '1.234', undefined],
  ['ISK', '500', '50000'],
  ['ISK', '500.5', undefined],
  ['MGA', '1000', '1000'],
  ['USD', '-1', undefined],
  ['USD', '999999999999999.99', '99999999999999999'],
];
test.each(counted)('%s %s are %s units at Stripe', async (currency, text, units) => {
  expect(toStripe(amount(text), currency)).toBe(units);
  if (units !== undefined && Number.isSafeInteger(Number(units)))
    expect(fromStripe(Number(units), currency)).toBe(text);
});

test('an amount that Stripe cannot count is declined before anybody is asked', async () => {
  const answer = await charging().charge(request({ amount: amount('1.234'), currency: 'KWD' }));

  expect(answer).toMatchObject({ outcome: 'DECLINED', code: 'amount_not_chargeable' });
  expect(stripe.asked).toEqual([]);
});
