import { CsvError, parse } from 'csv-parse/sync';
import { textProblem } from '../../../core/check.js';
import { isUuid } from '../../../core/id.js';
import { invalidInput, type RefusalCode } from '../../../core/refusal.js';
import { type BulkIssueColumn, bulkIssueColumns, MOST_LICENSES } from '../../model/bulkIssue.js';
import type { BulkIssueLicensesInput } from '../../schema/bulkIssue.js';

/** Why a row is refused, and by which of its columns; null where it is none of them. */
export interface RowProblem {
  readonly code: RefusalCode;
  readonly message: string;
  readonly column: BulkIssueColumn | null;
}

/** By what a row names something: of several that are given, the first of their order. */
export interface Naming {
  readonly column: BulkIssueColumn;
  readonly value: string;
}

export interface WantedRow {
  /** Counted from 1, without the header. */
  readonly row: number;
  readonly customer: Naming;
  readonly template: Naming;
  readonly issuedTo: string | null;
  readonly quantity: number;
}

export type ReadRow = WantedRow | { readonly row: number; readonly problem: RowProblem };
type Cells = Readonly<Partial<Record<BulkIssueColumn, string>>>;

const LONGEST_CELL = 255;
/** Characters of a line, and of the cells of a row: more is no row, but a quote that nobody closed. */
const LONGEST_ROW = 10_000;

const plainName = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');

/** What a header may call the columns, without case, blanks, dashes and underscores. */
const headerNames: Readonly<Record<string, BulkIssueColumn>> = {
  ...Object.fromEntries(bulkIssueColumns.map((column) => [plainName(column), column])),
  customerexternalid: 'externalId',
  customeremail: 'email',
  template: 'templateName',
};

function refuseCsv(message: string): never {
  throw invalidInput([{ field: 'input.csv', message }]);
}

/** Spreadsheets write semicolons where a comma stands in numbers. */
function delimiterOf(csv: string): string {
  const [header = ''] = csv.split(/[\r\n]/, 1);
  return [',', ';', '\t'].find((mark) => header.includes(mark)) ?? ',';
}

/** A row of all columns has six; what is left is for names that hold some. */
const MOST_DELIMITERS = 40 * MOST_LICENSES;

/** Within short lines too the reader makes a cell of each: of four million it takes two thirds of a second. */
function requireFewCells(csv: string, delimiter: string): void {
  let found = 0;
  for (let at = csv.indexOf(delimiter); at >= 0; at = csv.indexOf(delimiter, at + 1)) {
    found += 1;
    if (found > MOST_DELIMITERS) refuseCsv(`has more than ${MOST_DELIMITERS} delimiters; send it in parts`);
  }
}

/** The reader counts no delimiters: a line of four million commas would hold it for seconds. */
function requireShortLines(csv: string): void {
  let begun = 0;
  for (const { 0: end, index } of csv.matchAll(/[\r\n]+|$/g)) {
    if (index - begun > LONGEST_ROW) refuseCsv(`has a line of more than ${LONGEST_ROW} characters`);
    begun = index + end.length;
  }
}

