import { and, eq, isNotNull, isNull, or, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../core/actor.js';
import type { Instant } from '../core/clock.js';
import type { Reading } from '../core/work.js';
import { grantingSql, licenseScope } from '../licenses/queries.js';
import { licenses } from '../licenses/table.js';
import {
  type Grant,
  type GrantedElsewhere,
  grantsFeature,
  type Licensee,
  type Meter,
  meterName,
  type Need,
  type Usage,
} from './model.js';
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

/** The licenses that decide for the caller: those that it sees, and for a customer those of the whole tenant too. */
function grantingToCaller(reading: Reading): SQL | undefined {
  const { customerId, licenseId } = scopeOf(reading.actor);
  const seen = and(licenseScope(reading), grantingSql(reading.now));
  return customerId === undefined || licenseId !== undefined ? seen : or(seen, tenantWide(reading));
}

/** Those of them from which units are drawn: whoever is nobody's customer draws from tenant-wide ones only. */
function drawableByCaller(reading: Reading): SQL | undefined {
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  if (customerId !== undefined || licenseId !== undefined) return grantingToCaller(reading);
  return and(tenantWide(reading), resellerId === undefined ? undefined : eq(licenses.resellerId, resellerId));
}

/** Every license from which the caller draws units. */
export function drawableGrants(reading: Reading): Promise<Grant[]> {
  return reading.db.select(grantColumns).from(licenses).where(drawableByCaller(reading));
}

/** Those that grant any of the features: of very many licenses few may be needed. */
function drawableGrantsOf(reading: Reading, features: readonly string[]): Promise<Grant[]> {
  if (features.length === 0) return Promise.resolve([]);
  const granting = sql`${licenses.features} @> any (
    select jsonb_build_array(jsonb_build_object('feature_id', asked.id, 'enabled', true))
    from unnest(${sql.param(features)}::text[]) as asked (id))`;
  return reading.db
    .select(grantColumns)
    .from(licenses)
    .where(and(drawableByCaller(reading), granting));
}

/** The entries of a license's features that grant something now, as `enabledFeature` of the model. */
const entries = sql`jsonb_array_elements(${licenses.features}) as feature (entry)`;
function enabledEntry(reading: Reading): SQL {
  return sql`(entry ->> 'enabled')::boolean
    and (entry ->> 'expires_at' is null or (entry ->> 'expires_at')::timestamptz > ${reading.now}::timestamptz)`;
}

/** Which of the features any license grants to the caller, without fetching what may be very many licenses. */
async function grantedAnywhere(reading: Reading, features: readonly string[]): Promise<ReadonlySet<string>> {
  if (features.length === 0) return new Set();
  const rows = await reading.db.execute<{ id: string }>(sql`
    select asked.id from unnest(${sql.param(features)}::text[]) as asked (id)
    where exists (select 1 from ${licenses}, ${entries}
      where (${grantingToCaller(reading)})
        and ${licenses.features} @> jsonb_build_array(jsonb_build_object('feature_id', asked.id, 'enabled', true))
        and entry ->> 'feature_id' = asked.id and ${enabledEntry(reading)})`);
  return new Set([...rows].map((row) => row.id));
}

async function anyGranting(reading: Reading): Promise<boolean> {
  const rows = await reading.db
    .select({ one: sql`1` })
    .from(licenses)
    .where(grantingToCaller(reading))
    .limit(1);
  return rows.length === 1;
}

/**
 * Who decides on these needs. An application has the license that it shows; a customer its own and the tenant's; a
 * reseller what it sold, and anybody else all of the tenant's, while both draw units from tenant-wide ones only.
 * Licenses are fetched only for features of which units are asked; the others are asked for in SQL.
 */
export async function licenseeOf(reading: Reading, needs: readonly Need[]): Promise<Licensee> {
  const metered = new Set(needs.filter((need) => need.amount > 0).map((need) => need.feature));
  const drawable = await drawableGrantsOf(reading, [...metered]);
  const features = [...new Set(needs.map((need) => need.feature))];
  const open = features.filter((feature) => !grantsFeature(drawable, feature, reading.now));
  const granted = await grantedAnywhere(reading, open);
  const licensed = drawable.length > 0 || granted.size > 0 || (await anyGranting(reading));
  return { drawable, granted, licensed };
}

/** What customers' licenses grant to a caller who is no customer: a row for each feature, however many licenses grant it. */
export async function grantedElsewhere(reading: Reading): Promise<GrantedElsewhere[]> {
  const { customerId, licenseId } = scopeOf(reading.actor);
  if (customerId !== undefined || licenseId !== undefined) return [];
  const end = sql`least((entry ->> 'expires_at')::timestamptz, ${licenses.expiryDate})`;
  return reading.db
    .select({
      featureId: sql<string>`entry ->> 'feature_id'`,
      featureName: sql<string>`min(entry ->> 'feature_name')`,
      expiresAt: sql<Instant | null>`case when bool_and(${end} is not null) then max(${end}) end`.mapWith(
        licenses.expiryDate,
      ),
    })
    .from(licenses)
    .innerJoin(sql`lateral ${entries}`, enabledEntry(reading))
    .where(and(grantingToCaller(reading), isNotNull(licenses.customerId)))
    .groupBy(sql`entry ->> 'feature_id'`);
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
