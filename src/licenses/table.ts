import { type SQL, sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { customers, resellers } from '../access/table.js';
import {
  idColumn,
  instantColumn,
  madeAndChanged,
  oneOf,
  recordsColumn,
  tenantColumn,
} from '../core/columns.js';
import type { ProductId } from '../core/id.js';
import {
  type LicenseFeature,
  type LicenseRestriction,
  licenseModels,
  licenseTypes,
} from '../templates/model.js';
import { licenseTemplates, products } from '../templates/table.js';
import type { LicenseSeal } from './model/seal.js';
import { licenseStatuses, suspensionCauses } from './model.js';

/** Licenses without an expiry come behind all others, in either direction. */
export function expiryOrder(expiryDate: AnyPgColumn, direction: 'ASC' | 'DESC'): SQL {
  const never = sql.raw(direction === 'ASC' ? "'infinity'" : "'-infinity'");
  return sql`coalesce(${expiryDate}, ${never}::timestamptz)`;
}

interface Lapsing {
  readonly status: AnyPgColumn;
  readonly expiryDate: AnyPgColumn;
  readonly gracePeriodDays: AnyPgColumn;
}

/** Which licenses time alone moves on, and was not told of by that column for their expiry date. */
export function untold(
  { status, expiryDate }: Pick<Lapsing, 'status' | 'expiryDate'>,
  told: AnyPgColumn,
): SQL {
  return sql`${status} in ('ACTIVE', 'INACTIVE', 'EXPIRED') and ${expiryDate} is not null and ${told} is distinct from ${expiryDate}`;
}

/** When grace ends, as `graceEnd` of the model, in UTC and without its zone: an index takes nothing that depends on one. */
export function graceEndOf({ status, expiryDate, gracePeriodDays }: Lapsing): SQL {
  return sql`((${expiryDate} at time zone 'UTC') + make_interval(days => case when ${status} = 'INACTIVE' then 0 else coalesce(${gracePeriodDays}, 0) end))`;
}

export const licenses = pgTable(
  'licenses',
  {
    tenantId: tenantColumn(),
    id: idColumn<'License'>().notNull(),
    licenseKeyHash: varchar('license_key_hash', { length: 100 }).notNull(),
    licenseKeyCiphertext: varchar('license_key_ciphertext', { length: 255 }).notNull(),
    /** First and last group of the key, for display. */
    licenseKeyMask: varchar('license_key_mask', { length: 24 }).notNull(),
    productId: varchar('product_id', { length: 50 }).$type<ProductId>().notNull(),
    productName: varchar('product_name', { length: 255 }).notNull(),
    productVersion: varchar('product_version', { length: 50 }).notNull(),
    licenseType: varchar('license_type', { length: 20, enum: licenseTypes }).notNull(),
    licenseModel: varchar('license_model', { length: 20, enum: licenseModels }).notNull(),
    customerId: idColumn<'Customer'>('customer_id'),
    resellerId: idColumn<'Reseller'>('reseller_id'),
    templateId: idColumn<'Template'>('template_id'),
    templateVersion: integer('template_version'),
    orderId: idColumn<'Order'>('order_id'),
    issuedTo: varchar('issued_to', { length: 255 }).notNull(),
    maxActivations: integer('max_activations').notNull().default(1),
    currentActivations: integer('current_activations').notNull().default(0),
    /** Until when `currentActivations` is what is in use if nobody acts: the first end of a lease; null without any. */
    seatsUntil: instantColumn('seats_until'),
    /** For how long a floating seat is held without a heartbeat; null is what the server says. */
    leaseSeconds: integer('lease_seconds'),
    /** For how many hours a floating seat may be taken along; null is none. */
    maxBorrowHours: integer('max_borrow_hours'),
    /** How often a year its devices may be given up for others; null is without end. */
    maxDeactivationsPerYear: integer('max_deactivations_per_year'),
    /** Of the year that began then. */
    deactivations: integer('deactivations').notNull().default(0),
    deactivationsSince: instantColumn('deactivations_since'),
    features: recordsColumn<readonly LicenseFeature[]>('features').notNull().default([]),
    restrictions: recordsColumn<readonly LicenseRestriction[]>('restrictions').notNull().default([]),
    issuedDate: instantColumn('issued_date').notNull(),
    activationDate: instantColumn('activation_date'),
    expiryDate: instantColumn('expiry_date'),
    maintenanceExpiry: instantColumn('maintenance_expiry'),
    status: varchar('status', { length: 20, enum: licenseStatuses }).notNull().default('PENDING'),
    /** Set while SUSPENDED: what reinstatement returns to, and why it was suspended. */
    suspendedFrom: varchar('suspended_from', { length: 20, enum: licenseStatuses }),
    suspensionCause: varchar('suspension_cause', { length: 20, enum: suspensionCauses }),
    suspensionReason: text('suspension_reason'),
    revocationReason: text('revocation_reason'),
    autoRenewal: boolean('auto_renewal').notNull().default(false),
    trialPeriodDays: integer('trial_period_days'),
    gracePeriodDays: integer('grace_period_days').default(30),
    /** Since when its customer holds it: what was before belongs to whoever held it then. */
    heldSince: instantColumn('held_since').notNull().default(sql`now()`),
    metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
    /** The expiry date whose passing, and whose end of grace, was told: each is told once. */
    expiryTold: instantColumn('expiry_told'),
    lapseTold: instantColumn('lapse_told'),
    /** When its expiry was last put off: reminders of mornings that were over by then are none. Null is when it was made. */
    expirySetAt: instantColumn('expiry_set_at'),
    /** Keyed hashes over what is licensed, renewed by every act with the row; null for a row that was never sealed. */
    seal: jsonb('seal').$type<LicenseSeal>(),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_licenses_key').on(table.tenantId, table.licenseKeyHash),
    foreignKey({
      columns: [table.tenantId, table.productId],
      foreignColumns: [products.tenantId, products.id],
      name: 'licenses_product',
    }),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'licenses_customer',
    }),
    foreignKey({
      columns: [table.tenantId, table.resellerId],
      foreignColumns: [resellers.tenantId, resellers.id],
      name: 'licenses_reseller',
    }),
    foreignKey({
      columns: [table.tenantId, table.templateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'licenses_template',
    }),
    // Each list is a range of one of these, ending with the keyset of its order.
    index('ix_licenses_tenant_customer').on(table.tenantId, table.customerId, table.createdAt, table.id),
    index('ix_licenses_tenant_reseller').on(table.tenantId, table.resellerId, table.createdAt, table.id),
    index('ix_licenses_tenant_template').on(table.tenantId, table.templateId, table.createdAt, table.id),
    index('ix_licenses_tenant_product').on(table.tenantId, table.productId, table.createdAt, table.id),
    index('ix_licenses_tenant_order').on(table.tenantId, table.orderId, table.createdAt, table.id),
    index('ix_licenses_tenant_created').on(table.tenantId, table.createdAt, table.id),
    index('ix_licenses_tenant_issued').on(table.tenantId, table.issuedDate, table.id),
    index('ix_licenses_tenant_issued_to').on(table.tenantId, table.issuedTo, table.id),
    index('ix_licenses_tenant_expiry').on(table.tenantId, expiryOrder(table.expiryDate, 'ASC'), table.id),
    index('ix_licenses_tenant_expiry_desc').on(
      table.tenantId,
      expiryOrder(table.expiryDate, 'DESC'),
      table.id,
    ),
    index('ix_licenses_tenant_status').on(table.tenantId, table.status),
    // What sweeps have not told of yet, over all tenants: one range of each is what is due.
    index('ix_licenses_expiry_untold').on(table.expiryDate).where(untold(table, table.expiryTold)),
    index('ix_licenses_auto_renewal')
      .on(table.expiryDate)
      .where(sql`auto_renewal and status in ('ACTIVE', 'EXPIRED') and expiry_date is not null`),
    index('ix_licenses_seats_until').on(table.seatsUntil).where(sql`${table.seatsUntil} is not null`),
    index('ix_licenses_lapse_untold').on(graceEndOf(table)).where(untold(table, table.lapseTold)),
    oneOf('licenses_license_type', table.licenseType, licenseTypes),
    oneOf('licenses_license_model', table.licenseModel, licenseModels),
    oneOf('licenses_status', table.status, licenseStatuses),
    oneOf('licenses_suspension_cause', table.suspensionCause, suspensionCauses),
    check(
      'licenses_suspended',
      sql`(${table.status} = 'SUSPENDED') = (${table.suspensionCause} is not null)`,
    ),
    check('licenses_counts', sql`${table.maxActivations} >= 0 and ${table.currentActivations} >= 0`),
    check(
      'licenses_leases',
      sql`${table.leaseSeconds} > 0 and ${table.maxBorrowHours} >= 0 and ${table.maxDeactivationsPerYear} >= 0`,
    ),
  ],
);

/** Which reminders of which expiry date a license has had. */
export const licenseReminders = pgTable(
  'license_reminders',
  {
    tenantId: tenantColumn(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    expiryDate: instantColumn('expiry_date').notNull(),
    /** How many days before the expiry it is due. */
    days: integer('days').notNull(),
    remindedAt: instantColumn('reminded_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.licenseId, table.expiryDate, table.days] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'license_reminders_license',
    }).onDelete('cascade'),
  ],
);

export type License = typeof licenses.$inferSelect;
