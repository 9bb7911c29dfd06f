import { sql } from 'drizzle-orm';
import { DEFAULT_TIME_ZONE } from '../../access/model/settings.js';
import { tenantOf } from '../../access/queries.js';
import { yearIn } from '../../core/timeZone.js';
import type { Work } from '../../core/work.js';
import { type Series, writtenNumber } from '../model/numbers.js';
import { numberSeries } from '../table.js';

/**
 * The next number of a series in the tenant's year. A rolled back act leaves no gap, because the next one waits until it
 * is known how this one ends: whoever needs other locks takes them first.
 */
export async function nextNumber(work: Work, series: Series): Promise<string> {
  const { settings } = await tenantOf(work);
  const year = yearIn(settings.timeZone ?? DEFAULT_TIME_ZONE, work.now);
  const { tenantId } = work;
  const [row] = await work.db
    .insert(numberSeries)
    .values({ tenantId, series, year, last: 1 })
    .onConflictDoUpdate({
      target: [numberSeries.tenantId, numberSeries.series, numberSeries.year],
      set: { last: sql`${numberSeries.last} + 1` },
    })
    .returning({ last: numberSeries.last });
  if (row === undefined) throw new Error('an upsert returned no row');
  return writtenNumber(series, year, row.last);
}
