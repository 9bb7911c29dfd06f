import { and, eq } from 'drizzle-orm';
import { enterBySecret } from '../../access/service.js';
import type { Instant } from '../../core/clock.js';
import type { NewEvent } from '../../core/event.js';
import type { LicenseId } from '../../core/id.js';
import type { Work } from '../../core/work.js';
import { lockLicense } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { activationNotFound } from '../model/activation.js';
import { leaseEndAt } from '../model/seats.js';
import { impossibleTravel } from '../model/travel.js';
import { activationByToken } from '../queries/tokens.js';
import { lockActivation } from '../queries.js';
import { type Activation, type ActivationLocation, licenseActivations as activations } from '../table.js';
import { endTokensBefore } from './tokens.js';

export function leaseEnd(
  { now, settings }: Work,
  license: Pick<License, 'licenseType' | 'leaseSeconds'>,
): Instant | null {
  return leaseEndAt(license, settings.leaseSeconds, now);
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

export function eventOf(
  activation: Activation,
  type: NewEvent['type'],
  data: NewEvent['data'] = {},
): NewEvent {
  const { id, licenseId } = activation;
  return { type, subjectId: id, licenseId, activationId: id, data };
}

/** Says, without the places, that a device told of two between which nobody travels so fast. */
export async function noticeTravel(
  work: Work,
  known: Activation,
  location: ActivationLocation | null,
): Promise<void> {
  if (known.location === null || known.reportedAt === null || location === null) return;
  const travel = impossibleTravel(
    { ...known.location, at: known.reportedAt },
    { ...location, at: work.now },
    work.settings.incidents.travelKmPerHour,
  );
  if (travel !== undefined) await work.emit(eventOf(known, 'activation.travelled', { ...travel }));
}

/** The activation of a token with its license, both locked, the license first as everywhere. */
export async function activationToChange(
  work: Work,
  token: string,
): Promise<{ activation: Activation; license: License }> {
  return lockedActivation(work, await enterBySecret(work, 'ACTIVATION_TOKEN', token), token);
}

/** The same, of a token that was looked up. */
export async function lockedActivation(
  work: Work,
  licenseId: LicenseId | undefined,
  token: string,
): Promise<{ activation: Activation; license: License }> {
  const license = licenseId === undefined ? undefined : await lockLicense(work, licenseId);
  const found = license === undefined ? undefined : await activationByToken(work, license.id, token);
  // Locked behind the license, as everywhere: a heartbeat may be changing it.
  const activation = found === undefined ? undefined : ((await lockActivation(work, found.id)) ?? found);
  if (license === undefined || activation === undefined) throw activationNotFound();
  // Whoever acts by a token has used it: one that was lost with an answer opens nothing any more.
  await endTokensBefore(work, activation, token);
  return { activation, license };
}
