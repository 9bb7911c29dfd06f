import { type SQL, sql } from 'drizzle-orm';
import { licenseActivations as activations } from '../activations/table.js';
import { type Instant, parseInstant } from '../core/clock.js';
import { groupBy } from '../core/keyset.js';
import type { Reading } from '../core/work.js';
import { licenseScope } from '../licenses/queries.js';
import { licenses } from '../licenses/table.js';
import type { AdvancedAnalytics, LicenseAnalytics, NamedCount } from './model.js';

function ofLicenses(reading: Reading, ids: readonly string[]): SQL {
  return sql`from ${licenses} join ${activations}
    on ${activations.tenantId} = ${reading.tenantId} and ${activations.licenseId} = ${licenses.id}
    where ${licenseScope(reading)} and ${licenses.id} = any(${sql.param(ids)}::text[])`;
}

const metric = (name: string): SQL =>
  sql`coalesce(sum((${activations.usageMetrics} ->> ${sql.raw(`'${name}'`)})::double precision), 0)`;

const unused: LicenseAnalytics = {
  totalActivations: 0,
  activeActivations: 0,
  distinctDevices: 0,
  totalRuntimeHours: 0,
  apiCallsCount: 0,
  dataProcessedMb: 0,
  lastUsedAt: null,
};

interface AnalyticsRow extends Record<string, unknown> {
  readonly license_id: string;
  readonly total: string;
  readonly active: string;
  readonly devices: string;
  readonly runtime: number;
  readonly calls: number;
  readonly megabytes: number;
  readonly last_used: string | null;
}

function analyticsFrom(row: AnalyticsRow): LicenseAnalytics {
  const lastUsedAt: Instant | null = row.last_used === null ? null : (parseInstant(row.last_used) ?? null);
  return {
    totalActivations: Number(row.total),
    activeActivations: Number(row.active),
    distinctDevices: Number(row.devices),
    totalRuntimeHours: row.runtime,
    apiCallsCount: row.calls,
    dataProcessedMb: row.megabytes,
    lastUsedAt,
  };
}

/** Figures of many licenses in one statement. */
export async function analyticsByLicense(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, LicenseAnalytics>> {
  const rows = await reading.db.execute<AnalyticsRow>(sql`
    select ${activations.licenseId} as license_id, count(*) as total,
      count(*) filter (where ${activations.status} = 'ACTIVE') as active,
      count(distinct ${activations.deviceFingerprint}) as devices,
      ${metric('total_runtime_hours')} as runtime, ${metric('api_calls_count')} as calls,
      ${metric('data_processed_mb')} as megabytes, max(${activations.usageMetrics} ->> 'last_used_at') as last_used
    ${ofLicenses(reading, ids)} group by ${activations.licenseId}`);
  const found = new Map([...rows].map((row) => [row.license_id, analyticsFrom(row)]));
  return new Map(ids.map((id) => [id, found.get(id) ?? unused]));
}

interface CountRow extends Record<string, unknown> {
  readonly license_id: string;
  readonly kind: string;
  readonly name: string;
  readonly count: string;
}

function countsOf(rows: readonly CountRow[], kind: string): NamedCount[] {
  return rows
    .filter((row) => row.kind === kind)
    .map((row) => ({ name: row.name, count: Number(row.count) }))
    .toSorted((left, right) => right.count - left.count || (left.name < right.name ? -1 : 1));
}

/** How activations spread, for many licenses in one statement. */
export async function advancedAnalyticsByLicense(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, AdvancedAnalytics>> {
  const rows = await reading.db.execute<CountRow>(sql`
    select ${activations.licenseId} as license_id, facet.kind, facet.name, count(*) as count
    from (select ${activations.licenseId}, ${activations.operatingSystem}, ${activations.applicationVersion}, ${activations.activatedAt}
      ${ofLicenses(reading, ids)}) as license_activations
    cross join lateral (values ('os', coalesce(${activations.operatingSystem}, 'unknown')), ('version', ${activations.applicationVersion}),
      ('month', to_char(${activations.activatedAt}, 'YYYY-MM'))) as facet (kind, name)
    group by 1, 2, 3`);
  const byLicense = groupBy([...rows], (row) => row.license_id);
  const spread = (id: string): AdvancedAnalytics => {
    const own = byLicense.get(id) ?? [];
    const activationsByMonth = countsOf(own, 'month').toSorted((left, right) =>
      left.name < right.name ? -1 : 1,
    );
    return {
      operatingSystems: countsOf(own, 'os'),
      applicationVersions: countsOf(own, 'version'),
      activationsByMonth,
    };
  };
  return new Map(ids.map((id) => [id, spread(id)]));
}
