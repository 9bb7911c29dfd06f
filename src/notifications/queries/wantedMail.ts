import { sql } from 'drizzle-orm';
import { customers, tenants } from '../../access/table.js';
import type { SealedFact } from '../../audit/model.js';
import { licenseEventLogs } from '../../audit/table.js';
import type { Db } from '../../core/db.js';
import { licenses } from '../../licenses/table.js';
import { licenseOrders } from '../../orders/table.js';
import { TOLD_SINGLY } from '../model/letters.js';

/** Facts that the vendor's people alone are told of. */
const toStaffAlone = ['violation.detected', 'order.stopped', 'bulk_issue.failed'];
/** The same, alone or beside the customer. */
const toStaff = [...toStaffAlone, 'license.renewal_failed', 'emergency_code.used'];

/**
 * Of facts that are told by mail, those that somebody is there to be told of: a customer or the vendor's people with an
 * address. Of licenses that are told together with their order, and of renewals that were not charged for, nobody is. What it
 * lets pass is looked at again when the mail is written.
 */
export async function wantedMail(db: Db, facts: readonly SealedFact[]): Promise<readonly SealedFact[]> {
  const list = (values: readonly (string | null)[]) => sql.param(values);
  const rows = await db.execute<{ event_id: string }>(sql`select fact.event_id
    from unnest(${list(facts.map((fact) => fact.tenantId))}::text[], ${list(facts.map((fact) => fact.eventId))}::text[],
      ${list(facts.map((fact) => fact.type))}::text[], ${list(facts.map((fact) => fact.licenseId))}::text[],
      ${list(facts.map((fact) => fact.subjectId))}::text[]) as fact (tenant_id, event_id, type, license_id, subject_id)
      join ${tenants} on ${tenants.id} = fact.tenant_id
      left join ${licenses} as license on license.tenant_id = fact.tenant_id and license.id = fact.license_id
      left join ${licenseOrders} as sale on sale.tenant_id = fact.tenant_id
        and sale.id = case when fact.type like 'order.%' then fact.subject_id else license.order_id end
      left join ${customers} as customer on customer.tenant_id = fact.tenant_id
        and customer.id = case when fact.type like 'order.%' then sale.customer_id else license.customer_id end
      left join ${licenseEventLogs} as event on event.tenant_id = fact.tenant_id and event.id = fact.event_id
        and fact.type = 'license.renewed'
    where (fact.type <> all(${list(toStaffAlone)}::text[]) and coalesce(customer.email, '') <> ''
        and not (fact.type = 'license.created' and coalesce(sale.quantity, 1) > ${TOLD_SINGLY}::int)
        and (fact.type <> 'license.renewed' or event.event_data ->> 'by' = 'CHARGE'))
      or (fact.type = any(${list(toStaff)}::text[])
        and coalesce(${tenants.settings} -> 'mail' ->> 'staff_address', ${tenants.settings} -> 'branding' ->> 'support_email') is not null)`);
  const wanted = new Set([...rows].map((row) => row.event_id));
  return facts.filter(({ eventId }) => wanted.has(eventId));
}
