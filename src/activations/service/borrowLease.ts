import { addMillis, type Instant, latest } from '../../core/clock.js';
import { Refusal } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import type { License } from '../../licenses/table.js';
import { isFloating, ownClaim, seatIsFree, soonest } from '../model/seats.js';
import { requirePassing, requireRunning } from '../model/verdict.js';
import type { BorrowLeaseInput } from '../schema/leases.js';
import type { Activation } from '../table.js';
import { activationToChange, changeActivation, eventOf, leaseEnd } from './activation.js';
import { countedLicense, countSeat, seatsClaimed } from './seats.js';

const HOUR_MILLIS = 3_600_000;

export function requireFloating(license: License): void {
  if (isFloating(license)) return;
  const message = 'The license has no floating seats: its devices keep theirs without a connection.';
  throw new Refusal('LICENSE_NOT_FLOATING', message, {}, { licenseId: license.id });
}

function requireLoan({ id, maxBorrowHours }: License, hours: number): void {
  const most = maxBorrowHours ?? 0;
  if (hours <= most) return;
  const message =
    most === 0 ? 'The license lends no seats.' : `The license lends a seat for ${most} hours at most.`;
  throw new Refusal('BORROW_LIMIT_EXCEEDED', message, { maxBorrowHours: most }, { licenseId: id });
}

/** A loan ends with the license, and with an activation that is limited in time. */
function loanEnd(work: Work, license: License, activation: Activation, hours: number): Instant {
  const asked = addMillis(work.now, hours * HOUR_MILLIS);
  return soonest(soonest(license.expiryDate, activation.expiresAt), asked) ?? asked;
}

const mayHaveLapsed = new Set(['LEASE_EXPIRED'] as const);
const mayNot: typeof mayHaveLapsed = new Set();

/**
 * Takes a floating seat along, for hours without a connection: it counts until the end of the loan, whatever heartbeats do
 * not come. Borrowing anew counts from now, so that fewer hours give some of it back.
 */
export async function borrowLease(work: Work, input: BorrowLeaseInput): Promise<Activation> {
  const found = await activationToChange(work, input.activationToken);
  const license = await countedLicense(work, found.license);
  const { activation } = found;
  requireFloating(license);
  const seats = await seatsClaimed(work, license, activation, ownClaim(activation));
  const facts = { now: work.now, license, activation, deviceNamed: true, seats };
  const about = { licenseId: license.id, activationId: activation.id };
  requirePassing(facts, seatIsFree(facts) ? mayHaveLapsed : mayNot, about);
  requireRunning(facts, about);
  requireLoan(license, input.hours);
  const borrowedUntil = loanEnd(work, license, activation, input.hours);
  const row = await changeActivation(work, activation, {
    borrowedUntil,
    leaseExpiresAt: latest(leaseEnd(work, license), borrowedUntil),
    seatFreedAt: null,
  });
  await countSeat(work, license, { activation: row, before: activation, seats });
  await work.emit(eventOf(row, 'activation.borrowed', { until: borrowedUntil }));
  return row;
}
