import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addDays } from '../../src/core/clock.js';
import type { RefusalCode } from '../../src/core/refusal.js';
import { mutation } from '../support/acts.js';
import { invoiceOf } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import {
  becameOfEvent,
  intent,
  knock,
  newIntent,
  OPEN,
  sendsStripe,
  signedByStripe,
  standing,
  stripeEvent,
  webhooksSeen,
} from '../support/inbound.js';
import { type Claims, type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
let operator: Claims;
beforeAll(async () => {
  server = await startTestServer({ environment: OPEN });
  shop = await openShop(server);
  operator = { tenant_id: (await server.tenant()).tenant_id, sub: 'olga', roles: ['operator'] };
});
beforeEach(() => {
  server.now = START;
});
afterAll(() => server.stop());

const bill = () => invoiceOf(server, shop.admin, { customerId: shop.customerId });
const WEBHOOK = 'id eventId status reason closedBy closeNote';

/** A payment that names no invoice of ours: the name of its event, and the id of its webhook. */
async function unclaimed(): Promise<{ readonly eventId: string; readonly webhookId: string }> {
  const [eventId = ''] = await sendsStripe(server, [
    'payment_intent.succeeded',
    intent(newIntent(), undefined),
  ]);
  const [row] = await server.sql`select id from inbound_webhooks where event_id = ${eventId}`;
  return { eventId, webhookId: String(row?.id) };
}

async function seen(selection = WEBHOOK): Promise<Json[]> {
  const query = `{ unclaimedWebhooks(first: 100) { nodes { ${selection} } } }`;
  const { nodes } = (await server.ok(query, {}, operator)).unclaimedWebhooks ?? {};
  return Array.isArray(nodes) ? nodes : [];
}

const act = (name: string, input: object, as: Claims = operator) =>
  server.graphql(mutation(name, `webhook { ${WEBHOOK} }`), { input }, as);

/** Refused with this code, and all that came is as it was. */
async function refusedAct(
  code: RefusalCode,
  name: string,
  input: object,
  as: Claims = operator,
): Promise<void> {
  const content = () =>
    server.sql`select md5(string_agg(w::text, '' order by id)) as content from inbound_webhooks w`;
  const before = await content();
  expect((await act(name, input, as)).code).toBe(code);
  expect(await content()).toEqual(before);
}

describe('what came to the deployment and found no tenant', () => {
  test('an operator sees, with what it said, and nobody inside a tenant', async () => {
    const { eventId, webhookId } = await unclaimed();

    const shown = (await seen(`${WEBHOOK} body`)).find(({ id }) => String(id) === webhookId);

    expect(shown).toMatchObject({ eventId, status: 'UNMATCHED', reason: 'UNKNOWN_INVOICE' });
    expect(String(shown?.body)).toContain(eventId);
    expect((await webhooksSeen(server, shop.admin)).map((each) => each.eventId)).not.toContain(eventId);
    const asked = await server.graphql('{ unclaimedWebhooks { nodes { id } } }', {}, shop.admin);
    expect(asked.code).toBe('FORBIDDEN');
    const others = await server.graphql('{ inboundWebhooks { nodes { id } } }', {}, operator);
    expect(others.code).toBe('FORBIDDEN');
  });

  test('is given to the invoice that an operator names, and counts once, however often he does', async () => {
    const invoice = await bill();
    const { eventId, webhookId } = await unclaimed();
    const input = { webhookId, invoiceId: invoice.id };

    const answers = await Promise.all(Array.from({ length: 10 }, () => act('assignUnclaimedWebhook', input)));
    await server.jobs.drain();

    expect(answers.filter(({ code }) => code === undefined)).toHaveLength(1);
    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
    expect((await seen()).map((each) => each.eventId)).not.toContain(eventId);
    const [own] = (await webhooksSeen(server, shop.admin)).filter((each) => String(each.eventId) === eventId);
    expect(own).toMatchObject({ status: 'PROCESSED', invoiceId: invoice.id });
    const told =
      await server.sql`select tenant_id, event_data ->> 'invoice_id' as invoice from license_event_logs
      where event_type = 'inbound_webhook.assigned' and subject_id = ${webhookId}`;
    expect(told.map((row) => [row.tenant_id, row.invoice])).toEqual([[operator.tenant_id, invoice.id]]);
    await refusedAct('INBOUND_WEBHOOK_NOT_FOUND', 'assignUnclaimedWebhook', input);
  });

  test('and cannot be given to its tenant, try after try, is the operator’s again, and counts once in the end', async () => {
    const invoice = await bill();
    const { eventId, webhookId } = await unclaimed();
    const input = { webhookId, invoiceId: invoice.id };
    const broken = server.sql.unsafe(`'${webhookId}'`);
    await server.sql`alter table inbound_webhooks add constraint broken check (id <> ${broken} or tenant_id is null) not valid`;

    await act('assignUnclaimedWebhook', input);
    await server.jobs.drain();
    const waiting = (await seen(`${WEBHOOK} assignedTo`)).find((each) => String(each.eventId) === eventId);
    for (let tries = 0; tries < 10; tries += 1) {
      server.now = addDays(server.now, 1);
      await server.jobs.run('inbound_webhook.retry');
    }
    const given = (await seen(`${WEBHOOK} assignedTo`)).find((each) => String(each.eventId) === eventId);
    await server.sql`alter table inbound_webhooks drop constraint broken`;
    const again = await act('assignUnclaimedWebhook', input);
    await server.jobs.drain();

    expect(waiting).toMatchObject({ status: 'RECEIVED', assignedTo: invoice.id });
    expect(given).toMatchObject({
      status: 'FAILED',
      reason: 'PROCESSING_FAILED',
      assignedTo: invoice.id,
    });
    expect(again.errors).toEqual([]);
    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
    expect(await becameOfEvent(server, eventId)).toEqual(['PROCESSED', null]);
  });

  test('is found by the sweep when the job behind its assignment is lost', async () => {
    const invoice = await bill();
    const { webhookId } = await unclaimed();

    await act('assignUnclaimedWebhook', { webhookId, invoiceId: invoice.id });
    await server.sql`delete from graphile_worker._private_jobs`;
    server.pass(60_000);
    await server.jobs.run('inbound_webhook.retry');

    expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
  });

  test('is not given to an invoice that nobody has, nor once what it said is gone', async () => {
    const invoice = await bill();
    const { webhookId } = await unclaimed();

    const nobodys = { webhookId, invoiceId: '00000000-0000-4000-8000-000000000000' };
    await refusedAct('INVOICE_NOT_FOUND', 'assignUnclaimedWebhook', nobodys);
    await server.sql`delete from inbound_bodies where webhook_id = ${webhookId}`;
    await refusedAct('INBOUND_WEBHOOK_ERASED', 'assignUnclaimedWebhook', {
      webhookId,
      invoiceId: invoice.id,
    });
  });

  test('is closed with a word about it, once, and matched no more', async () => {
    const { webhookId } = await unclaimed();

    const closed = await act('closeUnclaimedWebhook', { webhookId, note: 'Another shop of ours' });
    const again = await act('closeUnclaimedWebhook', { webhookId, note: 'Twice' });

    expect(closed.data?.closeUnclaimedWebhook?.webhook).toMatchObject({
      status: 'CLOSED',
      closedBy: 'olga',
      closeNote: 'Another shop of ours',
    });
    expect(again.data).toEqual(closed.data);
    const input = { webhookId, invoiceId: (await bill()).id };
    await refusedAct('INVALID_TRANSITION', 'assignUnclaimedWebhook', input);
  });
});

describe('what came for a tenant and had no effect', () => {
  test("is closed by the tenant's people alone; what was done, and what is another's, is not", async () => {
    const invoice = await bill();
    const dollars = intent(newIntent(), invoice.id, { currency: 'usd' });
    const [aside = '', done = ''] = await sendsStripe(
      server,
      ['payment_intent.succeeded', dollars],
      ['payment_intent.succeeded', intent(newIntent(), invoice.id)],
    );
    const idOf = async (eventId: string) =>
      String((await server.sql`select id from inbound_webhooks where event_id = ${eventId}`)[0]?.id);
    const other = await openShop(server);
    const input = { webhookId: await idOf(aside), note: 'Paid back by hand' };

    await refusedAct('INBOUND_WEBHOOK_NOT_FOUND', 'closeInboundWebhook', input, other.admin);
    await refusedAct('INBOUND_WEBHOOK_NOT_FOUND', 'closeUnclaimedWebhook', input);
    await refusedAct('FORBIDDEN', 'closeInboundWebhook', input, operator);
    const wrong = { webhookId: await idOf(done), note: 'x' };
    await refusedAct('INVALID_TRANSITION', 'closeInboundWebhook', wrong, shop.admin);
    const nobodys = { webhookId: (await unclaimed()).webhookId, note: 'x' };
    await refusedAct('INBOUND_WEBHOOK_NOT_FOUND', 'closeInboundWebhook', nobodys, shop.admin);
    const closed = await act('closeInboundWebhook', input, shop.admin);

    expect(closed.data?.closeInboundWebhook?.webhook).toMatchObject({
      status: 'CLOSED',
      reason: 'CURRENCY_MISMATCH',
    });
  });
});

test('400 days after it was done with an event is forgotten, and told again it counts once; what waits for a person stays', async () => {
  const invoice = await bill();
  const paid = intent(newIntent(), invoice.id);
  const [done = ''] = await sendsStripe(server, ['payment_intent.succeeded', paid]);
  const [waiting, closed] = [await unclaimed(), await unclaimed()];
  await act('closeUnclaimedWebhook', { webhookId: closed.webhookId, note: 'x' });

  server.now = addDays(START, 399);
  await server.jobs.run('inbound_webhook.forget');
  const before = await Promise.all(
    [done, waiting.eventId, closed.eventId].map((id) => becameOfEvent(server, id)),
  );
  server.now = addDays(START, 401);
  await server.jobs.run('inbound_webhook.forget');
  const after = await Promise.all(
    [done, waiting.eventId, closed.eventId].map((id) => becameOfEvent(server, id)),
  );
  await knock(server, 'stripe', signedByStripe(server, stripeEvent('payment_intent.succeeded', paid, done)));
  await server.jobs.drain();

  expect(before.map(([status]) => status)).toEqual(['PROCESSED', 'UNMATCHED', 'CLOSED']);
  expect(after.map(([status]) => status)).toEqual([undefined, 'UNMATCHED', undefined]);
  expect(await standing(server, invoice.id)).toEqual(['PAID', '100', '0']);
});
