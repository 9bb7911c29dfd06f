import { and, type InferSelectModel, type SQL, sql } from 'drizzle-orm';
import type { AnyPgColumn, PgTable } from 'drizzle-orm/pg-core';
import { parseInstant } from './clock.js';
import type { Db } from './db.js';
import {
  COUNT_LIMIT,
  decodeCursor,
  encodeCursor,
  type Page,
  type PageArguments,
  type Position,
} from './page.js';

/** What a list is ordered by. Nulls have to be replaced inside `by`: a row comparison with null is never true. */
export interface Sorting {
  readonly name: string;
  readonly by: SQL | AnyPgColumn;
  readonly type: 'timestamptz' | 'text';
  readonly direction: 'ASC' | 'DESC';
}

export interface ListRequest {
  readonly where: SQL | undefined;
  readonly sorting: Sorting;
  readonly page: PageArguments;
}

/** A table of which pages are made. */
type Listed = PgTable & { readonly id: AnyPgColumn };
type RowOf<Table extends Listed> = InferSelectModel<Table> & { readonly id: string };

interface SortedRow<Row> {
  readonly row: Row;
  readonly value: string;
}

interface SliceParts {
  readonly where: SQL | undefined;
  readonly orderBy: SQL[];
  /** One more than asked for: its presence tells that there is a next page. */
  readonly limit: number;
  readonly value: SQL<string>;
}

function parameter(sorting: Sorting, value: string): SQL {
  return sorting.type === 'timestamptz' ? sql`${value}::timestamptz` : sql`${value}::text`;
}

function beyond(sorting: Sorting, id: AnyPgColumn, position: Position): SQL {
  const operator = sql.raw(sorting.direction === 'ASC' ? '>' : '<');
  return sql`(${sorting.by}, ${id}) ${operator} (${parameter(sorting, position.value)}, ${position.id}::text)`;
}

function partsOf(request: ListRequest, id: AnyPgColumn): SliceParts {
  const { sorting, page } = request;
  const direction = sql.raw(sorting.direction);
  const start = typeof page.after === 'string' ? startOf(sorting, page.after) : undefined;
  return {
    where: start === undefined ? request.where : and(request.where, beyond(sorting, id, start)),
    orderBy: [sql`${sorting.by} ${direction}`, sql`${id} ${direction}`],
    limit: page.first + 1,
    value: sql<string>`${sorting.by}::text`,
  };
}

/** How PostgreSQL writes a timestamptz in UTC, which is what a cursor of ours holds. */
const TIMESTAMP = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?\+00$/;

function isTimestamp(value: string): boolean {
  if (value === 'infinity' || value === '-infinity') return true;
  const text = value.replace(' ', 'T').replace('+00', 'Z');
  return TIMESTAMP.test(value) && parseInstant(text) !== undefined;
}

/** A value that the database cannot read is a forged cursor, not a defect of ours. */
function startOf(sorting: Sorting, cursor: string): Position {
  return decodeCursor(cursorName(sorting), cursor, sorting.type === 'text' ? () => true : isTimestamp);
}

function cursorName(sorting: Sorting): string {
  return `${sorting.name}_${sorting.direction}`;
}

function pageFrom<Row extends { id: string }>(
  request: ListRequest,
  found: readonly SortedRow<Row>[],
  count: () => Promise<number>,
): Page<Row> {
  const kept = found.slice(0, request.page.first);
  const name = cursorName(request.sorting);
  return {
    rows: kept.map((each) => each.row),
    cursors: kept.map((each) => encodeCursor(name, { value: each.value, id: each.row.id })),
    hasNextPage: found.length > kept.length,
    hasPreviousPage: typeof request.page.after === 'string',
    count,
  };
}

