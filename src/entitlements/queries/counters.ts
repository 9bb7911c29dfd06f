import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Reading } from '../../core/work.js';
import { type Meter, meterName, type Usage } from '../model/meter.js';
import { type FeatureUsage, featureUsage } from '../table.js';

/**
 * Meters as rows (license_id, feature_id, start, source, amount, told), to be joined with the counters. Instants and
 * numbers travel as text, because the driver writes no arrays of them; one statement text serves any number of meters.
 */
export function meterRows(
  meters: readonly Meter[],
  amounts: readonly number[] = [],
  told: readonly number[] = [],
): SQL {
  const texts = (of: (meter: Meter, index: number) => string): SQL =>
    sql`${sql.param(meters.map(of))}::text[]`;
  return sql`unnest(${texts((meter) => meter.licenseId)}, ${texts((meter) => meter.featureId)},
    ${texts((meter) => meter.windowStart)}, ${texts((meter) => meter.source)},
    ${texts((_, index) => String(amounts[index] ?? 0))}, ${texts((_, index) => String(told[index] ?? 0))})
    as meters (license_id, feature_id, start, source, amount, told)`;
}

function counterOf(reading: Reading, meters: readonly Meter[]): SQL | undefined {
  const keys = sql`(${featureUsage.licenseId}, ${featureUsage.featureId}, ${featureUsage.windowStart}, ${featureUsage.source})
    in (select license_id, feature_id, start::timestamptz, source from ${meterRows(meters)})`;
  return and(eq(featureUsage.tenantId, reading.tenantId), keys);
}

/** What the counters of these meters say; a counter that is not there yet says 0. */
export async function usageOf(reading: Reading, meters: readonly Meter[]): Promise<Usage> {
  if (meters.length === 0) return new Map();
  const rows = await reading.db.select().from(featureUsage).where(counterOf(reading, meters));
  return new Map(rows.map((row) => [meterName(row), row.used]));
}

/** Counters, with every one of them locked, in one order for everybody, whatever the database's collation. */
export async function lockedCounters(
  reading: Reading,
  meters: readonly Meter[],
): Promise<ReadonlyMap<string, FeatureUsage>> {
  if (meters.length === 0) return new Map();
  const rows = await reading.db
    .select()
    .from(featureUsage)
    .where(counterOf(reading, meters))
    .orderBy(
      featureUsage.licenseId,
      sql`${featureUsage.featureId} collate "C"`,
      featureUsage.windowStart,
      sql`${featureUsage.source} collate "C"`,
    )
    .for('no key update');
  return new Map(rows.map((row) => [meterName(row), row]));
}

export function usageIn(counters: ReadonlyMap<string, FeatureUsage>): Usage {
  return new Map([...counters].map(([name, { used }]) => [name, used]));
}
