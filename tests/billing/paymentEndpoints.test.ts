import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { mutation, refusedAct } from '../support/acts.js';
import { invoiceOf } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  charge,
  inboundOf,
  intent,
  knock,
  newIntent,
  OPEN,
  type Signing,
  signedByStandard,
  signedByStripe,
  standing,
  stripeEvent,
  webhooksSeen,
} from '../support/inbound.js';
import { createPaymentEndpoint, updatePaymentEndpoint } from '../support/paymentEndpoints.js';
import { startTestServer, type TestServer } from '../support/server.js';

const OWN = 'whsec_of_one_tenant_alone_0123456789';

let server: TestServer;
let mine: Shop;
let theirs: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: { ...OPEN, LG_RATE_FORGED_PER_MINUTE: '0' } });
  [mine, theirs] = [await openShop(server), await openShop(server)];
});
afterAll(() => server.stop());

const bill = (shop: Shop) => invoiceOf(server, shop.admin, { customerId: shop.customerId });

const payment = (invoiceId: string | undefined, pi = newIntent()) =>
  stripeEvent('payment_intent.succeeded', intent(pi, invoiceId));

const door = (path: string): string => path.slice('/webhooks/'.length);

describe('an endpoint of a tenant', () => {
  test('takes what its own account signs, and settles invoices of that tenant', async () => {
    const endpoint = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    const { id } = await bill(mine);

    const answer = await knock(
      server,
      door(endpoint.path),
      signedByStripe(server, payment(id), { secret: OWN }),
    );
    await server.jobs.drain();

    expect([answer.status, endpoint.secret, endpoint.path]).toEqual([
      200,
      null,
      `/webhooks/stripe/${endpoint.id}`,
    ]);
    expect(await standing(server, id)).toEqual(['PAID', '100', '0']);
    expect(await webhooksSeen(server, mine.admin, { endpointId: endpoint.id })).toMatchObject([
      { status: 'PROCESSED', invoiceId: id, endpoint: { id: endpoint.id } },
    ]);
    expect(await webhooksSeen(server, theirs.admin)).toEqual([]);
  });

  test("settles no other tenant's invoice, whatever it names", async () => {
    const endpoint = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    const { id } = await bill(theirs);

    await knock(server, door(endpoint.path), signedByStripe(server, payment(id), { secret: OWN }));
    await server.jobs.drain();

    expect(await standing(server, id)).toEqual(['PENDING', '0', '0']);
    expect(await webhooksSeen(server, mine.admin, { status: 'UNMATCHED' })).toMatchObject([
      { reason: 'UNKNOWN_INVOICE', invoiceId: null },
    ]);
  });

  test("takes no name that a payment of another tenant's will have", async () => {
    const endpoint = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    const [own, other] = [await bill(mine), await bill(theirs)];
    const pi = newIntent();
    await knock(server, door(endpoint.path), signedByStripe(server, payment(own.id, pi), { secret: OWN }));
    await server.jobs.drain();

    await knock(server, 'stripe', signedByStripe(server, payment(other.id, pi)));
    await server.jobs.drain();
    // Names the payment alone.
    const back = stripeEvent('charge.refunded', charge(pi, { amount_refunded: 10_000 }));
    await knock(server, 'stripe', signedByStripe(server, back));
    await server.jobs.drain();

    expect(await standing(server, own.id)).toEqual(['PAID', '100', '0']);
    expect(await standing(server, other.id)).toEqual(['REFUNDED', '100', '100']);
  });

  test("has no payment paid back by the deployment's account, which may be another tenant's", async () => {
    const endpoint = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    const [own, other] = [await bill(mine), await bill(theirs)];
    const pi = newIntent();
    await knock(server, 'stripe', signedByStripe(server, payment(other.id, pi)));
    await knock(server, door(endpoint.path), signedByStripe(server, payment(own.id, pi), { secret: OWN }));
    await server.jobs.drain();
    const [row] = await server.sql`select id from payments where invoice_id = ${own.id}`;
    const input = { paymentId: row?.id, reason: 'Goodwill' };

    await refusedAct(server, mine.admin, 'refundPayment', input, 'INVALID_INPUT');
    await server.ok(
      mutation('refundPayment', '__typename'),
      { input: { ...input, paidBack: true } },
      mine.admin,
    );

    expect(await server.sql`select id from charges where invoice_id = ${own.id}`).toEqual([]);
    expect(await standing(server, own.id)).toEqual(['REFUNDED', '100', '100']);
    expect(await standing(server, other.id)).toEqual(['PAID', '100', '0']);
  });

  test('takes nothing that is signed for another door', async () => {
    const first = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    const secret = 'whsec_of_another_endpoint_0123456789';
    const second = await createPaymentEndpoint(server, theirs.admin, { processor: 'STRIPE', secret });
    const { id } = await bill(mine);
    const signed = signedByStripe(server, payment(id), { secret: OWN });

    const answers = [
      await knock(server, door(second.path), signed),
      await knock(server, 'stripe', signed),
      await knock(server, `billing/${first.id}`, signed),
      await knock(server, door(first.path), signedByStripe(server, payment(id))),
    ];

    expect(answers.map(({ code }) => code)).toEqual(Array(4).fill('WEBHOOK_SIGNATURE_INVALID'));
  });

  test('that does not exist, is disabled or is no id answers as a wrong signature does', async () => {
    const endpoint = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    const off = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    await updatePaymentEndpoint(server, mine.admin, { endpointId: off.id, enabled: false });
    const signed = signedByStripe(server, payment(undefined), { secret: OWN });
    const wrong = signedByStripe(server, payment(undefined), { secret: 'whsec_wrong_wrong_wrong_wrong' });

    const answers = [
      await knock(server, door(endpoint.path), wrong),
      await knock(server, door(off.path), signed),
      await knock(server, `stripe/${randomUUID()}`, signed),
      await knock(server, "stripe/x'; select 1", signed),
      await knock(server, `stripe/${'x'.repeat(90)}`, signed),
    ];

    const said = answers.map(({ status, body }) =>
      JSON.stringify([status, body]).replace(/"requestId":"[^"]*"/, ''),
    );
    expect(new Set(said).size).toBe(1);
    expect(answers[0]?.code).toBe('WEBHOOK_SIGNATURE_INVALID');
  });

  test('has forgeries told in the trail of its tenant, once a minute', async () => {
    const shop = await openShop(server);
    const endpoint = await createPaymentEndpoint(server, shop.admin, { processor: 'BILLING' });
    const forged = signedByStandard(server, { type: 'payment.succeeded' });

    for (let count = 0; count < 5; count += 1) await knock(server, door(endpoint.path), forged);
    await server.machinery.drain.idle();

    const rows = await server.sql`select event_data from license_event_logs
      where tenant_id = ${shop.admin.tenant_id} and event_type = 'access.refused'`;
    expect(rows.map(({ event_data }) => event_data)).toEqual([
      { code: 'WEBHOOK_SIGNATURE_INVALID', field: `POST ${endpoint.path}` },
    ]);
  });
});

