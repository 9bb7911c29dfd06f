import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { PaymentStatus } from '../billing/model/invoice.js';
import { scopeOf } from '../core/actor.js';
import type { CustomerId, InvoiceId, LicenseId, OrderId } from '../core/id.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
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
  readonly status?: readonly OrderStatus[] | null;
  readonly paymentStatus?: readonly PaymentStatus[] | null;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: licenseOrders.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function ordersPage(reading: Reading, filter: OrderFilter, page: PageArguments): Promise<Page<Order>> {
  const { customerId, status, paymentStatus } = filter;
  const where = and(
    orderScope(reading),
    customerId ? eq(licenseOrders.customerId, customerId) : undefined,
    status ? anyOf(licenseOrders.status, status) : undefined,
    paymentStatus ? anyOf(licenseOrders.paymentStatus, paymentStatus) : undefined,
  );
  return pageOf(reading.db, licenseOrders, { where, sorting: newestFirst, page });
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
