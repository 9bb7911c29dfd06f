/** How many rows an operation hands to its selection in one turn of the event loop: a few milliseconds of work. */
const ROWS_A_TURN = 100;

/** Behind the promises of this turn, as DataLoader collects by itself. */
export function soon(run: () => void): void {
  void Promise.resolve().then(() => process.nextTick(run));
}

interface Waiting {
  readonly rows: number;
  readonly run: () => void;
}

/**
 * Lets what was read go on a part at a time, so that between the parts the process hears of others: two thousand rows
 * of one level in one go held it for a tenth of a second. What the next level asks for is collected until the last part
 * is through: it remains one statement.
 */
export class Pace {
  #waiting: Waiting[] = [];
  #afterwards: (() => void)[] = [];
  #isTaken = false;

  /** Waits for its part of the turn. */
  turn(rows: number): Promise<void> {
    this.#next();
    return new Promise((run) => void this.#waiting.push({ rows, run }));
  }

  /** Runs once nothing waits: after the promises of this turn, or after the last part. */
  afterwards(run: () => void): void {
    if (this.#isTaken) this.#afterwards.push(run);
    else soon(run);
  }

  #next(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    setImmediate(this.#step);
  }

  readonly #step = (): void => {
    let rows = 0;
    let through = 0;
    for (const part of this.#waiting) {
      if (through > 0 && rows + part.rows > ROWS_A_TURN) break;
      rows += part.rows;
      through += 1;
    }
    if (through > 0) {
      const parts = this.#waiting.splice(0, through);
      setImmediate(this.#step);
      for (const part of parts) part.run();
      return;
    }
    this.#isTaken = false;
    for (const run of this.#afterwards.splice(0)) run();
  };
}
