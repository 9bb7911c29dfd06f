import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventsOf, invoiceOf } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  inboundOf,
  intent,
  knock,
  newIntent,
  OPEN,
  type Signed,
  type Signing,
  STRIPE_SECRET,
  signedByStandard,
  signedByStripe,
  signedText,
  standing,
  stripeEvent,
} from '../support/inbound.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer({ environment: { ...OPEN, LG_RATE_FORGED_PER_MINUTE: '0' } });
  shop = await openShop(server);
});
afterAll(() => server.stop());

const invoice = () => invoiceOf(server, shop.admin, { customerId: shop.customerId });

/** A payment by Stripe of a new invoice, signed. */
async function payment(signing: Signing = {}) {
  const { id } = await invoice();
  const eventId = `evt_${randomUUID()}`;
  const event = stripeEvent('payment_intent.succeeded', intent(newIntent(), id), eventId);
  return { invoiceId: id, eventId, event, signed: signedByStripe(server, event, signing) };
}

describe('a webhook that is signed and in time', () => {
  test('is stored with 200 before anything is done, and then pays its invoice', async () => {
    const { invoiceId, eventId, signed } = await payment();

    const answer = await knock(server, 'stripe', signed);

    expect([answer.status, answer.body]).toEqual([200, { received: true }]);
    expect(await standing(server, invoiceId)).toEqual(['PENDING', '0', '0']);
    expect(await inboundOf(server, eventId)).toMatchObject([
      { status: 'RECEIVED', attempts: 0, tenant_id: null, event_type: 'payment_intent.succeeded' },
    ]);

    await server.jobs.drain();

    expect(await standing(server, invoiceId)).toEqual(['PAID', '100', '0']);
    expect(await inboundOf(server, eventId)).toMatchObject([
      {
        ...{ status: 'PROCESSED', reason: null, attempts: 1, next_attempt_at: null },
        ...{ tenant_id: shop.admin.tenant_id, invoice_id: invoiceId },
      },
    ]);
    expect(await eventsOf(server, { id: invoiceId })).toEqual(['invoice.created', 'invoice.paid']);
  });

  test('counts once when it comes 50 times at once, and each time is answered 200', async () => {
    const { invoiceId, eventId, signed } = await payment();

    const answers = await Promise.all(Array.from({ length: 50 }, () => knock(server, 'stripe', signed)));
    await server.jobs.drain();
    const later = await knock(server, 'stripe', signed);
    await server.jobs.drain();

    expect([...answers, later].map(({ status }) => status)).toEqual(Array(51).fill(200));
    expect(await inboundOf(server, eventId)).toHaveLength(1);
    expect(await standing(server, invoiceId)).toEqual(['PAID', '100', '0']);
    expect(await server.count('payments', `invoice_id = '${invoiceId}'`)).toBe(1);
    expect(await eventsOf(server, { id: invoiceId })).toEqual(['invoice.created', 'invoice.paid']);
  });

  test('is taken by any of several secrets, and by any of several signatures', async () => {
    const rotating = await startTestServer({
      beside: server,
      environment: { LG_STRIPE_WEBHOOK_SECRET: `whsec_next_0123456789abcdef,${STRIPE_SECRET}` },
    });
    const { event, signed } = await payment();
    const other = signedByStripe(server, event, { secret: 'whsec_next_0123456789abcdef' });
    const both = `${other.headers['stripe-signature']},${signed.headers['stripe-signature']?.split(',')[1]}`;

    const answers = [
      await knock(rotating, 'stripe', signed),
      await knock(rotating, 'stripe', other),
      await knock(server, 'stripe', { ...signed, headers: { 'stripe-signature': both } }),
      await knock(server, 'stripe', other),
    ];
    await rotating.stop();

    expect(answers.map(({ status, code }) => code ?? status)).toEqual([
      200,
      200,
      200,
      'WEBHOOK_SIGNATURE_INVALID',
    ]);
  });

  test('is taken up to five minutes away from our clock, in both directions', async () => {
    const ages = [-301, -300, 300, 301];
    const answers = [];
    for (const ahead of ages) {
      answers.push(await knock(server, 'stripe', (await payment({ ahead })).signed));
      answers.push(await knock(server, 'billing', signedByStandard(server, { type: 'x' }, { ahead })));
    }

    const late = 'WEBHOOK_TIMESTAMP_INVALID';
    expect(answers.map(({ status, code }) => code ?? status)).toEqual([
      late,
      late,
      200,
      200,
      200,
      200,
      late,
      late,
    ]);
  });
});

/** Every way to change what was signed, each by itself. */
function forgeries({ body, headers }: Signed, header: string): Readonly<Record<string, Signed>> {
  const value = headers[header] ?? '';
  const swapped = (text: string, at: number): string =>
    `${text.slice(0, at)}${text[at] === 'a' ? 'b' : 'a'}${text.slice(at + 1)}`;
  const withHeader = (text: string | undefined): Signed => {
    const { [header]: _, ...rest } = headers;
    return { body, headers: text === undefined ? rest : { ...rest, [header]: text } };
  };
  return {
    'one byte of the body': { headers, body: body.replace('10000', '10001').replace('"x"', '"y"') },
    'a space behind the body': { headers, body: `${body} ` },
    'no header': withHeader(undefined),
    'an empty header': withHeader(''),
    'its last letters': withHeader(swapped(value, value.length - 3)),
    'half of it': withHeader(value.slice(0, value.length - 10)),
    'something else altogether': withHeader('t=1,v1=zz'),
  };
}

