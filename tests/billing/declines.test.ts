import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nameOfTry, newTry } from '../../src/billing/model/tries.js';
import { eventsOf, invoiceOf } from '../support/billing.js';
import {
  charge,
  intent,
  knock,
  newIntent,
  OPEN,
  sendsStripe,
  signedByStandard,
  standing,
} from '../support/inbound.js';
import { openRenewalShop, openRenewals, renewingLicense } from '../support/renewing.js';
import type { TestServer } from '../support/server.js';
import type { StripeServer } from '../support/stripeServer.js';

let server: TestServer;
let stripe: StripeServer;
let stop: () => Promise<void>;
beforeAll(async () => {
  ({ server, stripe, stop } = await openRenewals(OPEN));
});
afterAll(() => stop());

const bill = async () => invoiceOf(server, (await openRenewalShop(server, { method: null })).admin);
const failures = async (invoice: { readonly id: string }) =>
  (await eventsOf(server, invoice)).filter((type) => type === 'invoice.payment_failed').length;

const declined = (pi: string, invoiceId: string, latest_charge: string | null) =>
  [
    'payment_intent.payment_failed',
    intent(pi, invoiceId, { latest_charge, last_payment_error: { code: 'expired_card' } }),
  ] as const;
const failedCharge = (pi: string, id: string) =>
  ['charge.failed', charge(pi, { id, captured: false, failure_code: 'expired_card' })] as const;

describe('declines under one payment', () => {
  test('are told one by one, each of them once by whatever events, in whatever order', async () => {
    const invoice = await bill();
    const pi = newIntent();

    await sendsStripe(server, declined(pi, invoice.id, 'ch_1'), failedCharge(pi, 'ch_1'));
    const once = await failures(invoice);
    await sendsStripe(server, failedCharge(pi, 'ch_2'), declined(pi, invoice.id, 'ch_2'));
    await sendsStripe(server, declined(pi, invoice.id, 'ch_1'));

    expect([once, await failures(invoice)]).toEqual([1, 2]);
    expect(await standing(server, invoice.id)).toEqual(['FAILED', '0', '0']);
  });

  test('that first came without a name are not told again with it', async () => {
    const invoice = await bill();
    const pi = newIntent();

    await sendsStripe(server, declined(pi, invoice.id, null), declined(pi, invoice.id, 'ch_3'));
    const named = await failures(invoice);
    await sendsStripe(server, declined(pi, invoice.id, null), declined(pi, invoice.id, 'ch_4'));

    expect([named, await failures(invoice)]).toEqual([1, 2]);
  });

  test('of which the bank never heard are told for each event', async () => {
    const invoice = await bill();
    const pi = newIntent();

    await sendsStripe(server, declined(pi, invoice.id, null));
    const once = await failures(invoice);
    await sendsStripe(server, declined(pi, invoice.id, null), declined(pi, invoice.id, null));

    expect([once, await failures(invoice)]).toEqual([1, 3]);
  });

  test.each([
    ['with its name and without', ['ch_a', null]],
    ['without its name and with', [null, 'ch_a']],
    ['twice each, the names first', ['ch_a', 'ch_b', null, null]],
    ['twice each, the names last', [null, null, 'ch_a', 'ch_b']],
    ['twice each, in turn', [null, 'ch_a', null, 'ch_b']],
  ])('that are told of %s count once', async (_, names) => {
    const invoice = await bill();
    const pi = newIntent();

    await sendsStripe(server, ...names.map((name) => declined(pi, invoice.id, name)));

    expect(await failures(invoice)).toBe(names.length / 2);
  });

  test('that a checkout tells of as well are not told again by it', async () => {
    const invoice = await bill();
    const pi = newIntent();
    const session = {
      ...{ id: `cs_${pi}`, object: 'checkout.session', payment_intent: pi, amount_total: 10_000 },
      ...{ currency: 'eur', metadata: { invoice_id: invoice.id } },
    };

    await sendsStripe(server, declined(pi, invoice.id, null), [
      'checkout.session.async_payment_failed',
      session,
    ]);

    expect(await failures(invoice)).toBe(1);
  });

  test('are not told once the payment has come, and take nothing of it away', async () => {
    const invoice = await bill();
    const pi = newIntent();

    await sendsStripe(
      server,
      declined(pi, invoice.id, 'ch_5'),
      ['payment_intent.succeeded', intent(pi, invoice.id)],
      declined(pi, invoice.id, 'ch_6'),
    );

    expect(await failures(invoice)).toBe(1);
    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
  });

  test('of another processor are told for each message, or each attempt that it names', async () => {
    const invoice = await bill();
    const data = { invoiceId: invoice.id, amount: '100', currency: 'EUR', reference: `order ${invoice.id}` };
    const tells = async (further: object, id?: string) => {
      const event = { type: 'payment.failed', data: { ...data, reference: invoice.id, ...further } };
      await knock(server, 'billing', signedByStandard(server, event, id === undefined ? {} : { id }));
      await server.jobs.drain();
      return failures(invoice);
    };

    const told = [
      await tells({}, 'msg_a'),
      await tells({}, 'msg_a'),
      await tells({}, 'msg_b'),
      await tells({ attempt: '1' }, 'msg_c'),
      await tells({ attempt: '1' }, 'msg_d'),
    ];

    expect(told).toEqual([1, 1, 2, 3, 3]);
  });

  test('of a charge of ours are told once by its answer and by the webhook about it', async () => {
    const shop = await openRenewalShop(server);
    const licenseId = await renewingLicense(server, shop);
    stripe.behaviour = () => ({ decline: 'expired_card' });
    await server.jobs.run('license.renew');
    const [invoice] = await server.sql<
      { id: string }[]
    >`select id from invoices where license_id = ${licenseId}`;
    const pi = stripe.intents.at(-1)?.id ?? '';
    const id = invoice?.id ?? '';

    await sendsStripe(server, declined(pi, id, `ch_${pi}`));
    const once = await failures({ id });
    await sendsStripe(server, declined(pi, id, 'ch_again'));

    expect([once, await failures({ id })]).toEqual([1, 2]);
  });
});

test('the name of a try is no longer than a reference may be, and of two tries never the same', () => {
  const long = 'x'.repeat(255);

  expect(nameOfTry('pi_1', 'ch_1')).toBe('pi_1/ch_1');
  expect(nameOfTry(long, 'ch_1')).toHaveLength(255);
  expect(nameOfTry(long, 'ch_1')).not.toBe(nameOfTry(long, 'ch_2'));
});

test.each<readonly [string, readonly string[], object, unknown]>([
  ['the first without any name', [], {}, { enter: 'pi' }],
  ['one that is known without a name', ['pi'], {}, undefined],
  ['one that takes the place of it', ['pi'], { attempt: 'ch' }, { from: 'pi', to: 'pi/ch' }],
  ['an event beside its try', ['pi/ch'], { event: 'evt' }, { from: 'pi/ch', to: 'pi/ch evt' }],
  ['an event of the next try', ['pi/ch evt'], { event: 'evt_2' }, { enter: 'pi/ evt_2' }],
  ['a try of an event', ['pi/ evt'], { attempt: 'ch' }, { from: 'pi/ evt', to: 'pi/ch evt' }],
  ['a try that is known', ['pi/ch evt'], { attempt: 'ch' }, undefined],
  ['an event that is known', ['pi/ch evt'], { event: 'evt' }, undefined],
])('of what was told of the tries of a payment, this is new: %s', (_, names, told, expected) => {
  expect(newTry('pi', names, told)).toEqual(expected);
});
