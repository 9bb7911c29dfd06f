import type { Licensee } from './licensee.js';
import { Unreachable } from './outage.js';
import type { Remote } from './remote.js';

export interface Return {
  readonly licensee: Licensee;
  readonly grantId: string;
  readonly lines: readonly number[];
}

/** Returns that are kept through an outage; what comes after that stays charged. */
const OWED_LIMIT = 1_000;

/** Units on their way back. What could not be given back because the server was away is given when it answers again. */
export class Returns {
  readonly #owed: Return[] = [];
  #isGiving = false;

  constructor(
    private readonly remote: Remote,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Never throws: nobody who has his answer is told that its units did not come back. */
  async give(units: Return): Promise<void> {
    try {
      await this.#send(units);
    } catch (error) {
      if (error instanceof Unreachable && this.#owed.length < OWED_LIMIT) this.#owed.push(units);
      this.onError(error);
    }
  }

  /** The server has just answered. A line comes back once, however often it is sent. */
  async giveOwed(): Promise<void> {
    if (this.#isGiving || this.#owed.length === 0) return;
    this.#isGiving = true;
    try {
      for (let next = this.#owed[0]; next !== undefined; next = this.#owed[0]) {
        await this.#send(next);
        this.#owed.shift();
      }
    } catch (error) {
      // What the server declines it would decline again.
      if (!(error instanceof Unreachable)) this.#owed.shift();
      this.onError(error);
    } finally {
      this.#isGiving = false;
    }
  }

  #send({ licensee, grantId, lines }: Return): Promise<void> {
    return this.remote.refund(licensee, grantId, lines);
  }
}
