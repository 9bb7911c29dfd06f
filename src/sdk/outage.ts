/** The server cannot be asked: it is away, too slow or failing. What it decides is never this. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** The server has answered that it will not: the key, the licensee or the question does not fit. */
export class Declined extends Error {
  override readonly name = 'Declined';

  constructor(
    /** A code of the license server's `docs/errors.md`. */
    readonly code: string,
    message: string,
    /** With `INVALID_INPUT`, the fields that do not fit. */
    readonly fields: readonly string[] = [],
  ) {
    super(message);
  }
}