describe('a secret', () => {
  test('of BILLING is made here and shown once; a rotated one is taken for a day more', async () => {
    const made = await createPaymentEndpoint(server, mine.admin, {
      processor: 'BILLING',
      description: 'Bank',
    });
    const rotated = await updatePaymentEndpoint(server, mine.admin, {
      endpointId: made.id,
      rotateSecret: true,
    });
    const [old, next] = [String(made.secret), String(rotated?.secret)];
    const taken = async (signing: Signing) => {
      const { status } = await knock(
        server,
        door(made.path),
        signedByStandard(server, { type: 'x' }, signing),
      );
      return status;
    };

    const before = [await taken({ secret: old }), await taken({ secret: next })];
    server.pass(DAY_MILLIS);
    const after = [await taken({ secret: old }), await taken({ secret: next })];

    expect([old, next].map((secret) => /^whsec_[A-Za-z0-9+/]{43}=$/.test(secret))).toEqual([true, true]);
    expect(rotated?.endpoint).toMatchObject({ description: 'Bank', oldSecretsUntil: expect.any(String) });
    expect([before, after]).toEqual([
      [200, 200],
      [400, 200],
    ]);
  });

  test('that somebody else knows ends at once', async () => {
    const made = await createPaymentEndpoint(server, mine.admin, { processor: 'STRIPE', secret: OWN });
    const secret = 'whsec_the_next_one_0123456789abc';
    await updatePaymentEndpoint(server, mine.admin, { endpointId: made.id, secret, endOldSecrets: true });

    const answers = [OWN, secret].map((each) =>
      knock(server, door(made.path), signedByStripe(server, payment(undefined), { secret: each })),
    );

    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([400, 200]);
  });

  test('stands nowhere in clear: not in tables, not in the trail, not in the log', async () => {
    const apiKey = `rk_test_${'k'.repeat(30)}`;
    const made = await createPaymentEndpoint(server, mine.admin, {
      processor: 'STRIPE',
      secret: OWN,
      apiKey,
    });
    const billing = await createPaymentEndpoint(server, mine.admin, { processor: 'BILLING' });
    const [stored] = await server.sql`select string_agg(t::text, '') as text from payment_endpoints t`;
    const [trail] = await server.sql`select string_agg(t::text, '') as text from license_event_logs t`;
    const all = `${stored?.text}${trail?.text}${server.logged.join('')}`;

    expect(made.secret).toBeNull();
    for (const secret of [OWN, apiKey, String(billing.secret)]) expect(all).not.toContain(secret);
  });

  test.each([
    ['STRIPE', {}, 'input.secret'],
    ['STRIPE', { secret: 'sk_live_0123456789abcdef' }, 'input.secret'],
    ['PAYPAL', { secret: 'not an id' }, 'input.secret'],
    ['BILLING', { secret: OWN }, 'input.secret'],
    ['BILLING', { apiKey: `sk_test_${'k'.repeat(30)}` }, 'input.apiKey'],
    ['STRIPE', { secret: OWN, apiKey: 'pk_live_0123456789abcdef' }, 'input.apiKey'],
  ])('of %s that does not fit is refused with the field that is wrong', async (processor, further, field) => {
    const error = await refusedAct(
      server,
      mine.admin,
      'createPaymentEndpoint',
      { processor, ...further },
      'INVALID_INPUT',
    );

    expect(error.extensions.fields?.map((each) => each.field)).toEqual([field]);
    expect(error.message).not.toContain('0123456789abcdef');
  });

  test('is one of twenty endpoints at the most, however many are made at once', async () => {
    const { admin } = await openShop(server);
    const act = mutation('createPaymentEndpoint', '__typename');

    const answers = await Promise.all(
      Array.from({ length: 24 }, () => server.graphql(act, { input: { processor: 'BILLING' } }, admin)),
    );

    const codes = answers.map(({ code }) => code ?? 'made').toSorted();
    expect(codes).toEqual([...Array(4).fill('PAYMENT_ENDPOINT_LIMIT_EXCEEDED'), ...Array(20).fill('made')]);
    expect(await server.count('payment_endpoints', `tenant_id = '${admin.tenant_id}'`)).toBe(20);
  });
});

