import { and, eq, isNull } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import { subjectOf } from '../../core/actor.js';
import { newId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import { lockLicenses } from '../../licenses/queries.js';
import { activationNotFound } from '../model/activation.js';
import { BLACKLISTED, blacklistedDeviceNotFound, deviceForgotten, isForgotten } from '../model/devices.js';
import {
  blacklistEntry,
  blacklistedAmong,
  fingerprintHashes,
  holdDevice,
  licensesOfDevice,
} from '../queries/devices.js';
import { activationsById } from '../queries.js';
import type { BlacklistDeviceInput, UnblacklistDeviceInput } from '../schema/devices.js';
import {
  type Activation,
  licenseActivations as activations,
  type BlacklistedDevice,
  deviceBlacklist,
} from '../table.js';
import { endActivations } from './deactivateActivation.js';
import { recountSeats } from './seats.js';

interface NamedDevice {
  readonly deviceFingerprint?: string | null;
  readonly activationId?: string | null;
}

/** A device by its own fingerprint, under every pepper, or by what is stored of it, under one; nothing is of a forgotten one. */
export async function hashesOf(work: Work, { deviceFingerprint, activationId }: NamedDevice) {
  if (deviceFingerprint && !activationId) return fingerprintHashes(work, deviceFingerprint);
  if (!activationId || deviceFingerprint) {
    throw invalidInput([
      { field: 'input.deviceFingerprint', message: 'either it or activationId is needed, not both' },
    ]);
  }
  const activation = (await activationsById(work, [activationId])).get(activationId);
  if (activation === undefined) throw activationNotFound(activationId);
  return isForgotten(activation.deviceFingerprint) ? [] : [activation.deviceFingerprint];
}

/** Nothing of a device lives on once it is on the blacklist; its licenses are locked in the order of their ids. */
async function endAll(work: Work, hashes: readonly string[]): Promise<readonly Activation[]> {
  const locked = await lockLicenses(work, await licensesOfDevice(work, hashes));
  const ended = await endActivations(work, anyOf(activations.deviceFingerprint, hashes), BLACKLISTED);
  for (const license of locked) await recountSeats(work, license);
  return ended;
}

/** Rows of an entry, a new one or one that stands under fewer peppers so far: it was named by what one activation keeps. */
async function insertRows(
  work: Work,
  hashes: readonly string[],
  reason: string,
  known?: BlacklistedDevice,
): Promise<BlacklistedDevice> {
  const entryId = known?.entryId ?? newId<'BlacklistedDevice'>(work.now);
  const createdBy = subjectOf(work.actor) ?? '';
  const rows = hashes.map((deviceFingerprint, index) => ({
    tenantId: work.tenantId,
    id: index === 0 && known === undefined ? entryId : newId<'BlacklistedDevice'>(work.now),
    entryId,
    deviceFingerprint,
    reason,
    createdBy,
    createdAt: work.now,
  }));
  const [first] = await work.db.insert(deviceBlacklist).values(rows).returning();
  if (first === undefined) throw new Error('an insert returned no row');
  return known ?? first;
}

export interface ShutOut {
  readonly device: BlacklistedDevice;
  readonly endedActivations: number;
}

/**
 * Shuts a device out of the whole tenant: what it has ends in this transaction, and whoever activates it meanwhile waits
 * for it. Doing it twice is the same as doing it once.
 */
export async function blacklistDevice(work: Work, input: BlacklistDeviceInput): Promise<ShutOut> {
  requireWholeTenant(work, 'device.blacklist');
  const hashes = await hashesOf(work, input);
  if (hashes.length === 0) throw deviceForgotten();
  await holdDevice(work, hashes, 'alone');
  const known = await blacklistEntry(work, { hashes });
  const barred = await blacklistedAmong(work, hashes);
  const missing = hashes.filter((hash) => !barred.has(hash));
  if (known !== undefined && missing.length === 0) return { device: known, endedActivations: 0 };
  const device = await insertRows(work, missing, input.reason, known);
  const ended = await endAll(work, hashes);
  const data = { reason: input.reason, ended_activations: ended.length };
  await work.emit({ type: 'device.blacklisted', subjectId: device.id, data });
  return { device, endedActivations: ended.length };
}

async function entryNamed(work: Work, { id, deviceFingerprint }: UnblacklistDeviceInput) {
  if (id && !deviceFingerprint) return blacklistEntry(work, { id });
  if (deviceFingerprint && !id)
    return blacklistEntry(work, { hashes: fingerprintHashes(work, deviceFingerprint) });
  throw invalidInput([{ field: 'input.id', message: 'either it or deviceFingerprint is needed, not both' }]);
}

/** Lets a device in again. What ended stays so: it has to activate anew. */
export async function unblacklistDevice(
  work: Work,
  input: UnblacklistDeviceInput,
): Promise<BlacklistedDevice> {
  requireWholeTenant(work, 'device.unblacklist');
  const entry = await entryNamed(work, input);
  if (entry === undefined) throw blacklistedDeviceNotFound();
  const liftedBy = subjectOf(work.actor) ?? '';
  const rows = await work.db
    .update(deviceBlacklist)
    .set({ liftedAt: work.now, liftedBy })
    .where(
      and(
        eq(deviceBlacklist.tenantId, work.tenantId),
        eq(deviceBlacklist.entryId, entry.id),
        isNull(deviceBlacklist.liftedAt),
      ),
    )
    .returning();
  const lifted = rows.find(({ id }) => id === entry.id);
  if (lifted === undefined) return entry;
  await work.emit({
    type: 'device.unblacklisted',
    subjectId: entry.id,
    data: { reason: input.reason ?? null },
  });
  return lifted;
}
