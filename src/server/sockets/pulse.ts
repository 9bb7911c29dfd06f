/** What is called once a period. */
interface Beating {
  beat(): void;
}

/** Parts of a period: of thousands of sockets some are pinged at a time, and not all at once. */
const PARTS = 16;

/** Calls all who have joined once a period, by one timer: one for each takes a quarter of a kilobyte. */
export class Pulse {
  readonly #parts = Array.from({ length: PARTS }, () => new Set<Beating>());
  #now = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly periodMillis: number) {}

  /** The first call is a whole period away. */
  join(beating: Beating): void {
    this.#parts[this.#now]?.add(beating);
    this.#timer ??= setInterval(() => this.#next(), this.periodMillis / PARTS).unref();
  }

  leave(beating: Beating): void {
    for (const part of this.#parts) part.delete(beating);
    if (this.#parts.some(({ size }) => size > 0)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #next(): void {
    this.#now = (this.#now + 1) % PARTS;
    const part = this.#parts[this.#now] ?? new Set<Beating>();
    // A set takes it when its members leave meanwhile, and calls those no more.
    for (const beating of part) beating.beat();
  }
}