/** drizzle loses a table's own row type inside a generic function; it is given back here, in one place. */
async function sortedRows<Table extends Listed>(
  db: Db,
  table: Table,
  parts: Omit<SliceParts, 'limit'>,
  limit?: number,
): Promise<SortedRow<RowOf<Table>>[]> {
  const listed: Listed = table;
  const query = db
    .select({ row: listed, value: parts.value })
    .from(listed)
    .where(parts.where)
    .orderBy(...parts.orderBy);
  const rows: unknown = await (limit === undefined ? query : query.limit(limit));
  return rows as SortedRow<RowOf<Table>>[];
}

async function countUpTo(db: Db, table: Listed, where: SQL | undefined, limit: number): Promise<number> {
  const some = db
    .select({ one: sql<number>`1`.as('one') })
    .from(table)
    .where(where)
    .limit(limit)
    .as('some');
  const [row] = await db.select({ count: sql<string>`count(*)` }).from(some);
  return Number(row?.count ?? 0);
}

/** One page of one list: a range scan from the cursor on, whose cost does not grow with the page's depth. */
export async function pageOf<Table extends Listed>(
  db: Db,
  table: Table,
  request: ListRequest,
): Promise<Page<RowOf<Table>>> {
  const parts = partsOf(request, table.id);
  const found = await sortedRows(db, table, parts, parts.limit);
  return pageFrom(request, found, () => countUpTo(db, table, request.where, COUNT_LIMIT));
}

export interface NestedRequest extends ListRequest {
  /** The column that names a row's owner, and the owners asked for. */
  readonly owner: AnyPgColumn;
  readonly owners: readonly string[];
}

async function countsByOwner(
  db: Db,
  table: Listed,
  request: NestedRequest,
): Promise<ReadonlyMap<string, number>> {
  const { owner, owners, where } = request;
  const rows = await db
    .select({ owner: sql<string>`${owner}`, count: sql<string>`count(*)` })
    .from(table)
    .where(and(where, anyOf(owner, owners)))
    .groupBy(owner);
  return new Map(rows.map((row) => [row.owner, Math.min(COUNT_LIMIT, Number(row.count))]));
}

/**
 * A page each of many lists, in one statement: a lateral slice an owner finds the ids by the index, and the rows
 * are fetched by them. The number of statements does not depend on the number of owners.
 */
export async function pagesByOwner<Table extends Listed>(
  db: Db,
  table: Table,
  request: NestedRequest,
  ownerOf: (row: RowOf<Table>) => string | null,
): Promise<ReadonlyMap<string, Page<RowOf<Table>>>> {
  const { where, orderBy, limit, value } = partsOf(request, table.id);
  const { owners, owner } = request;
  const order = sql.join(orderBy, sql`, `);
  const slice = sql`select ${table.id} as id from ${table} where ${and(sql`${owner} = owners.id`, where)} order by ${order} limit ${limit}`;
  const ids = sql`select slices.id from unnest(${sql.param(owners)}::text[]) as owners (id) cross join lateral (${slice}) slices`;
  const found = await sortedRows(db, table, {
    where: and(request.where, sql`${table.id} in (${ids})`),
    orderBy,
    value,
  });
  const byOwner = groupBy(found, (each) => ownerOf(each.row));
  let counted: Promise<ReadonlyMap<string, number>> | undefined;
  const count = async (of: string): Promise<number> => {
    counted ??= countsByOwner(db, table, request);
    return (await counted).get(of) ?? 0;
  };
  return new Map(owners.map((of) => [of, pageFrom(request, byOwner.get(of) ?? [], () => count(of))]));
}

/** `column = any($1)`: one statement text for lists of any length. */
export function anyOf(column: AnyPgColumn | SQL, values: readonly string[]): SQL {
  return sql`${column} = any(${sql.param(values)}::text[])`;
}

/** Rows by their key, as batch functions answer. */
export function byKey<Row, Key extends string>(
  rows: readonly Row[],
  key: (row: Row) => Key,
): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [key(row), row]));
}

export function groupBy<Row, Key>(rows: readonly Row[], key: (row: Row) => Key): Map<Key, Row[]> {
  const groups = new Map<Key, Row[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}
