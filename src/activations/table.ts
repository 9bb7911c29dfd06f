import { type SQL, sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
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
import { tenants } from '../access/table.js';
import {
  idColumn,
  instantColumn,
  madeAndChanged,
  oneOf,
  recordsColumn,
  safeInteger,
  tenantColumn,
} from '../core/columns.js';
import { licenses } from '../licenses/table.js';
import { activationStatuses, activationTypes } from './model/activation.js';
import type { UsageMetrics } from './model/metrics.js';

/** Where a device says it is. */
export interface ActivationLocation {
  readonly country: string;
  readonly region: string | null;
  readonly city: string | null;
  readonly timezone: string;
  readonly coordinates: { readonly latitude: number; readonly longitude: number } | null;
}

/** Whom a seat of a model that counts people belongs to. */
export function holderSql(table: { readonly userRef: AnyPgColumn; readonly deviceFingerprint: AnyPgColumn }) {
  return sql`coalesce(${table.userRef}, ${table.deviceFingerprint})`;
}

/** What is kept of an activation, in the table of those that live and in the archive. */
const activationColumns = () => ({
  tenantId: tenantColumn(),
  id: idColumn<'Activation'>().notNull(),
  licenseId: idColumn<'License'>('license_id').notNull(),
  activationTokenHash: varchar('activation_token_hash', { length: 100 }).notNull(),
  /** The last four characters of the token, for display. */
  activationTokenHint: varchar('activation_token_hint', { length: 4 }).notNull(),
  /** Keyed hashes of what the device reported; the raw values are nowhere. */
  deviceFingerprint: varchar('device_fingerprint', { length: 255 }).notNull(),
  hardwareId: varchar('hardware_id', { length: 255 }),
  macAddress: varchar('mac_address', { length: 100 }),
  /** The domain that it serves, as A-labels. */
  domain: varchar('domain', { length: 253 }),
  machineName: varchar('machine_name', { length: 255 }),
  ipAddress: varchar('ip_address', { length: 50 }),
  operatingSystem: varchar('operating_system', { length: 100 }),
  userAgent: varchar('user_agent', { length: 500 }),
  applicationVersion: varchar('application_version', { length: 50 }).notNull(),
  activationType: varchar('activation_type', { length: 20, enum: activationTypes })
    .notNull()
    .default('ONLINE'),
  status: varchar('status', { length: 20, enum: activationStatuses }).notNull().default('ACTIVE'),
  /** Who sits at the device, for models that count people. */
  userRef: varchar('user_ref', { length: 255 }),
  /** Processors or cores, for models that count them. */
  units: integer('units').notNull().default(1),
  activatedAt: instantColumn('activated_at').notNull(),
  expiresAt: instantColumn('expires_at'),
  leaseExpiresAt: instantColumn('lease_expires_at'),
  /** When its seat was counted as free, because its lease or its time was over; null while it counts. */
  seatFreedAt: instantColumn('seat_freed_at'),
  /** Until when its floating seat is taken along. */
  borrowedUntil: instantColumn('borrowed_until'),
  lastHeartbeat: instantColumn('last_heartbeat'),
  deactivatedAt: instantColumn('deactivated_at'),
  deactivationReason: text('deactivation_reason'),
  location: recordsColumn<ActivationLocation>('location'),
  /** When it last told its address and place; null once they are erased. */
  reportedAt: instantColumn('reported_at'),
  /** The country in which it was seen last, and when; erased with the place. */
  seenCountry: varchar('seen_country', { length: 2 }),
  seenAt: instantColumn('seen_at'),
  /** When it was last noticed that it was seen in two countries too soon after each other. */
  travelledAt: instantColumn('travelled_at'),
  usageMetrics: recordsColumn<Omit<UsageMetrics, 'featureUsage'>>('usage_metrics'),
  /** Apart from the other metrics because its keys are the application's own words. */
  featureUsage: jsonb('feature_usage').$type<Record<string, number>>().notNull().default({}),
  metadata: jsonb('metadata').$type<Record<string, unknown>>().notNull().default({}),
  ...madeAndChanged(),
});

export const licenseActivations = pgTable('license_activations', activationColumns(), (table) => [
  primaryKey({ columns: [table.tenantId, table.id] }),
  foreignKey({
    columns: [table.tenantId, table.licenseId],
    foreignColumns: [licenses.tenantId, licenses.id],
    name: 'license_activations_license',
  }).onDelete('cascade'),
  uniqueIndex('ux_activations_token').on(table.tenantId, table.activationTokenHash),
  uniqueIndex('ux_activations_device')
    // A device may hold a seat, and beside it what an emergency code gave it for a day.
    .on(
      table.tenantId,
      table.licenseId,
      table.deviceFingerprint,
      sql`(${table.activationType} = 'EMERGENCY')`,
    )
    .where(sql`${table.status} = 'ACTIVE'`),
  index('ix_activations_license').on(table.tenantId, table.licenseId, table.activatedAt, table.id),
  index('ix_activations_tenant_activated').on(table.tenantId, table.activatedAt, table.id),
  index('ix_activations_device').on(table.tenantId, table.deviceFingerprint),
  index('ix_activations_reported')
    .on(table.tenantId, table.reportedAt)
    .where(sql`${table.reportedAt} is not null`),
  // Who holds a seat, by whom it is held: a heartbeat changes none of these columns, so that it touches no index.
  index('ix_activations_seats')
    .on(table.tenantId, table.licenseId, holderSql(table))
    .where(
      sql`${table.status} = 'ACTIVE' and ${table.activationType} <> 'EMERGENCY' and ${table.seatFreedAt} is null`,
    ),
  // What the archive takes next, over all tenants.
  index('ix_activations_deactivated').on(table.deactivatedAt).where(sql`${table.status} = 'DEACTIVATED'`),
  oneOf('license_activations_activation_type', table.activationType, activationTypes),
  oneOf('license_activations_status', table.status, activationStatuses),
  check('license_activations_units', sql`${table.units} >= 1`),
]);

interface Named {
  readonly userRef: AnyPgColumn;
  readonly machineName: AnyPgColumn;
  readonly metadata: AnyPgColumn;
}

/** Of whom or of which machine something is still known. */
export function namedSql({ userRef, machineName, metadata }: Named): SQL {
  return sql`(${userRef} is not null or ${machineName} is not null or ${metadata} <> '{}'::jsonb)`;
}

/** Activations that ended long ago: out of the way of those that live, and found by whoever asks for them. */
export const archivedActivations = pgTable(
  'archived_activations',
  { ...activationColumns(), archivedAt: instantColumn('archived_at').notNull() },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'archived_activations_license',
    }).onDelete('cascade'),
    uniqueIndex('ux_archived_activations_token').on(table.tenantId, table.activationTokenHash),
    index('ix_archived_activations_license').on(table.tenantId, table.licenseId, table.activatedAt, table.id),
    index('ix_archived_activations_activated').on(table.tenantId, table.activatedAt, table.id),
    index('ix_archived_activations_device').on(table.tenantId, table.deviceFingerprint),
    index('ix_archived_activations_reported')
      .on(table.tenantId, table.reportedAt)
      .where(sql`${table.reportedAt} is not null`),
    index('ix_archived_activations_named').on(table.tenantId, table.deactivatedAt).where(namedSql(table)),
  ],
);

