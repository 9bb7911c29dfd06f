import { and, asc, count, eq, gt, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../../core/actor.js';
import type { Instant } from '../../core/clock.js';
import type { LicenseId } from '../../core/id.js';
import { pageOf, type Sorting } from '../../core/keyset.js';
import type { Page, PageArguments } from '../../core/page.js';
import type { Reading } from '../../core/work.js';
import { licenseScope } from '../../licenses/queries.js';
import { licenses } from '../../licenses/table.js';
import type { ActivityType, IncidentSource } from '../model.js';
import { type SecurityIncident, securityIncidents } from '../table.js';

/** Who is bound to a part of the tenant sees what concerns that part's licenses; the rest is the whole tenant's. */
function incidentScope(reading: Reading): SQL | undefined {
  const own = eq(securityIncidents.tenantId, reading.tenantId);
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  if (customerId === undefined && resellerId === undefined && licenseId === undefined) return own;
  const visible = and(licenseScope(reading), eq(licenses.id, securityIncidents.licenseId));
  return and(own, sql`exists (select 1 from ${licenses} where ${visible})`);
}

export interface SecurityIncidentFilter {
  readonly activityType?: ActivityType | null;
  readonly source?: IncidentSource | null;
  readonly licenseId?: LicenseId | null;
  readonly from?: Instant | null;
  readonly to?: Instant | null;
}

const newestFirst: Sorting = {
  name: 'CREATED_AT',
  by: securityIncidents.createdAt,
  type: 'timestamptz',
  direction: 'DESC',
};

export function securityIncidentsPage(
  reading: Reading,
  { activityType, source, licenseId, from, to }: SecurityIncidentFilter,
  page: PageArguments,
): Promise<Page<SecurityIncident>> {
  const { createdAt } = securityIncidents;
  const where = and(
    incidentScope(reading),
    activityType ? eq(securityIncidents.activityType, activityType) : undefined,
    source ? eq(securityIncidents.source, source) : undefined,
    licenseId ? eq(securityIncidents.licenseId, licenseId) : undefined,
    from ? sql`${createdAt} >= ${from}::timestamptz` : undefined,
    to ? sql`${createdAt} <= ${to}::timestamptz` : undefined,
  );
  return pageOf(reading.db, securityIncidents, { where, sorting: newestFirst, page });
}

/** How many reports of a license have come since then, and when the first of them did. */
export async function reportsSince(
  reading: Reading,
  licenseId: LicenseId,
  since: Instant,
): Promise<{ readonly reports: number; readonly first: Instant | null }> {
  const ofLicense = and(
    eq(securityIncidents.tenantId, reading.tenantId),
    eq(securityIncidents.licenseId, licenseId),
    eq(securityIncidents.source, 'REPORTED'),
    gt(securityIncidents.createdAt, since),
  );
  const [row] = await reading.db.select({ reports: count() }).from(securityIncidents).where(ofLicense);
  const [oldest] = await reading.db
    .select({ createdAt: securityIncidents.createdAt })
    .from(securityIncidents)
    .where(ofLicense)
    .orderBy(asc(securityIncidents.createdAt))
    .limit(1);
  return { reports: row?.reports ?? 0, first: oldest?.createdAt ?? null };
}
