import { sql } from 'drizzle-orm';
import type { Reading } from '../../core/work.js';
import { licenses } from '../../licenses/table.js';
import { licensePools } from '../table/pools.js';
import { licenseUpgrades } from '../table/upgrades.js';
import { licenseOrders } from '../table.js';

/**
 * Whether anything goes by a template's price or will: licenses that are not over for good, orders and upgrades that are not
 * done, and pools, whose licenses are renewed by it.
 */
export async function isTemplateUsed({ db, tenantId }: Reading, templateId: string): Promise<boolean> {
  const of = sql`tenant_id = ${tenantId} and template_id = ${templateId}`;
  const [row] = await db.execute<{ used: boolean }>(sql`
    select exists (select from ${licenses} where ${of} and status <> 'REVOKED')
      or exists (select from ${licenseOrders} where ${of} and status in ('PENDING', 'APPROVED'))
      or exists (select from ${licensePools} where ${of})
      or exists (select from ${licenseUpgrades} where tenant_id = ${tenantId} and to_template_id = ${templateId}
        and status = 'PENDING') as used`);
  return row?.used === true;
}