/** Requests of devices that cannot connect, each with the one answer that it was given. */
export const offlineRequests = pgTable(
  'offline_requests',
  {
    tenantId: tenantColumn(),
    id: idColumn<'OfflineRequest'>().notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    activationId: idColumn<'Activation'>('activation_id').notNull(),
    /** What the device drew for this request; it tells one request from another. */
    nonce: varchar('nonce', { length: 64 }).notNull(),
    madeAt: instantColumn('made_at').notNull(),
    signedBy: varchar('signed_by', { length: 255 }).notNull(),
    /** Encrypted under the key ring, bound to the id. */
    response: text('response').notNull(),
    expiresAt: instantColumn('expires_at').notNull(),
    registeredAt: instantColumn('registered_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.activationId],
      foreignColumns: [licenseActivations.tenantId, licenseActivations.id],
      name: 'offline_requests_activation',
    }).onDelete('cascade'),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'offline_requests_license',
    }).onDelete('cascade'),
    uniqueIndex('ux_offline_requests_nonce').on(table.tenantId, table.licenseId, table.nonce),
    index('ix_offline_requests_activation').on(table.tenantId, table.activationId),
    index('ix_offline_requests_expires').on(table.tenantId, table.expiresAt),
  ],
);

/** Signed documents about licenses that are out in the world, for as long as somebody may go by them. */
export const licenseFiles = pgTable(
  'license_files',
  {
    tenantId: tenantColumn(),
    id: idColumn<'LicenseFile'>().notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    /** The device that it is bound to; null for a license whose devices are not counted. */
    activationId: idColumn<'Activation'>('activation_id'),
    issuedBy: varchar('issued_by', { length: 255 }).notNull(),
    expiresAt: instantColumn('expires_at').notNull(),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.activationId],
      foreignColumns: [licenseActivations.tenantId, licenseActivations.id],
      name: 'license_files_activation',
    }).onDelete('cascade'),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'license_files_license',
    }).onDelete('cascade'),
    index('ix_license_files_tenant_expires').on(table.tenantId, table.expiresAt),
    index('ix_license_files_license').on(table.tenantId, table.licenseId),
    index('ix_license_files_activation').on(table.tenantId, table.activationId),
  ],
);

