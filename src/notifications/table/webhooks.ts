import { sql } from 'drizzle-orm';
import {
  boolean,
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
import { tenants } from '../../access/table.js';
import {
  idColumn,
  instantColumn,
  madeAndChanged,
  oneOf,
  recordsColumn,
  safeInteger,
  tenantColumn,
} from '../../core/columns.js';
import type { KeptSecret } from '../../core/keptSecrets.js';
import {
  type DeliveryAttempt,
  deliveryErrors,
  deliveryStatuses,
  disabledReasons,
} from '../model/webhooks.js';

export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    tenantId: tenantColumn(),
    id: idColumn<'WebhookEndpoint'>().notNull(),
    url: text('url').notNull(),
    description: varchar('description', { length: 255 }),
    /** Types of events, and prefixes of them. */
    events: jsonb('events').$type<readonly string[]>().notNull(),
    /** Encrypted, the newest first. A deleted endpoint has none. */
    secrets: recordsColumn<readonly KeptSecret[]>('secrets').notNull(),
    enabled: boolean('enabled').notNull(),
    disabledReason: varchar('disabled_reason', { length: 20, enum: disabledReasons }),
    disabledAt: instantColumn('disabled_at'),
    /** Events with a higher number are told: those since it was made or enabled. */
    fromSequence: safeInteger('from_sequence').notNull(),
    /** Null from one success to the next failure. */
    failingSince: instantColumn('failing_since'),
    lastFailureAt: instantColumn('last_failure_at'),
    createdBy: varchar('created_by', { length: 255 }).notNull(),
    /** Its deliveries stay for their time, and with them its row. */
    deletedAt: instantColumn('deleted_at'),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId],
      foreignColumns: [tenants.id],
      name: 'webhook_endpoints_tenant',
    }),
    index('ix_webhook_endpoints_created').on(table.tenantId, table.createdAt, table.id),
    oneOf('webhook_endpoints_disabled_reason', table.disabledReason, disabledReasons),
  ],
);

/** Up to which number of the trail a tenant's endpoints were told: one row of each tenant that has had any. */
export const webhookCursors = pgTable(
  'webhook_cursors',
  { tenantId: tenantColumn(), sequence: safeInteger('sequence').notNull() },
  (table) => [
    primaryKey({ columns: [table.tenantId] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'webhook_cursors_tenant' }),
  ],
);

/** One event for one endpoint. What is sent is made of the event at each attempt, and kept nowhere. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    tenantId: tenantColumn(),
    id: idColumn<'WebhookDelivery'>().notNull(),
    endpointId: idColumn<'WebhookEndpoint'>('endpoint_id').notNull(),
    eventId: idColumn<'Event'>('event_id').notNull(),
    sequence: safeInteger('sequence').notNull(),
    eventType: varchar('event_type', { length: 50 }).notNull(),
    status: varchar('status', { length: 20, enum: deliveryStatuses }).notNull(),
    /** When it is tried next; of one that somebody tries, when it is up for others. Null when it is over. */
    nextAttemptAt: instantColumn('next_attempt_at'),
    /** Until when it is left to whoever has taken it. */
    leasedUntil: instantColumn('leased_until'),
    /** Attempts that were begun since it was made or replayed. */
    attemptCount: integer('attempt_count').notNull(),
    attempts: recordsColumn<readonly DeliveryAttempt[]>('attempts').notNull().default([]),
    lastError: varchar('last_error', { length: 20, enum: deliveryErrors }),
    finishedAt: instantColumn('finished_at'),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId, table.endpointId],
      foreignColumns: [webhookEndpoints.tenantId, webhookEndpoints.id],
      name: 'webhook_deliveries_endpoint',
    }),
    uniqueIndex('ux_webhook_deliveries_event').on(table.tenantId, table.endpointId, table.eventId),
    index('ix_webhook_deliveries_due')
      .on(table.tenantId, table.endpointId, table.nextAttemptAt)
      .where(sql`status = 'PENDING'`),
    index('ix_webhook_deliveries_created').on(table.tenantId, table.createdAt, table.id),
    index('ix_webhook_deliveries_endpoint').on(table.tenantId, table.endpointId, table.createdAt, table.id),
    index('ix_webhook_deliveries_failed')
      .on(table.tenantId, table.createdAt, table.id)
      .where(sql`status = 'FAILED'`),
    oneOf('webhook_deliveries_status', table.status, deliveryStatuses),
    oneOf('webhook_deliveries_last_error', table.lastError, deliveryErrors),
  ],
);

export type WebhookEndpoint = typeof webhookEndpoints.$inferSelect;
export type WebhookDelivery = typeof webhookDeliveries.$inferSelect;
