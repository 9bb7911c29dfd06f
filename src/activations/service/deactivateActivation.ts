import { and, eq, type SQL } from 'drizzle-orm';
import { requirePermission } from '../../core/actor.js';
import type { NewEvent } from '../../core/event.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { lockLicense } from '../../licenses/queries.js';
import { changeLicense } from '../../licenses/service/changeLicense.js';
import type { License } from '../../licenses/table.js';
import { activationNotFound } from '../model/activation.js';
import { deactivationsAt, isGivenUp, requireAllowance } from '../model/deactivations.js';
import { activationsById, lockActivation } from '../queries.js';
import type { DeactivateActivationInput } from '../schema.js';
import { type Activation, licenseActivations as activations } from '../table.js';
import { activationToChange, changeActivation, eventOf } from './activation.js';
import { countedLicense, countOut, seatsAt } from './seats.js';

function ending(work: Work, reason: string | null) {
  const at = { deactivatedAt: work.now, deactivationReason: reason };
  return { status: 'DEACTIVATED', ...at, leaseExpiresAt: null } as const;
}

/** An activation that is named by its token, or by its id to those who may end activations. */
export async function activationNamed(
  work: Work,
  input: Pick<DeactivateActivationInput, 'activationId' | 'activationToken'>,
) {
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
  // What is archived has ended, and is changed by nobody.
  const activation = found === undefined ? undefined : ((await lockActivation(work, found.id)) ?? found);
  if (license === undefined || activation === undefined) throw activationNotFound(activationId);
  return { activation, license };
}

/** Counts against what the license allows in a year; what ends without its owner's doing does not. */
function givenUp(work: Work, license: License, activation: Activation) {
  if (!isGivenUp(activation, work.now)) return {};
  const now = seatsAt(license, work);
  requireAllowance(license, now, { licenseId: license.id, activationId: activation.id });
  const { used, start } = deactivationsAt(license, now);
  return { deactivations: used + 1, deactivationsSince: start };
}

/** Doing it twice is the same as doing it once. */
export async function deactivateActivation(
  work: Work,
  input: DeactivateActivationInput,
): Promise<Activation> {
  const overrides = input.overrideAllowance === true;
  if (overrides) requirePermission(work.actor, 'activation.override_allowance');
  const { activation, license } = await activationNamed(work, input);
  if (activation.status !== 'ACTIVE') return activation;
  const reason = input.reason ?? null;
  const counted = await countedLicense(work, license);
  await countOut(work, counted, activation, overrides ? {} : givenUp(work, counted, activation));
  const row = await changeActivation(work, activation, ending(work, reason));
  const override = overrides ? { override_allowance: true } : {};
  await work.emit(eventOf(row, 'activation.deactivated', { reason, ...override }));
  return row;
}

/** Ends what lives of the tenant's activations; whoever asks has locked their licenses, and counts their seats anew. */
export async function endActivations(work: Work, which: SQL, reason: string): Promise<readonly Activation[]> {
  const rows = await work.db
    .update(activations)
    .set({ ...ending(work, reason), updatedAt: work.now })
    .where(and(eq(activations.tenantId, work.tenantId), which, eq(activations.status, 'ACTIVE')))
    .returning();
  const inOrder = rows.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  await work.emitAll(inOrder.map((row) => eventOf(row, 'activation.deactivated', { reason })));
  return inOrder;
}

/**
 * Follows the revocation of a license, or its transfer, in the same transaction. As many statements for thousands of
 * devices as for one: the license is locked all the while.
 */
export async function deactivateAll(work: Work, event: NewEvent): Promise<void> {
  const license = event.licenseId === undefined ? undefined : await lockLicense(work, event.licenseId);
  if (license === undefined || event.data?.deactivate_existing === false) return;
  const reason = event.type === 'license.revoked' ? 'License revoked' : 'License transferred';
  const rows = await endActivations(work, eq(activations.licenseId, license.id), reason);
  if (rows.length === 0) return;
  await changeLicense(work, license, { currentActivations: 0, seatsUntil: null });
}
