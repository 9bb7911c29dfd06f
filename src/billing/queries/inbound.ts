import { and, count, eq, gte, isNull, lte, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { TenantId } from '../../core/id.js';
import { anyOf, byKey, pageOf, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading, Work } from '../../core/work.js';
import type {
  InboundProcessor,
  InboundStatus,
  InboundWebhookId,
  PaymentEndpointId,
} from '../model/inbound.js';
import {
  type InboundWebhook,
  inboundWebhooks,
  type PaymentEndpoint,
  paymentEndpoints,
} from '../table/inbound.js';

/** Payments are the whole tenant's: who is bound to a part of it sees none. */
const isBound = (reading: Reading): boolean => Object.keys(scopeOf(reading.actor)).length > 0;

function endpointScope(reading: Reading): SQL | undefined {
  return and(eq(paymentEndpoints.tenantId, reading.tenantId), isBound(reading) ? sql`false` : undefined);
}

function webhookScope(reading: Reading): SQL | undefined {
  return and(eq(inboundWebhooks.tenantId, reading.tenantId), isBound(reading) ? sql`false` : undefined);
}

const newestEndpoints: Sorting = {
  name: 'CREATED_AT',
  by: paymentEndpoints.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

const newestWebhooks: Sorting = { ...newestEndpoints, name: 'RECEIVED_AT', by: inboundWebhooks.receivedAt };

export interface PaymentEndpointFilter {
  readonly processor?: InboundProcessor | null;
  readonly enabled?: boolean | null;
}

export function paymentEndpointsPage(
  reading: Reading,
  { processor, enabled }: PaymentEndpointFilter,
  page: PageArguments,
): Promise<Page<PaymentEndpoint>> {
  const where = and(
    endpointScope(reading),
    processor ? eq(paymentEndpoints.processor, processor) : undefined,
    typeof enabled === 'boolean' ? eq(paymentEndpoints.enabled, enabled) : undefined,
  );
  return pageOf(reading.db, paymentEndpoints, { where, sorting: newestEndpoints, page });
}

export async function paymentEndpointsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PaymentEndpoint>> {
  const rows = await reading.db
    .select()
    .from(paymentEndpoints)
    .where(and(endpointScope(reading), anyOf(paymentEndpoints.id, ids)));
  return byKey(rows, (row) => row.id);
}

export interface InboundWebhookFilter {
  readonly status?: InboundStatus | null;
  readonly processor?: InboundProcessor | null;
  readonly endpointId?: PaymentEndpointId | null;
  readonly invoiceId?: string | null;
  readonly since?: Instant | null;
  readonly until?: Instant | null;
}

export function inboundWebhooksPage(
  reading: Reading,
  { status, processor, endpointId, invoiceId, since, until }: InboundWebhookFilter,
  page: PageArguments,
): Promise<Page<InboundWebhook>> {
  const where = and(
    webhookScope(reading),
    status ? eq(inboundWebhooks.status, status) : undefined,
    processor ? eq(inboundWebhooks.processor, processor) : undefined,
    endpointId ? eq(inboundWebhooks.endpointId, endpointId) : undefined,
    invoiceId ? sql`${inboundWebhooks.invoiceId} = ${invoiceId}` : undefined,
    since ? gte(inboundWebhooks.receivedAt, since) : undefined,
    until ? lte(inboundWebhooks.receivedAt, until) : undefined,
  );
  return pageOf(reading.db, inboundWebhooks, { where, sorting: newestWebhooks, page });
}

export async function inboundWebhooksById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, InboundWebhook>> {
  const rows = await reading.db
    .select()
    .from(inboundWebhooks)
    .where(and(webhookScope(reading), anyOf(inboundWebhooks.id, ids)));
  return byKey(rows, (row) => row.id);
}

export async function lockPaymentEndpoint(
  reading: Reading,
  id: PaymentEndpointId,
): Promise<PaymentEndpoint | undefined> {
  const [row] = await reading.db
    .select()
    .from(paymentEndpoints)
    .where(and(endpointScope(reading), eq(paymentEndpoints.id, id)))
    .for('no key update');
  return row;
}

export async function lockInboundWebhook(
  reading: Reading,
  id: InboundWebhookId,
): Promise<InboundWebhook | undefined> {
  const [row] = await reading.db
    .select()
    .from(inboundWebhooks)
    .where(and(webhookScope(reading), eq(inboundWebhooks.id, id)))
    .for('no key update');
  return row;
}

export interface UnclaimedWebhookFilter {
  readonly status?: InboundStatus | null;
  readonly processor?: InboundProcessor | null;
}

/** What came to an address of the deployment and found no tenant. Row-level security shows it to operators alone. */
export function unclaimedWebhooksPage(
  { db }: Reading,
  { status, processor }: UnclaimedWebhookFilter,
  page: PageArguments,
): Promise<Page<InboundWebhook>> {
  const where = and(
    isNull(inboundWebhooks.tenantId),
    status ? eq(inboundWebhooks.status, status) : undefined,
    processor ? eq(inboundWebhooks.processor, processor) : undefined,
  );
  return pageOf(db, inboundWebhooks, { where, sorting: newestWebhooks, page });
}

export async function lockUnclaimedWebhook(
  db: Db,
  id: InboundWebhookId,
): Promise<InboundWebhook | undefined> {
  const [row] = await db
    .select()
    .from(inboundWebhooks)
    .where(and(isNull(inboundWebhooks.tenantId), eq(inboundWebhooks.id, id)))
    .for('no key update');
  return row;
}

export async function countPaymentEndpoints(work: Work): Promise<number> {
  const [row] = await work.db
    .select({ count: count() })
    .from(paymentEndpoints)
    .where(eq(paymentEndpoints.tenantId, work.tenantId));
  return row?.count ?? 0;
}

/** For the door, which knows no actor. */
export async function findPaymentEndpoint(
  db: Db,
  tenantId: TenantId,
  id: string,
): Promise<PaymentEndpoint | undefined> {
  const [row] = await db
    .select()
    .from(paymentEndpoints)
    .where(and(eq(paymentEndpoints.tenantId, tenantId), sql`${paymentEndpoints.id} = ${id}`));
  return row;
}

/** The account that a tenant's charges go to: of those of a processor that can be charged through, the newest. */
export async function chargedEndpoint(
  reading: Pick<Reading, 'db' | 'tenantId'>,
  processor: InboundProcessor,
): Promise<PaymentEndpoint | undefined> {
  const { tenantId, enabled, apiKey, createdAt, id } = paymentEndpoints;
  const [row] = await reading.db
    .select()
    .from(paymentEndpoints)
    .where(
      and(
        eq(tenantId, reading.tenantId),
        eq(paymentEndpoints.processor, processor),
        enabled,
        sql`${apiKey} is not null`,
      ),
    )
    .orderBy(sql`${createdAt} desc, ${id} desc`)
    .limit(1);
  return row;
}
