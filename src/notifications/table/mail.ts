import { sql } from 'drizzle-orm';
import {
  foreignKey,
  index,
  integer,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { languages } from '../../access/model/settings.js';
import { customers, tenants } from '../../access/table.js';
import { idColumn, instantColumn, madeAndChanged, oneOf, tenantColumn } from '../../core/columns.js';
import { licenses } from '../../licenses/table.js';
import { mailKinds, mailStatuses, mailTransports } from '../model/mail.js';

/** One mail to one recipient, from the fact that it tells until a mail server has taken it. */
export const notifications = pgTable(
  'notifications',
  {
    tenantId: tenantColumn(),
    id: idColumn<'Notification'>().notNull(),
    kind: varchar('kind', { length: 30, enum: mailKinds }).notNull(),
    status: varchar('status', { length: 20, enum: mailStatuses }).notNull(),
    /** Null once it was erased, with all that is about people. */
    recipient: varchar('recipient', { length: 320 }),
    language: varchar('language', { length: 5, enum: languages }).notNull(),
    timeZone: varchar('time_zone', { length: 64 }).notNull(),
    subject: varchar('subject', { length: 500 }),
    /** What the text is made of, encrypted: it may hold a license key. Erased before the row is. */
    variables: text('variables'),
    licenseId: idColumn<'License'>('license_id'),
    customerId: idColumn<'Customer'>('customer_id'),
    /** The fact that is told. No foreign key: the log has its own retention. */
    eventId: idColumn<'Event'>('event_id').notNull(),
    /** The kind, what it is told of, and to whom: the same is told once. */
    dedupeKey: varchar('dedupe_key', { length: 200 }).notNull(),
    /** The same over every attempt: a mail that arrives twice is shown once. */
    messageId: varchar('message_id', { length: 255 }).notNull(),
    transport: varchar('transport', { length: 10, enum: mailTransports }),
    attempts: integer('attempts').notNull().default(0),
    /** Of them those at which no mail server was heard of. */
    unreached: integer('unreached').notNull().default(0),
    /** How often somebody had it sent again, and when last. */
    resends: integer('resends').notNull().default(0),
    resentAt: instantColumn('resent_at'),
    nextAttemptAt: instantColumn('next_attempt_at'),
    sentAt: instantColumn('sent_at'),
    /** Why it was not sent, or not yet: what the mail server said. */
    reason: varchar('reason', { length: 500 }),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'notifications_tenant' }),
    foreignKey({
      columns: [table.tenantId, table.licenseId],
      foreignColumns: [licenses.tenantId, licenses.id],
      name: 'notifications_license',
    }),
    foreignKey({
      columns: [table.tenantId, table.customerId],
      foreignColumns: [customers.tenantId, customers.id],
      name: 'notifications_customer',
    }),
    uniqueIndex('ux_notifications_dedupe').on(table.tenantId, table.dedupeKey),
    index('ix_notifications_due')
      .on(table.tenantId, table.nextAttemptAt)
      .where(sql`${table.status} = 'PENDING'`),
    index('ix_notifications_told')
      .on(table.tenantId, table.createdAt)
      .where(sql`${table.recipient} is not null`),
    index('ix_notifications_created').on(table.tenantId, table.createdAt, table.id),
    index('ix_notifications_license').on(table.tenantId, table.licenseId, table.createdAt, table.id),
    index('ix_notifications_customer').on(table.tenantId, table.customerId, table.createdAt, table.id),
    oneOf('notifications_kind', table.kind, mailKinds),
    oneOf('notifications_status', table.status, mailStatuses),
    oneOf('notifications_language', table.language, languages),
    oneOf('notifications_transport', table.transport, mailTransports),
  ],
);

export type Notification = typeof notifications.$inferSelect;
