import { requirePermission } from '../../core/actor.js';
import type { NewEvent } from '../../core/event.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { lockLicense } from '../../licenses/queries.js';
import type { License } from '../../licenses/table.js';
import { activationNotFound } from '../model.js';
import { activationsById, liveActivations, lockActivation } from '../queries.js';
import type { DeactivateActivationInput } from '../schema.js';
import type { Activation } from '../table.js';
import { activationToChange, changeActivation, eventOf, recountSeats } from './activation.js';

async function deactivated(work: Work, license: License, activation: Activation, reason: string | null) {
  const row = await changeActivation(work, activation, {
    status: 'DEACTIVATED',
    deactivatedAt: work.now,
    deactivationReason: reason,
    leaseExpiresAt: null,
  });
  await work.emit(eventOf(row, 'activation.deactivated', { reason }));
  await recountSeats(work, license);
  return row;
}

async function activationNamed(work: Work, input: DeactivateActivationInput) {
  const { activationId, activationToken } = input;
  if (activationToken && !activationId) return activationToChange(work, activationToken);
  if (!activationId || activationToken) {
    throw invalidInput([
      { field: 'input.activationId', message: 'either it or activationToken is needed, not both' },
    ]);
  }
  requirePermission(work.actor, 'activation.deactivate');
  const found = (await activationsById(work, [activationId])).get(activationId);
  const license = found === undefined ? undefined : await lockLicense(work, found.licenseId);
  const activation = found === undefined ? undefined : await lockActivation(work, found.id);
  if (license === undefined || activation === undefined) throw activationNotFound(activationId);
  return { activation, license };
}

/** Doing it twice is the same as doing it once. */
export async function deactivateActivation(
  work: Work,
  input: DeactivateActivationInput,
): Promise<Activation> {
  const { activation, license } = await activationNamed(work, input);
  if (activation.status !== 'ACTIVE') return activation;
  return deactivated(work, license, activation, input.reason ?? null);
}

/** Follows the revocation of a license, or its transfer, in the same transaction. */
export async function deactivateAll(work: Work, event: NewEvent): Promise<void> {
  const license = event.licenseId === undefined ? undefined : await lockLicense(work, event.licenseId);
  if (license === undefined || event.data?.deactivate_existing === false) return;
  const reason = event.type === 'license.revoked' ? 'License revoked' : 'License transferred';
  for (const activation of await liveActivations(work, license.id)) {
    await deactivated(work, license, activation, reason);
  }
}
