import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { invoiceOf, priceOfOne } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  becameOfEvent,
  inboundOf,
  intent,
  knock,
  newIntent,
  OPEN,
  sendsStripe,
  signedByStripe,
  standing,
  stripeEvent,
} from '../support/inbound.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: OPEN });
  shop = await openShop(server);
});
afterAll(() => server.stop());

const bill = (total = '100', currency = 'EUR') =>
  invoiceOf(server, shop.admin, {
    customerId: shop.customerId,
    price: { ...priceOfOne(total), currency },
  });

const sends = (...events: readonly (readonly [type: string, object: object])[]) =>
  sendsStripe(server, ...events);
const becameOf = (eventId: string) => becameOfEvent(server, eventId);

describe('money that does not fit', () => {
  test('by its currency is set aside and told, and pays nothing', async () => {
    const invoice = await bill();

    const [id = ''] = await sends([
      'payment_intent.succeeded',
      intent(newIntent(), invoice.id, { currency: 'usd' }),
    ]);

    expect(await becameOf(id)).toEqual(['FAILED', 'CURRENCY_MISMATCH']);
    expect(await standing(server, invoice.id)).toEqual(['PENDING', '0', '0']);
    const [event] = await server.sql`select event_data as data from license_event_logs
      where tenant_id = ${shop.admin.tenant_id} and event_type = 'inbound_webhook.set_aside' order by id desc limit 1`;
    expect(event?.data).toMatchObject({
      ...{ reason: 'CURRENCY_MISMATCH', processor: 'STRIPE', amount: '100', currency: 'USD' },
      ...{ invoice_id: invoice.id, invoice_number: invoice.number },
    });
  });

  test('by its name, which was told for another invoice, is set aside and pays neither twice', async () => {
    const [one, other] = [await bill(), await bill()];
    const name = newIntent();

    const [first = '', second = ''] = await sends(
      ['payment_intent.succeeded', intent(name, one.id)],
      ['payment_intent.succeeded', intent(name, other.id)],
    );

    expect(await becameOf(first)).toEqual(['PROCESSED', null]);
    expect(await becameOf(second)).toEqual(['FAILED', 'REFERENCE_TAKEN']);
    expect(await standing(server, one.id)).toEqual(['PAID', '100', '0']);
    expect(await standing(server, other.id)).toEqual(['PENDING', '0', '0']);
  });

  test.each([
    ['JPY', '1000', 1_000],
    ['KWD', '10.5', 10_500],
    ['EUR', '10.5', 1_050],
    ['ISK', '1000', 100_000],
    ['CLF', '12.34', 1_234],
  ])('is read in the smallest units of %s', async (currency, total, units) => {
    const invoice = await bill(total, currency);

    await sends([
      'payment_intent.succeeded',
      intent(newIntent(), invoice.id, { currency: currency.toLowerCase(), amount_received: units }),
    ]);

    expect(await standing(server, invoice.id)).toEqual(['PAID', total, '0']);
  });

  test.each([
    ['a part', 9_999, ['PARTIAL', '99.99', '0']],
    ['too much', 10_001, ['PAID', '100.01', '0']],
  ])('%s is what it is', async (_, units, expected) => {
    const invoice = await bill();

    await sends(['payment_intent.succeeded', intent(newIntent(), invoice.id, { amount_received: units })]);

    expect(await standing(server, invoice.id)).toEqual(expected);
  });

  test.each([
    ['text', { amount_received: '10000' }],
    ['a fraction', { amount_received: 1.5 }],
    ['nothing', { amount_received: 0 }],
    ['less than nothing', { amount_received: -100 }],
    ['no currency', { currency: null }],
  ])('because it is %s, is set aside', async (_, further) => {
    const invoice = await bill();

    const [id = ''] = await sends(['payment_intent.succeeded', intent(newIntent(), invoice.id, further)]);

    expect(await becameOf(id)).toEqual(['FAILED', 'UNREADABLE']);
    expect(await standing(server, invoice.id)).toEqual(['PENDING', '0', '0']);
  });
});

describe('an event that cannot be processed', () => {
  test('is tried again over two days and then set aside, and may be tried once more', async () => {
    const invoice = await bill();
    const pi = newIntent();
    await server.sql.unsafe(`create function fails() returns trigger language plpgsql as
      $$ begin raise exception 'no payment today'; end $$;
      create trigger fails before insert on payments for each row when (new.reference = '${pi}') execute function fails()`);

    const [id = ''] = await sends(['payment_intent.succeeded', intent(pi, invoice.id)]);
    const first = await inboundOf(server, id);
    for (let hours = 0; hours < 60; hours += 1) {
      server.pass(3_600_000);
      await server.jobs.run('inbound_webhook.retry');
    }
    const last = await inboundOf(server, id);
    await server.sql.unsafe('drop trigger fails on payments; drop function fails');
    await server.jobs.drain();
    const untouched = await standing(server, invoice.id);
    const [row] = await server.sql`select id from inbound_webhooks where event_id = ${id}`;
    await server.sql`update inbound_webhooks set tenant_id = ${shop.admin.tenant_id} where event_id = ${id}`;
    await server.ok(
      'mutation ($input: RetryInboundWebhookInput!) { retryInboundWebhook(input: $input) { webhook { status } } }',
      { input: { webhookId: row?.id } },
      shop.admin,
    );
    await server.jobs.drain();

    expect(first).toMatchObject([{ status: 'RECEIVED', reason: 'PROCESSING_FAILED', attempts: 1 }]);
    expect(last).toMatchObject([{ status: 'FAILED', reason: 'PROCESSING_FAILED', attempts: 8 }]);
    expect(untouched).toEqual(['PENDING', '0', '0']);
    expect(await becameOf(id)).toEqual(['PROCESSED', null]);
    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
  });

  test('because the process died over it each time, is set aside too', async () => {
    const invoice = await bill();
    const id = `evt_${randomUUID()}`;
    const event = stripeEvent('payment_intent.succeeded', intent(newIntent(), invoice.id), id);
    await knock(server, 'stripe', signedByStripe(server, event));
    // So often it was taken up, and nothing came of it.
    await server.sql`update inbound_webhooks set attempts = 8 where event_id = ${id}`;

    await server.jobs.drain();

    expect(await becameOf(id)).toEqual(['FAILED', 'PROCESSING_FAILED']);
    expect(await standing(server, invoice.id)).toEqual(['PENDING', '0', '0']);
  });
});
