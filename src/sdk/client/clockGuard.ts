import { CLOCK_TOLERANCE_SECONDS } from '../offline/signature.js';
import type { Kept } from './kept.js';

/**
 * Whether time goes forward. The vendor's clock is known when a signed answer comes; from then on it is the device's
 * clock, set right by what it lacked then. What was seen of it only grows, so that a clock that is set back, to make an
 * answer hold for longer, shows less than was seen. A clock that was merely wrong is healed by the next signed answer.
 *
 * It sees no clock that is set back together with an older copy of the store, on a device that never connects: the
 * answer in that copy is as old as it says, and holds for no longer than it ever did.
 */
type Seen = Pick<Kept, 'signedAt' | 'seenAt' | 'offset'>;

const TOLERANCE_MILLIS = CLOCK_TOLERANCE_SECONDS * 1000;

/** The vendor's time, as far as this device can tell. */
export function vendorTime({ offset }: Seen, now: number): number {
  return now + offset;
}

export function isClockSetBack(seen: Seen, now: number): boolean {
  return vendorTime(seen, now) + TOLERANCE_MILLIS < Math.max(seen.seenAt, seen.signedAt);
}

/**
 * Time goes on without a connection. What a clock is set back by within the tolerance is made up for: set back by four
 * minutes every four minutes, it would stand still otherwise.
 */
export function sawTime<Known extends Seen>(known: Known, now: number): Known {
  const ahead = vendorTime(known, now) - known.seenAt;
  if (ahead === 0 || isClockSetBack(known, now)) return known;
  return ahead > 0 ? { ...known, seenAt: known.seenAt + ahead } : { ...known, offset: known.offset - ahead };
}

/** The vendor has signed that it is this time now. */
export function sawSignedTime<Known extends Seen>(known: Known, signedAt: number, now: number): Known {
  const latest = Math.max(known.signedAt, signedAt);
  return { ...known, signedAt: latest, seenAt: latest, offset: signedAt - now };
}
