import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  numeric,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { customers, resellers, tenants } from '../access/table.js';
import {
  idColumn,
  instantColumn,
  madeAndChanged,
  oneOf,
  recordsColumn,
  tenantColumn,
} from '../core/columns.js';
import type { Amount } from '../core/money.js';
import { licenses } from '../licenses/table.js';
import {
  invoicePurposes,
  paymentKinds,
  paymentStates,
  paymentStatuses,
  processors,
  type Seller,
} from './model/invoice.js';
import { seriesNames } from './model/numbers.js';
import type { PriceLine } from './model/price.js';

const amountColumn = (name: string) => numeric(name, { precision: 19, scale: 4 }).$type<Amount>().notNull();

/** What was billed never changes: roles may update the columns from `amountPaid` on, and no others. */
export const invoices = pgTable(
  'invoices',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Invoice'>().notNull(),
    number: varchar('number', { length: 50 }).notNull(),
    purpose: varchar('purpose', { length: 20, enum: invoicePurposes }).notNull(),
    customerId: idColumn<'Customer'>('customer_id'),
    resellerId: idColumn<'Reseller'>('reseller_id'),
    licenseId: idColumn<'License'>('license_id'),
    /** The buyer's name, address and tax number as they were. */
    billTo: varchar('bill_to', { length: 255 }).notNull(),
    billToAddress: varchar('bill_to_address', { length: 500 }),
    billToTaxId: varchar('bill_to_tax_id', { length: 50 }),
    seller: recordsColumn<Seller>('seller').notNull(),
    currency: varchar('currency', { length: 3 }).notNull(),
    lines: recordsColumn<readonly PriceLine[]>('lines').notNull(),
    subtotal: amountColumn('subtotal'),
    discount: amountColumn('discount'),
    tax: amountColumn('tax'),
    total: amountColumn('total'),
    dueAt: instantColumn('due_at'),
    amountPaid: amountColumn('amount_paid').default('0' as Amount),
    amountRefunded: amountColumn('amount_refunded').default('0' as Amount),
    paymentStatus: varchar('payment_status', { length: 20, enum: paymentStatuses }).notNull(),
    failedAt: instantColumn('failed_at'),
    failureReason: varchar('failure_reason', { length: 500 }),
    paidAt: instantColumn('paid_at'),
    voidedAt: instantColumn('voided_at'),
    voidReason: text('void_reason'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_invoices_number').on(table.tenantId, table.number),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'invoices_tenant' }),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'invoices_customer',
    }),
    foreignKey({
      columns: [table.tenantId, table.resellerId],
      foreignColumns: [resellers.tenantId, resellers.id],
      name: 'invoices_reseller',
    }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'invoices_license',
    }),
    index('ix_invoices_created').on(table.tenantId, table.createdAt, table.id),
    index('ix_invoices_customer').on(table.tenantId, table.customerId, table.createdAt, table.id),
    index('ix_invoices_reseller').on(table.tenantId, table.resellerId, table.createdAt, table.id),
    index('ix_invoices_license').on(table.tenantId, table.licenseId, table.createdAt, table.id),
    index('ix_invoices_due')
      .on(table.tenantId, table.dueAt, table.id)
      .where(sql`payment_status in ('PENDING', 'PARTIAL', 'FAILED') and voided_at is null`),
    oneOf('invoices_purpose', table.purpose, invoicePurposes),
    oneOf('invoices_payment_status', table.paymentStatus, paymentStatuses),
    check(
      'invoices_amounts',
      sql`${table.subtotal} >= 0 and ${table.discount} >= 0 and ${table.tax} >= 0 and ${table.total} >= 0
        and ${table.amountPaid} >= 0 and ${table.amountRefunded} >= 0`,
    ),
    // As `paymentStatusOf` of the model.
    check(
      'invoices_standing',
      sql`${table.paymentStatus} = case
        when ${table.amountPaid} > 0 and ${table.amountRefunded} >= ${table.amountPaid} then 'REFUNDED'
        when ${table.paidAt} is not null then 'PAID'
        when ${table.amountPaid} > 0 then 'PARTIAL'
        when ${table.failedAt} is not null then 'FAILED'
        else 'PENDING' end`,
    ),
  ],
);

/** Money that came, was asked for in vain, or went back. */
export const payments = pgTable(
  'payments',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Payment'>().notNull(),
    invoiceId: idColumn<'Invoice'>('invoice_id').notNull(),
    kind: varchar('kind', { length: 10, enum: paymentKinds }).notNull(),
    state: varchar('state', { length: 10, enum: paymentStates }).notNull(),
    processor: varchar('processor', { length: 20, enum: processors }).notNull(),
    /** The processor's own name of it; of what was recorded by hand, a number of the bank's. */
    reference: varchar('reference', { length: 255 }),
    amount: amountColumn('amount'),
    currency: varchar('currency', { length: 3 }).notNull(),
    receivedAt: instantColumn('received_at').notNull(),
    note: text('note'),
    /** Of a refund: the payment that it gives back. */
    refundOf: idColumn<'Payment'>('refund_of'),
    recordedBy: varchar('recorded_by', { length: 255 }).notNull(),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_payments_reference')
      .on(table.tenantId, table.processor, table.kind, table.reference)
      .where(sql`reference is not null`),
    foreignKey({
      columns: [table.tenantId, table.invoiceId],
      foreignColumns: [invoices.tenantId, invoices.id],
      name: 'payments_invoice',
    }),
    foreignKey({
      columns: [table.tenantId, table.refundOf],
      foreignColumns: [table.tenantId, table.id],
      name: 'payments_refund_of',
    }),
    index('ix_payments_invoice').on(table.tenantId, table.invoiceId, table.createdAt, table.id),
    index('ix_payments_refund_of').on(table.tenantId, table.refundOf),
    oneOf('payments_kind', table.kind, paymentKinds),
    oneOf('payments_state', table.state, paymentStates),
    oneOf('payments_processor', table.processor, processors),
    check('payments_amount', sql`${table.amount} > 0`),
  ],
);

/** The last number that was given in each series of a tenant and year: whoever takes the next one waits for its commit. */
export const numberSeries = pgTable(
  'number_series',
  {
    tenantId: tenantColumn(),
    series: varchar('series', { length: 10, enum: seriesNames }).notNull(),
    year: integer('year').notNull(),
    last: integer('last').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.series, table.year] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'number_series_tenant' }),
    oneOf('number_series_series', table.series, seriesNames),
  ],
);

export type Invoice = typeof invoices.$inferSelect;
export type Payment = typeof payments.$inferSelect;
