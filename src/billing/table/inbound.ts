import { sql } from 'drizzle-orm';
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  numeric,
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
  tenantColumn,
} from '../../core/columns.js';
import type { TenantId } from '../../core/id.js';
import type { KeptSecret } from '../../core/keptSecrets.js';
import type { Amount } from '../../core/money.js';
import { inboundProcessors, inboundReasons, inboundStatuses } from '../model/inbound.js';
import { invoices } from '../table.js';

/** Where a tenant's own account at a processor sends its webhooks, and what it signs them with. */
export const paymentEndpoints = pgTable(
  'payment_endpoints',
  {
    tenantId: tenantColumn(),
    id: idColumn<'PaymentEndpoint'>().notNull(),
    processor: varchar('processor', { length: 20, enum: inboundProcessors }).notNull(),
    description: varchar('description', { length: 255 }),
    /** Encrypted, the newest first. */
    secrets: recordsColumn<readonly KeptSecret[]>('secrets').notNull(),
    /** Encrypted: what charges go to this account with, where the processor can be charged through. */
    apiKey: text('api_key'),
    enabled: boolean('enabled').notNull(),
    createdBy: varchar('created_by', { length: 255 }).notNull(),
    ...madeAndChanged(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    foreignKey({
      columns: [table.tenantId],
      foreignColumns: [tenants.id],
      name: 'payment_endpoints_tenant',
    }),
    index('ix_payment_endpoints_created').on(table.tenantId, table.createdAt, table.id),
    oneOf('payment_endpoints_processor', table.processor, inboundProcessors),
  ],
);

/**
 * What came, as it came. It has no tenant until its invoice is found, unless it came to an address of one: until then nobody
 * but the worker sees it.
 */
export const inboundWebhooks = pgTable(
  'inbound_webhooks',
  {
    id: idColumn<'InboundWebhook'>().primaryKey(),
    tenantId: varchar('tenant_id', { length: 50 }).$type<TenantId>(),
    endpointId: idColumn<'PaymentEndpoint'>('endpoint_id'),
    processor: varchar('processor', { length: 20, enum: inboundProcessors }).notNull(),
    /** The endpoint's id or `deployment`: an event is one event of its source. */
    source: varchar('source', { length: 36 }).notNull(),
    eventId: varchar('event_id', { length: 255 }).notNull(),
    transmission: varchar('transmission', { length: 255 }),
    eventType: varchar('event_type', { length: 255 }).notNull(),
    status: varchar('status', { length: 20, enum: inboundStatuses }).notNull(),
    reason: varchar('reason', { length: 30, enum: inboundReasons }),
    /** The invoice that it names, known or not. */
    invoiceRef: varchar('invoice_ref', { length: 36 }),
    invoiceId: idColumn<'Invoice'>('invoice_id'),
    /** The invoice, of whatever tenant, that an operator has said it is about, until that tenant has it. */
    assignedTo: varchar('assigned_to', { length: 36 }),
    attempts: integer('attempts').notNull().default(0),
    nextAttemptAt: instantColumn('next_attempt_at'),
    receivedAt: instantColumn('received_at').notNull(),
    processedAt: instantColumn('processed_at'),
    /** Who has said what became of it, and what. */
    closedBy: varchar('closed_by', { length: 255 }),
    closeNote: text('close_note'),
  },
  (table) => [
    uniqueIndex('ux_inbound_webhooks_event').on(table.processor, table.source, table.eventId),
    uniqueIndex('ux_inbound_webhooks_transmission')
      .on(table.processor, table.source, table.transmission)
      .where(sql`transmission is not null`),
    foreignKey({
      columns: [table.tenantId, table.endpointId],
      foreignColumns: [paymentEndpoints.tenantId, paymentEndpoints.id],
      name: 'inbound_webhooks_endpoint',
    }),
    foreignKey({
      columns: [table.tenantId, table.invoiceId],
      foreignColumns: [invoices.tenantId, invoices.id],
      name: 'inbound_webhooks_invoice',
    }),
    // Of what has no tenant a foreign key asks nothing.
    check('inbound_webhooks_whose', sql`${table.invoiceId} is null or ${table.tenantId} is not null`),
    index('ix_inbound_webhooks_received').on(table.tenantId, table.receivedAt, table.id),
    index('ix_inbound_webhooks_due').on(table.nextAttemptAt).where(sql`next_attempt_at is not null`),
    index('ix_inbound_webhooks_invoice').on(table.invoiceRef).where(sql`status = 'UNMATCHED'`),
    index('ix_inbound_webhooks_about')
      .on(table.tenantId, table.invoiceId, table.receivedAt, table.id)
      .where(sql`invoice_id is not null`),
    index('ix_inbound_webhooks_unclaimed').on(table.receivedAt, table.id).where(sql`tenant_id is null`),
    index('ix_inbound_webhooks_done')
      .on(table.processedAt)
      .where(sql`status in ('PROCESSED', 'IGNORED', 'CLOSED')`),
    oneOf('inbound_webhooks_processor', table.processor, inboundProcessors),
    oneOf('inbound_webhooks_status', table.status, inboundStatuses),
    oneOf('inbound_webhooks_reason', table.reason, inboundReasons),
  ],
);

/** What was sent, encrypted, for as long as it is kept. It is apart, so that lists of what came do not read it. */
export const inboundBodies = pgTable(
  'inbound_bodies',
  {
    webhookId: idColumn<'InboundWebhook'>('webhook_id').primaryKey(),
    body: text('body').notNull(),
    receivedAt: instantColumn('received_at').notNull(),
  },
  (table) => [
    foreignKey({
      columns: [table.webhookId],
      foreignColumns: [inboundWebhooks.id],
      name: 'inbound_bodies_webhook',
    }).onDelete('cascade'),
    index('ix_inbound_bodies_received').on(table.receivedAt),
  ],
);

/**
 * What was told of refunds of one payment: each by its own reference, and under an empty one all of them together. Both say
 * the same in the end, and none is counted twice.
 */
export const toldRefunds = pgTable(
  'told_refunds',
  {
    tenantId: tenantColumn(),
    processor: varchar('processor', { length: 20, enum: inboundProcessors }).notNull(),
    payment: varchar('payment', { length: 255 }).notNull(),
    reference: varchar('reference', { length: 255 }).notNull(),
    amount: numeric('amount', { precision: 19, scale: 4 }).$type<Amount>().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.processor, table.payment, table.reference] }),
    foreignKey({ columns: [table.tenantId], foreignColumns: [tenants.id], name: 'told_refunds_tenant' }),
    oneOf('told_refunds_processor', table.processor, inboundProcessors),
  ],
);

export type PaymentEndpoint = typeof paymentEndpoints.$inferSelect;
export type InboundWebhook = typeof inboundWebhooks.$inferSelect;
