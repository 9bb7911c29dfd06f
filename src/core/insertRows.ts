import { type Column, getTableColumns, is, SQL, sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';

type Row = Readonly<Record<string, unknown>>;

/** What stands in a column where no value is given: the program has to know it, so that a seal can cover it. */
export function givenOrDefault(row: Row, name: string, column: Column): unknown {
  const { [name]: given } = row;
  if (given !== undefined) return given;
  if (is(column.default, SQL))
    throw new Error(`${name} has to be given: only the database knows its default`);
  return column.default ?? null;
}

function written(row: Row, name: string, column: Column): unknown {
  const value = givenOrDefault(row, name, column);
  if (value === null) return null;
  const driven = column.mapToDriverValue(value);
  return column.getSQLType() === 'jsonb' && typeof driven === 'string' ? JSON.parse(driven) : driven;
}

/**
 * Rows of a table as what is selected for `insert`, for `db.insert(table).select(…)`: all of them come as one document, so that
 * one statement text, and one parameter, serves any number of them. As many placeholders as values would end at 65,535.
 */
export function rowsToInsert(table: PgTable, rows: readonly Row[]): SQL {
  const columns = Object.entries(getTableColumns(table));
  const document = rows.map((row) =>
    Object.fromEntries(columns.map(([name, column]) => [column.name, written(row, name, column)])),
  );
  const typed = columns.map(
    ([, column]) => sql`${sql.identifier(column.name)} ${sql.raw(column.getSQLType())}`,
  );
  const names = columns.map(([, column]) => sql.identifier(column.name));
  return sql`select ${sql.join(names, sql`, `)}
    from json_to_recordset(${JSON.stringify(document)}::text::json) as made (${sql.join(typed, sql`, `)})`;
}
