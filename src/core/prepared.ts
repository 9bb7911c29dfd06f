import { type Column, fillPlaceholders, type GetColumnData, is, type SQL, sql } from 'drizzle-orm';
import { PgCustomColumn, PgDialect } from 'drizzle-orm/pg-core';
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

/** What is selected: columns are read as their types say, and SQL as the driver reads it. */
type Selected = Readonly<Record<string, Column | SQL>>;
type RowOf<Wanted extends Selected> = {
  readonly [Name in keyof Wanted]: Wanted[Name] extends SQL<infer Value>
    ? Value
    : Wanted[Name] extends Column
      ? GetColumnData<Wanted[Name]>
      : never;
};

/** The same for a list of what is selected, with its types; `rest` is what follows it, from `from` on. */
export function preparedSelect<Wanted extends Selected, Values extends Readonly<Record<string, unknown>>>(
  wanted: Wanted,
  rest: SQL,
) {
  const list = Object.entries(wanted).map(([name, column]) => sql`${column} as ${sql.identifier(name)}`);
  const run = prepared<Record<string, unknown>, Values>(sql`select ${sql.join(list, sql`, `)} ${rest}`);
  const own = Object.entries(wanted).flatMap(([name, column]) =>
    is(column, PgCustomColumn) ? [{ name, column }] : [],
  );
  return async (db: Db, values: Values): Promise<readonly RowOf<Wanted>[]> => {
    const rows = await run(db, values);
    for (const row of rows) {
      for (const { name, column } of own) {
        const value = row[name];
        if (value !== null) row[name] = column.mapFromDriverValue(value);
      }
    }
    return rows as readonly RowOf<Wanted>[];
  };
}

/**
 * Texts for `lineArray`: nothing in them has to be quoted, as every second character of JSON has to be in an array. They may
 * hold no line break, and `JSON.stringify` writes none; null is the empty line, so that an empty text cannot be told.
 */
export function linesOf(texts: readonly (string | null)[]): string {
  return texts.join('\n');
}

/** Lines as an array of texts. */
export function lineArray(name: string): SQL {
  return sql`string_to_array(${sql.placeholder(name)}::text, E'\\n', '')`;
}

const QUOTED = /["\\]/;
const ALL_QUOTED = /["\\]/g;

const isText = (value: string | number | null): boolean => typeof value === 'string';

/** An array as PostgreSQL reads it (its manual, section 8.15.2): the driver writes none of instants. */
export function arrayOf(values: readonly (string | number | null)[]): string {
  // Most are ids: that nothing is to be quoted in any of them is seen in one look.
  if (values.length > 0 && values.every(isText) && !QUOTED.test(values.join(' ')))
    return `{"${values.join('","')}"}`;
  const parts = values.map((value) =>
    typeof value === 'string' ? `"${value.replace(ALL_QUOTED, '\\$&')}"` : String(value ?? 'NULL'),
  );
  return `{${parts.join(',')}}`;
}
