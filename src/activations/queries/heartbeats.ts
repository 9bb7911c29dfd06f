import { type Column, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import type { ActivationId } from '../../core/id.js';
import { arrayOf, lineArray, linesOf, prepared, preparedSelect } from '../../core/prepared.js';
import type { Reading, Work } from '../../core/work.js';
import { licenses } from '../../licenses/table.js';
import type { UsageMetrics } from '../model/metrics.js';
import { licenseActivations as activations, earlierTokens as earlier } from '../table.js';

const tenant = sql.placeholder('tenant');
const among = sql`any(${sql.placeholder('among')}::text[])`;
const now = sql`${sql.placeholder('now')}::timestamptz`;

type Among = Readonly<Record<'tenant' | 'among' | 'now', string>>;

function amongThose({ tenantId, now }: Reading, those: readonly string[]): Among {
  return { tenant: tenantId, among: arrayOf(those), now };
}

/** Metrics as their column holds them: whole records would be renamed member by member, which costs ten times as much. */
interface KeptUsage {
  readonly total_runtime_hours?: number;
  readonly api_calls_count?: number;
  readonly data_processed_mb?: number;
  readonly last_used_at: Instant;
  readonly peak_concurrent_users?: number | null;
}

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
  seenCountry: activations.seenCountry,
  seenAt: activations.seenAt,
  travelledAt: activations.travelledAt,
  usage: sql<KeptUsage | null>`${activations.usageMetrics}`,
  featureUsage: sql<UsageMetrics['featureUsage']>`${activations.featureUsage}`,
  /** Whether tokens that were given before serve beside the current one. */
  hasEarlier: sql<boolean>`exists (select 1 from ${earlier} where ${earlier.tenantId} = ${tenant}
    and ${earlier.activationId} = ${activations.id} and ${earlier.endsAt} > ${now})`,
};

/** Locks the rows that nobody else holds, and waits for none: a batch takes part in no deadlock. */
const lockFree = (column: Column) =>
  preparedSelect<typeof beatColumns, Among>(
    beatColumns,
    sql`from ${activations} where ${activations.tenantId} = ${tenant} and ${column} = ${among}
      for no key update skip locked`,
  );

const freeByTokens = lockFree(activations.activationTokenHash);
const freeByIds = lockFree(activations.id);

/** It is sent at once. */
export function lockByTokens(work: Work, hashes: readonly string[]) {
  return freeByTokens(work.db, amongThose(work, hashes));
}

export function lockByIds(work: Work, ids: readonly string[]) {
  return freeByIds(work.db, amongThose(work, ids));
}

export type BeatRow = Awaited<ReturnType<typeof lockByTokens>>[number] & {
  /** Whether the device was shut out; looked up for activations that have ended. */
  readonly blacklisted?: boolean;
};

export function knownMetrics({ usage, featureUsage }: BeatRow): UsageMetrics | null {
  if (usage === null) return null;
  return {
    totalRuntimeHours: usage.total_runtime_hours ?? 0,
    featureUsage,
    apiCallsCount: usage.api_calls_count ?? 0,
    dataProcessedMb: usage.data_processed_mb ?? 0,
    lastUsedAt: usage.last_used_at,
    peakConcurrentUsers: usage.peak_concurrent_users ?? null,
  };
}

const byCurrentToken = preparedSelect<{ tokenHash: typeof activations.activationTokenHash }, Among>(
  { tokenHash: activations.activationTokenHash },
  sql`from ${activations} where ${activations.tenantId} = ${tenant} and ${activations.activationTokenHash} = ${among}`,
);

/** Which of these tokens are the current ones of their activations. */
export async function currentTokens(
  reading: Reading,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await byCurrentToken(reading.db, amongThose(reading, hashes));
  return new Set(rows.map((row) => row.tokenHash));
}

const licenseColumns = {
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
};

const byId = preparedSelect<typeof licenseColumns, Among>(
  licenseColumns,
  sql`from ${licenses} where ${licenses.tenantId} = ${tenant} and ${licenses.id} = ${among}`,
);

/** What a heartbeat asks of a license. No feature is asked for. It is sent at once. */
export async function beatLicenses(reading: Reading, ids: readonly string[]) {
  const rows = await byId(reading.db, amongThose(reading, ids));
  return new Map(rows.map((row) => [row.id, { ...row, features: [] }]));
}

export type BeatLicense =
  Awaited<ReturnType<typeof beatLicenses>> extends Map<unknown, infer Row> ? Row : never;

/** What heartbeats leave behind of an activation. */
export interface Beaten {
  readonly id: ActivationId;
  readonly leaseExpiresAt: Instant | null;
  readonly metrics: UsageMetrics;
  /** Unless none was told of: then what is kept of them stays. */
  readonly featureUsage: UsageMetrics['featureUsage'] | undefined;
}

/** The members that are not columns of their own. */
function usageText(metrics: UsageMetrics): string {
  const kept: KeptUsage = {
    total_runtime_hours: metrics.totalRuntimeHours,
    api_calls_count: metrics.apiCallsCount,
    data_processed_mb: metrics.dataProcessedMb,
    last_used_at: metrics.lastUsedAt,
    peak_concurrent_users: metrics.peakConcurrentUsers,
  };
  return JSON.stringify(kept);
}

const write = prepared<
  never,
  Readonly<Record<'tenant' | 'now' | 'ids' | 'leases' | 'usages' | 'features', string>>
>(
  sql`update ${activations} set last_heartbeat = greatest(${activations.lastHeartbeat}, ${now}),
      lease_expires_at = beat.lease::timestamptz, seat_freed_at = null, usage_metrics = beat.usage::jsonb,
      feature_usage = coalesce(beat.features::jsonb, ${activations.featureUsage}), updated_at = ${now}
    from unnest(${lineArray('ids')}, ${lineArray('leases')}, ${lineArray('usages')}, ${lineArray('features')})
      as beat (id, lease, usage, features)
    where ${activations.tenantId} = ${tenant} and ${activations.id} = beat.id`,
);

/** All in one statement, of rows that are locked. It is sent at once. */
export async function writeBeats(work: Work, beaten: readonly Beaten[]): Promise<void> {
  if (beaten.length === 0) return;
  await write(work.db, {
    tenant: work.tenantId,
    now: work.now,
    ids: linesOf(beaten.map(({ id }) => id)),
    leases: linesOf(beaten.map(({ leaseExpiresAt }) => leaseExpiresAt)),
    usages: linesOf(beaten.map(({ metrics }) => usageText(metrics))),
    features: linesOf(
      beaten.map(({ featureUsage }) => (featureUsage === undefined ? null : JSON.stringify(featureUsage))),
    ),
  });
}
