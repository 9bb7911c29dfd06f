import { type SQL, sql } from 'drizzle-orm';
import { factsOfLicenses } from '../../audit/service/appendFacts.js';
import type { Instant } from '../../core/clock.js';
import { SWEEP_BATCH } from '../../core/sweep.js';
import { GRACE_EXPIRED } from '../model.js';
import { graceEndOf, licenses, untold } from '../table.js';

/** An instant as events show it. */
const shown = (column: SQL): SQL =>
  sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * Tells of licenses whose expiry date has passed, once for each date. What a license is was never a question of this: the
 * row remembers what was told and nothing else, so that its seal and its status stay as acts have left them.
 */
export function expiryBatch(now: Instant): SQL {
  return sql`with due as materialized (
      select tenant_id, id, expiry_date from ${licenses}
      where ${untold(licenses, licenses.expiryTold)} and ${licenses.expiryDate} <= ${now}::timestamptz
      order by ${licenses.expiryDate} limit ${SWEEP_BATCH} for no key update skip locked
    ), told as (
      update ${licenses} as license set expiry_told = due.expiry_date from due
      where license.tenant_id = due.tenant_id and license.id = due.id
      returning license.tenant_id, license.id as license_id,
        jsonb_build_object('expiry_date', ${shown(sql`due.expiry_date`)}) as data
    ), ${factsOfLicenses(sql`told`, { type: 'license.expired', now })}
    select 1 from told`;
}

/** The same of licenses whose grace has ended: from then on they read suspended, for that reason. */
export function lapseBatch(now: Instant): SQL {
  const from = sql`case license.status when 'INACTIVE' then 'INACTIVE' else 'EXPIRED' end`;
  return sql`with due as materialized (
      select tenant_id, id, expiry_date from ${licenses}
      where ${untold(licenses, licenses.lapseTold)}
        and ${graceEndOf(licenses)} <= (${now}::timestamptz at time zone 'UTC')
      order by ${graceEndOf(licenses)} limit ${SWEEP_BATCH} for no key update skip locked
    ), told as (
      update ${licenses} as license set lapse_told = due.expiry_date from due
      where license.tenant_id = due.tenant_id and license.id = due.id
      returning license.tenant_id, license.id as license_id, jsonb_build_object(
        'reason', ${GRACE_EXPIRED}::text, 'from', ${from}, 'expiry_date', ${shown(sql`due.expiry_date`)}) as data
    ), ${factsOfLicenses(sql`told`, { type: 'license.suspended', now })}
    select 1 from told`;
}