describe('a webhook that is forged', () => {
  test.each(['stripe', 'billing'])(
    'to %s is refused whatever of it was changed, and stores nothing',
    async (door) => {
      const signed =
        door === 'stripe' ? (await payment()).signed : signedByStandard(server, { type: 'x', data: {} });
      const header = door === 'stripe' ? 'stripe-signature' : 'webhook-signature';
      const before = await server.count('inbound_webhooks');

      const answers = [];
      for (const [name, forged] of Object.entries(forgeries(signed, header))) {
        answers.push([name, (await knock(server, door, forged)).code]);
      }

      expect(answers).toEqual(answers.map(([name]) => [name, 'WEBHOOK_SIGNATURE_INVALID']));
      expect(await server.count('inbound_webhooks')).toBe(before);
      expect((await knock(server, door, signed)).status).toBe(200);
    },
  );

  test('by its time or its id is refused: both are signed', async () => {
    const signed = signedByStandard(server, { type: 'x' });
    const stripes = (await payment()).signed;
    const moved = stripes.headers['stripe-signature']?.replace(
      /t=(\d+)/,
      (_, time) => `t=${Number(time) + 1}`,
    );

    const codes = [
      await knock(server, 'billing', {
        ...signed,
        headers: { ...signed.headers, 'webhook-id': 'msg_other' },
      }),
      await knock(server, 'billing', {
        ...signed,
        headers: {
          ...signed.headers,
          'webhook-timestamp': `${Number(signed.headers['webhook-timestamp']) + 1}`,
        },
      }),
      await knock(server, 'stripe', { ...stripes, headers: { 'stripe-signature': moved ?? '' } }),
    ].map(({ code }) => code);

    expect(codes).toEqual(Array(3).fill('WEBHOOK_SIGNATURE_INVALID'));
  });

  test('is answered with 400 and told in the log once a minute, with how many there were', async () => {
    const { signed } = await payment({ secret: 'whsec_somebody_elses_0123456789' });
    // What earlier tests have counted is told, and forgotten.
    for (const _ of [1, 2]) {
      server.pass(3_600_000);
      server.machinery.security.look();
      await server.machinery.drain.idle();
    }
    const told = () => server.logged.filter((line) => line.includes('POST /webhooks/stripe')).length;
    const before = told();

    const answers = await Promise.all(Array.from({ length: 20 }, () => knock(server, 'stripe', signed)));
    await server.machinery.drain.idle();

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(400));
    expect(told() - before).toBe(1);
    expect(server.logged.join('')).not.toContain('somebody_elses');
  });

  test('is counted where it comes from, and shuts nobody out who is right', async () => {
    const strict = await startTestServer({
      beside: server,
      environment: { ...OPEN, LG_RATE_FORGED_PER_MINUTE: '5' },
    });
    strict.now = server.now;
    const { signed, event } = await payment();
    const forged = signedByStripe(server, event, { secret: 'whsec_somebody_elses_0123456789' });

    const wrong = [];
    for (let count = 0; count < 7; count += 1) wrong.push(await knock(strict, 'stripe', forged));
    const right = await knock(strict, 'stripe', signed);
    const elsewhere = await knock(strict, 'stripe', forged, '198.51.100.9');
    await strict.stop();

    expect(wrong.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400, 429, 429]);
    expect([right.status, elsewhere.status]).toEqual([200, 400]);
  });
});

describe('a body', () => {
  test.each([
    ['that is no JSON', 'hello'],
    ['that is a list', '[]'],
    ['without an id', '{"type":"x"}'],
    ['in which a member stands twice', '{"id":"evt_1","type":"x","data":{"object":{"amount":1,"amount":2}}}'],
    ['in which a member stands twice in other letters', '{"id":"evt_1","type":"x","\\u0069d":"evt_2"}'],
    ['that is nested without end', `{"id":"evt_1","type":"x","a":${'['.repeat(9_000)}${']'.repeat(9_000)}}`],
  ])('%s is refused though it is signed', async (_, body) => {
    const before = await server.count('inbound_webhooks');

    const answer = await knock(server, 'stripe', signedText(server, body));

    expect([answer.status, answer.code]).toEqual([400, 'WEBHOOK_UNREADABLE']);
    expect(await server.count('inbound_webhooks')).toBe(before);
  });

  test('with colons and quotes in its texts is read as it is', async () => {
    const id = `evt_${randomUUID()}`;
    const answer = await knock(
      server,
      'stripe',
      signedByStripe(server, { id, type: 'x', text: 'a:"b":{\\"c\\":1}', list: [{ a: 1 }, { a: 2 }] }),
    );

    expect(answer.status).toBe(200);
  });

  test('that is too long, or of another media type, is refused before it is looked at', async () => {
    const long = await knock(
      server,
      'stripe',
      signedByStripe(server, { id: 'x'.repeat(300_000), type: 'x' }),
    );
    const { signed } = await payment();
    const typed = await knock(server, 'stripe', {
      ...signed,
      headers: { ...signed.headers, 'content-type': 'text/plain' },
    });

    expect([long.status, typed.status]).toEqual([413, 415]);
  });

  test('is not to be had at a door that nobody has opened', async () => {
    const closed = await knock(server, 'paypal', { body: '{}', headers: {} });
    const other = await knock(server, 'square', { body: '{}', headers: {} });

    expect([closed.status, other.status]).toEqual([404, 404]);
  });
});
