/**
 * CSV as RFC 4180 has it, with the delimiters and line ends that spreadsheets write. It reads on from cell to cell and
 * gives up where a text is none, or larger than it may be: a general reader took six seconds for a header of four million
 * commas, and nobody is answered meanwhile.
 */
export interface CsvLimits {
  readonly records: number;
  /** Cells of a record. */
  readonly cells: number;
  /** Characters of a cell: more is no cell, but a quote that nobody closed. */
  readonly characters: number;
}

/** Why a text is no CSV that is taken, in words that follow its name. */
export class CsvProblem extends Error {}

const plainCells = { ',': /[^,\r\n]*/y, ';': /[^;\r\n]*/y, '\t': /[^\t\r\n]*/y } as const;
type Delimiter = keyof typeof plainCells;
const delimiters = Object.keys(plainCells) as Delimiter[];
const LINE_ENDS = /[\r\n]+/y;

class CsvText {
  #at = 0;

  constructor(
    private readonly text: string,
    private readonly delimiter: Delimiter,
    private readonly limits: CsvLimits,
  ) {}

  /** The next record; undefined behind the last. Lines without anything are none. */
  record(): string[] | undefined {
    this.#passed(LINE_ENDS);
    if (this.#at >= this.text.length) return undefined;
    const cells = [this.#cell()];
    while (this.text[this.#at] === this.delimiter) {
      this.#at += 1;
      cells.push(this.#cell());
      if (cells.length > this.limits.cells)
        throw this.#problem(`a row has more than ${this.limits.cells} cells`);
    }
    if (this.#at < this.text.length && this.#passed(LINE_ENDS) === '')
      throw this.#problem('a quote is closed before its cell ends');
    return cells;
  }

  #cell(): string {
    if (this.text[this.#at] === '"') return this.#quoted();
    const cell = this.#passed(plainCells[this.delimiter]);
    if (cell.length > this.limits.characters) throw this.#problem('a cell is too long');
    if (cell.includes('"')) throw this.#problem('a quote stands within a cell');
    return cell;
  }

  /** Up to the quote that closes it; two of them are one that it holds. */
  #quoted(): string {
    const parts: string[] = [];
    for (let from = this.#at + 1; ; ) {
      const end = this.text.indexOf('"', from);
      if (end < 0 || end - this.#at > this.limits.characters) throw this.#problem('a quote is not closed');
      parts.push(this.text.slice(from, end));
      from = end + 2;
      if (this.text[end + 1] === '"') continue;
      this.#at = end + 1;
      return parts.join('"');
    }
  }

  #passed(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.text) ?? [];
    this.#at += found.length;
    return found;
  }

  #problem(message: string): CsvProblem {
    const line = this.text.slice(0, this.#at).split(/\r\n|\r|\n/).length;
    return new CsvProblem(`is no CSV in line ${line}: ${message}`);
  }
}

/** Spreadsheets write semicolons where a comma stands in numbers. */
function delimiterOf(text: string): Delimiter {
  const [header = ''] = /^[^\r\n]*/.exec(text) ?? [];
  return delimiters.find((mark) => header.includes(mark)) ?? ',';
}

/** The records of a text, the header first; one more than are taken shows that there are too many. */
export function readCsv(given: string, limits: CsvLimits): string[][] {
  const text = given.startsWith('\ufeff') ? given.slice(1) : given;
  const csv = new CsvText(text, delimiterOf(text), limits);
  const records: string[][] = [];
  while (records.length <= limits.records) {
    const record = csv.record();
    if (record === undefined) break;
    records.push(record);
  }
  return records;
}
