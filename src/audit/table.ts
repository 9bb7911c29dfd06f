import { index, jsonb, pgTable, primaryKey, varchar } from 'drizzle-orm/pg-core';
import { idColumn, instantColumn, recordsColumn, tenantColumn } from '../core/columns.js';
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

export type EventRow = typeof licenseEventLogs.$inferSelect;
