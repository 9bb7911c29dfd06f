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

  /** Whoever has waited so long, here and for other servers, is refused. */
  constructor(private readonly patienceMillis: number) {}

  async take<Result>(name: string, attempt: () => Promise<Result>): Promise<Result> {
    const deadline = performance.now() + this.patienceMillis;
    const timer = new AbortController();
    const { signal } = timer;
    const over = sleep(this.patienceMillis, 'OVER' as const, { signal }).catch(() => 'OVER' as const);
    try {
      for (;;) {
        const running = this.#running.get(name);
        // In one step with the look: of those who wake together the first leads, and the others wait for it.
        if (running === undefined) return this.#lead(name, untilFree(attempt, deadline));
        const outcome = await Promise.race([running, over]);
        if (outcome === 'OVER') throw keyInUse();
        if (outcome === 'DONE') return untilFree(attempt, deadline);
      }
    } finally {
      timer.abort();
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

async function untilFree<Result>(attempt: () => Promise<Result>, deadline: number): Promise<Result> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isInUse(error) || performance.now() >= deadline) throw error;
    }
    await sleep(randomInt(...PAUSE_MILLIS));
  }
}
