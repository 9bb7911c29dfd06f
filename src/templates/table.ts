import { boolean, foreignKey, index, integer, pgTable, primaryKey, text, varchar } from 'drizzle-orm/pg-core';
import { tenants } from '../access/table.js';
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
  licenseModels,
  licenseTypes,
  type Pricing,
  type TemplateFeature,
  type TemplateRestriction,
} from './model.js';

export const products = pgTable(
  'billing_products',
  {
    tenantId: tenantColumn(),
    id: varchar('product_id', { length: 50 }).$type<ProductId>().notNull(),
    name: varchar('name', { length: 255 }).notNull(),
    description: text('description').notNull().default(''),
    version: varchar('version', { length: 50 }).notNull(),
    active: boolean('active').notNull().default(true),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'billing_products_tenant' }),
  ],
);

/** When each version of a product came out; maintenance of a license covers what was released while it ran. */
export const productVersions = pgTable(
  'product_versions',
  {
    tenantId: tenantColumn(),
    productId: varchar('product_id', { length: 50 }).$type<ProductId>().notNull(),
    version: varchar('version', { length: 50 }).notNull(),
    releasedAt: instantColumn('released_at').notNull(),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.productId, table.version] }),
    foreignKey({
      columns: [table.tenantId, table.productId],
      foreignColumns: [products.tenantId, products.id],
      name: 'product_versions_product',
    }).onDelete('cascade'),
  ],
);

export const licenseTemplates = pgTable(
  'license_templates',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Template'>().notNull(),
    version: integer('version').notNull().default(1),
    templateName: varchar('template_name', { length: 255 }).notNull(),
    productId: varchar('product_id', { length: 50 }).$type<ProductId>().notNull(),
    description: text('description').notNull().default(''),
    licenseType: varchar('license_type', { length: 20, enum: licenseTypes }).notNull(),
    licenseModel: varchar('license_model', { length: 20, enum: licenseModels }).notNull(),
    defaultDuration: integer('default_duration').notNull().default(365),
    maxActivations: integer('max_activations').notNull().default(1),
    leaseSeconds: integer('lease_seconds'),
    maxBorrowHours: integer('max_borrow_hours'),
    maxDeactivationsPerYear: integer('max_deactivations_per_year'),
    features: recordsColumn<readonly TemplateFeature[]>('features').notNull().default([]),
    restrictions: recordsColumn<readonly TemplateRestriction[]>('restrictions').notNull().default([]),
    pricing: recordsColumn<Pricing>('pricing').notNull(),
    autoRenewalEnabled: boolean('auto_renewal_enabled').notNull().default(true),
    trialAllowed: boolean('trial_allowed').notNull().default(false),
    trialDurationDays: integer('trial_duration_days').notNull().default(30),
    gracePeriodDays: integer('grace_period_days').notNull().default(30),
    active: boolean('active').notNull().default(true),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.productId],
      foreignColumns: [products.tenantId, products.id],
      name: 'license_templates_product',
    }),
    index('ix_license_templates_tenant_product').on(table.tenantId, table.productId, table.id),
    index('ix_license_templates_tenant_created').on(table.tenantId, table.createdAt, table.id),
    oneOf('license_templates_license_type', table.licenseType, licenseTypes),
    oneOf('license_templates_license_model', table.licenseModel, licenseModels),
  ],
);

/**
 * What each version of a template said, as rows of `licenseTemplates` but for what never changes. A license keeps the number
 * of the version that it was made from; roles add versions, and change none.
 */
export const licenseTemplateVersions = pgTable(
  'license_template_versions',
  {
    tenantId: tenantColumn(),
    templateId: idColumn<'Template'>('template_id').notNull(),
    version: integer('version').notNull(),
    content: recordsColumn<TemplateContent>('content').notNull(),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.templateId, table.version] }),
    foreignKey({
      columns: [table.tenantId, table.templateId],
      foreignColumns: [licenseTemplates.tenantId, licenseTemplates.id],
      name: 'license_template_versions_template',
    }),
  ],
);

export type TemplateContent = Omit<Template, 'tenantId' | 'id' | 'version' | 'createdAt' | 'updatedAt'>;
export type ProductVersion = typeof productVersions.$inferSelect;
export type Product = typeof products.$inferSelect;
export type Template = typeof licenseTemplates.$inferSelect;
