import {
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
import {
  idColumn,
  instantColumn,
  madeAndChanged,
  oneOf,
  recordsColumn,
  tenantColumn,
} from '../core/columns.js';
import type { LicenseFeature, LicenseRestriction, Pricing } from '../templates/model.js';
import { licenseTemplates } from '../templates/table.js';
import { fulfillmentMethods, orderStatuses } from './model.js';

export const licenseOrders = pgTable(
  'license_orders',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Order'>().notNull(),
    orderNumber: varchar('order_number', { length: 50 }).notNull(),
    customerId: idColumn<'Customer'>('customer_id'),
    resellerId: idColumn<'Reseller'>('reseller_id'),
    templateId: idColumn<'Template'>('template_id').notNull(),
    quantity: integer('quantity').notNull().default(1),
    customFeatures: recordsColumn<readonly LicenseFeature[]>('custom_features'),
    customRestrictions: recordsColumn<readonly LicenseRestriction[]>('custom_restrictions'),
    durationOverride: integer('duration_override'),
    pricingOverride: recordsColumn<Partial<Pricing>>('pricing_override'),
    specialInstructions: text('special_instructions'),
    status: varchar('status', { length: 20, enum: orderStatuses }).notNull().default('PENDING'),
    totalAmount: numeric('total_amount', { precision: 19, scale: 4 }).notNull(),
    discountApplied: numeric('discount_applied', { precision: 19, scale: 4 }),
    currency: varchar('currency', { length: 3 }).notNull(),
    paymentStatus: varchar('payment_status', { length: 20, enum: paymentStatuses })
      .notNull()
      .default('PENDING'),
    invoiceId: idColumn<'Invoice'>('invoice_id'),
    subscriptionId: varchar('subscription_id', { length: 50 }),
    fulfillmentMethod: varchar('fulfillment_method', { length: 20, enum: fulfillmentMethods })
      .notNull()
      .default('AUTO'),
    generatedLicenses: jsonb('generated_licenses').$type<readonly string[]>(),
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
    index('ix_license_orders_tenant_customer').on(
      table.tenantId,
      table.customerId,
      table.createdAt,
      table.id,
    ),
    index('ix_license_orders_tenant_created').on(table.tenantId, table.createdAt, table.id),
    oneOf('license_orders_status', table.status, orderStatuses),
    oneOf('license_orders_payment_status', table.paymentStatus, paymentStatuses),
    oneOf('license_orders_fulfillment_method', table.fulfillmentMethod, fulfillmentMethods),
  ],
);

export type Order = typeof licenseOrders.$inferSelect;
