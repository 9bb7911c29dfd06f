import { Refusal } from './refusal.js';

/** How many entries may wait for a reader that does not keep up; one more ends its stream. */
const QUEUE_LIMIT = 5000;

/** Entries as they come. `return` ends it at once, also while a `next` waits. */
export interface Stream<Entry> extends AsyncIterableIterator<Entry> {
  return(): Promise<IteratorResult<Entry>>;
}

interface Waiting<Entry> {
  resolve(next: IteratorResult<Entry>): void;
  reject(error: unknown): void;
}

/**
 * What is pushed on one side and read on the other. Unlike an async generator it ends at once when its reader
 * leaves, also while that one waits: nothing is kept alive until the next entry comes.
 */
export class Queue<Entry> implements Stream<Entry> {
  readonly #entries: Entry[] = [];
  #waiting: Waiting<Entry> | undefined;
  #error: unknown;
  #ended = false;

  /** `onEnd` runs once, whoever ended it. */
  constructor(private readonly onEnd: () => void) {}

  /** What waits for the reader, up to so many: those that go together are dealt with together. */
  take(most: number): Entry[] {
    return this.#entries.splice(0, most);
  }

  push(entry: Entry): void {
    if (this.#ended) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) waiting.resolve({ done: false, value: entry });
    else if (this.#entries.push(entry) > QUEUE_LIMIT) {
      this.fail(new Refusal('TOO_SLOW', `More than ${QUEUE_LIMIT} events wait for this subscriber.`));
    }
  }

  next(): Promise<IteratorResult<Entry>> {
    const value = this.#entries.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#error !== undefined) {
      const error = this.#error;
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  return(): Promise<IteratorResult<Entry>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd();
    this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }

  fail(error: unknown): void {
    if (this.#ended) return;
    this.#entries.length = 0;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#error = error;
    this.end();
    waiting?.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/**
 * Hands on what `keep` makes of each entry, one after the other; undefined is left out. Nothing is taken from the
 * source before it is asked for: whoever reads slowly lets what is small wait, the entries of the source.
 */
class Piped<From, To> implements Stream<To> {
  constructor(
    private readonly source: AsyncIterator<From>,
    private readonly keep: (entry: From) => Promise<To | undefined>,
  ) {}

  async next(): Promise<IteratorResult<To>> {
    try {
      for (;;) {
        const step = await this.source.next();
        if (step.done === true) return { done: true, value: undefined };
        const kept = await this.keep(step.value);
        if (kept !== undefined) return { done: false, value: kept };
      }
    } catch (error) {
      await this.return();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<To>> {
    await this.source.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

export function piped<From, To>(
  source: AsyncIterator<From>,
  keep: (entry: From) => Promise<To | undefined>,
): Stream<To> {
  return new Piped(source, keep);
}
