import { and, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import { anyOf, pageOf, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading, Work } from '../../core/work.js';
import { licenseActivations as activations, type BlacklistedDevice, deviceBlacklist } from '../table.js';

/** A device's hashes under every pepper: it is the same device under each of them. */
export function fingerprintHashes(reading: Reading, fingerprint: string): readonly string[] {
  return reading.keys.hashes('FINGERPRINT', fingerprint, reading.tenantId);
}

/** Of advisory locks on devices. */
const DEVICE_LOCK = 7_461_204;

/**
 * Holds a device until the transaction ends: whoever activates it shares it, who shuts it out has it alone. Always before
 * the lock of a license, so that the two never wait for each other. The rows of the blacklist could not do it: the one
 * that matters is not there yet.
 */
export async function holdDevice(
  work: Work,
  hashes: readonly string[],
  how: 'shared' | 'alone',
): Promise<void> {
  const lock = sql.raw(how === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock');
  await work.db.execute(
    sql`select ${lock}(hashtextextended(hash, ${DEVICE_LOCK}::bigint))
      from unnest(${sql.param([...hashes].toSorted())}::text[]) as devices (hash)`,
  );
}

/** Which of these devices are shut out. */
export async function blacklistedAmong(
  reading: Reading,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  if (hashes.length === 0) return new Set();
  const rows = await reading.db
    .selectDistinct({ hash: deviceBlacklist.deviceFingerprint })
    .from(deviceBlacklist)
    .where(
      and(
        eq(deviceBlacklist.tenantId, reading.tenantId),
        anyOf(deviceBlacklist.deviceFingerprint, hashes),
        isNull(deviceBlacklist.liftedAt),
      ),
    );
  return new Set(rows.map(({ hash }) => hash));
}

export async function isBlacklisted(reading: Reading, hashes: readonly string[]): Promise<boolean> {
  return (await blacklistedAmong(reading, hashes)).size > 0;
}

const ofEntry = (reading: Reading) =>
  and(
    eq(deviceBlacklist.tenantId, reading.tenantId),
    sql`${deviceBlacklist.id} = ${deviceBlacklist.entryId}`,
  );

export async function blacklistEntry(
  reading: Reading,
  named: { readonly id: string } | { readonly hashes: readonly string[] },
): Promise<BlacklistedDevice | undefined> {
  const own = eq(deviceBlacklist.tenantId, reading.tenantId);
  const entries = reading.db
    .select({ id: deviceBlacklist.entryId })
    .from(deviceBlacklist)
    .where(
      'id' in named
        ? and(own, sql`${deviceBlacklist.id} = ${named.id}`)
        : and(own, anyOf(deviceBlacklist.deviceFingerprint, named.hashes), isNull(deviceBlacklist.liftedAt)),
    );
  const [row] = await reading.db
    .select()
    .from(deviceBlacklist)
    .where(and(ofEntry(reading), sql`${deviceBlacklist.id} in (${entries})`))
    .limit(1);
  return row;
}

export interface BlacklistedDeviceFilter {
  readonly isLifted?: boolean | null;
  readonly deviceFingerprint?: string | null;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: deviceBlacklist.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

/** The blacklist is the whole tenant's: its readers are asked for that before. */
export function blacklistedDevicesPage(
  reading: Reading,
  { isLifted, deviceFingerprint }: BlacklistedDeviceFilter,
  page: PageArguments,
): Promise<Page<BlacklistedDevice>> {
  const lifted = isLifted === true ? isNotNull : isNull;
  const hashes = deviceFingerprint ? fingerprintHashes(reading, deviceFingerprint) : undefined;
  const entries =
    hashes === undefined
      ? undefined
      : reading.db
          .select({ id: deviceBlacklist.entryId })
          .from(deviceBlacklist)
          .where(
            and(
              eq(deviceBlacklist.tenantId, reading.tenantId),
              anyOf(deviceBlacklist.deviceFingerprint, hashes),
            ),
          );
  const where = and(
    ofEntry(reading),
    typeof isLifted === 'boolean' ? lifted(deviceBlacklist.liftedAt) : undefined,
    entries === undefined ? undefined : sql`${deviceBlacklist.id} in (${entries})`,
  );
  return pageOf(reading.db, deviceBlacklist, { where, sorting: newestFirst, page });
}

/** The licenses on which a device lives. */
export async function licensesOfDevice(reading: Reading, hashes: readonly string[]): Promise<string[]> {
  const rows = await reading.db
    .selectDistinct({ id: activations.licenseId })
    .from(activations)
    .where(
      and(
        eq(activations.tenantId, reading.tenantId),
        anyOf(activations.deviceFingerprint, hashes),
        eq(activations.status, 'ACTIVE'),
      ),
    );
  return rows.map(({ id }) => id);
}
