import { textProblem } from './check.js';
import { invalidInput } from './refusal.js';

/** A keyset slice of a list. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The cursor of each row, in the same order. */
  readonly cursors: readonly string[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  /** Counts the whole list, up to COUNT_LIMIT; runs only when asked. */
  readonly count: () => Promise<number>;
}

export interface PageArguments {
  readonly first: number;
  readonly after?: string | null | undefined;
}

export const PAGE_LIMIT = 100;
/** An exact count of a large list costs hundreds of pages; counting stops here. */
export const COUNT_LIMIT = 100_000;

/** The longest cursor that is ours: a name of 255 characters, each escaped in JSON, in base64. */
export const CURSOR_LIMIT = 2_300;

/** Where a page begins: the sort that made the cursor, the last row's sort value as text, and its id. */
export interface Position {
  readonly value: string;
  readonly id: string;
}

export function encodeCursor(sort: string, position: Position): string {
  return Buffer.from(JSON.stringify([sort, position.value, position.id])).toString('base64url');
}

function parseCursor(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Reads a cursor back; one that another sort made, or nobody, is refused by name. */
export function decodeCursor(sort: string, cursor: string, fits: (value: string) => boolean): Position {
  const read = parseCursor(cursor);
  const parts: unknown[] = Array.isArray(read) ? read : [];
  const [madeBy, value, id] = parts;
  const sound = (part: unknown): part is string =>
    typeof part === 'string' && part.length <= 512 && textProblem(part) === undefined;
  if (madeBy !== sort || !sound(value) || !sound(id) || !fits(value)) {
    throw invalidInput([{ field: 'after', message: 'must be a cursor of a list with the same sort' }]);
  }
  return { value, id };
}
