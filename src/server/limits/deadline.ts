import { Refusal } from '../../core/refusal.js';

function timedOut(seconds: number): Refusal {
  const message = `The operation took longer than ${seconds} s and was ended; what it had begun was rolled back.`;
  return new Refusal('OPERATION_TIMEOUT', message);
}

function cancelled(): Refusal {
  return new Refusal('OPERATION_CANCELLED', 'The caller has gone, and the operation was ended.');
}

/**
 * Until when an operation may run. Its signal ends its transactions where they stand, in the database too: when its
 * time is over, or when it is a query whose caller has gone. A mutation goes on without its caller, who cannot know
 * whether it was done, and finds out by asking.
 */
export class Deadline {
  #controller: AbortController | undefined;
  /** Made with the first: a stream has none, and thousands of them wait. */
  #told: Set<(reason: Refusal) => void> | undefined;
  #reason: Refusal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isLeft = false;
  #endsWithCaller = false;

  /** Made for who asks: a controller costs more than all the rest of an operation that shares what it does. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined && !this.#controller.signal.aborted) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  throwIfOver(): void {
    if (this.#reason !== undefined) throw this.#reason;
  }

  /** Calls back once when it is over; answers how to take that back. For who has looked that it is not. */
  whenOver(tell: (reason: Refusal) => void): () => void {
    this.#told ??= new Set();
    this.#told.add(tell);
    return () => void this.#told?.delete(tell);
  }

  /** From here on its time counts, and it is known whether it needs its caller. */
  begin(seconds: number, endsWithCaller: boolean): void {
    this.#endsWithCaller = endsWithCaller;
    const end = (): void => this.#abort(timedOut(seconds));
    this.#timer = setTimeout(end, seconds * 1000).unref();
    if (this.#isLeft) this.leave();
  }

  /** The caller has gone. */
  leave(): void {
    this.#isLeft = true;
    if (this.#endsWithCaller) this.#abort(cancelled());
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #abort(reason: Refusal): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
    const told = this.#told ?? [];
    this.#told = undefined;
    for (const tell of told) tell(this.#reason);
  }
}
