/**
 * What may end whoever waits for one thing after the other. A promise that is raced with each of them would keep a
 * reaction, and what it answered, for each until it settles: of a stream that never ends, every event.
 */
export class Interruption {
  #over: { readonly reason: unknown } | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  interrupt(reason: unknown): void {
    this.#over ??= { reason };
    this.#reject?.(reason);
  }

  /** Answers what is waited for, unless it is interrupted before. */
  during<Result>(waited: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      waited.then(resolve, reject).finally(() => {
        if (this.#reject === reject) this.#reject = undefined;
      });
      if (this.#over !== undefined) reject(this.#over.reason);
    });
  }
}
