import { and, eq, isNull, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../core/actor.js';
import type { Reading } from '../core/work.js';
import { grantingSql, licenseScope } from '../licenses/queries.js';
import { licenses } from '../licenses/table.js';
import { type Grant, grantsFeature, type Licensee, type Meter, meterName, type Usage } from './model.js';
import { featureUsage } from './table.js';

const grantColumns = {
  licenseId: licenses.id,
  customerId: licenses.customerId,
  resellerId: licenses.resellerId,
  issuedDate: licenses.issuedDate,
  expiryDate: licenses.expiryDate,
  features: licenses.features,
};

/** Licenses of the whole tenant: they belong to no customer. */
function tenantWide(reading: Reading): SQL | undefined {
  return and(eq(licenses.tenantId, reading.tenantId), isNull(licenses.customerId), grantingSql(reading.now));
}

function grantsWhere(reading: Reading, where: SQL | undefined): Promise<Grant[]> {
  return reading.db.select(grantColumns).from(licenses).where(where);
}

/** Which of the features any license of the caller's part grants, without fetching what may be very many licenses. */
async function grantedAnywhere(reading: Reading, features: readonly string[]): Promise<ReadonlySet<string>> {
  const feature = sql`jsonb_array_elements(${licenses.features}) as feature (entry)`;
  const rows = await reading.db.execute<{ id: string }>(sql`
    select asked.id from unnest(${sql.param(features)}::text[]) as asked (id)
    where exists (select 1 from ${licenses}, ${feature}
      where ${licenseScope(reading)} and ${grantingSql(reading.now)}
        and ${licenses.features} @> jsonb_build_array(jsonb_build_object('feature_id', asked.id, 'enabled', true))
        and entry ->> 'feature_id' = asked.id and (entry ->> 'enabled')::boolean
        and (entry ->> 'expires_at' is null or (entry ->> 'expires_at')::timestamptz > ${reading.now}::timestamptz))`);
  return new Set([...rows].map((row) => row.id));
}

async function anyGranting(reading: Reading): Promise<boolean> {
  const rows = await reading.db
    .select({ one: sql`1` })
    .from(licenses)
    .where(and(licenseScope(reading), grantingSql(reading.now)))
    .limit(1);
  return rows.length === 1;
}

/**
 * Whose licenses decide for the caller. An application has the one it shows; a customer its own and the tenant's;
 * a reseller what it sold, and anybody else all of the tenant's, while both draw units from tenant-wide ones only.
 */
export async function licenseeOf(reading: Reading, features: readonly string[]): Promise<Licensee> {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  const granting = and(licenseScope(reading), grantingSql(reading.now));
  if (licenseId !== undefined) return ownLicensee(await grantsWhere(reading, granting));
  if (customerId !== undefined) {
    return ownLicensee([
      ...(await grantsWhere(reading, granting)),
      ...(await grantsWhere(reading, tenantWide(reading))),
    ]);
  }
  const sold = resellerId === undefined ? undefined : eq(licenses.resellerId, resellerId);
  const drawable = await grantsWhere(reading, and(tenantWide(reading), sold));
  const elsewhere = features.filter((feature) => !grantsFeature(drawable, feature, reading.now));
  const grantedElsewhere =
    elsewhere.length === 0 ? new Set<string>() : await grantedAnywhere(reading, elsewhere);
  const licensed = drawable.length > 0 || grantedElsewhere.size > 0 || (await anyGranting(reading));
  return { grants: drawable, drawable, grantedElsewhere, licensed };
}

function ownLicensee(grants: readonly Grant[]): Licensee {
  return { grants, drawable: grants, grantedElsewhere: new Set(), licensed: grants.length > 0 };
}

/**
 * Meters as rows (license_id, feature_id, start, amount), to be joined with the counters. Instants and numbers travel as
 * text, because the driver writes no arrays of them; one statement text serves any number of meters.
 */
export function meterRows(meters: readonly Meter[], amounts: readonly number[] = []): SQL {
  const licenseIds = meters.map((meter) => meter.licenseId);
  const featureIds = meters.map((meter) => meter.featureId);
  const starts = meters.map((meter) => meter.windowStart);
  const units = meters.map((_, index) => String(amounts[index] ?? 0));
  return sql`unnest(${sql.param(licenseIds)}::text[], ${sql.param(featureIds)}::text[], ${sql.param(starts)}::text[],
    ${sql.param(units)}::text[]) as meters (license_id, feature_id, start, amount)`;
}

function meterKeys(meters: readonly Meter[]): SQL {
  return sql`(${featureUsage.licenseId}, ${featureUsage.featureId}, ${featureUsage.windowStart}) in
    (select license_id, feature_id, start::timestamptz from ${meterRows(meters)})`;
}

/** What the counters of these meters say; a counter that is not there yet says 0. */
export async function usageOf(reading: Reading, meters: readonly Meter[]): Promise<Usage> {
  if (meters.length === 0) return new Map();
  const rows = await reading.db
    .select()
    .from(featureUsage)
    .where(and(eq(featureUsage.tenantId, reading.tenantId), meterKeys(meters)));
  return new Map(rows.map((row) => [meterName(row), row.used]));
}

/** The same, with every counter locked, in one order for everybody, whatever the database's collation. */
export async function lockedUsageOf(reading: Reading, meters: readonly Meter[]): Promise<Usage> {
  if (meters.length === 0) return new Map();
  const rows = await reading.db
    .select()
    .from(featureUsage)
    .where(and(eq(featureUsage.tenantId, reading.tenantId), meterKeys(meters)))
    .orderBy(featureUsage.licenseId, sql`${featureUsage.featureId} collate "C"`, featureUsage.windowStart)
    .for('no key update');
  return new Map(rows.map((row) => [meterName(row), row.used]));
}
