/** At most so many at a time; the others wait in their order. */
export class Lane {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  async take<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.most) this.#running += 1;
    else await new Promise<void>((enter) => this.#waiting.push(enter));
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      // Whoever is next takes this place: nobody comes in between.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** The same for what answers before it is over: nobody waits for the end, and its place is free only then. */
  answer<Result>(run: (tell: (result: Result) => void) => Promise<unknown>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.take(() => run(resolve)).catch(reject);
    });
  }
}
