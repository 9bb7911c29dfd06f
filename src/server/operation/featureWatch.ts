import { type Instant, millis } from '../../core/clock.js';
import type { Refusal } from '../../core/refusal.js';

/** A timer of Node ends at 24 days, and clocks are set. */
const LONGEST_WAIT_MILLIS = 3_600_000;

/** What is found of a stream's features: refused by now, or granted until an instant if nobody changes a license. */
export type Look = { readonly refusal: Refusal } | { readonly until: Instant | null };

interface Watched {
  readonly clock: () => Instant;
  look(): Promise<Look>;
  /** Calls back whenever a license of the tenant may have changed; answers how to stop. */
  listen(heard: () => void): () => void;
  refused(error: unknown): void;
}

/**
 * Looks again at what a stream was granted at its start, whenever licenses of its tenant change and when their time is over.
 * Many changes at once are one look. Answers how to stop.
 */
export function watchFeatures({ clock, look, listen, refused }: Watched): () => void {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  let looking = false;
  let again = false;
  const arm = (until: Instant | null): void => {
    clearTimeout(timer);
    if (until === null) return;
    const left = Math.max(1, millis(until) - millis(clock()));
    timer = setTimeout(heard, Math.min(left, LONGEST_WAIT_MILLIS)).unref();
  };
  const run = async (): Promise<void> => {
    looking = true;
    do {
      again = false;
      const found = await look();
      if (ended) return;
      if ('refusal' in found) return refused(found.refusal);
      arm(found.until);
    } while (again);
    looking = false;
  };
  const heard = (): void => {
    again = true;
    if (!looking && !ended) run().catch((error: unknown) => ended || refused(error));
  };
  const stop = listen(heard);
  heard();
  return () => {
    ended = true;
    clearTimeout(timer);
    stop();
  };
}
