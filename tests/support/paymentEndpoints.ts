import { randomUUID } from 'node:crypto';
import { bodyBinding } from '../../src/billing/model/inbound.js';
import { mutation } from './acts.js';
import type { Claims, Json, TestServer } from './server.js';

const ENDPOINT = 'secret endpoint { id processor enabled path charges oldSecretsUntil description }';

export interface MadeEndpoint {
  readonly id: string;
  readonly path: string;
  readonly secret: string | null;
}

export async function createPaymentEndpoint(
  server: TestServer,
  as: Claims,
  input: object,
): Promise<MadeEndpoint> {
  const data = await server.ok(mutation('createPaymentEndpoint', ENDPOINT), { input }, as);
  const made = data.createPaymentEndpoint;
  const secret = typeof made?.secret === 'string' ? made.secret : null;
  return { id: String(made?.endpoint?.id), path: String(made?.endpoint?.path), secret };
}

export async function updatePaymentEndpoint(
  server: TestServer,
  as: Claims,
  input: object,
): Promise<Json | undefined> {
  const data = await server.ok(mutation('updatePaymentEndpoint', ENDPOINT), { input }, as);
  return data.updatePaymentEndpoint;
}

/** What came to the deployment, and is nobody's: of a payment, unless told otherwise. */
export async function insertUnclaimed(server: TestServer, data: object = {}): Promise<string> {
  const id = randomUUID();
  const body = JSON.stringify({ type: 'payment.succeeded', data });
  await server.sql`insert into inbound_webhooks (id, processor, source, event_id, event_type, status, reason, attempts, received_at)
    values (${id}, 'BILLING', 'deployment', ${`msg_${id}`}, 'payment.succeeded', 'UNMATCHED', 'UNKNOWN_INVOICE', 1, ${server.now})`;
  await server.sql`insert into inbound_bodies (webhook_id, body, received_at)
    values (${id}, ${server.machinery.keys.encrypt(body, bodyBinding(id))}, ${server.now})`;
  return id;
}

/** What came is stored by the door: SQL does it here, with an event that was set aside. */
export async function insertInbound(
  server: TestServer,
  { tenant_id }: Claims,
  endpointId: string,
): Promise<string> {
  const id = randomUUID();
  const body = JSON.stringify({ type: 'payment.succeeded', data: {} });
  await server.sql`insert into inbound_webhooks (id, tenant_id, endpoint_id, processor, source, event_id, event_type, status,
      reason, attempts, received_at, processed_at)
    values (${id}, ${tenant_id}, ${endpointId}, 'BILLING', ${endpointId}, ${`msg_${id}`}, 'payment.succeeded', 'FAILED',
      'UNREADABLE', 1, ${server.now}, ${server.now})`;
  await server.sql`insert into inbound_bodies (webhook_id, body, received_at)
    values (${id}, ${server.machinery.keys.encrypt(body, bodyBinding(id))}, ${server.now})`;
  return id;
}