/** Cells are data, whatever they begin with: nothing in them is computed. */
function recordsIn(csv: string): string[][] {
  requireShortLines(csv);
  const delimiter = delimiterOf(csv);
  requireFewCells(csv, delimiter);
  try {
    return parse(csv, {
      bom: true,
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: LONGEST_ROW,
      to: MOST_LICENSES + 2,
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = 'lines' in error && typeof error.lines === 'number' ? ` near line ${error.lines}` : '';
    return refuseCsv(`is no CSV${line}: a quote is not closed, or stands where none may`);
  }
}

function columnsIn(header: readonly string[]): BulkIssueColumn[] {
  const columns = header.map((name) => {
    const known = Object.hasOwn(headerNames, plainName(name)) ? headerNames[plainName(name)] : undefined;
    return known ?? refuseCsv(`has a column that is not known; there are ${bulkIssueColumns.join(', ')}`);
  });
  const twice = columns.find((column, place) => columns.indexOf(column) < place);
  return twice === undefined ? columns : refuseCsv(`has the column ${twice} twice`);
}

function cellsIn(csv: string): { readonly cells: Cells; readonly isTooLong: boolean }[] {
  const [header, ...records] = recordsIn(csv);
  if (header === undefined) return refuseCsv('has no header');
  const columns = columnsIn(header);
  return records.map((record) => ({
    cells: Object.fromEntries(columns.map((column, place) => [column, record[place] ?? ''])),
    isTooLong: record.length > columns.length,
  }));
}

const CUSTOMER_COLUMNS = ['customerId', 'externalId', 'email'] as const;
const TEMPLATE_COLUMNS = ['templateId', 'templateName'] as const;

const wrong = (column: BulkIssueColumn | null, message: string): RowProblem => ({
  code: 'INVALID_INPUT',
  message,
  column,
});

function namingIn(cells: Cells, columns: readonly BulkIssueColumn[]): Naming | undefined {
  const column = columns.find((name) => cells[name]?.trim());
  return column === undefined ? undefined : { column, value: (cells[column] ?? '').trim() };
}

function formProblem(column: BulkIssueColumn, cell: string): string | undefined {
  if (cell.trim().length > LONGEST_CELL) return `must be at most ${LONGEST_CELL} characters long`;
  const isId = column === 'customerId' || column === 'templateId';
  if (isId && cell.trim() !== '' && !isUuid(cell.trim())) return 'must be a UUID in lower case';
  if (column === 'quantity' && !/^\s*(\d{1,5})?\s*$/.test(cell)) return 'must be a whole number from 1';
  return textProblem(cell);
}

function readRow(row: number, cells: Cells, defaultTemplate: string | null | undefined): ReadRow {
  for (const column of bulkIssueColumns) {
    const message = formProblem(column, cells[column] ?? '');
    if (message !== undefined) return { row, problem: wrong(column, message) };
  }
  const customer = namingIn(cells, CUSTOMER_COLUMNS);
  if (customer === undefined) return { row, problem: wrong('customerId', 'the row names no customer') };
  const fallback = defaultTemplate ? ({ column: 'templateId', value: defaultTemplate } as const) : undefined;
  const template = namingIn(cells, TEMPLATE_COLUMNS) ?? fallback;
  if (template === undefined) return { row, problem: wrong('templateId', 'the row names no template') };
  const quantity = Number(cells.quantity?.trim() || '1');
  if (quantity < 1) return { row, problem: wrong('quantity', 'must be a whole number from 1') };
  return { row, customer, template, issuedTo: cells.issuedTo?.trim() || null, quantity };
}

function givenCells(input: BulkIssueLicensesInput) {
  if ((input.csv ?? null) !== null && input.rows) {
    throw invalidInput([{ field: 'input.rows', message: 'give either it or csv, not both' }]);
  }
  if (typeof input.csv === 'string') return cellsIn(input.csv);
  return (input.rows ?? []).map(({ quantity, ...texts }) => {
    const given = Object.entries(texts).filter(([, text]) => typeof text === 'string');
    const cells: Cells = { ...Object.fromEntries(given), quantity: String(quantity ?? 1) };
    return { cells, isTooLong: false };
  });
}

/** The rows of a list, each by itself; what is wrong with the list as a whole is refused. */
export function readRows(input: BulkIssueLicensesInput): readonly ReadRow[] {
  const given = givenCells(input);
  const field = input.rows ? 'input.rows' : 'input.csv';
  if (given.length === 0) throw invalidInput([{ field, message: 'has no rows' }]);
  if (given.length > MOST_LICENSES)
    throw invalidInput([{ field, message: `has more than ${MOST_LICENSES} rows; send it in parts` }]);
  return given.map(({ cells, isTooLong }, index) =>
    isTooLong
      ? { row: index + 1, problem: wrong(null, 'the row has more cells than the header has columns') }
      : readRow(index + 1, cells, input.templateId),
  );
}
