import { fillPlaceholders, type SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type postgres from 'postgres';
import type { Db } from './db.js';

/**
 * A statement whose text is made once, with `sql.placeholder` where values stand: to make it anew takes drizzle as long as
 * PostgreSQL needs to run it. It is sent before this returns. Its rows are as the driver reads them.
 */
export function prepared<Row, Values extends Readonly<Record<string, unknown>>>(statement: SQL) {
  const { sql: text, params } = new PgDialect().sqlToQuery(statement);
  return (db: Db, values: Values): Promise<readonly Row[]> =>
    db.$client.unsafe<Row[]>(text, fillPlaceholders(params, values) as postgres.ParameterOrJSON<never>[]);
}

const QUOTED = /["\\]/g;

/** An array as PostgreSQL reads it (its manual, section 8.15.2): the driver writes none of instants. */
export function arrayOf(values: readonly (string | number | null)[]): string {
  const parts = values.map((value) =>
    typeof value === 'string' ? `"${value.replace(QUOTED, '\\$&')}"` : String(value ?? 'NULL'),
  );
  return `{${parts.join(',')}}`;
}
