import { type Instant, latest } from '../../core/clock.js';
import type { Reading, Work } from '../../core/work.js';
import { changeLicense } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import {
  type Claim,
  countHolds,
  holdsSeat,
  identitiesToLookFor,
  ownClaim,
  type Seats,
  seatEnd,
  seatsOfOthers,
  seatsTaken,
  soonest,
} from '../model/seats.js';
import { countSeats, freeSeats, lockLapsedSeats, seatedAmong } from '../queries/seats.js';
import type { Activation } from '../table.js';

/**
 * The instant by which seats are judged: the latest at which the license was changed, at least. To a server whose clock
 * is behind, or that waited for the lock, what another has counted as over stays over.
 */
export function seatsAt(license: Pick<License, 'updatedAt'>, { now }: Pick<Reading, 'now'>): Instant {
  return latest(license.updatedAt, now);
}

/**
 * A license, locked, with the count of its seats as it is at this moment. The count that acts keep holds until the first
 * seat ends by time: only then are seats counted out and the rest counted anew.
 */
export async function countedLicense(work: Work, license: License): Promise<License> {
  const now = seatsAt(license, work);
  return countHolds(license, now) ? license : countAnew(work, license, now);
}

async function countAnew(work: Work, license: License, now: Instant): Promise<License> {
  await freeSeats(work, await lockLapsedSeats(work, license.id, now), now);
  return { ...license, ...(await countSeats(work, license, now)) };
}

/** The seats that others hold beside one who claims a seat, or gives up his if he claims none. */
async function seatsBeside(
  reading: Reading,
  license: License,
  holder: Activation | undefined,
  claim: Claim | undefined,
): Promise<number> {
  const now = seatsAt(license, reading);
  const counted = countHolds(license, now)
    ? license
    : { ...license, ...(await countSeats(reading, license, now)) };
  const sought = identitiesToLookFor(license, holder, claim, now);
  const seated = await seatedAmong(reading, license.id, sought, holder?.id, now);
  return seatsOfOthers(counted, holder, claim, seated, now);
}

/**
 * The seats that a claim is measured by. An activation keeps the seat that it holds, also when the limit was lowered: it
 * is asked again only for more, or when it was counted out. A device that names its user asks for no more as long as it
 * counted for itself alone; one that left its seat to another who shares it would take a second.
 */
export async function seatsClaimed(
  reading: Reading,
  license: License,
  holder: Activation | undefined,
  claim: Claim,
): Promise<Seats | undefined> {
  const own = seatsTaken(license, claim.units);
  const holds = holder !== undefined && holdsSeat(holder, seatsAt(license, reading));
  const asksNoMore = holds && own <= seatsTaken(license, holder.units);
  if (asksNoMore && ownClaim(holder).identity === claim.identity) return undefined;
  const others = await seatsBeside(reading, license, holder, claim);
  if (!asksNoMore) return { others, own };
  const before = await seatsBeside(reading, license, holder, ownClaim(holder));
  return others <= before ? undefined : { others, own };
}

/** A seat that was just granted: how it was measured, and who held it before, if anybody did. */
export interface TakenSeat {
  readonly activation: Activation;
  readonly before?: Activation;
  readonly seats: Seats | undefined;
}

/** Keeps the count, under the license's lock, after an activation was made or changed. */
export async function countSeat(
  work: Work,
  license: License,
  { activation, before, seats }: TakenSeat,
  changes: { readonly activationDate?: Instant } = {},
): Promise<License> {
  const claim = ownClaim(activation);
  const others = seats?.others ?? (await seatsBeside(work, license, before, claim));
  const isCounted = holdsSeat(activation, work.now);
  return changeLicense(work, license, {
    ...changes,
    currentActivations: isCounted ? others + seatsTaken(license, claim.units) : license.currentActivations,
    seatsUntil: isCounted ? soonest(license.seatsUntil, seatEnd(activation)) : license.seatsUntil,
  });
}

/** Keeps the count, under the license's lock, when an activation that is about to end gives up its seat. */
export async function countOut(
  work: Work,
  license: License,
  holder: Activation,
  changes: { readonly deactivations?: number; readonly deactivationsSince?: Instant } = {},
): Promise<License> {
  const currentActivations = await seatsBeside(work, license, holder, undefined);
  return changeLicense(work, license, { ...changes, currentActivations, seatsUntil: license.seatsUntil });
}

/** Counts all seats of a license anew, under its lock. */
export async function recountSeats(work: Work, license: License): Promise<License> {
  const { currentActivations, seatsUntil } = await countAnew(work, license, seatsAt(license, work));
  return changeLicense(work, license, { currentActivations, seatsUntil });
}
