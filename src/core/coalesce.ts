/** Most requests of one flush: what is sent to PostgreSQL and what is lost with a failure stay bounded. */
const BATCH = 2_000;
/** So many who wait are worth a second flush beside one that is in flight; fewer cost less together. */
const BESIDE = 128;

interface Waiting<Request, Answer> {
  readonly request: Request;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

interface CoalescerOptions {
  /** Runs whenever nobody is left who waits. */
  readonly onIdle?: () => void;
  /** Two flushes may be in flight at a time: while one is judged here, the database works on the other. */
  readonly isPaired?: boolean;
}

/**
 * While a flush is in flight the next callers queue, and the next flush takes them all, in the order of their arrival: the
 * more callers there are, the more of them share one transaction. A flush that fails fails for all of its callers.
 */
export class Coalescer<Request, Answer> {
  #queue: Waiting<Request, Answer>[] = [];
  readonly #most: number;
  readonly #onIdle: () => void;
  #running = 0;
  /** Whether one of those that run has yet to take whoever comes in this turn. */
  #boarding = false;
  #untilIdle: (() => void)[] = [];

  constructor(
    private readonly flush: (requests: readonly Request[]) => Promise<readonly Answer[]>,
    { onIdle = () => undefined, isPaired = false }: CoalescerOptions = {},
  ) {
    this.#most = isPaired ? 2 : 1;
    this.#onIdle = onIdle;
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#begin();
    });
  }

  /** Resolves when nothing is queued or in flight. */
  async settled(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#untilIdle.push(resolve));
  }

  #begin(): void {
    if (this.#boarding || this.#running === this.#most) return;
    if (this.#running > 0 && this.#queue.length < BESIDE) return;
    this.#boarding = true;
    this.#running += 1;
    void this.#run();
  }

  async #run(): Promise<void> {
    // Those who ask in this very turn of the event loop come along with the first.
    await undefined;
    this.#boarding = false;
    while (this.#isDue()) await this.#settle(this.#take());
    this.#running -= 1;
    if (this.#running > 0) return;
    this.#onIdle();
    for (const resolve of this.#untilIdle.splice(0)) resolve();
  }

  /** Few who wait are left to the other flush, which takes them when it is done. */
  #isDue(): boolean {
    return this.#queue.length >= (this.#running > 1 ? BESIDE : 1);
  }

  /** All who wait, or half of them where a second flush can take the others. */
  #take(): Waiting<Request, Answer>[] {
    const { length } = this.#queue;
    const isHalved = this.#running < this.#most && length >= 2 * BESIDE;
    const batch = this.#queue.splice(0, Math.min(BATCH, isHalved ? Math.ceil(length / 2) : length));
    if (isHalved) this.#begin();
    return batch;
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
