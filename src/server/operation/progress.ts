import type { Actor } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { Session } from '../../core/db.js';
import type { Reading, Work } from '../../core/work.js';
import type { Pace } from '../../graph/pace.js';
import type { OperationFeatures } from './operationFeatures.js';

/**
 * What changes while an operation runs, in one object: Apollo copies the context value shallowly, and the copy has
 * to share it.
 */
export interface Progress {
  actor: Actor;
  now: Instant;
  work: Work | undefined;
  session: Session | undefined;
  reading: Promise<Reading> | undefined;
  ended: boolean;
  /** What its lists have cost that are no pages. */
  spent: number;
  pace: Pace | undefined;
  /** Made for who asks: an operation that shares what it does may have none. */
  features: OperationFeatures | undefined;
}
