import { type SQL, sql } from 'drizzle-orm';
import { type AnyPgColumn, check, customType, varchar } from 'drizzle-orm/pg-core';
import type { Instant } from './clock.js';
import type { Id, TenantId } from './id.js';

/** `timestamptz` read and written as an Instant. The connection's time zone is UTC, so the text needs no parsing. */
export const instantColumn = customType<{ data: Instant; driverData: string }>({
  dataType: () => 'timestamp with time zone',
  fromDriver: (text) => {
    const millis = text.slice(19).match(/^\.(\d{1,3})/)?.[1] ?? '';
    return `${text.slice(0, 10)}T${text.slice(11, 19)}.${millis.padEnd(3, '0')}Z` as Instant;
  },
});

/** `bigint` within the safe integers of JavaScript, checked on the way out. */
export const safeInteger = customType<{ data: number; driverData: string | number }>({
  dataType: () => 'bigint',
  fromDriver: (value) => {
    const read = Number(value);
    if (!Number.isSafeInteger(read))
      throw new Error(`a bigint of the database is not a safe integer: ${value}`);
    return read;
  },
});

const toSnake = (word: string): string => word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const toCamel = (word: string): string =>
  word.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

type Rename = (word: string) => string;

function renameKeys(value: unknown, rename: Rename, maps: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item) => renameKeys(item, rename, maps));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      rename(key),
      maps.includes(toCamel(key)) ? item : renameKeys(item, rename, maps),
    ]),
  );
}

/**
 * `jsonb` of our own records: camelCase in the program, snake_case in the database, as the contract's fields.
 * `maps` names the members whose keys are data, and stay as they are.
 */
export function recordsColumn<T>(name: string, maps: readonly string[] = []) {
  return customType<{ data: T; driverData: string | object }>({
    dataType: () => 'jsonb',
    toDriver: (value) => JSON.stringify(renameKeys(value, toSnake, maps)),
    fromDriver: (value) =>
      renameKeys(typeof value === 'string' ? JSON.parse(value) : value, toCamel, maps) as T,
  })(name);
}

/** A check that a varchar column holds one of a closed list. */
export function oneOf(name: string, column: AnyPgColumn, values: readonly string[]) {
  const list: SQL = sql.raw(values.map((value) => `'${value}'`).join(', '));
  return check(name, sql`${column} in (${list})`);
}

/** The first column of every tenant table, of its primary key, its unique indexes and its foreign keys. */
export const tenantColumn = () => varchar('tenant_id', { length: 50 }).$type<TenantId>().notNull();

export const idColumn = <Noun extends string>(name = 'id') => varchar(name, { length: 36 }).$type<Id<Noun>>();

export const madeAndChanged = () => ({
  createdAt: instantColumn('created_at').notNull(),
  updatedAt: instantColumn('updated_at').notNull(),
});
