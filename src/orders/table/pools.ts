import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { resellers } from '../../access/table.js';
import { idColumn, instantColumn, madeAndChanged, recordsColumn, tenantColumn } from '../../core/columns.js';
import { licenses } from '../../licenses/table.js';
import { licenseTemplates } from '../../templates/table.js';
import { MOST_IN_POOL } from '../model/pools.js';
import type { OrderTerms } from '../model/terms.js';
import { licenseOrders } from '../table.js';

/** What resellers may hand out. */
export const licensePools = pgTable(
  'license_pools',
  {
    tenantId: tenantColumn(),
    id: idColumn<'LicensePool'>().notNull(),
    name: varchar('name', { length: 255 }).notNull(),
    resellerId: idColumn<'Reseller'>('reseller_id').notNull(),
    templateId: idColumn<'Template'>('template_id').notNull(),
    /** The order that paid for it; its licenses name that order, and the order makes none beside them. */
    orderId: idColumn<'Order'>('order_id'),
    /** All that a license of it will have. */
    terms: recordsColumn<OrderTerms>('terms').notNull(),
    size: integer('size').notNull(),
    /** Kept in the statement that allocates or returns. */
    allocated: integer('allocated').notNull().default(0),
    returnsOnRevoke: boolean('returns_on_revoke').notNull().default(true),
    expiresAt: instantColumn('expires_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.resellerId],
      foreignColumns: [resellers.tenantId, resellers.id],
      name: 'license_pools_reseller',
    }),
    foreignKey({
      columns: [table.tenantId, table.templateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'license_pools_template',
    }),
    foreignKey({
      columns: [table.tenantId, table.orderId],
      foreignColumns: [licenseOrders.tenantId, licenseOrders.id],
      name: 'license_pools_order',
    }),
    uniqueIndex('ux_license_pools_order').on(table.tenantId, table.orderId),
    index('ix_license_pools_tenant_reseller').on(table.tenantId, table.resellerId, table.createdAt, table.id),
    index('ix_license_pools_tenant_template').on(table.tenantId, table.templateId, table.createdAt, table.id),
    index('ix_license_pools_tenant_created').on(table.tenantId, table.createdAt, table.id),
    check('license_pools_size', sql`${table.size} between 0 and ${sql.raw(String(MOST_IN_POOL))}`),
    check('license_pools_allocated', sql`${table.allocated} between 0 and ${table.size}`),
  ],
);

/** Which license was taken from which pool, and when its place was given back. */
export const poolAllocations = pgTable(
  'pool_allocations',
  {
    tenantId: tenantColumn(),
    /** The license is what it is known by: it is taken from one pool, once. */
    id: idColumn<'License'>('license_id').notNull(),
    poolId: idColumn<'LicensePool'>('pool_id').notNull(),
    allocatedAt: instantColumn('allocated_at').notNull(),
    returnedAt: instantColumn('returned_at'),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.id],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'pool_allocations_license',
    }),
    foreignKey({
      columns: [table.tenantId, table.poolId],
      foreignColumns: [licensePools.tenantId, licensePools.id],
      name: 'pool_allocations_pool',
    }),
    index('ix_pool_allocations_pool').on(table.tenantId, table.poolId, table.allocatedAt, table.id),
  ],
);

export type LicensePool = typeof licensePools.$inferSelect;
export type PoolAllocation = typeof poolAllocations.$inferSelect;
