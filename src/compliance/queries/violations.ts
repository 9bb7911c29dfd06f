import { and, eq, type SQL, sql } from 'drizzle-orm';
import { scopeOf } from '../../core/actor.js';
import { anyOf, byKey } from '../../core/keyset.js';
import type { Reading } from '../../core/work.js';
import { licenseScope } from '../../licenses/queries.js';
import { licenses } from '../../licenses/table.js';
import { type ComplianceViolation, complianceViolations } from '../table.js';

/**
 * Who is bound to a part of the tenant sees what concerns that part's licenses; a customer and an application, what was
 * detected since the customer holds them. The rest is the whole tenant's.
 */
function violationScope(reading: Reading): SQL | undefined {
  const own = eq(complianceViolations.tenantId, reading.tenantId);
  const { customerId, resellerId, licenseId } = scopeOf(reading.actor);
  const holds = customerId !== undefined || licenseId !== undefined;
  if (!holds && resellerId === undefined) return own;
  const visible = and(
    licenseScope(reading),
    eq(licenses.id, complianceViolations.licenseId),
    holds ? sql`${licenses.heldSince} <= ${complianceViolations.detectedAt}` : undefined,
  );
  return and(own, sql`exists (select 1 from ${licenses} where ${visible})`);
}

export async function violationsById(
  reading: Reading,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ComplianceViolation>> {
  const rows = await reading.db
    .select()
    .from(complianceViolations)
    .where(and(violationScope(reading), anyOf(complianceViolations.id, ids)));
  return byKey(rows, (row) => row.id);
}