describe('what came', () => {
  test('is seen by its tenant once its invoice is known, and what it said by a permission of its own', async () => {
    const { id } = await bill(mine);
    const event = payment(id);
    await knock(server, 'stripe', signedByStripe(server, event));
    const before = await webhooksSeen(server, mine.admin, { invoiceId: id });
    await server.jobs.drain();
    const [webhook] = await webhooksSeen(server, mine.admin, { invoiceId: id, processor: 'STRIPE' });
    const query = `{ inboundWebhook(id: "${webhook?.id}") { body } }`;

    const shown = await server.ok(query, {}, mine.admin);
    const hidden = await server.graphql(query, {}, { ...mine.admin, roles: ['auditor'] });
    const foreign = await server.ok(query, {}, theirs.admin);

    expect([before, foreign.inboundWebhook]).toEqual([[], null]);
    expect(JSON.parse(String(shown.inboundWebhook?.body))).toEqual(event);
    expect([hidden.code, hidden.data?.inboundWebhook]).toEqual(['FORBIDDEN', { body: null }]);
    const [stored] = await server.sql`select string_agg(body, '') as text from inbound_bodies`;
    expect(stored?.text).not.toContain('payment_intent');
  });

  test('of nobody yet is seen by nobody, in the database too', async () => {
    const eventId = `evt_${randomUUID()}`;
    const event = stripeEvent('payment_intent.succeeded', intent(newIntent(), randomUUID()), eventId);
    await knock(server, 'stripe', signedByStripe(server, event));
    await server.jobs.drain();

    const seen = await server.sql.begin(async (sql) => {
      await sql`set local role lg_app`;
      await sql.unsafe(`set local app.tenant = '${mine.admin.tenant_id}'`);
      const webhooks = await sql`select id from inbound_webhooks where event_id = ${eventId}`;
      const bodies = await sql`select webhook_id from inbound_bodies
        where webhook_id not in (select id from inbound_webhooks)`;
      return [webhooks.length, bodies.length];
    });

    expect(await inboundOf(server, eventId)).toMatchObject([{ status: 'UNMATCHED', tenant_id: null }]);
    expect(seen).toEqual([0, 0]);
  });

  test('and has had its effect is not tried again', async () => {
    const { id } = await bill(mine);
    await knock(server, 'stripe', signedByStripe(server, payment(id)));
    await server.jobs.drain();
    const [webhook] = await webhooksSeen(server, mine.admin, { invoiceId: id });

    const error = await refusedAct(
      server,
      mine.admin,
      'retryInboundWebhook',
      { webhookId: webhook?.id },
      'INVALID_TRANSITION',
    );

    expect(error.extensions).toMatchObject({ from: 'PROCESSED', to: 'RECEIVED' });
  });
});
