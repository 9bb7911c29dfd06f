import { index, integer, pgTable, primaryKey, text, varchar } from 'drizzle-orm/pg-core';
import { instantColumn, tenantColumn } from '../core/columns.js';

/** What a root mutation answered to an idempotency key: its payload, encrypted, written in the act's own transaction. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    tenantId: tenantColumn(),
    /** Whose key it is: a user's or service's subject, an API key, a license. */
    actor: varchar('actor', { length: 320 }).notNull(),
    key: varchar('key', { length: 255 }).notNull(),
    /** The name under which the root field answers; behind an answer that is over, with the next one's instant. */
    responseName: varchar('response_name', { length: 255 }).notNull(),
    /** Hash of document, operation name and variables: the same key with others is refused. */
    requestHash: varchar('request_hash', { length: 64 }).notNull(),
    payload: text('payload').notNull(),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.actor, table.key, table.responseName] }),
    index('ix_idempotency_keys_created').on(table.tenantId, table.createdAt),
  ],
);

/** Not a tenant's table: hits of an address or a license in one window, shared by all servers. */
export const rateLimits = pgTable(
  'rate_limits',
  {
    bucket: varchar('bucket', { length: 200 }).notNull(),
    windowStart: instantColumn('window_start').notNull(),
    hits: integer('hits').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.bucket, table.windowStart] }),
    index('ix_rate_limits_window').on(table.windowStart),
  ],
);
