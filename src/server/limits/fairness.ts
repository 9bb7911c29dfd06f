import type { Actor } from '../../core/actor.js';
import { Refusal } from '../../core/refusal.js';
import { costs } from './cost.js';

// One processor serves everybody: what stands in front of it decides how long a plain query waits beside sixty
// documents that were made to be slow.

interface Waiting {
  readonly length: number;
  readonly run: () => void;
}

/**
 * Lets one request a turn of the event loop be read, parsed, validated and begun; between them the loop hears of new
 * ones. The shortest goes first, and every other time the oldest, so that none waits for ever.
 */
export class ShortestFirst {
  readonly #waiting: Waiting[] = [];
  #isTaken = false;
  #oldestNext = false;

  /** Waits until a request of this length may be looked at: not at all when nobody else is there. */
  async enter(length: number): Promise<void> {
    if (this.#isTaken) return new Promise((run) => void this.#waiting.push({ length, run }));
    this.#isTaken = true;
    setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const [chosen] = this.#waiting.splice(this.#oldestNext ? 0 : this.#shortest(), 1);
    this.#isTaken = chosen !== undefined;
    this.#oldestNext = this.#isTaken && !this.#oldestNext;
    if (chosen === undefined) return;
    setImmediate(this.#next);
    chosen.run();
  };

  #shortest(): number {
    let shortest = 0;
    for (const [at, { length }] of this.#waiting.entries()) {
      if (length < (this.#waiting[shortest]?.length ?? 0)) shortest = at;
    }
    return shortest;
  }
}

/** More at once only share the processor, and leave plain ones neither it nor a connection. */
const AT_ONCE = 4;
/** What those that run may cost together; one that costs more runs alone. */
const COST_AT_ONCE = 10_000;
/** Those who wait hold their documents and variables. */
const WAITING_LIMIT = 200;
/** Of one caller: nobody takes the whole queue. */
const WAITING_OF_ONE_LIMIT = 50;

/** With whom a caller takes turns: with its own other requests, or with whoever comes from its address. */
export function turnName({
  actor,
  address,
}: {
  readonly actor: Actor;
  readonly address: string | undefined;
}): string {
  if (actor.kind === 'anonymous') return address ?? '';
  return `${actor.tenantId} ${actor.subject}`;
}

export interface Entry {
  readonly caller: string;
  readonly cost: number;
  /** Ends the waiting, with its reason. */
  readonly signal: AbortSignal;
}

interface Turn {
  readonly holder: object;
  readonly cost: number;
  readonly run: () => void;
}

/**
 * Lets operations that cost much run a few at a time, so that plain ones need not wait. Callers take turns, however
 * many each of them sends.
 */
export class CostGate {
  readonly #running = new Map<object, number>();
  readonly #waiting = new Map<string, Turn[]>();
  #waitingCount = 0;
  #runningCost = 0;

  /** Waits until the holder may run, or its signal says that it need not; `leave` ends its turn. */
  async enter(holder: object, { caller, cost, signal }: Entry): Promise<void> {
    signal.throwIfAborted();
    if (cost <= costs.plain) return;
    if (this.#waitingCount === 0 && this.#hasRoom(cost)) return this.#start(holder, cost);
    const queue = this.#waiting.get(caller) ?? [];
    if (this.#waitingCount >= WAITING_LIMIT || queue.length >= WAITING_OF_ONE_LIMIT) {
      const message = 'Too many operations that cost much are waiting. Try again in a while.';
      throw new Refusal('SERVER_BUSY', message);
    }
    this.#waiting.set(caller, queue);
    this.#waitingCount += 1;
    const giveUp = (): void => this.leave(holder);
    signal.addEventListener('abort', giveUp, { once: true });
    await new Promise<void>((run) => queue.push({ holder, cost, run }));
    signal.removeEventListener('abort', giveUp);
    signal.throwIfAborted();
  }

  /** Ends the holder's turn, or its waiting for one; a holder of neither changes nothing. */
  leave(holder: object): void {
    const cost = this.#running.get(holder);
    if (cost === undefined) {
      this.#giveUp(holder);
      return;
    }
    this.#running.delete(holder);
    this.#runningCost -= cost;
    this.#letIn();
  }

  #hasRoom(cost: number): boolean {
    if (this.#running.size === 0) return true;
    return this.#running.size < AT_ONCE && this.#runningCost + cost <= COST_AT_ONCE;
  }

  #start(holder: object, cost: number): void {
    this.#running.set(holder, cost);
    this.#runningCost += cost;
  }

  #letIn(): void {
    for (;;) {
      const [next] = this.#waiting;
      const turn = next?.[1][0];
      if (next === undefined || turn === undefined || !this.#hasRoom(turn.cost)) return;
      const [caller, queue] = next;
      queue.shift();
      this.#waitingCount -= 1;
      // Behind all others who wait.
      this.#waiting.delete(caller);
      if (queue.length > 0) this.#waiting.set(caller, queue);
      this.#start(turn.holder, turn.cost);
      turn.run();
    }
  }

  /** Somebody whose client has gone, or whose time is over, is let go as if it had run. */
  #giveUp(holder: object): void {
    for (const [caller, queue] of this.#waiting) {
      const at = queue.findIndex((turn) => turn.holder === holder);
      const [turn] = at < 0 ? [] : queue.splice(at, 1);
      if (turn === undefined) continue;
      if (queue.length === 0) this.#waiting.delete(caller);
      this.#waitingCount -= 1;
      turn.run();
      this.#letIn();
      return;
    }
  }
}
