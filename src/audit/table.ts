import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex, varchar } from 'drizzle-orm/pg-core';
import { idColumn, instantColumn, recordsColumn, safeInteger, tenantColumn } from '../core/columns.js';
import type { EventType } from '../core/event.js';
import type { EventCause } from './model.js';

/** SHA-256 in base64url. */
const hashColumn = (name: string) => varchar(name, { length: 43 });

/** No foreign key to what an event speaks of: the trail outlives its subjects. */
export const licenseEventLogs = pgTable(
  'license_event_logs',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Event'>().notNull(),
    eventType: varchar('event_type', { length: 50 }).$type<EventType>().notNull(),
    subjectId: varchar('subject_id', { length: 50 }).notNull(),
    licenseId: idColumn<'License'>('license_id'),
    activationId: idColumn<'Activation'>('activation_id'),
    userId: varchar('user_id', { length: 255 }),
    eventData: jsonb('event_data').$type<Record<string, unknown>>().notNull().default({}),
    metadata: recordsColumn<EventCause>('metadata').notNull(),
    /** Of the personal data that were told with it, salted: what the chain has of them. */
    personalHash: hashColumn('personal_hash'),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    index('ix_license_events_license').on(table.tenantId, table.licenseId, table.createdAt, table.id),
    index('ix_license_events_subject').on(table.tenantId, table.subjectId, table.createdAt, table.id),
    index('ix_license_events_type').on(table.tenantId, table.eventType, table.createdAt, table.id),
    index('ix_license_events_actor').on(table.tenantId, table.userId, table.createdAt, table.id),
    index('ix_license_events_created_at').on(table.tenantId, table.createdAt, table.id),
  ],
);

/**
 * Whatever of an event is about a person: erased by setting data and salt to null, which leaves nothing that could be
 * guessed from the hash, and the chain as it was.
 */
export const eventPersonalData = pgTable(
  'event_personal_data',
  {
    tenantId: tenantColumn(),
    eventId: idColumn<'Event'>('event_id').notNull(),
    salt: varchar('salt', { length: 22 }),
    data: jsonb('data').$type<Record<string, unknown>>(),
    createdAt: instantColumn('created_at').notNull(),
    erasedAt: instantColumn('erased_at'),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.eventId] }),
    index('ix_event_personal_data_created_at')
      .on(table.tenantId, table.createdAt)
      .where(sql`${table.data} is not null`),
  ],
);

/** Events that the sealer has not numbered yet: written with the event, deleted with its seal. */
export const unsealedEvents = pgTable(
  'unsealed_events',
  { tenantId: tenantColumn(), eventId: idColumn<'Event'>('event_id').notNull() },
  (table) => [primaryKey({ columns: [table.tenantId, table.eventId] })],
);

/**
 * The one order of a tenant's events, given to committed events by a single writer. `sequence` is the cursor of
 * everything that reads the log: it has no gaps, and nothing appears behind a reader. `hash` stands on the event and
 * on the hash before.
 */
export const auditSeals = pgTable(
  'audit_seals',
  {
    tenantId: tenantColumn(),
    sequence: safeInteger('sequence').notNull(),
    eventId: idColumn<'Event'>('event_id').notNull(),
    sealedAt: instantColumn('sealed_at').notNull(),
    hash: hashColumn('hash').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.sequence] }),
    uniqueIndex('ux_audit_seals_event').on(table.tenantId, table.eventId),
  ],
);

/** Where a tenant's chain ends, where what is kept of it begins, and what no checkpoint has signed yet. */
export const auditHeads = pgTable(
  'audit_heads',
  {
    tenantId: tenantColumn().primaryKey(),
    sequence: safeInteger('sequence').notNull(),
    hash: hashColumn('hash').notNull(),
    /** Events behind the last checkpoint, those that tell of checkpoints aside, and since when there are any. */
    pending: integer('pending').notNull(),
    pendingSince: instantColumn('pending_since'),
    /** Up to this number the retention has deleted; the hash of that seal. */
    keptAfter: safeInteger('kept_after').notNull().default(0),
    keptAfterHash: hashColumn('kept_after_hash'),
    /** Up to where it may, signed before anything was deleted. */
    boundaryToken: text('boundary_token'),
    boundaryAt: instantColumn('boundary_at'),
  },
  (table) => [
    index('ix_audit_heads_pending').on(table.pendingSince).where(sql`${table.pendingSince} is not null`),
  ],
);

/** Heads of the chain that were signed, and handed out since. */
export const auditCheckpoints = pgTable(
  'audit_checkpoints',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Checkpoint'>().notNull(),
    sequence: safeInteger('sequence').notNull(),
    hash: hashColumn('hash').notNull(),
    kid: varchar('kid', { length: 43 }).notNull(),
    token: text('token').notNull(),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    uniqueIndex('ux_audit_checkpoints_sequence').on(table.tenantId, table.sequence),
    index('ix_audit_checkpoints_created').on(table.tenantId, table.createdAt, table.id),
  ],
);

export type EventRow = typeof licenseEventLogs.$inferSelect;
export type CheckpointRow = typeof auditCheckpoints.$inferSelect;
