import { sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import { arrayOf, prepared } from '../../core/prepared.js';
import type { Reading } from '../../core/work.js';
import { type Meter, type MeterKey, meterName } from '../model/meter.js';
import { type FeatureUsage, featureUsage } from '../table.js';

/** Meters as rows (license_id, feature_id, start, source), to be joined with the counters: one text for any number. */
export const meterRows = sql`unnest(${sql.placeholder('licenses')}::text[], ${sql.placeholder('features')}::text[],
  ${sql.placeholder('starts')}::timestamptz[], ${sql.placeholder('sources')}::text[])
  as meters (license_id, feature_id, start, source)`;

/** The values of `meterRows`. */
export function meterValues(meters: readonly Meter[]) {
  return {
    licenses: arrayOf(meters.map((meter) => meter.licenseId)),
    features: arrayOf(meters.map((meter) => meter.featureId)),
    starts: arrayOf(meters.map((meter) => meter.windowStart)),
    sources: arrayOf(meters.map((meter) => meter.source)),
  };
}

/** What a counter says. */
export type Counter = Pick<FeatureUsage, 'used' | 'toldPercent' | 'resets'>;
export type Counters = ReadonlyMap<string, Counter>;

interface CounterRow extends MeterKey {
  readonly used: string;
  readonly toldPercent: number;
  readonly resets: number;
}

const { tenantId, licenseId, featureId, windowStart, source } = featureUsage;

const counters = sql`select ${licenseId} as "licenseId", ${featureId} as "featureId", ${windowStart} as "windowStart",
    ${source} as source, ${featureUsage.used} as used, ${featureUsage.toldPercent} as "toldPercent",
    ${featureUsage.resets} as resets
  from ${featureUsage} where ${tenantId} = ${sql.placeholder('tenant')}
    and (${licenseId}, ${featureId}, ${windowStart}, ${source}) in (select license_id, feature_id, start, source from ${meterRows})`;

type CounterValues = ReturnType<typeof meterValues> & { readonly tenant: string };
const read = prepared<CounterRow, CounterValues>(counters);
/** In one order for everybody, whatever the database's collation. */
const lock = prepared<CounterRow, CounterValues>(sql`${counters}
  order by ${licenseId}, ${featureId} collate "C", ${windowStart}, ${source} collate "C" for no key update`);

/** A row as the driver reads it: its instant and its number are texts of the database. */
function counterOf(row: CounterRow): [string, Counter] {
  const start = windowStart.mapFromDriverValue(row.windowStart) as Instant;
  const used = featureUsage.used.mapFromDriverValue(row.used) as number;
  return [meterName({ ...row, windowStart: start }), { ...row, used }];
}

async function countersBy(
  statement: typeof read,
  reading: Reading,
  meters: readonly Meter[],
): Promise<Counters> {
  if (meters.length === 0) return new Map();
  const rows = await statement(reading.db, { tenant: reading.tenantId, ...meterValues(meters) });
  return new Map(rows.map(counterOf));
}

/** Counters as they are now, without a lock. It is sent at once. */
export function readCounters(reading: Reading, meters: readonly Meter[]): Promise<Counters> {
  return countersBy(read, reading, meters);
}

/** What the counters of these meters say; a counter that is not there yet says 0. */
export async function usageOf(
  reading: Reading,
  meters: readonly Meter[],
): Promise<ReadonlyMap<string, number>> {
  return usageIn(await readCounters(reading, meters));
}

/** Counters, with every one of them locked. It is sent at once. */
export function lockedCounters(reading: Reading, meters: readonly Meter[]): Promise<Counters> {
  return countersBy(lock, reading, meters);
}

export function usageIn(counted: Counters): ReadonlyMap<string, number> {
  return new Map([...counted].map(([name, { used }]) => [name, used]));
}
