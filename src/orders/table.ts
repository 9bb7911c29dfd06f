import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { customers, resellers } from '../access/table.js';
import { paymentStatuses } from '../billing/model/invoice.js';
import type { PriceLine, TaxRate } from '../billing/model/price.js';
import { invoices } from '../billing/table.js';
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
import type { LicenseFeature, LicenseRestriction, Pricing } from '../templates/model.js';
import { licenseTemplates } from '../templates/table.js';
import type { OrderTerms } from './model/terms.js';
import { fulfillmentMethods, MOST_LICENSES, orderStatuses } from './model.js';

const amountColumn = (name: string) => numeric(name, { precision: 19, scale: 4 }).$type<Amount>().notNull();

/** What was ordered never changes: roles may update the columns from `status` on, and no others. */
export const licenseOrders = pgTable(
  'license_orders',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Order'>().notNull(),
    orderNumber: varchar('order_number', { length: 50 }).notNull(),
    customerId: idColumn<'Customer'>('customer_id'),
    resellerId: idColumn<'Reseller'>('reseller_id'),
    templateId: idColumn<'Template'>('template_id').notNull(),
    templateVersion: integer('template_version').notNull(),
    quantity: integer('quantity').notNull().default(1),
    /** All that a license of it will have. */
    terms: recordsColumn<OrderTerms>('terms').notNull(),
    /** What was asked for beside the template, as it was asked; the terms say what became of it. */
    customFeatures: recordsColumn<readonly LicenseFeature[]>('custom_features'),
    customRestrictions: recordsColumn<readonly LicenseRestriction[]>('custom_restrictions'),
    durationOverride: integer('duration_override'),
    durationMonths: integer('duration_months'),
    pricingOverride: recordsColumn<Partial<Pricing>>('pricing_override'),
    taxes: recordsColumn<readonly TaxRate[]>('taxes').notNull(),
    lines: recordsColumn<readonly PriceLine[]>('lines').notNull(),
    subtotal: amountColumn('subtotal'),
    discountApplied: amountColumn('discount_applied'),
    tax: amountColumn('tax'),
    totalAmount: amountColumn('total_amount'),
    currency: varchar('currency', { length: 3 }).notNull(),
    specialInstructions: text('special_instructions'),
    subscriptionId: varchar('subscription_id', { length: 50 }),
    fulfillmentMethod: varchar('fulfillment_method', { length: 20, enum: fulfillmentMethods })
      .notNull()
      .default('AUTO'),
    /** It renews the licenses that `order_renewals` names, and makes none. */
    isRenewal: boolean('is_renewal').notNull().default(false),
    /** Null where there is nothing to pay. */
    invoiceId: idColumn<'Invoice'>('invoice_id'),
    orderedBy: varchar('ordered_by', { length: 255 }).notNull(),
    /** Whoever stands behind it: of a program its API key, and who made that key. */
    orderedByPersons: jsonb('ordered_by_persons').$type<readonly string[]>().notNull(),
    /** Whoever ordered must not approve, whatever the tenant sets afterwards. */
    needsSecondPerson: boolean('needs_second_person').notNull(),
    status: varchar('status', { length: 20, enum: orderStatuses }).notNull().default('PENDING'),
    paymentStatus: varchar('payment_status', { length: 20, enum: paymentStatuses })
      .notNull()
      .default('PENDING'),
    paidAt: instantColumn('paid_at'),
    refundedAt: instantColumn('refunded_at'),
    approvedBy: varchar('approved_by', { length: 255 }),
    approvedAt: instantColumn('approved_at'),
    approvalNotes: text('approval_notes'),
    cancelledBy: varchar('cancelled_by', { length: 255 }),
    cancelledAt: instantColumn('cancelled_at'),
    cancellationReason: text('cancellation_reason'),
    /** Since when its licenses are made behind the answers. */
    startedAt: instantColumn('started_at'),
    /** The refusal code on which fulfilment by itself stopped; a person has to look at it. */
    fulfillmentError: varchar('fulfillment_error', { length: 50 }),
    /** How many chunks of it failed one after the other; none once one is made. */
    fulfillmentFailures: integer('fulfillment_failures').notNull().default(0),
    /** Since when nobody tries to make its licenses any more: a person has to fulfil it. */
    fulfillmentStoppedAt: instantColumn('fulfillment_stopped_at'),
    fulfilledAt: instantColumn('fulfilled_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_license_orders_number').on(table.tenantId, table.orderNumber),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'license_orders_customer',
    }),
    foreignKey({
      columns: [table.tenantId, table.resellerId],
      foreignColumns: [resellers.tenantId, resellers.id],
      name: 'license_orders_reseller',
    }),
    foreignKey({
      columns: [table.tenantId, table.templateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'license_orders_template',
    }),
    foreignKey({
      columns: [table.tenantId, table.invoiceId],
      foreignColumns: [invoices.tenantId, invoices.id],
      name: 'license_orders_invoice',
    }),
    uniqueIndex('ux_license_orders_invoice').on(table.tenantId, table.invoiceId),
    // Each list is a range of one of these, ending with the keyset of its order.
    index('ix_license_orders_tenant_customer').on(
      table.tenantId,
      table.customerId,
      table.createdAt,
      table.id,
    ),
    index('ix_license_orders_tenant_reseller').on(
      table.tenantId,
      table.resellerId,
      table.createdAt,
      table.id,
    ),
    index('ix_license_orders_tenant_template').on(
      table.tenantId,
      table.templateId,
      table.createdAt,
      table.id,
    ),
    index('ix_license_orders_tenant_created').on(table.tenantId, table.createdAt, table.id),
    // Those whose licenses are being made, over all tenants.
    index('ix_license_orders_started')
      .on(table.updatedAt)
      .where(sql`status = 'APPROVED' and payment_status = 'PAID' and started_at is not null`),
    oneOf('license_orders_status', table.status, orderStatuses),
    oneOf('license_orders_payment_status', table.paymentStatus, paymentStatuses),
    oneOf('license_orders_fulfillment_method', table.fulfillmentMethod, fulfillmentMethods),
    check('license_orders_quantity', sql`${table.quantity} between 1 and ${sql.raw(String(MOST_LICENSES))}`),
    check(
      'license_orders_amounts',
      sql`${table.subtotal} >= 0 and ${table.discountApplied} >= 0 and ${table.tax} >= 0 and ${table.totalAmount} >= 0`,
    ),
    check(
      'license_orders_steps',
      sql`(${table.status} = 'FULFILLED') = (${table.fulfilledAt} is not null)
        and (${table.status} = 'CANCELLED') = (${table.cancelledAt} is not null)
        and (${table.status} not in ('APPROVED', 'FULFILLED') or ${table.approvedAt} is not null)
        and (${table.status} <> 'PENDING' or ${table.approvedAt} is null)`,
    ),
  ],
);

/** Which licenses an order renews, and what it made of them once it is fulfilled. */
export const orderRenewals = pgTable(
  'order_renewals',
  {
    tenantId: tenantColumn(),
    orderId: idColumn<'Order'>('order_id').notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    renewedAt: instantColumn('renewed_at'),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.orderId, table.licenseId] }),
    foreignKey({
      columns: [table.tenantId, table.orderId],
      foreignColumns: [licenseOrders.tenantId, licenseOrders.id],
      name: 'order_renewals_order',
    }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'order_renewals_license',
    }),
    index('ix_order_renewals_license').on(table.tenantId, table.licenseId, table.orderId),
  ],
);

export type Order = typeof licenseOrders.$inferSelect;
