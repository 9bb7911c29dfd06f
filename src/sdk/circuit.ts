/** How long nobody is asked who does not answer anyway. */
export interface CircuitOptions {
  /** Failures in a row after which the server is left alone; 5. */
  readonly failures?: number;
  /** For how long it is left alone before one question goes out to see, in milliseconds; 5,000. */
  readonly millis?: number;
}

/** Whether questions go out: CLOSED lets them through, OPEN none, HALF_OPEN a single one to see. */
export type CircuitState = 'CLOSED' | 'OPEN' | 'HALF_OPEN';

const FAILURES = 5;
const MILLIS = 5_000;

/**
 * A circuit breaker. CLOSED lets questions through and counts failures in a row; OPEN lets none through until its time is
 * over; then, HALF_OPEN, a single one goes out: its success closes the circuit, its failure opens it for as long again.
 */
export class Circuit {
  #failures = 0;
  #openedAt: number | undefined;
  #probing = false;

  constructor(
    private readonly options: CircuitOptions,
    /** Milliseconds that only go forward: a clock that is set neither shortens nor prolongs an outage. */
    private readonly elapsed: () => number,
  ) {}

  get state(): CircuitState {
    if (this.#openedAt === undefined) return 'CLOSED';
    const { millis = MILLIS } = this.options;
    return this.elapsed() - this.#openedAt < millis ? 'OPEN' : 'HALF_OPEN';
  }

  /** Runs a question, or throws what `refused` makes; an error that is no outage is an answer. */
  async run<Answer>(
    question: () => Promise<Answer>,
    isOutage: (error: unknown) => boolean,
    refused: () => Error,
  ): Promise<Answer> {
    const { state } = this;
    if (state === 'OPEN' || (state === 'HALF_OPEN' && this.#probing)) throw refused();
    const isProbe = state === 'HALF_OPEN';
    this.#probing ||= isProbe;
    try {
      const answer = await question();
      this.#close();
      return answer;
    } catch (error) {
      if (isOutage(error)) this.#failed(isProbe);
      else this.#close();
      throw error;
    }
  }

  #close(): void {
    this.#failures = 0;
    this.#openedAt = undefined;
    this.#probing = false;
  }

  /** What went out before the circuit opened, and fails late, prolongs nothing. */
  #failed(isProbe: boolean): void {
    const { failures = FAILURES } = this.options;
    this.#failures += 1;
    if (isProbe) this.#probing = false;
    const opens = isProbe || (this.#openedAt === undefined && this.#failures >= failures);
    if (opens) this.#openedAt = this.elapsed();
  }
}
