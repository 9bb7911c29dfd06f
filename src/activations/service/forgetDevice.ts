import { and, eq, sql } from 'drizzle-orm';
import { requireWholeTenant } from '../../access/service.js';
import { eraseTold } from '../../audit/service/erase.js';
import { anyOf } from '../../core/keyset.js';
import type { Work } from '../../core/work.js';
import { lockLicenses } from '../../licenses/queries.js';
import { licensesOfDevice } from '../queries/devices.js';
import type { ForgetDeviceInput } from '../schema/devices.js';
import {
  type Activation,
  licenseActivations as activations,
  archivedActivations as archived,
} from '../table.js';
import { hashesOf } from './blacklistDevice.js';

export interface Forgotten {
  /** Of how many activations nothing is left by which the device could be told. */
  readonly forgottenActivations: number;
  /** How many live: they keep the hashes that hold their seat. */
  readonly keptActivations: number;
}

const whenEnded = (column: string) => sql.raw(`case when status = 'ACTIVE' then ${column} end`);

function forgetIn(
  work: Work,
  table: typeof activations | typeof archived,
  hashes: readonly string[],
): Promise<Pick<Activation, 'id' | 'licenseId' | 'status'>[]> {
  return work.db
    .update(table)
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
    .where(and(eq(table.tenantId, work.tenantId), anyOf(table.deviceFingerprint, hashes)))
    .returning({ id: table.id, licenseId: table.licenseId, status: table.status });
}

/**
 * Erases what was told of a device in the whole tenant. An activation that lives keeps the hashes and the user by which it
 * holds its seat, until it ends and the device is forgotten again; an entry of the blacklist keeps its hash. The trail
 * forgets what was told of the device with its events, and says that it was done.
 */
export async function forgetDevice(work: Work, input: ForgetDeviceInput): Promise<Forgotten> {
  requireWholeTenant(work, 'device.forget');
  const hashes = await hashesOf(work, input);
  await lockLicenses(work, await licensesOfDevice(work, hashes));
  const rows = [...(await forgetIn(work, activations, hashes)), ...(await forgetIn(work, archived, hashes))];
  await eraseTold(work, rows);
  const kept = rows.filter(({ status }) => status === 'ACTIVE').length;
  const forgotten = { forgottenActivations: rows.length - kept, keptActivations: kept };
  const [first] = rows;
  if (first === undefined) return forgotten;
  const data = { forgotten: forgotten.forgottenActivations, kept };
  await work.emit({ type: 'device.forgotten', subjectId: input.activationId ?? first.id, data });
  return forgotten;
}
