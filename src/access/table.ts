import { sql } from 'drizzle-orm';
import {
  boolean,
  foreignKey,
  index,
  jsonb,
  pgTable,
  primaryKey,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import {
  idColumn,
  instantColumn,
  madeAndChanged,
  oneOf,
  recordsColumn,
  tenantColumn,
} from '../core/columns.js';
import type { TenantId } from '../core/id.js';
import { languages, type TenantSettings } from './model/settings.js';
import { partyStatuses } from './model.js';

/** Not a tenant's table: the tenants themselves. */
export const tenants = pgTable(
  'tenants',
  {
    id: varchar('id', { length: 50 }).$type<TenantId>().primaryKey(),
    name: varchar('name', { length: 255 }).notNull(),
    settings: recordsColumn<TenantSettings>('settings', ['featureFlags']).notNull(),
    ...madeAndChanged(),
  },
  (table) => [index('ix_tenants_name').on(table.name, table.id)],
);

const partyColumns = () => ({
  name: varchar('name', { length: 255 }).notNull(),
  email: varchar('email', { length: 320 }),
  /** In which language and by which clock it is written to; the tenant's where it is null. */
  language: varchar('language', { length: 5, enum: languages }),
  timeZone: varchar('time_zone', { length: 64 }),
  /** What stands on its invoices below its name. */
  billingAddress: varchar('billing_address', { length: 500 }),
  taxId: varchar('tax_id', { length: 50 }),
  status: varchar('status', { length: 20, enum: partyStatuses }).notNull().default('ACTIVE'),
  ...madeAndChanged(),
});

export const resellers = pgTable(
  'resellers',
  { tenantId: tenantColumn(), id: idColumn<'Reseller'>().notNull(), ...partyColumns() },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'resellers_tenant' }),
    oneOf('resellers_status', table.status, partyStatuses),
    oneOf('resellers_language', table.language, languages),
  ],
);

export const customers = pgTable(
  'customers',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Customer'>().notNull(),
    resellerId: idColumn<'Reseller'>('reseller_id'),
    /** The customer's number in the vendor's other systems. */
    externalId: varchar('external_id', { length: 255 }),
    ...partyColumns(),
    /** Whether it is reminded of what is due; what happened to its licenses it is told in any case. */
    receivesReminders: boolean('receives_reminders').notNull().default(true),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'customers_tenant' }),
    foreignKey({
      columns: [table.tenantId, table.resellerId],
      foreignColumns: [resellers.tenantId, resellers.id],
      name: 'customers_reseller',
    }),
    uniqueIndex('ux_customers_external').on(table.tenantId, table.externalId),
    index('ix_customers_tenant_reseller').on(table.tenantId, table.resellerId, table.name, table.id),
    index('ix_customers_tenant_name').on(table.tenantId, table.name, table.id),
    // Lists name customers by their addresses, however those are written.
    index('ix_customers_tenant_email').on(table.tenantId, sql`lower(${table.email})`),
    oneOf('customers_status', table.status, partyStatuses),
    oneOf('customers_language', table.language, languages),
  ],
);

export const directoryKinds = [
  'LICENSE_KEY',
  'ACTIVATION_TOKEN',
  'API_KEY',
  'PAYMENT_REFERENCE',
  'PAYMENT_ENDPOINT',
] as const;

/** Not a tenant's table: where a secret that arrives without a tenant finds its own. It holds hashes only. */
export const keyDirectory = pgTable(
  'key_directory',
  {
    hash: varchar('hash', { length: 100 }).primaryKey(),
    kind: varchar('kind', { length: 20, enum: directoryKinds }).notNull(),
    tenantId: tenantColumn(),
    /** The license that a key opens, or that a token's activation belongs to; an API key's own id; the invoice of a payment; a payment endpoint. */
    subjectId: varchar('subject_id', { length: 36 }).notNull(),
  },
  (table) => [
    index('ix_key_directory_subject').on(table.tenantId, table.subjectId),
    oneOf('key_directory_kind', table.kind, directoryKinds),
  ],
);

/** Long-lived secrets of programs. The secret itself is nowhere; its hash stands in the key directory. */
export const apiKeys = pgTable(
  'api_keys',
  {
    tenantId: tenantColumn(),
    id: idColumn<'ApiKey'>().notNull(),
    name: varchar('name', { length: 255 }).notNull(),
    keyHash: varchar('key_hash', { length: 100 }).notNull(),
    /** The last four characters, for display. */
    keyHint: varchar('key_hint', { length: 4 }).notNull(),
    roles: jsonb('roles').$type<readonly string[]>().notNull().default([]),
    permissions: jsonb('permissions').$type<readonly string[]>().notNull().default([]),
    customerId: idColumn<'Customer'>('customer_id'),
    resellerId: idColumn<'Reseller'>('reseller_id'),
    createdBy: varchar('created_by', { length: 255 }).notNull(),
    expiresAt: instantColumn('expires_at'),
    revokedAt: instantColumn('revoked_at'),
    lastUsedAt: instantColumn('last_used_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_api_keys_hash').on(table.tenantId, table.keyHash),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'api_keys_tenant' }),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'api_keys_customer',
    }),
    foreignKey({
      columns: [table.tenantId, table.resellerId],
      foreignColumns: [resellers.tenantId, resellers.id],
      name: 'api_keys_reseller',
    }),
    index('ix_api_keys_tenant_created').on(table.tenantId, table.createdAt, table.id),
  ],
);

export type ApiKey = typeof apiKeys.$inferSelect;
export type Tenant = typeof tenants.$inferSelect;
export type Customer = typeof customers.$inferSelect;
export type Reseller = typeof resellers.$inferSelect;
export type DirectoryKind = (typeof directoryKinds)[number];
