import { type SQL, sql } from 'drizzle-orm';
import { tenants } from '../../access/table.js';
import { addDays, EARLIEST, type Instant } from '../../core/clock.js';
import { idsFrom } from '../../core/id.js';
import { featureUsage, usageLedger } from '../table.js';

/** The longest window of a limit is a leap year: one that began before that is over, whatever became of its period. */
const LONGEST_WINDOW_DAYS = 367;

const meter = sql.raw('tenant_id, license_id, feature_id, window_start, source');

/** Of the same meter are rows that are called so in a statement. */
function sameMeter(left: string, right: string): SQL {
  const columns = ['tenant_id', 'license_id', 'feature_id', 'window_start', 'source'];
  return sql.raw(columns.map((column) => `${left}.${column} = ${right}.${column}`).join(' and '));
}

/**
 * Deletes the lines of the oldest grants, with what was given back of them whenever that was, and adds what they sum up
 * to to `swept` of their counters, or deletes the counter with its last line where its window ended long ago. So that lines
 * and `swept` make up the counter at every instant, all of it is one statement behind the locks of the counters, which are
 * taken in the order in which everybody takes them. A grant's id begins with when it was made, and its `GRANT` sorts before
 * its `REFUND`: whatever a batch cuts off, nothing can be given back twice.
 *
 * Lines are found by where they stand, and counters one by one: joined, both tables were read whole for each batch, which
 * took 1,400 ms where there were 300,000 lines, in the place of 110.
 */
export function ledgerBatch(now: Instant, keptDays: number, batch: number): SQL {
  const end = addDays(now, -keptDays);
  const closed = addDays(now, -LONGEST_WINDOW_DAYS);
  const isOver = sql`counter.source = '' and counter.window_start > ${EARLIEST}::timestamptz
    and counter.window_start < ${closed}::timestamptz and counter.updated_at < ${end}::timestamptz
    and counter.used = counter.swept + sums.amount`;
  return sql`with old as materialized (
      select line.* from ${tenants} cross join lateral (
        select known.ctid as place, ${meter} from ${usageLedger} as known
        where known.tenant_id = tenants.id and known.grant_id < ${idsFrom(end)}
        order by known.grant_id, known.kind, known.line limit ${batch}
      ) as line limit ${batch}),
    meters as materialized (
      select distinct ${meter}, feature_id collate "C" as feature, source collate "C" as origin from old
      order by tenant_id, license_id, feature, window_start, origin),
    locked as materialized (
      select meters.tenant_id from meters cross join lateral (
        select from ${featureUsage} as counter where ${sameMeter('counter', 'meters')}
        limit 1 for no key update) as found),
    gone as (
      delete from ${usageLedger} as line
      where line.ctid = any(array(select place from old)) and (select count(*) from locked) >= 0
      returning ${meter}, amount),
    sums as (select ${meter}, sum(amount)::bigint as amount from gone group by ${meter}),
    ended as (
      delete from ${featureUsage} as counter using sums where ${sameMeter('counter', 'sums')} and ${isOver}),
    kept as (
      update ${featureUsage} as counter set swept = counter.swept + sums.amount from sums
      where ${sameMeter('counter', 'sums')} and not (${isOver}))
    select 1 from gone`;
}
