import { index, jsonb, pgTable, primaryKey, uniqueIndex, varchar } from 'drizzle-orm/pg-core';
import { idColumn, instantColumn, recordsColumn, safeInteger, tenantColumn } from '../core/columns.js';
import type { EventType } from '../core/event.js';
import type { EventCause } from './model.js';

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
    ipAddress: varchar('ip_address', { length: 50 }),
    eventData: jsonb('event_data').$type<Record<string, unknown>>().notNull().default({}),
    metadata: recordsColumn<EventCause>('metadata').notNull(),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    index('ix_license_events_license').on(table.tenantId, table.licenseId, table.createdAt, table.id),
    index('ix_license_events_subject').on(table.tenantId, table.subjectId, table.createdAt, table.id),
    index('ix_license_events_created_at').on(table.tenantId, table.createdAt, table.id),
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
 * everything that reads the log: it has no gaps, and nothing appears behind a reader.
 */
export const auditSeals = pgTable(
  'audit_seals',
  {
    tenantId: tenantColumn(),
    sequence: safeInteger('sequence').notNull(),
    eventId: idColumn<'Event'>('event_id').notNull(),
    sealedAt: instantColumn('sealed_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.sequence] }),
    uniqueIndex('ux_audit_seals_event').on(table.tenantId, table.eventId),
  ],
);

export type EventRow = typeof licenseEventLogs.$inferSelect;
