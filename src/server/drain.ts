type Stage = 'SERVING' | 'LEAVING' | 'CLOSING';

/** Where a process stands on its way out, and what it still has under way. */
export class Drain {
  #stage: Stage = 'SERVING';
  readonly #running = new Set<Promise<unknown>>();

  /** Whether no new caller should come: /readyz says so, and connections end with their answer. */
  get isLeaving(): boolean {
    return this.#stage !== 'SERVING';
  }

  /** Whether nothing new is begun on what is still open. */
  get isClosing(): boolean {
    return this.#stage === 'CLOSING';
  }

  leave(): void {
    if (this.#stage === 'SERVING') this.#stage = 'LEAVING';
  }

  close(): void {
    this.#stage = 'CLOSING';
  }

  /** Takes down what a stop has to wait for, also when its caller has hung up or was answered already. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    const forget = (): void => void this.#running.delete(work);
    this.#running.add(work);
    work.then(forget, forget);
    return work;
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}
