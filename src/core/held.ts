/** What is opened with its first use and let go of when a process stops. */
export interface Closable {
  close(): void;
}

/** Things that a process opens once for all who use them, each known by the function that opens it. */
export class Held {
  readonly #opened = new Map<unknown, Closable>();

  get<Opened extends Closable>(opener: unknown, open: () => Opened): Opened {
    const known = this.#opened.get(opener);
    // Whatever stands under an opener's name, that opener has made.
    if (known !== undefined) return known as Opened;
    const made = open();
    this.#opened.set(opener, made);
    return made;
  }

  close(): void {
    const opened = [...this.#opened.values()];
    this.#opened.clear();
    for (const each of opened) each.close();
  }
}
