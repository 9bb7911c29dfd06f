import { Field, Int } from 'type-graphql';
import { type Check, integer } from '../../core/check.js';
import { Checked } from '../../graph/checked.js';

/** A bound that a license or its template may set: the same words wherever it stands. */
function bound(check: Check, description: string): () => PropertyDecorator {
  return () => (target, name) => {
    Checked(check)(target, name);
    Field(() => Int, { nullable: true, description })(target, name);
  };
}

export const LeaseSeconds = bound(
  integer(60, 31_536_000),
  'For how many seconds a floating seat is held without a heartbeat; null is what the server says.',
);
export const MaxBorrowHours = bound(
  integer(0, 8784),
  'For how many hours at most a floating seat may be borrowed for use without a connection; null is none.',
);
export const MaxDeactivationsPerYear = bound(
  integer(0, 1_000_000),
  "How many of its devices may be given up in a year, counted from the license's issue date; null is without end.",
);
