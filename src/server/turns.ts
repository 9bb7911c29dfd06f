import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../core/refusal.js';

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

/**
 * One at a time for each name, as long as nobody has succeeded: within this process whoever comes later waits for the
 * one that runs and holds nothing but memory meanwhile; another server is asked again for as long as an attempt says
 * IDEMPOTENCY_KEY_IN_USE. Once one has succeeded all who waited for it go on together: they find its answer.
 */
export class Turns {
  readonly #running = new Map<string, Promise<Outcome>>();

  /** Whoever still waits, here or for another server, when the signal ends its operation, is refused. */
  async take<Result>(name: string, attempt: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    let giveUp = (): void => undefined;
    const over = new Promise<Outcome>((resolve) => {
      giveUp = (): void => resolve('OVER');
    });
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      for (;;) {
        const running = this.#running.get(name);
        // In one step with the look: of those who wake together the first leads, and the others wait for it.
        if (running === undefined) return await this.#lead(name, untilFree(attempt, signal));
        const outcome = await Promise.race([running, over]);
        if (outcome === 'OVER') throw keyInUse();
        if (outcome === 'DONE') return await untilFree(attempt, signal);
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

async function untilFree<Result>(attempt: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  while (!signal.aborted) {
    try {
      return await attempt();
    } catch (error) {
      if (!isInUse(error)) throw error;
    }
    await sleep(randomInt(...PAUSE_MILLIS));
  }
  throw keyInUse();
}
