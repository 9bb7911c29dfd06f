import { type ChainEnd, type TrailBreak, type TrailEntry, walk } from './chain.js';
import type { Checkpoint } from './checkpoint.js';

/** Where a chain and a checkpoint contradict each other; which of them is false its signature says. */
export interface Contradiction {
  readonly checkpoint: Checkpoint;
  /** What is wrong if the checkpoint was signed. */
  readonly found: TrailBreak;
}

export type Outcome =
  | { readonly state: 'HOLDS' }
  /** The chain itself does not go on behind `end`. */
  | { readonly state: 'BROKEN' }
  | { readonly state: 'CONTRADICTED'; readonly by: Contradiction };

const holds: Outcome = { state: 'HOLDS' };

/**
 * Goes along a chain, piece by piece, and compares each checkpoint that it comes by. It waits for nothing and reads nothing,
 * so that the server and the offline verifier judge by the same words.
 */
export class TrailCheck {
  #end: ChainEnd;
  #agreed: ChainEnd;
  #agreeing: Checkpoint[] = [];
  #waiting: readonly Checkpoint[] = [];

  constructor(start: ChainEnd, checkpoints: readonly Checkpoint[]) {
    this.#end = start;
    this.#agreed = start;
    this.expect(checkpoints);
  }

  /** Further checkpoints; of what lies behind already they say nothing. */
  expect(checkpoints: readonly Checkpoint[]): void {
    this.#waiting = [...this.#waiting, ...checkpoints]
      .filter(({ sequence }) => sequence >= this.#end.sequence)
      .toSorted((one, other) => one.sequence - other.sequence);
  }

  /** How far the chain holds. */
  get end(): ChainEnd {
    return this.#end;
  }

  /** The checkpoints that say the same as the chain, the newest last. */
  get agreeing(): readonly Checkpoint[] {
    return this.#agreeing;
  }

  take(entries: readonly TrailEntry[]): Outcome {
    let from = 0;
    for (;;) {
      const before = this.#compare();
      if (before !== undefined) return before;
      const next = this.#waiting[0]?.sequence ?? Number.POSITIVE_INFINITY;
      const upTo = entries.findIndex(({ sequence }) => sequence >= next);
      const to = upTo < from ? entries.length : upTo + 1;
      const { end, broken } = walk(this.#end, entries.slice(from, to));
      this.#end = end;
      if (broken) return { state: 'BROKEN' };
      if (to === entries.length) return this.#compare() ?? holds;
      from = to;
    }
  }

  /** At the end of the whole trail: a checkpoint of what is not there any more. */
  finish(): Outcome {
    const before = this.#compare();
    const [checkpoint] = this.#waiting;
    if (before !== undefined || checkpoint === undefined) return before ?? holds;
    return this.#contradicted(checkpoint, 'TAIL_CUT', this.#end.sequence + 1);
  }

  /** Whatever checkpoints speak of the place that was reached. */
  #compare(): Outcome | undefined {
    for (;;) {
      const [checkpoint, ...others] = this.#waiting;
      if (checkpoint === undefined || checkpoint.sequence > this.#end.sequence) return undefined;
      if (checkpoint.hash !== this.#end.hash)
        return this.#contradicted(checkpoint, 'HEAD_REWRITTEN', this.#agreed.sequence + 1);
      this.#waiting = others;
      this.#agreed = this.#end;
      this.#agreeing.push(checkpoint);
    }
  }

  #contradicted(checkpoint: Checkpoint, problem: 'HEAD_REWRITTEN' | 'TAIL_CUT', sequence: number): Outcome {
    return {
      state: 'CONTRADICTED',
      by: { checkpoint, found: { problem, sequence, eventId: null } },
    };
  }
}
