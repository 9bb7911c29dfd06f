import { and, count, eq, gte, isNull, lte, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading, Work } from '../../core/work.js';
import type { DeliveryStatus, WebhookDeliveryId, WebhookEndpointId } from '../model/webhooks.js';
import {
  type WebhookDelivery,
  type WebhookEndpoint,
  webhookDeliveries,
  webhookEndpoints,
} from '../table/webhooks.js';

/** An endpoint hears of the whole tenant: who is bound to a part of it sees none. */
const isBound = (reading: Reading): boolean => Object.keys(scopeOf(reading.actor)).length > 0;

function endpointScope(reading: Reading): SQL | undefined {
  return and(
    eq(webhookEndpoints.tenantId, reading.tenantId),
    isNull(webhookEndpoints.deletedAt),
    isBound(reading) ? sql`false` : undefined,
  );
}

function deliveryScope(reading: Reading): SQL | undefined {
  return and(eq(webhookDeliveries.tenantId, reading.tenantId), isBound(reading) ? sql`false` : undefined);
}

const newestEndpoints: Sorting = {
  name: 'CREATED_AT',
  by: webhookEndpoints.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

const newestDeliveries: Sorting = { ...newestEndpoints, by: webhookDeliveries.createdAt };

export interface WebhookEndpointFilter {
  readonly enabled?: boolean | null;
}

export function webhookEndpointsPage(
  reading: Reading,
  { enabled }: WebhookEndpointFilter,
  page: PageArguments,
): Promise<Page<WebhookEndpoint>> {
  const wanted = typeof enabled === 'boolean' ? eq(webhookEndpoints.enabled, enabled) : undefined;
  const where = and(endpointScope(reading), wanted);
  return pageOf(reading.db, webhookEndpoints, { where, sorting: newestEndpoints, page });
}

export async function webhookEndpointsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, WebhookEndpoint>> {
  const rows = await reading.db
    .select()
    .from(webhookEndpoints)
    .where(and(endpointScope(reading), anyOf(webhookEndpoints.id, ids)));
  return byKey(rows, (row) => row.id);
}

export interface WebhookDeliveryFilter {
  readonly endpointId?: WebhookEndpointId | null;
  readonly status?: DeliveryStatus | null;
  readonly eventTypes?: readonly string[] | null;
  readonly eventId?: string | null;
  readonly from?: Instant | null;
  readonly to?: Instant | null;
}

export function webhookDeliveriesPage(
  reading: Reading,
  { endpointId, status, eventTypes, eventId, from, to }: WebhookDeliveryFilter,
  page: PageArguments,
): Promise<Page<WebhookDelivery>> {
  const { createdAt, eventType } = webhookDeliveries;
  const where = and(
    deliveryScope(reading),
    endpointId ? eq(webhookDeliveries.endpointId, endpointId) : undefined,
    status ? eq(webhookDeliveries.status, status) : undefined,
    eventTypes ? anyOf(eventType, eventTypes) : undefined,
    eventId ? sql`${webhookDeliveries.eventId} = ${eventId}` : undefined,
    from ? gte(createdAt, from) : undefined,
    to ? lte(createdAt, to) : undefined,
  );
  return pageOf(reading.db, webhookDeliveries, { where, sorting: newestDeliveries, page });
}

export function deliveriesByEndpoint(reading: Reading, owners: readonly string[], page: PageArguments) {
  const owner = webhookDeliveries.endpointId;
  const request = { where: deliveryScope(reading), sorting: newestDeliveries, page, owner, owners };
  return pagesByOwner(reading.db, webhookDeliveries, request, (row) => row.endpointId);
}

export async function lockWebhookEndpoint(
  reading: Reading,
  id: WebhookEndpointId,
): Promise<WebhookEndpoint | undefined> {
  const [row] = await reading.db
    .select()
    .from(webhookEndpoints)
    .where(and(endpointScope(reading), eq(webhookEndpoints.id, id)))
    .for('no key update');
  return row;
}

export async function lockWebhookDelivery(
  reading: Reading,
  id: WebhookDeliveryId,
): Promise<WebhookDelivery | undefined> {
  const [row] = await reading.db
    .select()
    .from(webhookDeliveries)
    .where(and(deliveryScope(reading), eq(webhookDeliveries.id, id)))
    .for('no key update');
  return row;
}

export async function countWebhookEndpoints(work: Work): Promise<number> {
  const [row] = await work.db
    .select({ count: count() })
    .from(webhookEndpoints)
    .where(and(eq(webhookEndpoints.tenantId, work.tenantId), isNull(webhookEndpoints.deletedAt)));
  return row?.count ?? 0;
}
