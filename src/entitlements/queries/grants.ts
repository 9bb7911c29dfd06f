import { and, type Column, eq, isNotNull, isNull, or, type Placeholder, type SQL, sql } from 'drizzle-orm';
import { licenseActivations as activations } from '../../activations/table.js';
import { scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { LicenseId } from '../../core/id.js';
import { anyOf } from '../../core/keyset.js';
import { arrayOf, prepared } from '../../core/prepared.js';
import type { Reading } from '../../core/work.js';
import { graceEndSql, grantingSql, lapsedSql, licenseScope } from '../../licenses/queries.js';
import { licenses } from '../../licenses/table.js';
import type { Licensee, Need } from '../model/decide.js';
import type { GrantedElsewhere } from '../model/entitlement.js';
import { type Grant, grantsFeature, type TopUp } from '../model/meter.js';
import { featureTopUps } from '../table.js';

/** What an emergency code has given to devices of a license and still lasts. */
function runningEmergency(now: Instant | Placeholder): SQL {
  return sql`${activations.tenantId} = ${licenses.tenantId} and ${activations.licenseId} = ${licenses.id}
    and ${activations.activationType} = 'EMERGENCY' and ${activations.status} = 'ACTIVE'
    and ${activations.expiresAt} > ${now}::timestamptz`;
}

/** Until when the caller is granted past grace: it shows the token of what an emergency code gave it. */
function emergencyEnd(reading: Reading): SQL | undefined {
  const { emergencyId } = scopeOf(reading.actor);
  if (emergencyId === undefined) return undefined;
  return sql`(select ${activations.expiresAt} from ${activations}
    where ${runningEmergency(reading.now)} and ${activations.id} = ${emergencyId})`;
}

/** When all ends that a license grants to the caller; null is never. */
function endSql(reading: Reading): SQL {
  const emergency = emergencyEnd(reading);
  if (emergency === undefined) return graceEndSql;
  return sql`(case when ${graceEndSql} is not null then greatest(${graceEndSql}, ${emergency}) end)`;
}

/** Whether a license grants to the caller. */
function granting(reading: Reading): SQL {
  const emergency = emergencyEnd(reading);
  if (emergency === undefined) return grantingSql(reading.now);
  return sql`(${grantingSql(reading.now)} or (${lapsedSql(reading.now)} and ${emergency} is not null))`;
}

const endColumn = (reading: Reading) => sql<Instant | null>`${endSql(reading)}`.mapWith(licenses.expiryDate);

const grantColumns = (reading: Reading) => ({
  licenseId: licenses.id,
  customerId: licenses.customerId,
  resellerId: licenses.resellerId,
  issuedDate: licenses.issuedDate,
  expiryDate: licenses.expiryDate,
  endsAt: endColumn(reading),
  features: licenses.features,
});

/** Licenses of the whole tenant: they belong to no customer. To a reseller, and for whom it acts, those that it sold. */
function tenantWide(reading: Reading): SQL | undefined {
  const { resellerId } = scopeOf(reading.actor);
  return and(
    eq(licenses.tenantId, reading.tenantId),
    isNull(licenses.customerId),
    resellerId === undefined ? undefined : eq(licenses.resellerId, resellerId),
  );
}

/** The licenses that decide for the caller, if they grant at all: those that it sees, and for a customer those of the whole tenant too. */
export function inReach(reading: Reading): SQL | undefined {
  const { customerId, licenseId } = scopeOf(reading.actor);
  const seen = licenseScope(reading);
  if (customerId === undefined || licenseId !== undefined) return seen;
  return or(seen, tenantWide(reading));
}

/** The licenses that decide for the caller: those that it sees, and for a customer those of the whole tenant too. */
function grantingToCaller(reading: Reading): SQL | undefined {
  return and(inReach(reading), granting(reading));
}

/** Those of them from which units are drawn: whoever is nobody's customer draws from tenant-wide ones only. */
function drawableByCaller(reading: Reading): SQL | undefined {
  const { customerId, licenseId } = scopeOf(reading.actor);
  if (customerId !== undefined || licenseId !== undefined) return grantingToCaller(reading);
  return and(tenantWide(reading), grantingSql(reading.now));
}

function topUpsOf(reading: Reading, licenseIds: readonly LicenseId[]): Promise<TopUp[]> {
  if (licenseIds.length === 0) return Promise.resolve([]);
  const { id, licenseId, featureId, amount, createdAt, expiresAt } = featureTopUps;
  return reading.db
    .select({ id, licenseId, featureId, amount, createdAt, expiresAt })
    .from(featureTopUps)
    .where(
      and(
        eq(featureTopUps.tenantId, reading.tenantId),
        anyOf(licenseId, licenseIds),
        sql`(${expiresAt} is null or ${expiresAt} > ${reading.now}::timestamptz)`,
      ),
    );
}

function withTopUps(row: Omit<Grant, 'topUps'>, topUps: readonly TopUp[]): Grant {
  return { ...row, topUps: topUps.filter((topUp) => topUp.licenseId === row.licenseId) };
}

/** Licenses that grant, by any condition, with what was given on top of their limits. */
async function grantsWhere(reading: Reading, condition: SQL | undefined): Promise<Grant[]> {
  const rows = await reading.db.select(grantColumns(reading)).from(licenses).where(condition);
  const topUps = await topUpsOf(
    reading,
    rows.map((row) => row.licenseId),
  );
  return rows.map((row) => withTopUps(row, topUps));
}

/** Every license from which the caller draws units. */
export function drawableGrants(reading: Reading): Promise<Grant[]> {
  return grantsWhere(reading, drawableByCaller(reading));
}

type ByIds = Readonly<Record<'tenant' | 'ids' | 'now', string>>;
type LicenseRow = Pick<Grant, 'licenseId' | 'customerId' | 'resellerId'> &
  Readonly<Record<'issuedDate' | 'features', string> & Record<'expiryDate' | 'endsAt', string | null>>;
type TopUpRow = Pick<TopUp, 'id' | 'licenseId' | 'featureId'> &
  Readonly<Record<'amount' | 'createdAt', string> & Record<'expiresAt', string | null>>;

const places = {
  tenant: sql.placeholder('tenant'),
  ids: sql.placeholder('ids'),
  now: sql.placeholder('now'),
};

const grantingRows = prepared<LicenseRow, ByIds>(sql`
  select ${licenses.id} as "licenseId", ${licenses.customerId} as "customerId", ${licenses.resellerId} as "resellerId",
    ${licenses.issuedDate} as "issuedDate", ${licenses.expiryDate} as "expiryDate", ${graceEndSql} as "endsAt",
    ${licenses.features} as features
  from ${licenses} where ${licenses.tenantId} = ${places.tenant} and ${licenses.id} = any(${places.ids}::text[])
    and (${grantingSql(places.now)} or (${lapsedSql(places.now)}
      and exists (select 1 from ${activations} where ${runningEmergency(places.now)})))`);

const topUpRows = prepared<TopUpRow, ByIds>(sql`
  select id, license_id as "licenseId", feature_id as "featureId", amount, created_at as "createdAt",
    expires_at as "expiresAt"
  from ${featureTopUps} where tenant_id = ${places.tenant} and license_id = any(${places.ids}::text[])
    and (expires_at is null or expires_at > ${places.now}::timestamptz)`);

const instantOf = (text: string): Instant => licenses.issuedDate.mapFromDriverValue(text) as Instant;

function topUpIn({ amount, createdAt, expiresAt, ...row }: TopUpRow): TopUp {
  return {
    ...row,
    amount: Number(amount),
    createdAt: instantOf(createdAt),
    expiresAt: expiresAt === null ? null : instantOf(expiresAt),
  };
}

function grantIn(row: LicenseRow, topUps: readonly TopUp[]): Grant {
  const { issuedDate, expiryDate, endsAt, features } = row;
  const grant = {
    ...row,
    issuedDate: instantOf(issuedDate),
    expiryDate: expiryDate === null ? null : instantOf(expiryDate),
    endsAt: endsAt === null ? null : instantOf(endsAt),
    features: licenses.features.mapFromDriverValue(features) as Grant['features'],
  };
  return withTopUps(grant, topUps);
}

/**
 * Those of the licenses that grant now, as they are now; to devices in an emergency too: to whom, whoever asked for the
 * units was asked before. Both statements are sent at once.
 */
export async function grantsById(reading: Reading, ids: readonly LicenseId[]): Promise<Grant[]> {
  if (ids.length === 0) return [];
  const asked = { tenant: reading.tenantId, ids: arrayOf(ids), now: reading.now };
  const [rows, topUps] = await Promise.all([grantingRows(reading.db, asked), topUpRows(reading.db, asked)]);
  const extra = topUps.map(topUpIn);
  return rows.map((row) => grantIn(row, extra));
}

/** Those that grant any of the features: of very many licenses few may be needed. */
function drawableGrantsOf(reading: Reading, features: readonly string[]): Promise<Grant[]> {
  if (features.length === 0) return Promise.resolve([]);
  const granting = sql`${licenses.features} @> any (
    select jsonb_build_array(jsonb_build_object('feature_id', asked.id, 'enabled', true))
    from unnest(${sql.param(features)}::text[]) as asked (id))`;
  return grantsWhere(reading, and(drawableByCaller(reading), granting));
}

/** The entries of a license's features that grant something now, as `enabledFeature` of the model. */
export const entries = sql`jsonb_array_elements(${licenses.features}) as feature (entry)`;
export function enabledEntry(reading: Reading): SQL {
  return sql`(entry ->> 'enabled')::boolean
    and (entry ->> 'expires_at' is null or (entry ->> 'expires_at')::timestamptz > ${reading.now}::timestamptz)`;
}

/** Something is granted at least until then, for all that time can do; null is for good. */
type Until = Instant | null;

/**
 * Which of the features any license grants to the caller, without fetching what may be very many licenses: the first that
 * is found speaks for the others, and for how long it does.
 */
async function grantedAnywhere(
  reading: Reading,
  features: readonly string[],
): Promise<ReadonlyMap<string, Until>> {
  if (features.length === 0) return new Map();
  const end = sql`least((entry ->> 'expires_at')::timestamptz, ${endSql(reading)})`;
  const rows = await reading.db.execute<{ id: string; ends: string | null }>(sql`
    select asked.id, found.ends from unnest(${sql.param(features)}::text[]) as asked (id)
    cross join lateral (select ${end}::text as ends from ${licenses}, ${entries}
      where (${grantingToCaller(reading)})
        and ${licenses.features} @> jsonb_build_array(jsonb_build_object('feature_id', asked.id, 'enabled', true))
        and entry ->> 'feature_id' = asked.id and ${enabledEntry(reading)} limit 1) as found`);
  return new Map([...rows].map(({ id, ends }) => [id, untilOf(ends)]));
}

function untilOf(ends: string | null): Until {
  return ends === null ? null : instantOf(ends);
}

/** How long at least some license grants to the caller; undefined if none does now. */
async function anyGranting(reading: Reading): Promise<Until | undefined> {
  const [row] = await reading.db
    .select({ ends: endColumn(reading) })
    .from(licenses)
    .where(grantingToCaller(reading))
    .limit(1);
  return row?.ends;
}

function grantsEnd(grant: Grant): Until[] {
  return [
    grant.endsAt,
    ...grant.features.map((feature) => feature.expiresAt),
    ...grant.topUps.map((topUp) => topUp.expiresAt),
  ];
}

/** The first of several ends; null if there is none. */
function first(ends: readonly (Until | undefined)[], now: Instant): Until {
  return ends.filter((end) => end != null && end > now).toSorted()[0] ?? null;
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
  const some = drawable.length > 0 || granted.size > 0 ? null : await anyGranting(reading);
  const ends = [...drawable.flatMap(grantsEnd), ...granted.values(), some];
  return {
    drawable,
    granted: new Set(granted.keys()),
    licensed: some !== undefined,
    until: first(ends, reading.now),
  };
}

/** What customers' licenses grant to a caller who is no customer: a row for each feature, however many licenses grant it. */
export async function grantedElsewhere(reading: Reading): Promise<GrantedElsewhere[]> {
  const { customerId, licenseId } = scopeOf(reading.actor);
  if (customerId !== undefined || licenseId !== undefined) return [];
  const last = (end: SQL | Column): SQL<Instant | null> => {
    const ends = sql`least((entry ->> 'expires_at')::timestamptz, ${end})`;
    return sql<Instant | null>`case when bool_and(${ends} is not null) then max(${ends}) end`.mapWith(
      licenses.expiryDate,
    );
  };
  return reading.db
    .select({
      featureId: sql<string>`entry ->> 'feature_id'`,
      featureName: sql<string>`min(entry ->> 'feature_name')`,
      expiresAt: last(licenses.expiryDate),
      grantedUntil: last(graceEndSql),
    })
    .from(licenses)
    .innerJoin(sql`lateral ${entries}`, enabledEntry(reading))
    .where(and(grantingToCaller(reading), isNotNull(licenses.customerId)))
    .groupBy(sql`entry ->> 'feature_id'`);
}
