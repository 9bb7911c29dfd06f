import { type SQL, sql } from 'drizzle-orm';
import { customers, tenants } from '../../access/table.js';
import { factsOfLicenses } from '../../audit/service/appendFacts.js';
import { earliest, type Instant, latest } from '../../core/clock.js';
import type { Db } from '../../core/db.js';
import type { DueReminders, ReminderMorning } from '../model/reminders.js';
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

const instants = (list: readonly Instant[]): SQL => sql`${sql.param(list)}::text[]::timestamptz[]`;

/** The mornings as a table, beside the two instants between which all that they remind of expires. */
function asTable(mornings: readonly ReminderMorning[]): { readonly table: SQL; readonly range: SQL } {
  const [from, until] = [mornings.map((each) => each.from), mornings.map((each) => each.until)];
  const table = sql`unnest(${sql.param(mornings.map(({ zone }) => zone))}::text[], ${instants(from)}, ${instants(until)},
    ${instants(mornings.map(({ at }) => at))}) as morning (zone, expires_from, expires_until, due_at)`;
  const [first, last] = [from.reduce(earliest), until.reduce((one, other) => latest(one, other))];
  const range = sql`${licenses.expiryDate} >= ${first}::timestamptz and ${licenses.expiryDate} < ${last}::timestamptz`;
  return { table, range };
}

/**
 * Reminds of the licenses of these mornings that were not reminded of this expiry by this or a nearer reminder, and whose
 * expiry was set before the morning came: a license that was issued, begun or renewed later has missed none.
 */
export function reminderBatch(now: Instant, { days, mornings }: DueReminders): SQL {
  const { table, range } = asTable(mornings);
  return sql`with due as materialized (
      select ${licenses.tenantId} as tenant_id, ${licenses.id} as license_id, ${licenses.expiryDate} as expiry_date
      from ${licenses} join ${tenants} as tenant on tenant.id = ${licenses.tenantId}
        left join ${customers} as customer on customer.tenant_id = ${licenses.tenantId} and customer.id = ${licenses.customerId}
        join ${table} on morning.zone = coalesce(customer.time_zone, ${tenantZone})
          and ${licenses.expiryDate} >= morning.expires_from and ${licenses.expiryDate} < morning.expires_until
          and greatest(${licenses.createdAt}, ${licenses.expirySetAt}) <= morning.due_at
      where ${untold(licenses, licenses.expiryTold)} and ${licenses.status} <> 'INACTIVE'
        and ${range} and ${licenses.expiryDate} > ${now}::timestamptz
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
