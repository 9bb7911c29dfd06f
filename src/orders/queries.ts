import { and, eq, gte, ilike, lt, type SQL, sql } from 'drizzle-orm';
import { containing } from '../access/queries.js';
import type { PaymentStatus } from '../billing/model/invoice.js';
import { scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { CustomerId, InvoiceId, LicenseId, OrderId, ResellerId, TemplateId } from '../core/id.js';
import { anyOf, byKey, groupBy, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
import { licenseScope } from '../licenses/queries.js';
import { type License, licenses } from '../licenses/table.js';
import type { OrderStatus } from './model.js';
import { licenseOrders, type Order, orderRenewals } from './table.js';

function orderScope(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  return and(
    eq(licenseOrders.tenantId, reading.tenantId),
    customerId === undefined ? undefined : eq(licenseOrders.customerId, customerId),
    resellerId === undefined ? undefined : eq(licenseOrders.resellerId, resellerId),
    licenseId === undefined ? undefined : sql`false`,
  );
}

export async function ordersById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Order>> {
  const rows = await reading.db
    .select()
    .from(licenseOrders)
    .where(and(orderScope(reading), anyOf(licenseOrders.id, ids)));
  return byKey(rows, (row) => row.id);
}

/** Locks an order that is about to change. */
export async function lockOrder(reading: Reading, id: string): Promise<Order | undefined> {
  const [row] = await reading.db
    .select()
    .from(licenseOrders)
    .where(and(orderScope(reading), eq(licenseOrders.id, id as OrderId)))
    .for('no key update');
  return row;
}

/**
 * Locks the order that an invoice is for. Whoever brings the money need not see the order: its invoice led here.
 */
export async function lockOrderOfInvoice(reading: Reading, invoiceId: string): Promise<Order | undefined> {
  const [row] = await reading.db
    .select()
    .from(licenseOrders)
    .where(
      and(eq(licenseOrders.tenantId, reading.tenantId), eq(licenseOrders.invoiceId, invoiceId as InvoiceId)),
    )
    .for('no key update');
  return row;
}

/** The ids of the licenses that an order renews, in the order in which they are locked. */
export async function renewedBy(reading: Reading, orderId: OrderId): Promise<readonly LicenseId[]> {
  const rows = await reading.db
    .select({ licenseId: orderRenewals.licenseId })
    .from(orderRenewals)
    .where(and(eq(orderRenewals.tenantId, reading.tenantId), eq(orderRenewals.orderId, orderId)))
    .orderBy(orderRenewals.licenseId);
  return rows.map(({ licenseId }) => licenseId);
}

export interface OrderFilter {
  readonly customerId?: CustomerId | null;
  readonly resellerId?: ResellerId | null;
  readonly templateId?: TemplateId | null;
  readonly number?: string | null;
  readonly status?: readonly OrderStatus[] | null;
  readonly paymentStatus?: readonly PaymentStatus[] | null;
  readonly createdFrom?: Instant | null;
  readonly createdTo?: Instant | null;
}

function ordersWhere(reading: Reading, filter: OrderFilter): SQL | undefined {
  const { customerId, resellerId, templateId, number, status, paymentStatus, createdFrom, createdTo } =
    filter;
  return and(
    orderScope(reading),
    customerId ? eq(licenseOrders.customerId, customerId) : undefined,
    resellerId ? eq(licenseOrders.resellerId, resellerId) : undefined,
    templateId ? eq(licenseOrders.templateId, templateId) : undefined,
    number ? ilike(licenseOrders.orderNumber, containing(number)) : undefined,
    status ? anyOf(licenseOrders.status, status) : undefined,
    paymentStatus ? anyOf(licenseOrders.paymentStatus, paymentStatus) : undefined,
    createdFrom ? gte(licenseOrders.createdAt, createdFrom) : undefined,
    createdTo ? lt(licenseOrders.createdAt, createdTo) : undefined,
  );
}

export const orderSortFields = {
  CREATED_AT: { by: licenseOrders.createdAt, type: 'timestamptz' },
  ORDER_NUMBER: { by: licenseOrders.orderNumber, type: 'text' },
} as const satisfies Record<string, Pick<Sorting, 'by' | 'type'>>;
export type OrderSortField = keyof typeof orderSortFields;

export interface OrderSort {
  readonly field: OrderSortField;
  readonly direction: 'ASC' | 'DESC';
}

const sortingOf = ({ field, direction }: OrderSort): Sorting => ({
  name: field,
  direction,
  ...orderSortFields[field],
});

const newestFirst: Sorting = sortingOf({ field: 'CREATED_AT', direction: 'DESC' });

export function ordersPage(
  reading: Reading,
  filter: OrderFilter,
  sort: OrderSort | null | undefined,
  page: PageArguments,
): Promise<Page<Order>> {
  const sorting = sort ? sortingOf(sort) : newestFirst;
  return pageOf(reading.db, licenseOrders, { where: ordersWhere(reading, filter), sorting, page });
}

export function ordersByCustomer(reading: Reading, owners: readonly string[], page: PageArguments) {
  const request = {
    where: orderScope(reading),
    sorting: newestFirst,
    page,
    owner: licenseOrders.customerId,
    owners,
  };
  return pagesByOwner(reading.db, licenseOrders, request, (row) => row.customerId);
}

/** The licenses that each order is to renew, or has renewed, as far as the caller sees them. */
export async function renewedLicensesByOrder(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly License[]>> {
  const rows = await reading.db
    .select({ orderId: orderRenewals.orderId, license: licenses })
    .from(orderRenewals)
    .innerJoin(
      licenses,
      and(eq(licenses.tenantId, reading.tenantId), eq(licenses.id, orderRenewals.licenseId)),
    )
    .where(
      and(
        eq(orderRenewals.tenantId, reading.tenantId),
        anyOf(orderRenewals.orderId, ids),
        licenseScope(reading),
      ),
    )
    .orderBy(licenses.id);
  const byOrder = groupBy(rows, ({ orderId }) => orderId as string);
  return new Map(ids.map((id) => [id, (byOrder.get(id) ?? []).map(({ license }) => license)]));
}

export function ordersByReseller(reading: Reading, owners: readonly string[], page: PageArguments) {
  const list = { where: orderScope(reading), sorting: newestFirst, page };
  const request = { ...list, owner: licenseOrders.resellerId, owners };
  return pagesByOwner(reading.db, licenseOrders, request, (row) => row.resellerId);
}

/** The order that each invoice is for. */
export async function ordersByInvoice(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Order>> {
  const rows = await reading.db
    .select()
    .from(licenseOrders)
    .where(and(orderScope(reading), anyOf(licenseOrders.invoiceId, ids)));
  return byKey(rows, (row) => row.invoiceId ?? '');
}
