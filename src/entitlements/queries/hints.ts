import { and, eq, sql } from 'drizzle-orm';
import type { Instant } from '../../core/clock.js';
import type { Reading } from '../../core/work.js';
import type { LicenseStatus } from '../../licenses/model.js';
import { graceEndSql, statusSql } from '../../licenses/queries.js';
import { licenses } from '../../licenses/table.js';
import { licenseTemplates } from '../../templates/table.js';
import { enabledEntry, entries, inReach } from './grants.js';

/** A license that would grant a feature, were it not for its status. */
export interface LapsedGrant {
  readonly featureId: string;
  readonly licenseId: string;
  readonly status: LicenseStatus;
  readonly endedAt: Instant | null;
}

/** For each feature the license in the caller's reach that lapsed last, of those whose feature has not ended by itself. */
export async function lapsedGrants(reading: Reading, features: readonly string[]): Promise<LapsedGrant[]> {
  if (features.length === 0) return [];
  const status = statusSql(reading.now);
  return reading.db
    .selectDistinctOn([sql`asked.id`], {
      featureId: sql<string>`asked.id`,
      licenseId: licenses.id,
      status: sql<LicenseStatus>`${status}`,
      endedAt: sql<Instant | null>`${graceEndSql}`.mapWith(licenses.expiryDate),
    })
    .from(licenses)
    .innerJoin(
      sql`unnest(${sql.param(features)}::text[]) as asked (id)`,
      sql`${licenses.features} @> jsonb_build_array(jsonb_build_object('feature_id', asked.id, 'enabled', true))
        and exists (select from ${entries} where entry ->> 'feature_id' = asked.id and ${enabledEntry(reading)})`,
    )
    .where(and(inReach(reading), sql`${status} not in ('ACTIVE', 'EXPIRED')`))
    .orderBy(sql`asked.id`, sql`${graceEndSql} desc nulls last`, sql`${licenses.id} desc`);
}

/** A template on sale that includes a feature. */
export interface GrantingTemplate {
  readonly featureId: string;
  readonly templateId: string;
  readonly templateName: string;
  readonly limit: number | null;
}

/** Templates on sale that include the features, by name. */
export async function templatesGranting(
  reading: Reading,
  features: readonly string[],
): Promise<GrantingTemplate[]> {
  if (features.length === 0) return [];
  const rows = await reading.db
    .select({
      featureId: sql<string>`asked.id`,
      templateId: licenseTemplates.id,
      templateName: licenseTemplates.templateName,
      limit: sql<string | null>`entry ->> 'default_limit'`,
    })
    .from(licenseTemplates)
    .innerJoin(sql`lateral jsonb_array_elements(${licenseTemplates.features}) as feature (entry)`, sql`true`)
    .innerJoin(
      sql`unnest(${sql.param(features)}::text[]) as asked (id)`,
      sql`entry ->> 'feature_id' = asked.id and (entry ->> 'included')::boolean`,
    )
    .where(and(eq(licenseTemplates.tenantId, reading.tenantId), eq(licenseTemplates.active, true)))
    .orderBy(licenseTemplates.templateName, licenseTemplates.id)
    .limit(50);
  return rows.map((row) => ({ ...row, limit: row.limit === null ? null : Number(row.limit) }));
}
