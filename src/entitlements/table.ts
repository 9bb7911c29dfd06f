import { sql } from 'drizzle-orm';
import { check, foreignKey, pgTable, primaryKey, varchar } from 'drizzle-orm/pg-core';
import { idColumn, instantColumn, safeInteger, tenantColumn } from '../core/columns.js';
import { licenses } from '../licenses/table.js';

/** The meters: what was used of a feature of a license in one window of its limit. */
export const featureUsage = pgTable(
  'feature_usage',
  {
    tenantId: tenantColumn(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    featureId: varchar('feature_id', { length: 50 }).notNull(),
    windowStart: instantColumn('window_start').notNull(),
    used: safeInteger('used').notNull().default(0),
    updatedAt: instantColumn('updated_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.licenseId, table.featureId, table.windowStart] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'feature_usage_license',
    }).onDelete('cascade'),
    check('feature_usage_used', sql`${table.used} >= 0`),
  ],
);

export type FeatureUsage = typeof featureUsage.$inferSelect;
