import { randomBytes, randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { millis } from '../../src/core/clock.js';
import type { Claims, Json, TestServer } from './server.js';

/** Which talks to nobody: it signs. */
const stripe = new Stripe('sk_test_only_signs');

export const STRIPE_SECRET = 'whsec_test_of_the_deployment_0123456789';
export const BILLING_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** What tests of webhooks in start their server with. */
export const OPEN = {
  LG_STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
  LG_BILLING_WEBHOOK_SECRET: BILLING_SECRET,
};

export interface Signed {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const seconds = (server: TestServer): number => Math.floor(millis(server.now) / 1000);

export interface Signing {
  readonly secret?: string;
  /** Seconds that the sender's clock is ahead. */
  readonly ahead?: number;
  readonly id?: string;
}

/** As Stripe's own package signs. */
export function signedByStripe(server: TestServer, event: object, signing: Signing = {}): Signed {
  return signedText(server, JSON.stringify(event), signing);
}

/** The same for whatever text. */
export function signedText(server: TestServer, body: string, signing: Signing = {}): Signed {
  const { secret = STRIPE_SECRET, ahead = 0 } = signing;
  const timestamp = seconds(server) + ahead;
  const header = stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
  return { body, headers: { 'stripe-signature': header } };
}

/** As the package of Standard Webhooks signs. */
export function signedByStandard(server: TestServer, event: object, signing: Signing = {}): Signed {
  const body = JSON.stringify(event);
  const { secret = BILLING_SECRET, ahead = 0, id = `msg_${randomUUID()}` } = signing;
  const timestamp = seconds(server) + ahead;
  const signature = new Webhook(secret).sign(id, new Date(timestamp * 1000), body);
  const headers = {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature,
  };
  return { body, headers };
}

export interface Answered {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: Json;
}

/** Knocks at the door with what was signed, or with what became of it. */
export async function knock(
  server: TestServer,
  path: string,
  { body, headers }: Signed,
  remoteAddress = '192.0.2.7',
): Promise<Answered> {
  const response = await server.app.inject({
    method: 'POST',
    url: `/webhooks/${path}`,
    headers: { 'content-type': 'application/json', ...headers },
    payload: body,
    remoteAddress,
  });
  const read = response.json<{ errors?: { extensions: { code: string } }[] } & Json>();
  return { status: response.statusCode, code: read.errors?.[0]?.extensions.code, body: read };
}

/** An event of Stripe's, as its API describes them: made long ago, unless something else is said. */
export function stripeEvent(
  type: string,
  object: object,
  id = `evt_${randomUUID()}`,
  created = 1_700_000_000,
): object {
  return {
    id,
    object: 'event',
    api_version: '2026-10-28.endive',
    created,
    type,
    data: { object },
  };
}

export const newIntent = (): string => `pi_${randomBytes(12).toString('hex')}`;

/** A payment that has come: 100 euros for an invoice unless something else is said. */
export function intent(id: string, invoiceId: string | undefined, further: object = {}): object {
  return {
    id,
    object: 'payment_intent',
    amount: 10_000,
    amount_received: 10_000,
    currency: 'eur',
    latest_charge: `ch_${id}`,
    created: 1_700_000_000,
    metadata: invoiceId === undefined ? {} : { invoice_id: invoiceId },
    ...further,
  };
}

/** What the same payment looks like as a charge. */
export function charge(intentId: string, further: object = {}): object {
  return {
    id: `ch_${intentId}`,
    object: 'charge',
    amount: 10_000,
    amount_captured: 10_000,
    amount_refunded: 0,
    captured: true,
    currency: 'eur',
    payment_intent: intentId,
    metadata: {},
    ...further,
  };
}

export function refundObject(id: string, intentId: string, amount: number, further: object = {}): object {
  return {
    id,
    object: 'refund',
    amount,
    currency: 'eur',
    status: 'succeeded',
    payment_intent: intentId,
    charge: `ch_${intentId}`,
    metadata: {},
    ...further,
  };
}

export interface Standing {
  readonly payment_status: string;
  readonly amount_paid: string;
  readonly amount_refunded: string;
}

/** How an invoice stands: status, what was paid and what was paid back. */
export async function standing(server: TestServer, id: string): Promise<readonly string[]> {
  const [row] = await server.sql<Standing[]>`
    select payment_status, amount_paid::float::text as amount_paid, amount_refunded::float::text as amount_refunded
    from invoices where id = ${id}`;
  return row === undefined ? [] : [row.payment_status, row.amount_paid, row.amount_refunded];
}

/** What became of the webhooks of these events, by the processor's names of them. */
export async function inboundOf(server: TestServer, eventId: string): Promise<Json[]> {
  return server.sql<Json[]>`
    select status, reason, tenant_id, invoice_id, attempts, next_attempt_at, event_type from inbound_webhooks
    where event_id = ${eventId}`;
}

const WEBHOOK = `id processor eventId eventType status reason invoiceId attempts nextAttemptAt receivedAt processedAt
  endpointId endpoint { id }`;

/** What a caller sees of what came, the newest first. */
export async function webhooksSeen(server: TestServer, as: Claims, filter: object = {}): Promise<Json[]> {
  const query = `query ($filter: InboundWebhookFilter) {
    inboundWebhooks(first: 100, filter: $filter) { nodes { ${WEBHOOK} } } }`;
  const nodes = (await server.ok(query, { filter }, as)).inboundWebhooks?.nodes;
  return Array.isArray(nodes) ? nodes : [];
}

/** Sends events of Stripe's one after the other, each settled before the next one comes; the names of them. */
export async function sendsStripe(
  server: TestServer,
  ...events: readonly (readonly [type: string, object: object])[]
): Promise<string[]> {
  const ids: string[] = [];
  for (const [type, object] of events) {
    const id = `evt_${randomUUID()}`;
    ids.push(id);
    const answer = await knock(server, 'stripe', signedByStripe(server, stripeEvent(type, object, id)));
    if (answer.status !== 200) throw new Error(`${type} was answered ${answer.status}`);
    await server.jobs.drain();
  }
  return ids;
}

/** Status and reason of the event's webhook. */
export async function becameOfEvent(server: TestServer, eventId: string): Promise<readonly unknown[]> {
  const [row] = await inboundOf(server, eventId);
  return [row?.status, row?.reason];
}
