import { sql } from 'drizzle-orm';
import { check, foreignKey, index, integer, pgTable, primaryKey, varchar } from 'drizzle-orm/pg-core';
import { idColumn, instantColumn, oneOf, safeInteger, tenantColumn } from '../core/columns.js';
import type { TopUpId } from '../core/id.js';
import { licenses } from '../licenses/table.js';
import { ledgerKinds } from './model/ledger.js';

/** The meters: what was used of a feature of a license in one window of its limit, or of a top-up of it. */
export const featureUsage = pgTable(
  'feature_usage',
  {
    tenantId: tenantColumn(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    featureId: varchar('feature_id', { length: 50 }).notNull(),
    windowStart: instantColumn('window_start').notNull(),
    /** The top-up that is drawn from; empty for the license's own limit. */
    source: varchar('source', { length: 36 }).$type<TopUpId | ''>().notNull().default(''),
    used: safeInteger('used').notNull().default(0),
    /** Units of it whose lines are no longer in the ledger: what is old is deleted there and added up here. */
    swept: safeInteger('swept').notNull().default(0),
    /** The highest threshold of the limit that was told in this window, in percent: each is told once. */
    toldPercent: integer('told_percent').notNull().default(0),
    /** How often it was set back to 0 by hand. */
    resets: integer('resets').notNull().default(0),
    updatedAt: instantColumn('updated_at').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'feature_usage_pk',
      columns: [table.tenantId, table.licenseId, table.featureId, table.windowStart, table.source],
    }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'feature_usage_license',
    }).onDelete('cascade'),
    check('feature_usage_used', sql`${table.used} >= 0`),
  ],
);

/**
 * What was drawn from each meter and given back to it, written with the counter in one statement: at every instant the
 * lines of a meter and its `swept` units add up to its counter. A grant that draws from several meters has several lines.
 */
export const usageLedger = pgTable(
  'usage_ledger',
  {
    tenantId: tenantColumn(),
    grantId: idColumn<'Grant'>('grant_id').notNull(),
    line: integer('line').notNull(),
    kind: varchar('kind', { length: 10, enum: ledgerKinds }).notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    featureId: varchar('feature_id', { length: 50 }).notNull(),
    windowStart: instantColumn('window_start').notNull(),
    source: varchar('source', { length: 36 }).$type<TopUpId | ''>().notNull().default(''),
    /** Units; less than 0 where they were given back. */
    amount: safeInteger('amount').notNull(),
    /** How often its counter had been set back by then: what was drawn before a reset is gone with it. */
    resets: integer('resets').notNull().default(0),
    actor: varchar('actor', { length: 320 }).notNull(),
    /** The caller's, where a mutation was asked for under one: each root of it is granted once. */
    idempotencyKey: varchar('idempotency_key', { length: 255 }),
    requestId: varchar('request_id', { length: 64 }).notNull(),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.grantId, table.kind, table.line] }),
    // A grant pays for the primary key alone: a full index of keys and one of meters cost 3 us of the 10 of each line.
    index('ix_usage_ledger_key')
      .on(table.tenantId, table.actor, table.idempotencyKey)
      .where(sql`idempotency_key is not null`),
    index('ix_usage_ledger_time').using('brin', table.createdAt),
    oneOf('usage_ledger_kind', table.kind, ledgerKinds),
  ],
);

/** Extra units of a feature of a license, with why and by whom they were given. */
export const featureTopUps = pgTable(
  'feature_top_ups',
  {
    tenantId: tenantColumn(),
    id: idColumn<'TopUp'>().notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    featureId: varchar('feature_id', { length: 50 }).notNull(),
    amount: safeInteger('amount').notNull(),
    reason: varchar('reason', { length: 500 }).notNull(),
    createdBy: varchar('created_by', { length: 255 }).notNull(),
    expiresAt: instantColumn('expires_at'),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'feature_top_ups_license',
    }).onDelete('cascade'),
    index('ix_feature_top_ups_license').on(table.tenantId, table.licenseId, table.featureId),
    check('feature_top_ups_amount', sql`${table.amount} > 0`),
  ],
);

export type FeatureUsage = typeof featureUsage.$inferSelect;
