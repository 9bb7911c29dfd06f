/**
 * The server cannot start, for a reason the operator can act on: `main.ts` prints the message alone and exits
 * with 1.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}
