/** Most requests of one flush: what is sent to PostgreSQL and what is lost with a failure stay bounded. */
const BATCH = 2_000;

interface Waiting<Request, Answer> {
  readonly request: Request;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * While one flush is in flight the next callers queue, and the next flush takes them all, in the order of their
 * arrival: the more callers there are, the more of them share one transaction. A flush that fails fails for all of its
 * callers.
 */
export class Coalescer<Request, Answer> {
  #queue: Waiting<Request, Answer>[] = [];
  #running: Promise<void> | undefined;

  /** `onIdle` runs whenever nobody is left who waits. */
  constructor(
    private readonly flush: (requests: readonly Request[]) => Promise<readonly Answer[]>,
    private readonly onIdle: () => void = () => undefined,
  ) {}

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is queued or in flight. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #run(): Promise<void> {
    // Those who ask in this very turn of the event loop come along with the first.
    await undefined;
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH);
      await this.#settle(batch);
    }
    this.#running = undefined;
    this.onIdle();
  }

  async #settle(batch: readonly Waiting<Request, Answer>[]): Promise<void> {
    try {
      const answers = await this.flush(batch.map(({ request }) => request));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const answer = answers[index];
        if (answer === undefined) reject(new Error('a flush left a request without an answer'));
        else resolve(answer);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
