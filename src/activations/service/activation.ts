import { and, eq } from 'drizzle-orm';
import { enterBySecret } from '../../access/service.js';
import { keyDirectory } from '../../access/table.js';
import { addMillis, type Instant, latest } from '../../core/clock.js';
import { newToken } from '../../core/crypto.js';
import type { NewEvent } from '../../core/event.js';
import type { LicenseId } from '../../core/id.js';
import type { Reading, Work } from '../../core/work.js';
import { lockLicense } from '../../licenses/queries.js';
import { changeLicense } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import { activationNotFound } from '../model/activation.js';
import { isFloating, leaseLapsed, seatsTaken } from '../model/seats.js';
import type { Facts } from '../model/verdict.js';
import { activationByToken, seatsInUse, seatsOfOthers } from '../queries.js';
import { type Activation, licenseActivations as activations } from '../table.js';

const TOKEN_PREFIX = 'act';

export async function newActivationToken(
  work: Work,
  licenseId: LicenseId,
): Promise<{ token: string; hash: string }> {
  const token = newToken(TOKEN_PREFIX);
  const hash = work.keys.hash('ACTIVATION_TOKEN', token);
  await work.db
    .insert(keyDirectory)
    .values({ hash, kind: 'ACTIVATION_TOKEN', tenantId: work.tenantId, subjectId: licenseId });
  return { token, hash };
}

export async function forgetToken(work: Work, hash: string | null): Promise<void> {
  if (hash === null) return;
  await work.db
    .delete(keyDirectory)
    .where(and(eq(keyDirectory.hash, hash), eq(keyDirectory.tenantId, work.tenantId)));
}

export function leaseEnd(work: Work, license: License): Instant | null {
  return isFloating(license) ? addMillis(work.now, work.settings.leaseSeconds * 1000) : null;
}

/** Who asks for a seat: the user, or the hash of the device; and for how many processors or cores. */
export interface Claim {
  readonly identity: string;
  readonly units: number;
}

/**
 * The seats that a claim is measured by. An activation keeps the seat that it holds, also when the limit was lowered:
 * it is asked again only for more, or when its lease ran out. Leases are judged by the latest instant at which the
 * license was changed, at least: to a server whose clock is behind, or that waited for the lock, a lease that another
 * has counted as over stays over.
 */
export async function seatsClaimed(
  reading: Reading,
  license: License,
  holder: Activation | undefined,
  claim: Claim,
): Promise<Facts['seats']> {
  const now = latest(license.updatedAt, reading.now);
  const own = seatsTaken(license, claim.units);
  const holds = holder !== undefined && !leaseLapsed(holder, now) && own <= seatsTaken(license, holder.units);
  if (holds) return undefined;
  const claimant = { activationId: holder?.id, identity: claim.identity };
  return { others: await seatsOfOthers(reading, license, claimant, now), own };
}

/** The claim of an activation that goes on as it is. */
export function ownClaim(activation: Activation): Claim {
  return { identity: activation.userRef ?? activation.deviceFingerprint, units: activation.units };
}

export async function changeActivation(
  work: Work,
  activation: Activation,
  changes: Partial<typeof activations.$inferInsert>,
): Promise<Activation> {
  const [row] = await work.db
    .update(activations)
    .set({ ...changes, updatedAt: work.now })
    .where(and(eq(activations.tenantId, work.tenantId), eq(activations.id, activation.id)))
    .returning();
  if (row === undefined) throw activationNotFound(activation.id);
  return row;
}

/**
 * Brings the stored count in line, under the license's lock that the caller holds. A claim that was just granted has
 * counted the others already: counting is what an act on a license of many devices waits for.
 */
export async function recountSeats(
  work: Work,
  license: License,
  granted?: Facts['seats'],
  changes: { readonly activationDate?: Instant } = {},
): Promise<License> {
  const seats =
    granted === undefined
      ? ((await seatsInUse(work, [license.id])).get(license.id) ?? 0)
      : granted.others + granted.own;
  return changeLicense(work, license, { ...changes, currentActivations: seats });
}

export function eventOf(
  activation: Activation,
  type: NewEvent['type'],
  data: NewEvent['data'] = {},
): NewEvent {
  const { id, licenseId } = activation;
  return { type, subjectId: id, licenseId, activationId: id, data };
}

/** The activation of a token with its license, both locked, the license first as everywhere. */
export async function activationToChange(
  work: Work,
  token: string,
): Promise<{ activation: Activation; license: License }> {
  const licenseId = await enterBySecret(work, 'ACTIVATION_TOKEN', token);
  const license = licenseId === undefined ? undefined : await lockLicense(work, licenseId);
  const activation = license === undefined ? undefined : await activationByToken(work, license.id, token);
  if (license === undefined || activation === undefined) throw activationNotFound();
  return { activation, license };
}
