import { and, eq, inArray, ne, type SQL, sql } from 'drizzle-orm';
import { containing } from '../access/queries.js';
import { scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { CustomerId, InvoiceId, LicenseId, ResellerId } from '../core/id.js';
import { anyOf, byKey, pageOf, pagesByOwner, type Sorting } from '../core/keyset.js';
import type { Amount } from '../core/money.js';
import type { Page, PageArguments } from '../core/page.js';
import type { Reading } from '../core/work.js';
import type { InvoicePurpose, PaymentStatus } from './model/invoice.js';
import { type Invoice, invoices, type Payment, payments } from './table.js';

/** The invoices that a caller sees: all of the tenant's, a customer's own, or those of what a reseller sold. */
export function invoiceScope(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  return and(
    eq(invoices.tenantId, reading.tenantId),
    customerId === undefined ? undefined : eq(invoices.customerId, customerId),
    resellerId === undefined ? undefined : eq(invoices.resellerId, resellerId),
    licenseId === undefined ? undefined : sql`false`,
  );
}

export async function invoicesById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Invoice>> {
  const rows = await reading.db
    .select()
    .from(invoices)
    .where(and(invoiceScope(reading), anyOf(invoices.id, ids)));
  return byKey(rows, (row) => row.id);
}

/** Invoices come before orders, pools and licenses in the order in which locks are taken. */
export async function lockInvoice(reading: Reading, id: string): Promise<Invoice | undefined> {
  const [row] = await reading.db
    .select()
    .from(invoices)
    .where(and(invoiceScope(reading), eq(invoices.id, id as InvoiceId)))
    .for('no key update');
  return row;
}

export interface InvoiceFilter {
  readonly customerId?: CustomerId | null;
  readonly resellerId?: ResellerId | null;
  readonly licenseId?: LicenseId | null;
  readonly paymentStatus?: readonly PaymentStatus[] | null;
  readonly purpose?: readonly InvoicePurpose[] | null;
  readonly number?: string | null;
  readonly dueBefore?: Instant | null;
  readonly voided?: boolean | null;
}

/** Due before then, and still to be paid. */
function dueSql(dueBefore: Instant): SQL {
  return sql`${invoices.dueAt} < ${dueBefore}::timestamptz
    and payment_status in ('PENDING', 'PARTIAL', 'FAILED') and voided_at is null`;
}

function invoicesWhere(reading: Reading, filter: InvoiceFilter): SQL | undefined {
  const { customerId, resellerId, licenseId, paymentStatus, purpose, number, dueBefore, voided } = filter;
  return and(
    invoiceScope(reading),
    customerId ? eq(invoices.customerId, customerId) : undefined,
    resellerId ? eq(invoices.resellerId, resellerId) : undefined,
    licenseId ? eq(invoices.licenseId, licenseId) : undefined,
    paymentStatus ? anyOf(invoices.paymentStatus, paymentStatus) : undefined,
    purpose ? anyOf(invoices.purpose, purpose) : undefined,
    number ? sql`${invoices.number} ilike ${containing(number)}` : undefined,
    dueBefore ? dueSql(dueBefore) : undefined,
    voided === true ? sql`${invoices.voidedAt} is not null` : undefined,
    voided === false ? sql`${invoices.voidedAt} is null` : undefined,
  );
}

export const invoiceSortFields = {
  CREATED_AT: { by: invoices.createdAt, type: 'timestamptz' },
  DUE_AT: { by: sql`coalesce(${invoices.dueAt}, 'infinity')`, type: 'timestamptz' },
  NUMBER: { by: invoices.number, type: 'text' },
} as const;
export type InvoiceSortField = keyof typeof invoiceSortFields;

export interface InvoiceSort {
  readonly field: InvoiceSortField;
  readonly direction: 'ASC' | 'DESC';
}

const newestFirst: InvoiceSort = { field: 'CREATED_AT', direction: 'DESC' };

const sortingOf = ({ field, direction }: InvoiceSort): Sorting => ({
  name: field,
  direction,
  ...invoiceSortFields[field],
});

export function invoicesPage(
  reading: Reading,
  filter: InvoiceFilter,
  sort: InvoiceSort | null,
  page: PageArguments,
): Promise<Page<Invoice>> {
  const request = { where: invoicesWhere(reading, filter), sorting: sortingOf(sort ?? newestFirst), page };
  return pageOf(reading.db, invoices, request);
}

function invoicesBy(owner: 'customerId' | 'resellerId' | 'licenseId') {
  return (reading: Reading, owners: readonly string[], page: PageArguments) => {
    const list = { where: invoiceScope(reading), sorting: sortingOf(newestFirst), page };
    const request = { ...list, owner: invoices[owner], owners };
    return pagesByOwner(reading.db, invoices, request, (row) => row[owner]);
  };
}

export const invoicesByCustomer = invoicesBy('customerId');
export const invoicesByReseller = invoicesBy('resellerId');
export const invoicesByLicense = invoicesBy('licenseId');

/** Payments of the invoices that a caller sees. */
function paymentScope(reading: Reading): SQL | undefined {
  const own = eq(payments.tenantId, reading.tenantId);
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  if (customerId === undefined && resellerId === undefined && licenseId === undefined) return own;
  const visible = and(invoiceScope(reading), eq(invoices.id, payments.invoiceId));
  return and(own, sql`exists (select 1 from ${invoices} where ${visible})`);
}

export async function paymentsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Payment>> {
  const rows = await reading.db
    .select()
    .from(payments)
    .where(and(paymentScope(reading), anyOf(payments.id, ids)));
  return byKey(rows, (row) => row.id);
}

const oldestFirst: Sorting = {
  name: 'CREATED_AT',
  by: payments.createdAt,
  type: 'timestamptz',
  direction: 'ASC',
};

export function paymentsByInvoice(reading: Reading, owners: readonly string[], page: PageArguments) {
  const list = { where: paymentScope(reading), sorting: oldestFirst, page };
  const request = { ...list, owner: payments.invoiceId, owners };
  return pagesByOwner(reading.db, payments, request, (row) => row.invoiceId);
}

const settledOf = (reading: Reading, invoiceId: InvoiceId): SQL | undefined =>
  and(
    eq(payments.tenantId, reading.tenantId),
    eq(payments.invoiceId, invoiceId),
    eq(payments.state, 'SETTLED'),
  );

/**
 * When an invoice had all of its total, by the times at which money came and went: what had gone back by then was not there
 * any more, and where all of it had, what came after that is counted anew.
 */
export async function paidInFullAt(
  reading: Reading,
  { id, total }: Pick<Invoice, 'id' | 'total'>,
): Promise<Instant | null> {
  const { receivedAt, kind, amount } = payments;
  // At one instant money comes before it goes: PAYMENT stands before REFUND.
  const sums = reading.db
    .select({
      receivedAt,
      sum: sql`sum(case ${kind} when 'PAYMENT' then ${amount} else -${amount} end)
        over (order by ${receivedAt}, ${kind})`.as('sum'),
      lastPaidAt: sql`max(${receivedAt}) filter (where ${kind} = 'PAYMENT') over ()`.as('last_paid_at'),
    })
    .from(payments)
    .where(settledOf(reading, id));
  const [row] = await reading.db
    .with(reading.db.$with('sums').as(sums))
    .select({ at: sql<Instant | null>`min(received_at)`.mapWith(receivedAt) })
    .from(sql`sums`)
    .where(
      sql`sum >= ${total}::numeric and received_at > coalesce(
        (select max(received_at) from sums where sum <= 0 and received_at < last_paid_at), '-infinity')`,
    );
  return row?.at ?? null;
}

/** A payment by a processor, if it is the only one: what it pays back is that. */
export async function onlyPaymentBy(
  reading: Reading,
  invoiceId: InvoiceId,
  processor: Payment['processor'],
): Promise<Payment | undefined> {
  const rows = await reading.db
    .select()
    .from(payments)
    .where(
      and(settledOf(reading, invoiceId), eq(payments.kind, 'PAYMENT'), eq(payments.processor, processor)),
    )
    .limit(2);
  return rows.length === 1 ? rows[0] : undefined;
}

export async function entryByReference(
  reading: Reading,
  kind: Payment['kind'],
  processor: Payment['processor'],
  reference: string,
): Promise<Payment | undefined> {
  const [row] = await reading.db
    .select()
    .from(payments)
    .where(
      and(
        eq(payments.tenantId, reading.tenantId),
        eq(payments.kind, kind),
        eq(payments.processor, processor),
        eq(payments.reference, reference),
      ),
    );
  return row;
}

/** Entries of one kind on an invoice, by one processor. */
export function entriesOf(
  reading: Reading,
  invoiceId: InvoiceId,
  { kind, processor }: Pick<Payment, 'kind' | 'processor'>,
): SQL | undefined {
  return and(
    eq(payments.tenantId, reading.tenantId),
    eq(payments.invoiceId, invoiceId),
    eq(payments.kind, kind),
    eq(payments.processor, processor),
  );
}

/** The oldest refund of an amount whose processor's name for it is not known yet, and that was not given up. */
export async function refundWithoutReference(
  reading: Reading,
  invoiceId: InvoiceId,
  { processor, amount }: Pick<Payment, 'processor' | 'amount'>,
): Promise<Payment | undefined> {
  const [row] = await reading.db
    .select()
    .from(payments)
    .where(
      and(
        entriesOf(reading, invoiceId, { kind: 'REFUND', processor }),
        eq(payments.amount, amount),
        ne(payments.state, 'FAILED'),
        sql`${payments.reference} is null`,
      ),
    )
    .orderBy(payments.createdAt, payments.id)
    .limit(1);
  return row;
}

/** What of a payment was paid back, or is about to be; and of all payments of its invoice what is about to be. */
export async function refundsOf(
  reading: Reading,
  { id, invoiceId }: Pick<Payment, 'id' | 'invoiceId'>,
): Promise<{ readonly ofPayment: Amount; readonly waiting: Amount }> {
  const [row] = await reading.db
    .select({
      ofPayment: sql<Amount>`coalesce(sum(${payments.amount}) filter (where ${payments.refundOf} = ${id}), 0)`,
      waiting: sql<Amount>`coalesce(sum(${payments.amount}) filter (where ${payments.state} = 'PENDING'), 0)`,
    })
    .from(payments)
    .where(
      and(
        eq(payments.tenantId, reading.tenantId),
        eq(payments.invoiceId, invoiceId),
        eq(payments.kind, 'REFUND'),
        inArray(payments.state, ['PENDING', 'SETTLED']),
      ),
    );
  if (row === undefined) throw new Error('a sum returned no row');
  return row;
}
