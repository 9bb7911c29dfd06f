import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../../core/refusal.js';

/** Another server is asked again behind such a pause, of another length each time: two do not keep in step. */
const PAUSE_MILLIS = [5, 50] as const;

export function keyInUse(): Refusal {
  const message = 'A request with this Idempotency-Key is still running; try again in a moment.';
  return new Refusal('IDEMPOTENCY_KEY_IN_USE', message);
}

function isInUse(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'IDEMPOTENCY_KEY_IN_USE';
}

type Outcome = 'DONE' | 'FAILED' | 'OVER';

/** Calls what it is given once its turn has come: from there on nobody else stands in its way. */
export type Attempt<Result> = (begun: () => void) => Promise<Result>;

/**
 * One at a time for each name, as long as nobody has succeeded: within this process whoever comes later waits for the
 * one that runs and holds nothing but memory meanwhile; another server is asked again for as long as an attempt says
 * IDEMPOTENCY_KEY_IN_USE. Once one has succeeded all who waited for it go on together: they find its answer.
 */
export class Turns {
  readonly #running = new Map<string, Promise<Outcome>>();

  /**
   * Whoever has waited, here or for another server, and whose turn has not come when the signal ends its operation, is
   * refused as one who waits: between two looks at the other, or in the middle of one.
   */
  async take<Result>(name: string, attempt: Attempt<Result>, signal: AbortSignal): Promise<Result> {
    const own = new Waiting(attempt, signal);
    let giveUp = (): void => undefined;
    const over = new Promise<Outcome>((resolve) => {
      giveUp = (): void => resolve('OVER');
    });
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      for (;;) {
        const running = this.#running.get(name);
        // In one step with the look: of those who wake together the first leads, and the others wait for it.
        if (running === undefined) return await this.#lead(name, own.untilFree());
        own.waited = true;
        const outcome = await Promise.race([running, over]);
        if (outcome === 'OVER') throw keyInUse();
        if (outcome === 'DONE') return await own.untilFree();
      }
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }

  #lead<Result>(name: string, result: Promise<Result>): Promise<Result> {
    const end = (outcome: Outcome) => (): Outcome => {
      this.#running.delete(name);
      return outcome;
    };
    this.#running.set(name, result.then(end('DONE'), end('FAILED')));
    return result;
  }
}

/** One that wants a turn. */
class Waiting<Result> {
  waited = false;
  #begun = false;

  constructor(
    private readonly attempt: Attempt<Result>,
    private readonly signal: AbortSignal,
  ) {}

  async untilFree(): Promise<Result> {
    while (!this.signal.aborted) {
      try {
        return await this.attempt(() => {
          this.#begun = true;
        });
      } catch (error) {
        if (!isInUse(error)) throw this.#isCutShort(error) ? keyInUse() : error;
      }
      this.waited = true;
      await sleep(randomInt(...PAUSE_MILLIS));
    }
    throw keyInUse();
  }

  /** Drizzle wraps what ends a statement. */
  #isCutShort(error: unknown): boolean {
    const isOver = [error, error instanceof Error ? error.cause : undefined].includes(this.signal.reason);
    return this.signal.aborted && isOver && this.waited && !this.#begun;
  }
}
