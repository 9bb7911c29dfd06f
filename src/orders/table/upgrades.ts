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
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { invoices } from '../../billing/table.js';
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
import { licenseTemplates } from '../../templates/table.js';
import { type LicenseBasis, termKinds, upgradeStatuses } from '../model/upgrade.js';

/**
 * What was paid for which time of a license, from its first renewal or upgrade on: an upgrade gives credit for what of it is
 * not used. What a license was made with needs no row; its order, or the version of its template, says it.
 */
export const licenseTerms = pgTable(
  'license_terms',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Term'>().notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    kind: varchar('kind', { length: 20, enum: termKinds }).notNull(),
    startsAt: instantColumn('starts_at').notNull(),
    /** Null where it was paid for once and for all. */
    endsAt: instantColumn('ends_at'),
    /** Null where it was sold in days. */
    durationMonths: integer('duration_months'),
    /** Before taxes, and for all of the term. */
    price: numeric('price', { precision: 19, scale: 4 }).$type<Amount>().notNull(),
    currency: varchar('currency', { length: 3 }).notNull(),
    invoiceId: idColumn<'Invoice'>('invoice_id'),
    /** Since when others stand in its place. */
    supersededAt: instantColumn('superseded_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    index('ix_license_terms_license').on(table.tenantId, table.licenseId, table.startsAt),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'license_terms_license',
    }).onDelete('cascade'),
    foreignKey({
      columns: [table.tenantId, table.invoiceId],
      foreignColumns: [invoices.tenantId, invoices.id],
      name: 'license_terms_invoice',
    }),
    oneOf('license_terms_kind', table.kind, termKinds),
    check('license_terms_price', sql`${table.price} >= 0`),
    check('license_terms_span', sql`${table.endsAt} > ${table.startsAt}`),
  ],
);

/** Upgrades that were asked for: what was agreed on, and what became of it. */
export const licenseUpgrades = pgTable(
  'license_upgrades',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Upgrade'>().notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    fromTemplateId: idColumn<'Template'>('from_template_id').notNull(),
    fromVersion: integer('from_version').notNull(),
    toTemplateId: idColumn<'Template'>('to_template_id').notNull(),
    /** Agreed on: a change of the template does not reach an upgrade that waits for its payment. */
    toVersion: integer('to_version').notNull(),
    status: varchar('status', { length: 20, enum: upgradeStatuses }).notNull(),
    invoiceId: idColumn<'Invoice'>('invoice_id'),
    /** What of the license the price was computed from: if it is not so any more, the upgrade is not done. */
    basis: recordsColumn<LicenseBasis>('basis').notNull(),
    /** What is to be paid for it, and in which currency. */
    total: numeric('total', { precision: 19, scale: 4 }).$type<Amount>().notNull(),
    currency: varchar('currency', { length: 3 }).notNull(),
    /** The vendor asked nothing for it: what was paid before is what counts afterwards too. */
    isWaived: boolean('is_waived').notNull(),
    requestedBy: varchar('requested_by', { length: 320 }).notNull(),
    /** Why it was called off or failed. */
    reason: text('reason'),
    settledAt: instantColumn('settled_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'license_upgrades_license',
    }).onDelete('cascade'),
    foreignKey({
      columns: [table.tenantId, table.fromTemplateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'license_upgrades_from_template',
    }),
    foreignKey({
      columns: [table.tenantId, table.toTemplateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'license_upgrades_to_template',
    }),
    foreignKey({
      columns: [table.tenantId, table.invoiceId],
      foreignColumns: [invoices.tenantId, invoices.id],
      name: 'license_upgrades_invoice',
    }),
    uniqueIndex('ux_license_upgrades_pending')
      .on(table.tenantId, table.licenseId)
      .where(sql`status = 'PENDING'`),
    index('ix_license_upgrades_license').on(table.tenantId, table.licenseId, table.createdAt, table.id),
    uniqueIndex('ux_license_upgrades_invoice').on(table.tenantId, table.invoiceId),
    oneOf('license_upgrades_status', table.status, upgradeStatuses),
  ],
);

export type StoredTerm = typeof licenseTerms.$inferSelect;
export type Upgrade = typeof licenseUpgrades.$inferSelect;
