import { index, integer, jsonb, pgTable, primaryKey, text, varchar } from 'drizzle-orm/pg-core';
import type { JWK } from 'jose';
import { instantColumn, oneOf, tenantColumn } from '../core/columns.js';
import { keyPurposes } from '../core/tokenTypes.js';

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

/** Not a tenant's table: what this deployment signs with, and opens requests with: a key of its own for each kind. */
export const signingKeys = pgTable(
  'signing_keys',
  {
    kid: varchar('kid', { length: 43 }).primaryKey(),
    purpose: varchar('purpose', {
      length: 30,
      enum: keyPurposes as readonly string[] as [string, ...string[]],
    }).notNull(),
    publicJwk: jsonb('public_jwk').$type<JWK>().notNull(),
    /** Encrypted under the key ring, bound to the kid. */
    privateJwk: text('private_jwk').notNull(),
    /** It is published before it signs, so that verifiers know it by then. */
    signsFrom: instantColumn('signs_from').notNull(),
    signsUntil: instantColumn('signs_until').notNull(),
    /** Until then it is published; a key that was given away is retired at once. */
    verifiesUntil: instantColumn('verifies_until').notNull(),
    createdAt: instantColumn('created_at').notNull(),
  },
  (table) => [
    index('ix_signing_keys_purpose').on(table.purpose, table.signsFrom),
    oneOf('signing_keys_purpose', table.purpose, keyPurposes),
  ],
);
