import { type SQL, sql } from 'drizzle-orm';
import { customers, tenants } from '../../access/table.js';
import { factsOfLicenses } from '../../audit/service/appendFacts.js';
import type { Instant } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { ReminderSpan } from '../model/reminders.js';
import { licenseReminders, licenses, untold } from '../table.js';

/**
 * More than other sweeps take at a time: nobody waits for what a batch writes, and each looks again at those of its span that
 * were reminded before it.
 */
export const REMINDER_BATCH = 5_000;

const tenantZone = sql`coalesce(tenant.settings ->> 'time_zone', 'UTC')`;

/** Every time zone that somebody is reminded by. */
export async function reminderZones(db: Db): Promise<string[]> {
  const rows = await db.execute<{ zone: string }>(sql`
    select distinct time_zone as zone from ${customers} where time_zone is not null
    union select ${tenantZone} from ${tenants} as tenant`);
  return rows.map(({ zone }) => zone);
}

/**
 * Reminds of the licenses of one span that were not reminded of this expiry by this or a nearer reminder, and that ran
 * when it fell due: a trial that began later, or a license that was issued later, missed none.
 */
export function reminderBatch(now: Instant, { days, from, until, at, zones }: ReminderSpan): SQL {
  return sql`with due as materialized (
      select ${licenses.tenantId} as tenant_id, ${licenses.id} as license_id, ${licenses.expiryDate} as expiry_date
      from ${licenses} join ${tenants} as tenant on tenant.id = ${licenses.tenantId}
        left join ${customers} as customer on customer.tenant_id = ${licenses.tenantId} and customer.id = ${licenses.customerId}
      where ${untold(licenses, licenses.expiryTold)} and ${licenses.status} <> 'INACTIVE'
        and ${licenses.expiryDate} >= ${from}::timestamptz and ${licenses.expiryDate} < ${until}::timestamptz
        and ${licenses.expiryDate} > ${now}::timestamptz
        and coalesce(customer.time_zone, ${tenantZone}) = any(${sql.param(zones)}::text[])
        and ${licenses.issuedDate} <= ${at}::timestamptz
        and (${licenses.licenseType} not in ('TRIAL', 'EVALUATION') or ${licenses.activationDate} <= ${at}::timestamptz)
        and not exists (select from ${licenseReminders} as known where known.tenant_id = ${licenses.tenantId}
          and known.license_id = ${licenses.id} and known.expiry_date = ${licenses.expiryDate} and known.days <= ${days})
      order by 3, 2 limit ${REMINDER_BATCH}
    ), told as (
      insert into ${licenseReminders} (tenant_id, license_id, expiry_date, days, reminded_at)
      select tenant_id, license_id, expiry_date, ${days}::int, ${now}::timestamptz from due
      on conflict do nothing returning tenant_id, license_id, jsonb_build_object('days', days, 'expiry_date',
        to_char(expiry_date at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) as data
    ), ${factsOfLicenses(sql`told`, { type: 'license.expiring', now })}
    select 1 from told`;
}
