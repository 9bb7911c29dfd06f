import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  numeric,
  pgTable,
  primaryKey,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { customers } from '../../access/table.js';
import {
  idColumn,
  instantColumn,
  madeAndChanged,
  oneOf,
  recordsColumn,
  tenantColumn,
} from '../../core/columns.js';
import type { Amount } from '../../core/money.js';
import { licenses } from '../../licenses/table.js';
import type { LicenseFeature } from '../../templates/model.js';
import { licenseTemplates } from '../../templates/table.js';
import { processors } from '../model/invoice.js';
import {
  chargeKinds,
  chargeStatuses,
  renewalFailures,
  renewalStatuses,
  renewalWays,
} from '../model/renewals.js';
import { invoices, payments } from '../table.js';

/** By what a customer is charged: names of a processor's, never a card's own numbers. */
export const paymentMethods = pgTable(
  'payment_methods',
  {
    tenantId: tenantColumn(),
    id: idColumn<'PaymentMethod'>().notNull(),
    customerId: idColumn<'Customer'>('customer_id').notNull(),
    processor: varchar('processor', { length: 20, enum: processors }).notNull(),
    /** Whose account there knows it: `deployment`, or the id of a payment endpoint. */
    account: varchar('account', { length: 36 }).notNull(),
    payer: varchar('payer', { length: 255 }).notNull(),
    method: varchar('method', { length: 255 }).notNull(),
    label: varchar('label', { length: 100 }).notNull(),
    /** The last day on which it can be charged. */
    expiresAt: instantColumn('expires_at'),
    setBy: varchar('set_by', { length: 255 }).notNull(),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_payment_methods_customer').on(table.tenantId, table.customerId),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'payment_methods_customer',
    }),
    oneOf('payment_methods_processor', table.processor, processors),
  ],
);

/**
 * What a processor is asked for: written down, and committed, before it is asked. Whoever dies in between leaves a row by
 * which another asks again, in the same words and under the same key.
 */
export const charges = pgTable(
  'charges',
  {
    tenantId: tenantColumn(),
    /** The key, too, under which the processor does it once. */
    id: idColumn<'Charge'>().notNull(),
    kind: varchar('kind', { length: 10, enum: chargeKinds }).notNull(),
    invoiceId: idColumn<'Invoice'>('invoice_id').notNull(),
    /** Of a refund: its entry among the payments. */
    paymentId: idColumn<'Payment'>('payment_id'),
    attempt: integer('attempt').notNull(),
    processor: varchar('processor', { length: 20, enum: processors }).notNull(),
    account: varchar('account', { length: 36 }).notNull(),
    payer: varchar('payer', { length: 255 }),
    /** What is charged, or the payment of which something goes back: the processor's names. */
    method: varchar('method', { length: 255 }).notNull(),
    amount: numeric('amount', { precision: 19, scale: 4 }).$type<Amount>().notNull(),
    currency: varchar('currency', { length: 3 }).notNull(),
    status: varchar('status', { length: 10, enum: chargeStatuses }).notNull(),
    /** How often the processor was asked; and when it is asked next, while nobody knows what became of it. */
    asks: integer('asks').notNull().default(0),
    askAt: instantColumn('ask_at'),
    /** What the processor calls it. */
    reference: varchar('reference', { length: 255 }),
    failure: varchar('failure', { length: 100 }),
    answeredAt: instantColumn('answered_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_charges_attempt')
      .on(table.tenantId, table.invoiceId, table.attempt)
      .where(sql`kind = 'CHARGE'`),
    // While nobody knows what became of a charge, there is no other one for its invoice.
    uniqueIndex('ux_charges_open')
      .on(table.tenantId, table.invoiceId)
      .where(sql`kind = 'CHARGE' and status in ('ASKING', 'PENDING')`),
    uniqueIndex('ux_charges_refund').on(table.tenantId, table.paymentId),
    foreignKey({
      columns: [table.tenantId, table.invoiceId],
      foreignColumns: [invoices.tenantId, invoices.id],
      name: 'charges_invoice',
    }),
    foreignKey({
      columns: [table.tenantId, table.paymentId],
      foreignColumns: [payments.tenantId, payments.id],
      name: 'charges_payment',
    }),
    index('ix_charges_ask').on(table.askAt).where(sql`ask_at is not null`),
    oneOf('charges_kind', table.kind, chargeKinds),
    oneOf('charges_processor', table.processor, processors),
    oneOf('charges_status', table.status, chargeStatuses),
    check('charges_amount', sql`${table.amount} > 0`),
    check(
      'charges_open',
      sql`(${table.askAt} is not null) = (${table.status} in ('ASKING', 'PENDING'))
        and (${table.paymentId} is not null) = (${table.kind} = 'REFUND')`,
    ),
  ],
);

export const renewals = pgTable(
  'renewals',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Renewal'>().notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    /** The end of the term that it goes on from; null where there is none. */
    expiryDate: instantColumn('expiry_date'),
    /** By which it was priced. */
    templateId: idColumn<'Template'>('template_id'),
    way: varchar('way', { length: 10, enum: renewalWays }).notNull(),
    status: varchar('status', { length: 10, enum: renewalStatuses }).notNull(),
    reason: varchar('reason', { length: 30, enum: renewalFailures }),
    /** Absent where nothing was to be paid, and where it could not be billed. */
    invoiceId: idColumn<'Invoice'>('invoice_id'),
    durationMonths: integer('duration_months').notNull(),
    extendMaintenance: boolean('extend_maintenance').notNull().default(false),
    upgradeFeatures: recordsColumn<readonly LicenseFeature[]>('upgrade_features').notNull().default([]),
    /** What the license had before and after it: a refund takes back no more. */
    renewedFrom: instantColumn('renewed_from'),
    renewedTo: instantColumn('renewed_to'),
    maintenanceFrom: instantColumn('maintenance_from'),
    maintenanceTo: instantColumn('maintenance_to'),
    /** Charges that were tried, and when the next is; null while one is under way, and when none is to come. */
    attempts: integer('attempts').notNull().default(0),
    firstFailedAt: instantColumn('first_failed_at'),
    nextAttemptAt: instantColumn('next_attempt_at'),
    finishedAt: instantColumn('finished_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_renewals_term')
      .on(table.tenantId, table.licenseId, table.expiryDate)
      .where(sql`way = 'AUTOMATIC' and status <> 'CANCELLED'`),
    uniqueIndex('ux_renewals_open').on(table.tenantId, table.licenseId).where(sql`status = 'OPEN'`),
    uniqueIndex('ux_renewals_invoice').on(table.tenantId, table.invoiceId),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'renewals_license',
    }),
    foreignKey({
      columns: [table.tenantId, table.invoiceId],
      foreignColumns: [invoices.tenantId, invoices.id],
      name: 'renewals_invoice',
    }),
    foreignKey({
      columns: [table.tenantId, table.templateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'renewals_template',
    }),
    index('ix_renewals_open').on(table.tenantId, table.id).where(sql`status = 'OPEN'`),
    index('ix_renewals_next').on(table.nextAttemptAt).where(sql`next_attempt_at is not null`),
    oneOf('renewals_way', table.way, renewalWays),
    oneOf('renewals_status', table.status, renewalStatuses),
    oneOf('renewals_reason', table.reason, renewalFailures),
    check('renewals_duration', sql`${table.durationMonths} between 1 and 60`),
  ],
);

export type PaymentMethod = typeof paymentMethods.$inferSelect;
export type Charge = typeof charges.$inferSelect;
export type Renewal = typeof renewals.$inferSelect;
