import { and, eq, type SQL, sql } from 'drizzle-orm';
import { anyOf } from '../../core/keyset.js';
import type { Reading, Work } from '../../core/work.js';
import { licenses } from '../../licenses/table.js';
import { licenseActivations as activations } from '../table.js';

/** What a heartbeat looks at and changes of an activation: a whole row costs twice as much to read. */
const beatColumns = {
  id: activations.id,
  licenseId: activations.licenseId,
  tokenHash: activations.activationTokenHash,
  activationType: activations.activationType,
  status: activations.status,
  userRef: activations.userRef,
  deviceFingerprint: activations.deviceFingerprint,
  units: activations.units,
  expiresAt: activations.expiresAt,
  leaseExpiresAt: activations.leaseExpiresAt,
  seatFreedAt: activations.seatFreedAt,
  lastHeartbeat: activations.lastHeartbeat,
  usageMetrics: activations.usageMetrics,
  featureUsage: activations.featureUsage,
};

/** Locks the rows that nobody else holds, and waits for none: a batch takes part in no deadlock. */
async function lockFree(work: Work, which: SQL) {
  return await work.db
    .select(beatColumns)
    .from(activations)
    .where(and(eq(activations.tenantId, work.tenantId), which))
    .orderBy(activations.id)
    .for('no key update', { skipLocked: true });
}

export function lockByTokens(work: Work, hashes: readonly string[]) {
  return lockFree(work, anyOf(activations.activationTokenHash, hashes));
}

export function lockByIds(work: Work, ids: readonly string[]) {
  return lockFree(work, anyOf(activations.id, ids));
}

/** Which of these tokens are the current ones of their activations. */
export async function currentTokens(
  reading: Reading,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await reading.db
    .select({ tokenHash: activations.activationTokenHash })
    .from(activations)
    .where(and(eq(activations.tenantId, reading.tenantId), anyOf(activations.activationTokenHash, hashes)));
  return new Set(rows.map((row) => row.tokenHash));
}

export type BeatRow = Awaited<ReturnType<typeof lockByTokens>>[number] & {
  /** Whether the device was shut out; looked up for activations that have ended. */
  readonly blacklisted?: boolean;
};

/** What a heartbeat asks of a license. No feature is asked for. */
export async function beatLicenses(reading: Reading, ids: readonly string[]) {
  const rows = await reading.db
    .select({
      id: licenses.id,
      customerId: licenses.customerId,
      resellerId: licenses.resellerId,
      productId: licenses.productId,
      productVersion: licenses.productVersion,
      maintenanceExpiry: licenses.maintenanceExpiry,
      licenseType: licenses.licenseType,
      licenseModel: licenses.licenseModel,
      maxActivations: licenses.maxActivations,
      status: licenses.status,
      suspendedFrom: licenses.suspendedFrom,
      suspensionCause: licenses.suspensionCause,
      suspensionReason: licenses.suspensionReason,
      expiryDate: licenses.expiryDate,
      gracePeriodDays: licenses.gracePeriodDays,
      leaseSeconds: licenses.leaseSeconds,
      restrictions: licenses.restrictions,
    })
    .from(licenses)
    .where(and(eq(licenses.tenantId, reading.tenantId), anyOf(licenses.id, ids)));
  return new Map(rows.map((row) => [row.id, { ...row, features: [] }]));
}

export type BeatLicense =
  Awaited<ReturnType<typeof beatLicenses>> extends Map<unknown, infer Row> ? Row : never;

/** What heartbeats leave behind, all in one statement. */
export async function writeBeats(work: Work, rows: readonly BeatRow[]): Promise<void> {
  if (rows.length === 0) return;
  const texts = (of: (row: BeatRow) => unknown): SQL => sql`${sql.param(rows.map(of))}::text[]`;
  const usage = (row: BeatRow) =>
    row.usageMetrics === null ? null : activations.usageMetrics.mapToDriverValue(row.usageMetrics);
  await work.db.execute(sql`
    update ${activations} set last_heartbeat = beat.at::timestamptz, lease_expires_at = beat.lease::timestamptz,
      seat_freed_at = beat.freed::timestamptz, usage_metrics = beat.usage::jsonb, feature_usage = beat.features::jsonb,
      updated_at = ${work.now}::timestamptz
    from unnest(${texts(({ id }) => id)}, ${texts(({ lastHeartbeat }) => lastHeartbeat)},
      ${texts(({ leaseExpiresAt }) => leaseExpiresAt)}, ${texts(({ seatFreedAt }) => seatFreedAt)}, ${texts(usage)},
      ${texts(({ featureUsage }) => JSON.stringify(featureUsage))}) as beat (id, at, lease, freed, usage, features)
    where ${activations.tenantId} = ${work.tenantId} and ${activations.id} = beat.id`);
}