/** The tenant's list of what no longer holds, as it was signed last. */
export const revocationLists = pgTable(
  'revocation_lists',
  {
    tenantId: tenantColumn(),
    /** Grows with every change of the content, and never goes back. */
    epoch: safeInteger('epoch').notNull(),
    contentHash: varchar('content_hash', { length: 64 }).notNull(),
    signed: text('signed').notNull(),
    signedAt: instantColumn('signed_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId] }),
    foreignKey({
      columns: [table.tenantId],
      foreignColumns: [tenants.id],
      name: 'revocation_lists_tenant',
    }),
  ],
);

/** Codes that let a device in for a day, where nothing but the limit or the end of grace keeps it out. */
export const emergencyCodes = pgTable(
  'emergency_codes',
  {
    tenantId: tenantColumn(),
    id: idColumn<'EmergencyCode'>().notNull(),
    licenseId: idColumn<'License'>('license_id').notNull(),
    codeHash: varchar('code_hash', { length: 100 }).notNull(),
    reason: text('reason').notNull(),
    createdBy: varchar('created_by', { length: 255 }).notNull(),
    createdAt: instantColumn('created_at').notNull(),
    expiresAt: instantColumn('expires_at').notNull(),
    usedAt: instantColumn('used_at'),
    /** What it was used for. No foreign key: the archive may have it. */
    activationId: idColumn<'Activation'>('activation_id'),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'emergency_codes_license',
    }).onDelete('cascade'),
    uniqueIndex('ux_emergency_codes_hash').on(table.tenantId, table.codeHash),
    index('ix_emergency_codes_license').on(table.tenantId, table.licenseId, table.createdAt),
    index('ix_emergency_codes_created').on(table.tenantId, table.createdAt),
  ],
);

/**
 * Devices that no license of the tenant is used on. An entry has a row for each pepper of the key ring, so that it
 * finds what was stored under any of them; its first row, whose id is the entry's, stands for it.
 */
export const deviceBlacklist = pgTable(
  'device_blacklist',
  {
    tenantId: tenantColumn(),
    id: idColumn<'BlacklistedDevice'>().notNull(),
    entryId: idColumn<'BlacklistedDevice'>('entry_id').notNull(),
    deviceFingerprint: varchar('device_fingerprint', { length: 255 }).notNull(),
    reason: text('reason').notNull(),
    createdBy: varchar('created_by', { length: 255 }).notNull(),
    createdAt: instantColumn('created_at').notNull(),
    liftedAt: instantColumn('lifted_at'),
    liftedBy: varchar('lifted_by', { length: 255 }),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId],
      foreignColumns: [tenants.id],
      name: 'device_blacklist_tenant',
    }),
    uniqueIndex('ux_device_blacklist_device')
      .on(table.tenantId, table.deviceFingerprint)
      .where(sql`${table.liftedAt} is null`),
    index('ix_device_blacklist_created').on(table.tenantId, table.createdAt, table.id),
    index('ix_device_blacklist_entry').on(table.tenantId, table.entryId),
  ],
);

export type EmergencyCode = typeof emergencyCodes.$inferSelect;
export type BlacklistedDevice = typeof deviceBlacklist.$inferSelect;
export type OfflineRequest = typeof offlineRequests.$inferSelect;
export type RevocationList = typeof revocationLists.$inferSelect;

/**
 * Tokens that a device was given before its current one, and may still have: an answer may have been lost. Each serves
 * until a later one is used, 24 hours at most.
 */
export const earlierTokens = pgTable(
  'earlier_tokens',
  {
    tenantId: tenantColumn(),
    tokenHash: varchar('token_hash', { length: 100 }).notNull(),
    activationId: idColumn<'Activation'>('activation_id').notNull(),
    /** The order in which they were given. */
    place: integer('place').notNull(),
    endsAt: instantColumn('ends_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.tokenHash] }),
    foreignKey({
      columns: [table.tenantId, table.activationId],
      foreignColumns: [licenseActivations.tenantId, licenseActivations.id],
      name: 'earlier_tokens_activation',
    }).onDelete('cascade'),
    uniqueIndex('ux_earlier_tokens_place').on(table.tenantId, table.activationId, table.place),
    index('ix_earlier_tokens_end').on(table.tenantId, table.endsAt),
  ],
);

export type Activation = typeof licenseActivations.$inferSelect;
