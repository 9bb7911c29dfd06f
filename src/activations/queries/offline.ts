import { and, eq, gt, isNull, type SQL, sql } from 'drizzle-orm';
import type { LicenseId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { statusSql } from '../../licenses/queries.js';
import { licenses } from '../../licenses/table.js';
import { type LostLicense, type LostStatus, lostStatuses } from '../../sdk/offline/revocationList.js';
import {
  licenseActivations as activations,
  deviceBlacklist,
  licenseFiles,
  type OfflineRequest,
  offlineRequests,
  type RevocationList,
  revocationLists,
} from '../table.js';

/** The request with this nonce, if it was answered before. The caller holds its license's lock. */
export async function offlineRequestOf(
  reading: Reading,
  licenseId: LicenseId,
  nonce: string,
): Promise<OfflineRequest | undefined> {
  const [row] = await reading.db
    .select()
    .from(offlineRequests)
    .where(
      and(
        eq(offlineRequests.tenantId, reading.tenantId),
        eq(offlineRequests.licenseId, licenseId),
        eq(offlineRequests.nonce, nonce),
      ),
    );
  return row;
}

export async function revocationList(reading: Reading): Promise<RevocationList | undefined> {
  const [row] = await reading.db
    .select()
    .from(revocationLists)
    .where(eq(revocationLists.tenantId, reading.tenantId));
  return row;
}

export async function lockRevocationList(reading: Reading): Promise<RevocationList | undefined> {
  const [row] = await reading.db
    .select()
    .from(revocationLists)
    .where(eq(revocationLists.tenantId, reading.tenantId))
    .for('update');
  return row;
}

/** Documents that somebody may still go by. */
function outstanding(reading: Reading): SQL | undefined {
  return and(eq(licenseFiles.tenantId, reading.tenantId), gt(licenseFiles.expiresAt, reading.now));
}

/** Licenses of outstanding documents that have since been lost. */
export function lostLicenses(reading: Reading): Promise<LostLicense[]> {
  const status = statusSql(reading.now);
  return reading.db
    .selectDistinct({ id: licenses.id, status: status as SQL<LostStatus> })
    .from(licenseFiles)
    .innerJoin(
      licenses,
      and(eq(licenses.tenantId, reading.tenantId), eq(licenses.id, licenseFiles.licenseId)),
    )
    .where(and(outstanding(reading), anyOf(status, lostStatuses)))
    .orderBy(licenses.id);
}

/**
 * Activations of outstanding documents that have since been ended, or have given up a floating seat before its time: a
 * document ends with the lease by which it was signed, so that one that is out stands for a seat that others may have.
 */
export async function endedActivations(reading: Reading): Promise<string[]> {
  const rows = await reading.db
    .selectDistinct({ id: activations.id })
    .from(licenseFiles)
    .innerJoin(
      activations,
      and(eq(activations.tenantId, reading.tenantId), eq(activations.id, licenseFiles.activationId)),
    )
    .where(
      and(
        outstanding(reading),
        sql`(${activations.status} = 'DEACTIVATED' or ${activations.seatFreedAt} is not null
          or ${activations.leaseExpiresAt} <= ${reading.now}::timestamptz)`,
      ),
    )
    .orderBy(activations.id);
  return rows.map(({ id }) => id);
}

/** The keyed hashes of the devices that no license is used on. */
export async function barredDevices(reading: Reading): Promise<string[]> {
  const rows = await reading.db
    .select({ hash: deviceBlacklist.deviceFingerprint })
    .from(deviceBlacklist)
    .where(and(eq(deviceBlacklist.tenantId, reading.tenantId), isNull(deviceBlacklist.liftedAt)))
    .orderBy(deviceBlacklist.deviceFingerprint);
  return rows.map(({ hash }) => hash);
}
