import { and, eq, sql } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import { eraseTold } from '../../audit/service/erase.js';
import { anyOf } from '../../core/keyset.js';
import type { Work } from '../../core/work.js';
import { lockLicenses } from '../../licenses/queries.js';
import { licensesOfDevice } from '../queries/devices.js';
import type { ForgetDeviceInput } from '../schema/devices.js';
import { licenseActivations as activations } from '../table.js';
import { hashesOf } from './blacklistDevice.js';

export interface Forgotten {
  /** Of how many activations nothing is left by which the device could be told. */
  readonly forgottenActivations: number;
  /** How many live: they keep the hashes that hold their seat. */
  readonly keptActivations: number;
}

const whenEnded = (column: string) => sql.raw(`case when status = 'ACTIVE' then ${column} end`);

/**
 * Erases what was told of a device in the whole tenant. An activation that lives keeps the hashes and the user by which it
 * holds its seat, until it ends and the device is forgotten again; an entry of the blacklist keeps its hash. The trail
 * forgets what was told of the device with its events, and says that it was done.
 */
export async function forgetDevice(work: Work, input: ForgetDeviceInput): Promise<Forgotten> {
  requireWholeTenant(work, 'device.forget');
  const hashes = await hashesOf(work, input);
  await lockLicenses(work, await licensesOfDevice(work, hashes));
  const rows = await work.db
    .update(activations)
    .set({
      deviceFingerprint: sql`case when status = 'ACTIVE' then device_fingerprint else 'forgotten.' || id end`,
      hardwareId: whenEnded('hardware_id'),
      macAddress: whenEnded('mac_address'),
      userRef: whenEnded('user_ref'),
      machineName: null,
      ipAddress: null,
      operatingSystem: null,
      userAgent: null,
      location: null,
      reportedAt: null,
      seenCountry: null,
      seenAt: null,
      metadata: {},
      updatedAt: work.now,
    })
    .where(and(eq(activations.tenantId, work.tenantId), anyOf(activations.deviceFingerprint, hashes)))
    .returning({ id: activations.id, licenseId: activations.licenseId, status: activations.status });
  await eraseTold(work, rows);
  const kept = rows.filter(({ status }) => status === 'ACTIVE').length;
  const forgotten = { forgottenActivations: rows.length - kept, keptActivations: kept };
  const [first] = rows;
  if (first === undefined) return forgotten;
  const data = { forgotten: forgotten.forgottenActivations, kept };
  await work.emit({ type: 'device.forgotten', subjectId: input.activationId ?? first.id, data });
  return forgotten;
}
