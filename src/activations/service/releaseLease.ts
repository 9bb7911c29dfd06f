import type { Work } from '../../core/work.js';
import { holdsSeat } from '../model/seats.js';
import type { ReleaseLeaseInput } from '../schema/leases.js';
import type { Activation } from '../table.js';
import { changeActivation, eventOf } from './activation.js';
import { requireFloating } from './borrowLease.js';
import { activationNamed } from './deactivateActivation.js';
import { countedLicense, countOut, seatsAt } from './seats.js';

/**
 * Gives up a floating seat at once, a borrowed one too, and keeps the device: its next heartbeat takes a seat if one is
 * free. Doing it twice is the same as doing it once.
 */
export async function releaseLease(work: Work, input: ReleaseLeaseInput): Promise<Activation> {
  const found = await activationNamed(work, input);
  const license = await countedLicense(work, found.license);
  const { activation } = found;
  requireFloating(license);
  if (!holdsSeat(activation, seatsAt(license, work))) return activation;
  await countOut(work, license, activation);
  const row = await changeActivation(work, activation, {
    seatFreedAt: work.now,
    leaseExpiresAt: work.now,
    borrowedUntil: null,
  });
  await work.emit(eventOf(row, 'activation.released'));
  return row;
}
